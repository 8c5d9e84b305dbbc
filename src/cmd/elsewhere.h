/* Commands that are carried out on another host: `run --host gpu2 -- ...`. */
#ifndef CMD_ELSEWHERE_H
#define CMD_ELSEWHERE_H

#include "cmd/command.h"
struct remote;
struct words;

/*
 * Where the command line names another host, becomes the ssh that carries the command out there,
 * and does not return but with an error. 0: it is for this host.
 */
int elsewhere_go(const struct invocation *in, struct err *e);

/* Becomes the ssh that carries out the command there: its options as they were given here, without
   those that `left_out` lists, and these more (NULL: none). Returns only with an error. */
int elsewhere_become(const struct invocation *in, const struct remote *host, const char *left_out,
		     const struct words *more, struct err *e);

/* The same on this host: a new process image of this program, with the same pid. */
int elsewhere_become_here(const struct invocation *in, const char *left_out,
			  const struct words *more, struct err *e);

/* `run --host any`: picks the host. 0: it is this one. */
int elsewhere_go_anywhere(const struct invocation *in, struct err *e);

#endif
