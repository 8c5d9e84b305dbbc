/* Reading the state that an event was decided on (plan_state_text). Private to src/view. */
#ifndef VIEW_EVENT_BEFORE_H
#define VIEW_EVENT_BEFORE_H

#include <stdbool.h>
#include <stddef.h>

/* A line, in its parts; texts that a line has not are "". */
struct before_line {
	char *text;       /* owns what the others point into */
	const char *word; /* "free", "held", "waits" ... */
	const char *gpus; /* "0-1,5" */
	const char *rest;
	/* Of a waiting request. */
	const char *id, *account, *wanted; /* "4", or "=2-3" */
	const char *passed_over;
};

/* Takes the next line off *text: false at its end. The caller frees ret_line->text. */
bool before_next(const char **text, struct before_line *ret_line);

#endif
