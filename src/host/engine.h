/*
 * Command lines of container engines: docker, podman, nerdctl, Apptainer and Singularity. Nothing
 * here starts or asks anything; it reads the words of a command, and makes other ones.
 */
#ifndef HOST_ENGINE_H
#define HOST_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* What engines call the GPUs of a vendor. */
struct engine_vendor {
	const char *cdi_kind;         /* "nvidia.com/gpu" */
	const char *apptainer_option; /* "--nv" */
	bool has_gpus_option;         /* docker's --gpus is for them */
	bool by_number;               /* in CDI the GPUs have numbers alone, no UUIDs */
};

/* What is handed into a container. */
struct engine_gpus {
	const struct engine_vendor *vendor;
	const char *ids;      /* "0,1" */
	const char *uuids;    /* "GPU-1c2d,GPU-3e4f"; numbers where there are none */
	const char *variable; /* NAME=VALUE */
	const char *cid_file; /* where the engine writes the container's id; NULL: nowhere */
};

/* Where in a command a container is started. */
struct engine_call {
	const char *name;  /* of the engine, as it was typed */
	size_t options;    /* the first word behind `run` or `exec` */
	bool is_apptainer; /* or Singularity: its containers are processes of the command */
};

/* Whether the words start a container, also behind sudo, timeout and the like. */
bool engine_find(char *const *words, struct engine_call *ret_call);

/* Where the words have the engine write the container's id; NULL: nowhere. Borrowed from them. */
const char *engine_cid_file(char *const *words, const struct engine_call *call);

/*
 * Whether the words give the container GPUs that are not those of the reservation: all of the host,
 * or some number of them; with `inserting`, any at all. *ret_option is the first such option as it
 * was typed, *ret_without the words without all of them. The caller frees both; not the words.
 */
bool engine_gives_gpus(char *const *words, const struct engine_call *call, bool inserting,
		       char **ret_option, char ***ret_without);

/* The words with options that hand the GPUs in. The caller frees them with engine_words_free. */
char **engine_insert(char *const *words, const struct engine_call *call,
		     const struct engine_gpus *gpus);
void engine_words_free(char **words); /* NULL is harmless */

/* The words of the command that ends a container, but for its id, a line each. The caller frees it.
   NULL for Apptainer, and where a word has a newline. */
char *engine_kill_words(char *const *words, const struct engine_call *call);

#endif
