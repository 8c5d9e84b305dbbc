/*
 * Which AI model a process runs, told from its command line and those of its ancestors. Called by
 * pool/snapshot. The table in model.c is the place for one more server or training program.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Longest name that is taken for a model's, in bytes. */
#define MODEL_NAME_MAX 256

/* Arguments looked at: command lines of others may be long, and what matters stands early. */
#define MODEL_ARGUMENTS_MAX 2048

/* Other people's text: may hold anything but NUL. */
struct model {
	char *provider; /* "meta-llama"; NULL: a local path, or a bare name like "gpt2" */
	char *model;    /* "meta-llama/Llama-2-7b-chat-hf", or the last component of a local path */
};

void model_clear(struct model *m);

/*
 * Looks at one command line; no I/O. process_name is the short name from /proc (may be NULL); argv
 * holds argc arguments and needs no NULL at its end. *ret_model, which the caller clears, is
 * written only where the result is true.
 */
bool model_recognise(const char *process_name, const char *const *argv, size_t argc,
		     struct model *ret_model);

/*
 * Looks at processes, and at up to three ancestors of each. Those in which no model was found are
 * remembered, since the processes of a GPU tend to have the same ancestors. Initialise with {0}.
 */
struct model_search {
	struct model_seen {
		pid_t pid, parent;
	} * seen;
	size_t count;
};

bool model_search(struct model_search *s, pid_t pid, struct model *ret_model);
void model_search_clear(struct model_search *s);

#endif
