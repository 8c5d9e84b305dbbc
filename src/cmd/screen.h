/*
 * The alternate screen of the terminal, for what redraws itself in place (`status --watch`). The
 * terminal gets back what it had in every case but SIGKILL (see terminal.h), and is taken again
 * when a program that was stopped continues.
 */
#ifndef CMD_SCREEN_H
#define CMD_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the terminal of this session is on standard output, and has such a screen. */
bool screen_possible(void);

/* Prepares for screen_draw. One screen at a time: signals belong to the process. */
void screen_open(void);

/* Gives the terminal back. */
void screen_close(void);

/* The size of the terminal. */
void screen_size(size_t *ret_columns, size_t *ret_rows);

/*
 * Replaces what the screen shows by text, whose lines must not be wider than it; lines that are too
 * many are counted at the end. Nothing happens while the program runs in the background.
 */
void screen_draw(const char *text);

enum screen_event {
	SCREEN_TIMEOUT, /* the deadline was reached */
	SCREEN_WAKE,    /* the descriptor is readable */
	SCREEN_REDRAW,  /* the size has changed, or the terminal is ours again */
	SCREEN_QUIT, /* q, or the terminal is gone. Ctrl-C ends the program without coming here */
};

/* Waits for the next event, on a descriptor (-1: none) too, at most until a time of
   clock_monotonic_ns. */
enum screen_event screen_wait(int64_t deadline_ns, int fd);

#endif
