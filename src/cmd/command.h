/*
 * How to add a command: write one file src/cmd/<name>.c with one `const struct command cmd_<name>`,
 * declare it below, and add it to the table in table.c. Options, help, configuration keys,
 * environment variables, man page check and completion all follow from its row.
 *
 * A command parses what its row cannot, makes one call into src/pool, and renders the answer:
 * results on standard output, everything else on standard error. It returns 0 or a negative errno
 * with the error filled; src/main.c prints it.
 *
 * Beside this header: context.h opens the pool that the settings name, request.h has what commands
 * that ask for GPUs share, output.h what commands that print share.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/err.h"
#include "conf/settings.h"

/* One call of the program, as main has understood it. */
struct invocation {
	const struct command *command;
	const struct settings *settings;
	char **words; /* the arguments after the options, NULL-terminated */
	int words_count;
	/* Why the configuration could not be read, for commands that run without; NULL: it was. */
	const struct err *config_error;
	/* Why the file of the host's administrator could not be read, also where --config names
	   another one; NULL: it was, or there is none. */
	const struct err *host_error;
};

struct command {
	const char *name;
	const char *summary;     /* one line, for the list of commands */
	const char *usage;       /* the rest of the line "canhazgpu <name> ..." */
	const char *description; /* paragraphs for --help, without the summary; NULL: none */
	const char *examples; /* two lines for --help, one with --wait where there is that option */
	char *(*more_help)(void); /* one more paragraph, which the caller frees; NULL: none */
	const struct option_spec *options; /* NULL: none */
	bool stop_at_word;                 /* the first word begins somebody else's command line */
	int words_min, words_max;          /* -1: any number */
	const char *word_option;           /* the option that its arguments stand for; NULL: none */
	bool runs_with_bad_config;         /* see config_error in struct invocation */
	bool is_limited;                   /* it asks for GPUs: the limits of the account matter */
	bool goes_elsewhere;               /* with --host it is carried out there: elsewhere.h */
	bool hidden;                       /* internal: not in help, man pages or completion */
	int (*run)(const struct invocation *in, struct err *e);
	/* Called when the command could not be carried out, also for wrong usage: for what a script
	   that reads the output must find there. Without settings where no command was found, and
	   nobody knows which one was meant. NULL: nothing. */
	void (*failed)(const struct settings *s, char *const *arguments);
};

extern const struct command cmd_admin, cmd_adopt, cmd_backup, cmd_cancel, cmd_events, cmd_extend,
	cmd_complete, cmd_completion, cmd_config, cmd_doctor, cmd_guard, cmd_help, cmd_migrate,
	cmd_queue, cmd_release, cmd_report, cmd_reserve, cmd_restore, cmd_run, cmd_status,
	cmd_supervise, cmd_web;

/* All commands in the order of the help, ended by NULL; and the options that each of them takes. */
extern const struct command *const commands[];
extern const struct option_spec global_options[];

/* Declares every setting that there is. */
void commands_declare(struct settings *s);

/* The command of that name, for people: an unknown one is a usage error that names the nearest. */
int command_find(const char *name, const struct command **ret_command, struct err *e);

/* The text of `canhazgpu --help` and of `canhazgpu <command> --help`. The caller frees it. */
char *help_program(void);
char *help_command(const struct command *command);

/* What `__complete` lists, besides "gpu-ids". */
#define LIST_REQUESTS "requests"
#define LIST_OWN_REQUESTS "own-requests"
#define LIST_HOSTS "hosts"

#endif
