/*
 * The small languages of Slurm's texts: lists of hosts, GPUs of a node and of a job, options as a
 * shell would read them. Pure. What does not parse is left out, never guessed.
 */
#ifndef SLURM_TEXT_H
#define SLURM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* No list of Slurm's is read beyond this: a text must not make us fill the memory. */
#define SLURM_LIST_MAX 65536
#define SLURM_NODE_GPUS_MAX 256

/* Names, owned. */
struct slurm_names {
	char **items;
	size_t count;
};
void slurm_names_clear(struct slurm_names *n);

/* "n[1-3,07-08],login" as n1 n2 n3 n07 n08 login. The caller clears *ret_names. */
void slurm_hosts(const char *text, struct slurm_names *ret_names);

/* GPUs of one node as a text tells them: "gpu:a100:4(S:0-1),gpu:v100:1(IDX:4)". */
#define SLURM_TYPE_SIZE 64
struct slurm_gpus {
	size_t count;
	bool indexed; /* each part names its indexes: `is_in` holds */
	bool is_in[SLURM_NODE_GPUS_MAX];
	/* Which type follows which, for a node: its GPUs in their order. */
	struct slurm_gpu_part {
		char type[SLURM_TYPE_SIZE]; /* "": none */
		size_t count;
	} parts[16];
	size_t parts_count;
};
void slurm_gpus(const char *text, struct slurm_gpus *ret_gpus);

/* The type of a node's i-th GPU; NULL: it has none. */
const char *slurm_gpu_type(const struct slurm_gpus *g, size_t i);

/* How many GPUs a request or allocation is about: "gres:gpu:2", "gres/gpu:a100:2",
 * "cpu=1,gres/gpu=4". */
size_t slurm_tres_gpus(const char *text);

/* The type that it asks for, or the first of several; "" where it may be any. */
void slurm_tres_type(const char *text, char ret_type[SLURM_TYPE_SIZE]);

/* Words as a shell would have them: blanks, quotes, backslashes. The caller clears *ret_words. */
int slurm_words(const char *text, struct slurm_names *ret_words, struct err *e);
void slurm_names_add(struct slurm_names *n, const char *name);

/* The next row of a text whose fields "|" separates and whose first one is a number; false behind
   the last. Warnings of the programs between them are no rows. The text is cut in pieces. */
bool slurm_next_row(char **at, char *fields[], size_t count);

/* "n2" before "n10". For qsort of char *. */
int slurm_compare_names(const char *a, const char *b);

#endif
