/* The table of the status; see status.h. */
#include "view/status.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "view/columns.h"
#include "view/gpu_text.h"

/* A process without a reservation that is older may have been forgotten. */
#define STALE_NS NS_PER_HOUR

static const struct table_column columns[] = {VIEW_STATUS_COLUMNS};

enum { COLUMN_STATUS = 1, COLUMN_USER = 2, COLUMN_DETAILS = 6, COLUMN_VALIDATION = 7 };

static enum table_color color_of(enum gpu_status status)
{
	static const enum table_color colors[] = {
		[GPU_AVAILABLE] = TABLE_GREEN, [GPU_IN_USE] = TABLE_BLUE,
		[GPU_UNRESERVED] = TABLE_RED,  [GPU_DRAINED] = TABLE_YELLOW,
		[GPU_ERROR] = TABLE_YELLOW,
	};

	return colors[status];
}

/* When the first of the processes that are in the way began; TIME_NONE: unknown. */
static int64_t find_oldest(const struct gpu_view *view)
{
	int64_t oldest_ns = TIME_NONE;

	for (size_t i = 0; i < view->gpu->processes_count; i++) {
		const struct process *p = &view->gpu->processes[i];

		if (!p->ignored_by && p->started_ns != TIME_NONE &&
		    (oldest_ns == TIME_NONE || p->started_ns < oldest_ns))
			oldest_ns = p->started_ns;
	}
	return oldest_ns;
}

/* The processes on a GPU that nobody has reserved; for how long and how busily they have been
   there, if that is long enough to be a mistake. */
static char *process_details(const struct snapshot *s, const struct gpu_view *view,
			     const struct gpu_text *t)
{
	int64_t oldest_ns = view->gpu ? find_oldest(view) : TIME_NONE;
	char age[CLOCK_DURATION_SIZE];
	struct str out = {0};

	str_add(&out, t->process_info);
	if (oldest_ns == TIME_NONE || s->now_ns - oldest_ns < STALE_NS)
		return str_steal(&out);
	str_addf(&out, ", for %s", clock_duration(s->now_ns - oldest_ns, age));
	if (view->gpu->utilization_percent.known)
		str_addf(&out, ", GPU %" PRId64 "%% busy", view->gpu->utilization_percent.value);
	return str_steal(&out);
}

/* When a run ends is what people want to know. The heartbeat follows, where there is room; a late
   one comes first. */
static char *life_details(const struct gpu_text *t)
{
	if (!t->end || !t->details)
		return mem_strdup(t->end ? t->end : t->details);
	return mem_printf("%s, %s", t->late ? t->details : t->end, t->late ? t->end : t->details);
}

/* The DETAILS of the table: for unreserved use the processes; a note in brackets at the end.
 */
static char *details_of(const struct snapshot *s, const struct gpu_view *view,
			const struct gpu_text *t)
{
	const char *note = view->reservation ? view->reservation->note : NULL;
	char *details, *both;

	if (view->status == GPU_UNRESERVED)
		return process_details(s, view, t);
	details = life_details(t);
	if (!note || !*note)
		return details;
	both = mem_printf("%s [%s]", details, note);
	free(details);
	return both;
}

/* With what a number means that is no whole GPU: "1g.10gb of GPU 3: free for 2h 0m 0s". */
static char *whole_details(const struct snapshot *s, const struct gpu_view *view,
			   const struct gpu_text *t)
{
	AUTO_FREE char *unit = view_unit_text(s, view);
	char *details = details_of(s, view, t), *both;

	if (!unit)
		return details;
	both = mem_printf("%s%s%s", unit, details ? ": " : "", details ? details : "");
	free(details);
	return both;
}

/* What of its details must not be lost where they do not fit. Those of an ordinary reservation
   begin with its end, and a heartbeat that is not late may go; a note may not. The caller frees it.
 */
static char *details_kept(const struct snapshot *s, const struct gpu_view *view,
			  const struct gpu_text *t, const char *details)
{
	const struct reservation *r = view->reservation;
	AUTO_FREE char *unit = view_unit_text(s, view);

	if (!r || r->queue_id || view->withheld || t->late || unit)
		return mem_strdup(details);
	return r->note && *r->note ? mem_printf("[%s]", r->note) : NULL;
}

/* The memory of an idle GPU may go. */
static const char *validation_kept(const struct gpu_view *view, const char *validation)
{
	return view->status == GPU_AVAILABLE ? NULL : validation;
}

static void keep_in_row(struct table *table, const struct snapshot *s, const struct gpu_view *view,
			const struct gpu_text *t, const char *details, const char *validation)
{
	AUTO_FREE char *kept = details_kept(s, view, t, details);

	table_keep(table, COLUMN_USER, t->user);
	table_keep(table, COLUMN_DETAILS, kept);
	table_keep(table, COLUMN_VALIDATION, validation_kept(view, validation));
}

static void add_row(struct table *table, const struct snapshot *s, const struct gpu_view *view)
{
	AUTO(gpu_text_clear) struct gpu_text t = {0};
	AUTO_FREE char *details = NULL;
	const char *validation;
	char id[GPU_NAME_SIZE];

	view_gpu(s, view, &t);
	details = whole_details(s, view, &t);
	validation = view->status == GPU_UNRESERVED ? "WITHOUT RESERVATION" : t.validation;
	table_add(table, (const char *[]){
				 snapshot_gpu_name(s, view->id, id),
				 gpu_status_name(view->status),
				 t.user,
				 t.duration,
				 t.type,
				 view->model.model,
				 details,
				 validation,
			 });
	table_color(table, COLUMN_STATUS, color_of(view->status));
	keep_in_row(table, s, view, &t, details, validation);
}

struct table *view_status_table(const struct snapshot *s)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < s->views_count; i++)
		add_row(table, s, &s->views[i]);
	return table;
}
