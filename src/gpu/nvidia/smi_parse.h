/*
 * The tables that nvidia-smi prints, read without any I/O (tests/fuzz feeds it anything). A row
 * that cannot be understood is a GPU of which nothing is known, so that it does not look free; a
 * line that is no row is none, and moves no other GPU's number.
 */
#ifndef GPU_NVIDIA_SMI_PARSE_H
#define GPU_NVIDIA_SMI_PARSE_H

#include <stddef.h>

#include "base/err.h"
#include "base/nouns.h"
#include "gpu/nvidia/smi_query.h"

/*
 * The answer to that query with --format=csv,noheader,nounits. One GPU per row, with the number
 * that the row has; a number that is passed over is a GPU that cannot be read. -ENODEV: there are
 * no GPUs; -EIO: not one line is a row (nvidia-smi's own complaint is in the error).
 */
int nvidia_smi_parse_gpus(const struct nvidia_smi_query *q, const char *text, size_t length,
			  struct scan *ret_scan, struct err *e);

/*
 * The answer to the query for processes, about the GPUs of s. Sets processes_known where every line
 * could be understood; a line that cannot be laid to a GPU makes the processes of all of them
 * unknown, unless it is a warning.
 */
void nvidia_smi_parse_processes(const struct nvidia_smi_query *q, const char *text, size_t length,
				struct scan *s);

/*
 * The answer to -L: adds the MIG instances of the GPUs of s that are in MIG mode, each behind its
 * GPU. How much of their memory is used stays unknown.
 */
void nvidia_smi_parse_list(const char *text, size_t length, struct scan *s);

/* The instances of that GPU could not be listed. */
void nvidia_smi_no_list(struct gpu *g, const char *why);

/* The query for processes failed: those of every GPU are unknown. */
void nvidia_smi_no_processes(struct scan *s, const char *why);

#endif
