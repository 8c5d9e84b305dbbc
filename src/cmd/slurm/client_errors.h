/*
 * What srun and salloc write to standard error: lines of their own are understood and not shown,
 * the mark says that the command runs, and the rest is the command's.
 */
#ifndef CMD_SLURM_CLIENT_ERRORS_H
#define CMD_SLURM_CLIENT_ERRORS_H

#include "cmd/slurm/client.h"

/* False: the other end is closed. */
bool slurm_client_read_errors(struct slurm_client *c);

/* Passes the beginning of a line on that could have become one of the client's. */
void slurm_client_release_line(struct slurm_client *c);

/* No line tells when its command begins: Slurm has to be asked. */
bool slurm_client_is_silent(const struct slurm_client *c);

/* The command runs; `where` is what stands behind the mark, "" without one. */
void slurm_client_begin(struct slurm_client *c, const char *where);

#endif
