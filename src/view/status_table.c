/* The table of the status; see status.h. */
#include "view/status.h"

#include "base/mem.h"
#include "view/gpu_text.h"

static const struct table_column columns[] = {
	{.name = "GPU"},
	{.name = "STATUS"},
	{.name = "USER", .trunc = true, .floor = 8},
	{.name = "DURATION", .drop = 2},
	{.name = "TYPE", .drop = 3},
	{.name = "MODEL", .trunc = true, .floor = 12, .drop = 1},
	{.name = "DETAILS", .trunc = true, .floor = 20},
	{.name = "VALIDATION", .trunc = true, .floor = 16},
};

static enum table_color color_of(enum gpu_status status)
{
	static const enum table_color colors[] = {
		[GPU_AVAILABLE] = TABLE_GREEN, [GPU_IN_USE] = TABLE_BLUE,
		[GPU_UNRESERVED] = TABLE_RED,  [GPU_DRAINED] = TABLE_YELLOW,
		[GPU_ERROR] = TABLE_YELLOW,
	};

	return colors[status];
}

/* The DETAILS of the table: for unreserved use the processes; a note in brackets at the end.
 */
static char *details_of(const struct gpu_view *view, const struct gpu_text *t)
{
	const char *note = view->reservation ? view->reservation->note : NULL;

	if (view->status == GPU_UNRESERVED)
		return mem_strdup(t->process_info);
	if (note && *note)
		return mem_printf("%s [%s]", t->details, note);
	return mem_strdup(t->details);
}

static void add_row(struct table *table, const struct snapshot *s, const struct gpu_view *view)
{
	AUTO(gpu_text_clear) struct gpu_text t = {0};
	AUTO_FREE char *details = NULL;
	char id[16];

	view_gpu(s, view, &t);
	details = details_of(view, &t);
	snprintf(id, sizeof(id), "%d", view->id);
	table_add(table,
		  (const char *[]){
			  id,
			  gpu_status_name(view->status),
			  t.user,
			  t.duration,
			  t.type,
			  view->model.model,
			  details,
			  view->status == GPU_UNRESERVED ? "WITHOUT RESERVATION" : t.validation,
		  });
	table_color(table, 1, color_of(view->status));
}

struct table *view_status_table(const struct snapshot *s)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < s->views_count; i++)
		add_row(table, s, &s->views[i]);
	return table;
}
