/* What commands share that look at other hosts, or go to one. */
#ifndef CMD_HOSTS_H
#define CMD_HOSTS_H

#include "cmd/command.h"
#include "remote/answer.h"
#include "remote/ask.h"
#include "view/hosts.h"

/* This program, for the question to this host: as others are asked, and at the same time. */
#define HOSTS_SELF "/proc/self/exe"

/* The options of commands that show several hosts. */
#define HOSTS_OPTIONS                                                                   \
	{.name = "all",                                                                 \
	 .type = OPTION_FLAG,                                                           \
	 .not_configurable = true,                                                      \
	 .help = "Show this host and all that the configuration names (hosts)"},        \
	{                                                                               \
		.name = "host", .letter = 'r', .type = OPTION_TEXT, .argument = "HOST", \
		.not_configurable = true, .repeatable = true, .list = LIST_HOSTS,       \
		.help = "Show that host; can be given more than once"                   \
	}

/* The option of commands that are carried out on another host. */
#define HOST_OPTION(help_)                                                                         \
	{                                                                                          \
		.name = "host", .type = OPTION_TEXT, .argument = "HOST", .not_configurable = true, \
		.list = LIST_HOSTS, .help = (help_)                                                \
	}

/* A question to several hosts. */
struct hosts_question {
	enum remote_topic topic;
	struct words words;       /* for the program there: "status", "--json" */
	char *path;               /* for a web server: "/api/status"; NULL: ... */
	const char *path_missing; /* ... because it cannot answer that; one line */
};

void hosts_question_clear(struct hosts_question *q);

/* Several hosts and their answers. */
struct hosts {
	struct remotes list;
	struct remote_call *calls; /* one for each */
	struct host_reply *replies;
};

void hosts_clear(struct hosts *h);

/* Whether a command is to show other hosts: --all, --host. */
bool hosts_are_wanted(const struct invocation *in);

/*
 * The hosts that are meant: those of --host; else this one, where it has a pool or is among those
 * of the configuration, and all of these. The caller clears *ret, also after an error.
 */
int hosts_list(const struct invocation *in, struct hosts *ret, struct err *e);

/* Those of the same list that were away when they were asked before are not asked again. */
void hosts_pass_over(struct hosts *h, const struct hosts *before);

/* Asks them all, at most for that long. */
void hosts_ask(const struct invocation *in, struct hosts *h, const struct hosts_question *q,
	       int64_t timeout_ns);

/* Asks them two questions, both at the same time; `patience` hears of the answers to the first as
   0, 1, ..., to the second from the number of hosts on. */
void hosts_ask_both(const struct invocation *in, struct hosts *a, const struct hosts_question *qa,
		    struct hosts *b, const struct hosts_question *qb, int64_t timeout_ns,
		    const struct remote_patience *patience);

/* Prepares the call of the program on a host: by ssh, or of this one. */
void hosts_call(const struct invocation *in, const struct words *words, struct remote_call *call,
		int64_t timeout_ns);

/* How long a host has to answer, as it is configured. */
int64_t hosts_timeout_ns(const struct invocation *in);

/* Whether that is the name of this host. */
bool hosts_is_here(const char *name);

/* Adds the options of a table that were given on the command line, as they may be given again,
   without those that `left_out` lists, each followed by a blank. */
void hosts_add_options(struct words *words, const struct settings *s, const char *prefix,
		       const struct option_spec *table, const char *left_out);

/* `status`, `queue` and `report` of several hosts. */
int hosts_show_status(const struct invocation *in, struct err *e);
int hosts_show_queue(const struct invocation *in, struct err *e);
int hosts_show_report(const struct invocation *in, struct err *e);

#endif
