/*
 * An option of a command: one row, from which come the parser, the configuration key, the
 * environment variable, the help, the man page and the completion.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum option_type {
	OPTION_FLAG,     /* --json, --json=false */
	OPTION_INT,      /* min..max */
	OPTION_DURATION, /* 30s, 1h30m: see parse_duration */
	OPTION_IDS,      /* 1,3,5 or 0-3 */
	OPTION_GPUS,     /* the same, and UUIDs: GPU-3f2a */
	OPTION_SIZE,     /* of memory: 40G, 512Mi */
	OPTION_DATE,     /* 2026-10-31, or 2026-10 for a month: see parse_date */
	OPTION_TEXT,
	OPTION_NAMES,   /* alice,bob; in a file also a list: [alice, bob] */
	OPTION_PATH,    /* a file; completion offers files */
	OPTION_CHOICE,  /* one of `choices` */
	OPTION_REMOTES, /* other hosts: see remotes.h */
};

struct option_spec {
	const char *name; /* long option: "gpu-ids" is --gpu-ids. NULL ends a table */
	char letter;      /* short option, 0: none */
	enum option_type type;
	const char *argument;  /* placeholder in help: "N"; NULL for flags */
	const char *fallback;  /* default as one would type it; NULL: none (flags: false) */
	const char *help;      /* one line without a full stop; the default is added behind it */
	const char *other_key; /* under which files may name it, too; NULL: none */
	const char *key;       /* configuration key; NULL: "<command>.<name>" (global: the name) */
	int64_t min, max;    /* bounds of OPTION_INT, and of OPTION_DURATION in ns; both 0: none */
	const char *choices; /* OPTION_CHOICE: "user|gpu|day"; OPTION_DURATION: a word that is a
				valid value, too, and means without end; OPTION_DATE: such words */
	const char *(*list_choices)(void); /* instead of `choices`, where they are no constant */
	const char *list; /* OPTION_TEXT: completion offers what `__complete LIST` prints */
	/* OPTION_TEXT: whether that is a good value; NULL: any is. */
	int (*check)(const char *value, struct err *e);
	bool argument_optional; /* --watch and --watch=5 (or --watch 5 if that is a valid value) */
	const char *implied;    /* value when the argument is left out */
	bool repeatable;        /* OPTION_TEXT: given again, it adds a value, after a comma */
	bool not_configurable;  /* only on the command line (--config itself) */
	bool not_on_command_line; /* only in files and the environment (history.days) */
	bool system_only; /* only in the files of the host's administrator (policy.max-gpus) */
	bool per_group;   /* policy.max-gpus: policy.groups.NAME.max-gpus is a setting, too */
};

/* The choices of an option; NULL: it has none. */
static inline const char *option_choices(const struct option_spec *spec)
{
	return spec->list_choices ? spec->list_choices() : spec->choices;
}

#endif
