/* Messages of a supervisor on the standard error of the command that it watches. */
#ifndef SUPERVISE_SAY_H
#define SUPERVISE_SAY_H

#include "base/nouns.h"

/*
 * Prints one line "canhazgpu: ..." where the command's errors go. A log file was left open for
 * that; a terminal or pipe is opened for this line alone, so that nobody waits for us to close it.
 * Where that is not possible (a socket, another account's process) nothing is printed. Never
 * blocks.
 */
void supervise_say(const struct process_ref *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
