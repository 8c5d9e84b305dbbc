/* Writing to the terminals of an account, as write(1) does. Called in a process of that account. */
#ifndef TELL_TERMINAL_H
#define TELL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* At most so many terminals get a message: those that were used last. */
#define TELL_TERMINALS_MAX 4

/*
 * Writes the text to the terminals on which this process's account is logged in and takes messages
 * (mesg y). One that is stopped (Ctrl-S), or takes nothing at present, gets nothing, or a part:
 * never blocks. Returns how many got it.
 */
size_t tell_terminals(const char *text);

/* The name below /dev of the terminal with that number, as /proc/<pid>/stat has it: "pts/3",
   "tty1". False: it is none that people sit at. */
bool tell_terminal_name(dev_t number, char name[32]);

#endif
