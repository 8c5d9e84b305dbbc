/*
 * Texts on standard error that nobody waits for: a terminal that is stopped (Ctrl-S), or a pipe
 * that nobody reads, must not keep a request from its GPUs. What does not fit at once is dropped.
 * For all that run and reserve say before their GPUs are handed over.
 */
#ifndef CMD_NOTICE_H
#define CMD_NOTICE_H

#include <stdbool.h>

/* Writes the text as it is. False where not all of it could be written now; where nothing ever can
   be (standard error is closed), there is nothing to try again: true. */
bool notice_write(const char *text);

/* The same for what a format makes. */
bool notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
