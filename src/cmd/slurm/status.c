/* `status` and `queue` of a cluster: one picture of its nodes and jobs, in the tables of the pool.
 */
#include "cmd/slurm/slurm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "cmd/screen.h"
#include "cmd/status.h"
#include "slurm/nodes.h"
#include "slurm/read.h"
#include "slurm/snapshot.h"
#include "slurm/words.h"
#include "view/queue.h"
#include "view/status.h"

/* The cluster as a snapshot, with --mine of one's own jobs alone. The caller clears it. */
static int take_snapshot(const struct invocation *in, bool watches, struct snapshot *ret_snapshot,
			 struct err *e)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO_FREE char *warning = NULL, *account = NULL;
	struct plan_actor actor;
	int r = watches ? slurm_read_shared(&c, &warning, e) : slurm_read(&c, &warning, e);

	if (r < 0)
		return r;
	if (!c.nodes_count)
		return err_set(e, ENOENT,
			       "no node of this cluster has GPUs (Gres=gpu:N in "
			       "slurm.conf)");
	slurm_snapshot(&c, clock_now_ns(), ret_snapshot);
	ret_snapshot->warning = mem_steal(&warning);
	if (in->command != &cmd_status)
		return 0;
	slurm_nodes_ask(settings_text(in->settings, "hosts"), ret_snapshot);
	if (!settings_flag(in->settings, "status.mine"))
		return 0;
	actor = actor_get(in, &account);
	snapshot_keep_mine(ret_snapshot, &actor);
	return 0;
}

static struct status_style style_of(const struct settings *s)
{
	return (struct status_style){
		.summary = settings_flag(s, "status.summary"),
		.line = status_has_line(s),
		.color = color_wanted(s, STDOUT_FILENO),
	};
}

static void print_warning(const struct snapshot *s)
{
	AUTO_FREE char *text = text_shown(s->warning);

	if (text)
		fprintf(stderr, "Warning: %s\n", text);
}

/* ---- status --watch ---- */

static void draw(struct invocation const *in, const struct snapshot *s, const struct err *problem,
		 int interval_s)
{
	AUTO_FREE char *text = NULL;
	struct status_style style = style_of(in->settings);
	AUTO_FREE char *warning = text_ascii(problem->code ? problem->text : s->warning);
	size_t size = 0, rows;
	FILE *out = open_memstream(&text, &size);

	screen_size(&style.width, &rows);
	fprintf(out, "%.*s%d s; q quits\n\n", (int)style.width, "canhazgpu status, every ",
		interval_s);
	status_print(s, out, &style);
	if (warning)
		fprintf(out, "\nWarning: %.*s\n", style.width > 9 ? (int)style.width - 9 : 0,
			warning);
	fclose(out);
	screen_draw(text);
}

/* The snapshot before stays where there is no newer one. */
static void refresh(const struct invocation *in, struct snapshot *s, struct err *ret_problem)
{
	struct snapshot newer = {0};

	err_clear(ret_problem);
	if (take_snapshot(in, true, &newer, ret_problem) < 0)
		return;
	snapshot_clear(s);
	*s = newer;
}

static void watch_screen(const struct invocation *in, struct snapshot *s, int interval_s)
{
	enum screen_event event;
	struct err problem = {0};

	screen_open();
	do {
		int64_t deadline_ns = clock_monotonic_ns() + interval_s * NS_PER_SECOND;

		do {
			draw(in, s, &problem, interval_s);
			event = screen_wait(deadline_ns, -1);
		} while (event == SCREEN_REDRAW);
		if (event != SCREEN_QUIT)
			refresh(in, s, &problem);
	} while (event != SCREEN_QUIT);
	screen_close();
}

/* Not a terminal: one after the other, until the pipe is closed. */
static void watch_stream(const struct invocation *in, struct snapshot *s, int interval_s)
{
	const struct status_style style = style_of(in->settings);
	const struct timespec pause = {.tv_sec = interval_s};
	struct err problem = {0};

	for (;;) {
		print_warning(s);
		if (problem.code)
			fprintf(stderr, "Warning: %s\n", problem.text);
		status_print(s, stdout, &style);
		if (fflush(stdout) != 0)
			return;
		nanosleep(&pause, NULL);
		refresh(in, s, &problem);
		putchar('\n');
	}
}

static int watch(const struct invocation *in, int interval_s, struct err *e)
{
	AUTO(snapshot_clear) struct snapshot s = {0};
	int r = take_snapshot(in, true, &s, e);

	if (r < 0)
		return r;
	/* However many watch: Slurm serves a whole cluster. */
	if (interval_s < SLURM_POLL_NS / NS_PER_SECOND)
		interval_s = SLURM_POLL_NS / NS_PER_SECOND;
	if (screen_possible())
		watch_screen(in, &s, interval_s);
	else
		watch_stream(in, &s, interval_s);
	return 0;
}

int slurm_status(const struct invocation *in, struct err *e)
{
	AUTO(snapshot_clear) struct snapshot s = {0};
	const struct status_style style = style_of(in->settings);
	int interval_s = (int)settings_int(in->settings, "status.watch");
	int r = status_check(in->settings, e);

	if (r < 0)
		return r;
	if (interval_s)
		return watch(in, interval_s, e);
	r = take_snapshot(in, false, &s, e);
	if (r < 0)
		return r;
	print_warning(&s);
	if (settings_flag(in->settings, "status.json"))
		return print_json(view_status_json(&s), e);
	status_print(&s, stdout, &style);
	return 0;
}

/* ---- queue ---- */

static int explain(const char *id, struct err *e)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	AUTO_FREE char *warning = NULL;
	int r = slurm_read(&c, &warning, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c.jobs_count; i++) {
		AUTO_FREE char *number = mem_printf("%" PRId64, c.jobs[i].id);
		AUTO_FREE char *text = NULL;
		char *rest;

		if (strcmp(number, id) != 0)
			continue;
		if (!c.jobs[i].pending)
			return err_set(e, ENOENT, "job %s is not waiting: it has its GPUs", number);
		text = slurm_explain(&c, &c.jobs[i], clock_now_ns());
		for (char *line = strtok_r(text, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			AUTO_FREE char *shown = text_shown(line);

			printf("%s\n", shown);
		}
		return 0;
	}
	return err_set(e, ENOENT,
		       "no job '%.60s' is waiting for GPUs: 'canhazgpu queue' lists them", id);
}

int slurm_queue(const struct invocation *in, struct err *e)
{
	const char *id = settings_text(in->settings, "queue.explain");
	bool json = settings_flag(in->settings, "queue.json");
	AUTO(snapshot_clear) struct snapshot s = {0};
	AUTO(table_freep) struct table *table = NULL;
	int r;

	if (json && id && settings_origin(in->settings, "queue.json") == ORIGIN_FLAG)
		return err_usage(e, "--json and --explain cannot be used together");
	if (id)
		return explain(id, e);
	r = take_snapshot(in, false, &s, e);
	if (r < 0)
		return r;
	print_warning(&s);
	if (json)
		return print_json(view_queue_json(&s), e);
	if (!s.state.queue_count) {
		printf("No requests are waiting.\n");
		return 0;
	}
	table = view_queue_table(&s);
	table_print(table, stdout, color_wanted(in->settings, STDOUT_FILENO));
	return 0;
}
