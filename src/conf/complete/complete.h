/*
 * Completion scripts for bash, zsh and fish, made from the option tables, so that they cannot
 * differ from what the parser takes. Called by `canhazgpu completion`.
 *
 * The scripts ask the program itself for what is known only at that moment: `canhazgpu __complete
 * LIST` prints the ids of the pool's GPUs (gpu-ids), or of the requests that wait (requests, or
 * own-requests), one per line, and nothing when there is no pool. It must be fast and silent, and
 * print nothing that a shell could take for more than a word.
 */
#ifndef CONF_COMPLETE_COMPLETE_H
#define CONF_COMPLETE_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "conf/option.h"

struct complete_command {
	const char *name;
	const char *summary;
	const struct option_spec *options; /* NULL: none */
	bool runs_command;                 /* the operands are another program's command line */
	const char *words; /* "bash|zsh|fish": what its first word can be; NULL: nothing */
	const char *list;  /* what `__complete LIST` prints is what each word can be; or NULL */
	bool takes_file;   /* its first word is the name of a file */
};

struct complete_input {
	const struct option_spec *global;
	const struct complete_command *commands;
	size_t commands_count;
};

/* The script for `shell`, for the names canhazgpu and chg. Refuses other shells than the three. */
int complete_script(const struct complete_input *input, const char *shell, struct str *out,
		    struct err *e);

#endif
