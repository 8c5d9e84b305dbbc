/* canhazgpu status --watch: the loop. See status.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/output.h"
#include "cmd/screen.h"
#include "cmd/status.h"

/* Changes that come within this time are shown together. */
#define GATHER_NS (100 * NS_PER_MS)

struct watch {
	struct pool *pool;
	int interval_s;
	bool summary, color;
	struct snapshot latest;
	struct err problem; /* why there is no newer one; code 0: nothing */
};

/* Takes a new snapshot. The one before stays if that fails. */
static int watch_refresh(struct watch *w)
{
	struct snapshot newer = {0};
	int r;

	err_clear(&w->problem);
	r = pool_snapshot(w->pool, &newer, &w->problem);
	if (r < 0)
		return r;
	snapshot_clear(&w->latest);
	w->latest = newer;
	return 0;
}

/* A line below the status, cut to the width. */
static void print_problem(FILE *out, const char *kind, const char *text, size_t columns)
{
	AUTO_FREE char *shown = text_ascii(text);

	size_t used = strlen(kind) + 2;

	if (text && *text)
		fprintf(out, "\n%s: %.*s\n", kind, columns > used ? (int)(columns - used) : 0,
			shown);
}

static void watch_draw(struct watch *w)
{
	AUTO_FREE char *text = NULL;
	struct status_style style = {.summary = w->summary, .color = w->color};
	size_t size = 0, rows;
	FILE *out = open_memstream(&text, &size);
	char title[80];

	screen_size(&style.width, &rows);
	snprintf(title, sizeof(title), "canhazgpu status, every %d s; q quits", w->interval_s);
	fprintf(out, "%.*s\n\n", (int)style.width, title);
	status_print(&w->latest, out, &style);
	print_problem(out, "Warning", w->latest.warning, style.width);
	print_problem(out, "Error", w->problem.text, style.width);
	fclose(out);
	screen_draw(text);
}

/* The pool has changed: more changes may follow at once, so a moment later is soon enough. */
static void watch_gather(struct watch *w)
{
	const struct timespec pause = {.tv_nsec = GATHER_NS};

	nanosleep(&pause, NULL);
	pool_watch_drain(w->pool);
}

/* Waits for what ends an interval; false for anything else. */
static bool watch_ends(struct watch *w, int64_t deadline_ns, enum screen_event *ret_event)
{
	*ret_event = screen_wait(deadline_ns, pool_watch(w->pool));
	if (*ret_event == SCREEN_WAKE)
		return pool_watch_drain(w->pool);
	return *ret_event != SCREEN_REDRAW;
}

static void watch_screen(struct watch *w)
{
	enum screen_event event;

	screen_open();
	do {
		int64_t deadline_ns = clock_monotonic_ns() + w->interval_s * NS_PER_SECOND;

		watch_draw(w);
		while (!watch_ends(w, deadline_ns, &event)) {
			if (event == SCREEN_REDRAW)
				watch_draw(w);
		}
		if (event == SCREEN_WAKE)
			watch_gather(w);
		if (event != SCREEN_QUIT)
			watch_refresh(w);
	} while (event != SCREEN_QUIT);
	screen_close();
}

/* Not a terminal: one status after the other, for a log or a pipe, until the pipe is closed. */
static int watch_stream(struct watch *w, struct err *e)
{
	const struct status_style style = {.summary = w->summary, .color = w->color};
	const struct timespec pause = {.tv_sec = w->interval_s};
	int r;

	for (;;) {
		if (w->latest.warning)
			fprintf(stderr, "Warning: %s\n", w->latest.warning);
		status_print(&w->latest, stdout, &style);
		if (fflush(stdout) != 0)
			return 0; /* main tells it */
		nanosleep(&pause, NULL);
		r = watch_refresh(w);
		if (r < 0) {
			*e = w->problem;
			return r;
		}
		putchar('\n');
	}
}

int status_watch(const struct settings *settings, struct pool *pool, int interval_s, bool summary,
		 struct err *e)
{
	struct watch w = {
		.pool = pool,
		.interval_s = interval_s,
		.summary = summary,
		.color = color_wanted(settings, STDOUT_FILENO),
	};
	int r;

	if (screen_possible())
		pool_watch(pool); /* first, so that nothing is missed */
	r = watch_refresh(&w);
	if (r < 0)
		*e = w.problem;
	else if (screen_possible())
		watch_screen(&w);
	else
		r = watch_stream(&w, e);
	snapshot_clear(&w.latest);
	return r;
}
