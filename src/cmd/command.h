/*
 * How to add a command: write one file src/cmd/<name>.c with one `const struct command cmd_<name>`,
 * declare it below, and add it to the table in table.c. Options, help, configuration keys,
 * environment variables, man page check and completion all follow from its row.
 *
 * A command parses what its row cannot, makes one call into src/pool, and renders the answer:
 * results on standard output, everything else on standard error. It returns 0 or a negative errno
 * with the error filled; src/main.c prints it.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/err.h"
#include "conf/settings.h"
#include "pool/pool.h"

/* One call of the program, as main has understood it. */
struct invocation {
	const struct command *command;
	const struct settings *settings;
	char **words; /* what stands behind the options, NULL-terminated */
	int words_count;
	const struct err *configuration; /* why it could not be read, where the command goes on
					    without; NULL: it was read */
};

struct command {
	const char *name;
	const char *summary;     /* one line, for the list of commands */
	const char *usage;       /* what stands behind "canhazgpu <name>" */
	const char *description; /* paragraphs for --help, without the summary; NULL: none */
	const struct option_spec *options; /* NULL: none */
	bool stop_at_word;                 /* the first word begins somebody else's command line */
	int words_min, words_max;          /* -1: any number */
	bool runs_with_bad_config;         /* runs also where the configuration has one: see struct
					      invocation */
	bool hidden;                       /* internal: not in help, man pages or completion */
	int (*run)(const struct invocation *in, struct err *e);
};

/* The internal command that `run` starts: see launch.h. */
#define SUPERVISE_NAME "__supervise"

extern const struct command cmd_admin, cmd_adopt, cmd_cancel, cmd_extend, cmd_complete,
	cmd_completion, cmd_config, cmd_doctor, cmd_help, cmd_migrate, cmd_queue, cmd_release,
	cmd_report, cmd_reserve, cmd_run, cmd_status, cmd_supervise, cmd_web;

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

/* Where the installed program keeps the pool of the host; see docs/architecture.md. */
#define SYSTEM_DIRECTORY "/var/lib/canhazgpu"

/* The URL of the store that the settings mean, or of one that was named beside them: paths
   absolute, authorities added, and the login, which a store beside them gets only if it is on the
   same server. It may hold a password: never shown. The caller frees it. */
int store_url_from(const struct settings *s, char **ret_url, struct err *e);
int store_url_complete(const struct settings *s, const char *url, char **ret_url, struct err *e);

/* True unless the store is the default one. */
bool store_is_named(const struct settings *s);

/* The path as it is seen from any directory; NULL gives NULL. The caller frees it. */
char *absolute_path(const char *path);

/* What the pool needs to know, from the settings. The caller clears it. */
int pool_config_from(const struct settings *s, struct pool_config *ret_config, struct err *e);

/* What counts only in the system's configuration file, read from that file alone; an error with its
   place there where it is broken. The caller frees, clears. */
int settings_of_host(struct settings **ret_settings, struct err *e);
int policy_of_host(struct plan_policy *ret_policy, struct err *e);

/* How much history is kept where nobody but the host's administrator has a say; 0: all, since that
   file cannot be read. */
int64_t history_of_host_ns(void);

/* Opens the pool that the settings name. The caller closes it. */
int pool_open_from(const struct settings *s, struct pool **ret_pool, struct err *e);

/* Who calls: real uid, its name in *ret_account, which the caller frees, and whether the process is
   in the group of the administrators. */
struct plan_actor actor_get(char **ret_account);

/* What `__complete` lists, besides "gpu-ids". */
#define LIST_REQUESTS "requests"
#define LIST_OWN_REQUESTS "own-requests"

/* The options that `run` and `reserve` share: rows of their tables. */
#define REQUEST_OPTION_GPUS                                                                     \
	{                                                                                       \
		.name = "gpus", .type = OPTION_INT, .argument = "N", .fallback = "1", .min = 1, \
		.max = POOL_GPUS_MAX, .help = "Number of GPUs to reserve"                       \
	}
#define REQUEST_OPTION_GPU_IDS                                                           \
	{                                                                                \
		.name = "gpu-ids", .letter = 'G', .type = OPTION_IDS, .argument = "IDS", \
		.help = "Specific GPU IDs to reserve (comma-separated, e.g., 1,3,5)"     \
	}
#define REQUEST_OPTION_NOTE                                                                       \
	{                                                                                         \
		.name = "note", .type = OPTION_TEXT, .argument = "TEXT", .help = "What it is for" \
	}
#define REQUEST_OPTION_USER                                              \
	{                                                                \
		.name = "user", .type = OPTION_TEXT, .argument = "NAME", \
		.help = "Name to show beside your account"               \
	}

/*
 * Fills what `run`, `reserve` and `adopt` share from --gpus, --gpu-ids, --note and --user, read
 * under the prefix of the command. *ret_ids, which the caller frees, backs request->ids.
 */
int request_fill(const struct invocation *in, struct plan_request *request, int **ret_ids,
		 struct err *e);

/* Prints a JSON document, which is used up, on standard output. */
struct json_t;
int print_json(struct json_t *document, struct err *e);

/* True where colours are wanted on a stream: a terminal, and no NO_COLOR, TERM=dumb or --no-color.
 */
bool color_wanted(const struct settings *s, int fd);

#endif
