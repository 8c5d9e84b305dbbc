/* Lines from the supervisor on the standard error of the command that it watches. */
#ifndef SUPERVISE_SAY_H
#define SUPERVISE_SAY_H

#include <sys/stat.h>

#include "base/nouns.h"

/* What the command had as its standard error when the supervisor began. */
struct say_target {
	struct stat file;
	char path[64]; /* of a terminal: it can be opened again after the command's end; else "" */
	int socket_fd; /* kept while the command has it open, since a socket cannot be opened; -1 */
};

/* Notes where the command's errors go. Call while the command is there. */
void say_target_init(struct say_target *t, const struct process_ref *command);

/* Lets go of a socket that the command has closed: somebody may wait for its end. */
void say_target_check(struct say_target *t, const struct process_ref *command);
void say_target_clear(struct say_target *t);

struct supervisor;

/*
 * Prints one line "canhazgpu: ..." where the command's errors go. A log file was left open for that
 * (launch.c), and so is a socket. A terminal or pipe is opened for this line alone, so that nobody
 * waits for the supervisor to close it: from the command while it lives, then from a member of its
 * tree that has the same one. Where none of these is possible, nothing is said. Never blocks.
 */
void supervise_say(const struct supervisor *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
