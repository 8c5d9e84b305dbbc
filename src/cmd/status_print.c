/* A snapshot as text: the table of `canhazgpu status`, or its summary. See status.h. */
#include "cmd/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/table.h"
#include "base/text.h"
#include "view/status.h"

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

static enum table_color status_color(enum gpu_status status)
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
static char *status_details(const struct gpu_view *view, const struct gpu_text *t)
{
	const char *note = view->reservation ? view->reservation->note : NULL;

	if (view->status == GPU_UNRESERVED)
		return mem_strdup(t->process_info);
	if (note && *note)
		return mem_printf("%s [%s]", t->details, note);
	return mem_strdup(t->details);
}

static void status_row(struct table *table, const struct snapshot *s, const struct gpu_view *view)
{
	AUTO(gpu_text_clear) struct gpu_text t = {0};
	AUTO_FREE char *details = NULL;
	char id[16];

	describe_gpu(s, view, &t);
	details = status_details(view, &t);
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
	table_color(table, 1, status_color(view->status));
}

static void print_table(const struct snapshot *s, FILE *out, const struct status_style *style)
{
	AUTO(table_freep) struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < s->views_count; i++)
		status_row(table, s, &s->views[i]);
	table_set_width(table, style->width);
	table_print(table, out, style->color);
}

/* ---- the summary ---- */

/* How many GPUs are in which state, of all or of one model. */
struct counts {
	size_t of[GPU_ERROR + 1];
	size_t total;
	size_t collected; /* of those in use: for requests that wait */
};

static const char *model_name(const struct gpu_view *view)
{
	return view->gpu && view->gpu->name ? view->gpu->name : "Unknown model";
}

/* Counts the GPUs of a model (NULL: all), from the i-th on. */
static struct counts count(const struct snapshot *s, size_t i, const char *model)
{
	struct counts c = {0};

	for (; i < s->views_count; i++) {
		if (model && strcmp(model_name(&s->views[i]), model) != 0)
			continue;
		c.of[s->views[i].status]++;
		c.total++;
		c.collected += s->views[i].reservation && s->views[i].reservation->queue_id;
	}
	return c;
}

static void print_model(const struct counts *c, const char *model, FILE *out)
{
	AUTO_FREE char *shown = text_shown(model);

	fprintf(out, "%s: %zu available out of %zu, %zu in use, %zu unreserved", shown,
		c->of[GPU_AVAILABLE], c->total, c->of[GPU_IN_USE], c->of[GPU_UNRESERVED]);
	if (c->of[GPU_DRAINED])
		fprintf(out, ", %zu out of service", c->of[GPU_DRAINED]);
	if (c->of[GPU_ERROR])
		fprintf(out, ", %zu unknown", c->of[GPU_ERROR]);
	putc('\n', out);
}

/* The three lines of the specification, more where something is unknown or collected, then one per
   model in the order of the GPUs. */
static void print_summary(const struct snapshot *s, FILE *out)
{
	struct counts all = count(s, 0, NULL);

	fprintf(out,
		"Available GPUs: %zu out of %zu\n"
		"In use with reservations: %zu GPUs\n"
		"Unreserved usage: %zu GPUs\n",
		all.of[GPU_AVAILABLE], all.total, all.of[GPU_IN_USE], all.of[GPU_UNRESERVED]);
	if (all.of[GPU_DRAINED])
		fprintf(out, "Out of service: %zu GPUs\n", all.of[GPU_DRAINED]);
	if (all.of[GPU_ERROR])
		fprintf(out, "Unknown usage: %zu GPUs\n", all.of[GPU_ERROR]);
	if (all.collected)
		fprintf(out, "Collected for waiting requests: %zu GPUs of those in use\n",
			all.collected);
	for (size_t i = 0; i < s->views_count; i++) {
		const char *model = model_name(&s->views[i]);
		struct counts c = count(s, 0, model), rest = count(s, i, model);

		/* At its first GPU nothing of the model lies before. */
		if (rest.total == c.total)
			print_model(&c, model, out);
	}
}

void status_print(const struct snapshot *s, FILE *out, const struct status_style *style)
{
	if (style->summary)
		print_summary(s, out);
	else
		print_table(s, out, style);
}
