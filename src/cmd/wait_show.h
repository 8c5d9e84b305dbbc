/* What a waiting request shows on standard error. Called by wait.c. */
#ifndef CMD_WAIT_SHOW_H
#define CMD_WAIT_SHOW_H

#include "pool/wait.h"

struct wait_show {
	bool terminal;    /* redraws one line in place; else one line per change */
	bool begun;       /* something has been shown */
	bool drawn;       /* the line is there now */
	bool behind;      /* the last text could not be written: it is tried again */
	bool estimated;   /* it was shown when the request may start */
	int64_t since_ns; /* monotonic: the waiting began */
	char *last;       /* what was shown last, without the time */
	char *note;       /* what is to be said beside that, until it could be; NULL: nothing */
};

void wait_show_init(struct wait_show *w);

/* Shows the progress where it is new; on a terminal with the time. */
void wait_show(struct wait_show *w, const struct pool_standing *standing);

/* Says a line of news with the next progress that is shown. */
void wait_show_note(struct wait_show *w, const char *line);

/* Whether it has to be shown again soon though nothing happens: for the time, or to catch up. */
bool wait_show_ticks(const struct wait_show *w);

/* Removes the line from the terminal. Clears. */
void wait_show_clear(struct wait_show *w);

#endif
