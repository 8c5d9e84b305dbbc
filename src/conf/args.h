/*
 * The command line: getopt_long driven by option tables. Global options may precede and follow the
 * subcommand.
 */
#ifndef CONF_ARGS_H
#define CONF_ARGS_H

#include "conf/settings.h"

/* --help and --version, as rows for the help text and for completion. Part of every args_parse. */
extern const struct option_spec args_standard_options[];

struct args_request {
	const struct option_spec *global;  /* always accepted */
	const struct option_spec *command; /* NULL in the first pass */
	const char *command_name; /* prefix of keys and for messages; NULL in the first pass */
	/* Stop at the first word that is no option (before the subcommand; `run`, whose command has
	   options of its own). Otherwise options and words may be mixed. */
	bool stop_at_word;
};

struct args_result {
	char **words; /* into argv, which is reordered: what is left, NULL-terminated */
	int words_count;
	bool help;    /* -h or --help was given */
	bool version; /* --version was given (only with command == NULL) */
};

/*
 * Parses argv[1..], setting values with settings_set. Long options must be spelled out in full, an
 * unknown option names the nearest one. Errors: exit status 2, one line that ends with the hint
 * "(see 'canhazgpu run --help')". Prints nothing.
 */
int args_parse(const struct args_request *request, int argc, char **argv, struct settings *s,
	       struct args_result *ret_result, struct err *e);

#endif
