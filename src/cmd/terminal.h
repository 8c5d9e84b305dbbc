/*
 * The alternate screen of the terminal, as a state that is taken and given back; screen.c draws on
 * it. The terminal gets back what it had in every case but SIGKILL: when the program quits, is
 * ended or stopped by a signal.
 */
#ifndef CMD_TERMINAL_H
#define CMD_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Installs the signal handlers that give the terminal back. */
void terminal_open(void);

/* Gives the terminal and the signals back. */
void terminal_close(void);

/* Switches to the alternate screen, unless that is done already. */
void terminal_take(void);

/* Writes all of the bytes, whatever interrupts. */
void terminal_write(const char *bytes, size_t length);

/* Whether this process runs in the foreground of the terminal. In the background neither its screen
   nor its keys may be used. */
bool terminal_in_foreground(void);

/* Whether keys can be read from standard input: it is the terminal, too. */
bool terminal_has_keys(void);

/* Whether the screen has to be drawn again since the last call: its size has changed, or the
   program was stopped. */
bool terminal_redraw_needed(void);

/* The signal mask to wait with: signals that ask for a redraw come through only there. */
const sigset_t *terminal_waiting_mask(void);

#endif
