/* canhazgpu status --watch: the loop. See status.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/notice.h"
#include "base/text.h"
#include "cmd/command.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "cmd/screen.h"
#include "cmd/status.h"
#include "conf/reload.h"
#include "pool/look.h"

/* Changes that come within this time are shown together. */
#define GATHER_NS (100 * NS_PER_MS)

struct watch {
	const struct invocation *in;
	struct reload *reload;
	struct pool *pool;
	int interval_s;
	bool summary, color;
	struct snapshot latest;
	struct err problem; /* why there is no newer one; code 0: nothing */
	char *news;         /* of the settings; NULL: none */
};

/* Takes the settings over that have changed; the line that is told is shown until there is other
   news. */
static void watch_settings(struct watch *w)
{
	AUTO(pool_config_clear) struct pool_config config = {0};
	struct invocation in = *w->in;
	struct err e = {0};
	int r = reload_read(w->reload, clock_monotonic_ns(), &in.settings, &e);
	AUTO_FREE char *line = NULL;

	if (r == 0)
		return;
	if (r > 0)
		r = pool_config_from(&in, &config, &e);
	if (r == 0)
		pool_reconfigure(w->pool, &config);
	line = reload_settle(w->reload, r, &e);
	/* On a screen the end of a warning is news enough. */
	if (line)
		mem_replace(&w->news, r == 0 && screen_possible() ? NULL : line);
}

/* Takes a new snapshot. The one before stays if that fails. */
static int watch_refresh(struct watch *w)
{
	struct snapshot newer = {0};
	int r;

	watch_settings(w);
	err_clear(&w->problem);
	r = status_snapshot(w->in, w->pool, &newer, &w->problem);
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
	struct status_style style = {
		.summary = w->summary, .line = status_has_line(w->in->settings), .color = w->color};
	size_t size = 0, rows;
	FILE *out = open_memstream(&text, &size);
	char title[80];

	screen_size(&style.width, &rows);
	snprintf(title, sizeof(title), "canhazgpu status, every %d s; q quits", w->interval_s);
	fprintf(out, "%.*s\n\n", (int)style.width, title);
	status_print(&w->latest, out, &style);
	print_problem(out, "Warning", w->latest.warning, style.width);
	print_problem(out, "Settings", w->news, style.width);
	print_problem(out, "Note", w->latest.difference, style.width);
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

	notice_set_sink(NULL); /* it would be drawn across the screen */
	screen_open();
	do {
		int64_t deadline_ns = clock_monotonic_ns() + w->interval_s * NS_PER_SECOND;

		watch_draw(w);
		pool_look_snapshot(w->pool, &w->latest, NULL);
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
	const struct status_style style = {
		.summary = w->summary, .line = status_has_line(w->in->settings), .color = w->color};
	const struct timespec pause = {.tv_sec = w->interval_s};
	int r;

	for (;;) {
		if (w->latest.warning)
			fprintf(stderr, "Warning: %s\n", w->latest.warning);
		if (w->news)
			fprintf(stderr, "%s\n", w->news);
		mem_replace(&w->news, NULL);
		if (w->latest.difference)
			fprintf(stderr, "Note: %s\n", w->latest.difference);
		status_print(&w->latest, stdout, &style);
		if (fflush(stdout) != 0)
			return 0; /* main tells it */
		pool_look_snapshot(w->pool, &w->latest, NULL);
		nanosleep(&pause, NULL);
		r = watch_refresh(w);
		if (r < 0) {
			*e = w->problem;
			return r;
		}
		putchar('\n');
	}
}

int status_watch(const struct invocation *in, struct pool *pool, int interval_s, bool summary,
		 struct err *e)
{
	AUTO(reload_freep) struct reload *reload = reload_new(in->settings);
	struct watch w = {
		.in = in,
		.reload = reload,
		.pool = pool,
		.interval_s = interval_s,
		.summary = summary,
		.color = color_wanted(in->settings, STDOUT_FILENO),
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
	free(w.news);
	return r;
}
