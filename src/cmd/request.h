/* What commands that ask for GPUs share: `run`, `reserve` and `adopt`. */
#ifndef CMD_REQUEST_H
#define CMD_REQUEST_H

#include "base/nouns.h"
#include "cmd/command.h"
#include "pool/pool.h"

struct plan_request;

/* The options that `run` and `reserve` share: rows of their tables. */
#define REQUEST_OPTION_GPUS                                                         \
	{                                                                           \
		.name = "gpus", .letter = 'g', .type = OPTION_INT, .argument = "N", \
		.fallback = "1", .min = 1, .max = POOL_GPUS_MAX,                    \
		.help = "Number of GPUs to reserve"                                 \
	}
#define REQUEST_OPTION_GPU_IDS                                                            \
	{                                                                                 \
		.name = "gpu-ids", .letter = 'G', .type = OPTION_GPUS, .argument = "IDS", \
		.help = "Specific GPU IDs to reserve (comma-separated, e.g., 1,3,5)"      \
	}
#define REQUEST_OPTION_TYPE                                                     \
	{                                                                       \
		.name = "type", .type = OPTION_TEXT, .argument = "NAME",        \
		.help = "Only GPUs of this model: words of its name, e.g. h100" \
	}
#define REQUEST_OPTION_MIN_MEMORY                                                   \
	{                                                                           \
		.name = "min-memory", .type = OPTION_SIZE, .argument = "SIZE",      \
		.help = "Only GPUs with at least this much memory: 40G, 40Gi, 500M" \
	}
#define REQUEST_OPTION_LINKED                                                                 \
	{                                                                                     \
		.name = "linked", .type = OPTION_CHOICE, .argument = "WHAT",                  \
		.choices = "require|prefer", .argument_optional = true, .implied = "require", \
		.help = "Only GPUs that NVLink or XGMI connects; prefer: if there are any"    \
	}
#define REQUEST_OPTION_SAME_NUMA                                                              \
	{                                                                                     \
		.name = "same-numa", .type = OPTION_CHOICE, .argument = "WHAT",               \
		.choices = "require|prefer", .argument_optional = true, .implied = "require", \
		.help = "Only GPUs of one NUMA node; prefer: if there are enough"             \
	}
#define REQUEST_OPTION_NOTE                                                             \
	{                                                                               \
		.name = "note", .letter = 'n', .type = OPTION_TEXT, .argument = "TEXT", \
		.help = "What the GPUs are for"                                         \
	}
#define REQUEST_OPTION_USER                                                             \
	{                                                                               \
		.name = "user", .letter = 'u', .type = OPTION_TEXT, .argument = "NAME", \
		.help = "Name to show next to your account"                             \
	}

#define REQUEST_OPTION_NOTIFY                                                              \
	{                                                                                  \
		.name = "notify", .type = OPTION_CHOICE, .argument = "CHANNEL",            \
		.choices = "usual|terminal|mail|command", .argument_optional = true,       \
		.implied = "usual",                                                        \
		.help = "Tell me when it starts if it had to wait, 10 minutes before its " \
			"end, and of the end: by terminal, mail or command"                \
	}

/* A request that has waited for so long is told of when it is granted. */
#define REQUEST_WAITED_NS (2 * NS_PER_SECOND)

/* The channel of --notify, "" for the usual ones; NULL: it was not given. */
const char *request_notify(const struct invocation *in);

/*
 * Fills what `run`, `reserve` and `adopt` share from --gpus, --gpu-ids, --note and --user, read
 * under the prefix of the command. *ret_ids, which the caller frees, backs request->ids.
 */
int request_fill(const struct invocation *in, struct plan_request *request, int **ret_ids,
		 struct err *e);

/* Refuses a note that is too long: -EINVAL. */
int request_check_note(const char *note, struct err *e);

/* Fills what `run` and `reserve` share from --type, --min-memory, --linked and --same-numa. */
int request_fill_kind(const struct invocation *in, struct plan_request *request, struct err *e);

/* The duration of a manual reservation. Nobody has asked for the default: where it is too long for
   this host, it is what is allowed. */
void request_limit_duration(const struct invocation *in, const struct pool *pool,
			    struct plan_request *request);

/* Says so where the host's administrator has set the time limit of a run (policy.max-run). */
void request_tell_limit(const struct invocation *in, const struct plan_request *request);

/* Warns on standard error of a grant of which a program can use only a part. */
void warn_of_instances(const struct pool_grant *grant);

#endif
