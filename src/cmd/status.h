/* What the files of `canhazgpu status` share: one snapshot in text, and the loop of --watch. */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include <stdio.h>

#include "cmd/command.h"
#include "pool/snapshot.h"

struct status_style {
	bool summary; /* counts instead of one row per GPU */
	bool line;    /* below, what most people want to know; see status_has_line */
	bool color;
	size_t width; /* columns; 0: those of the terminal, if it is one */
};

/* Options that exclude each other: a usage error. */
int status_check(const struct settings *settings, struct err *e);

void status_print(const struct snapshot *s, FILE *out, const struct status_style *style);

/* Whether there is a line below the table: where a person reads it, but not below one's own GPUs
   alone; and with the summary. */
bool status_has_line(const struct settings *settings);

/* The status as the options ask for it, with its forecast: with --mine, of one's own GPUs alone.
   The caller clears it. */
int status_snapshot(const struct invocation *in, struct pool *pool, struct snapshot *ret_snapshot,
		    struct err *e);

/*
 * Shows the status again and again until it is told to quit: in place on a terminal, elsewhere one
 * after the other with an empty line between.
 */
int status_watch(const struct invocation *in, struct pool *pool, int interval_s, bool summary,
		 struct err *e);

#endif
