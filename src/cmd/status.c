/* canhazgpu status: who has what, checked against what really runs. */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/table.h"
#include "base/text.h"
#include "pool/describe.h"

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
		[GPU_AVAILABLE] = TABLE_GREEN,
		[GPU_IN_USE] = TABLE_BLUE,
		[GPU_UNRESERVED] = TABLE_RED,
		[GPU_ERROR] = TABLE_YELLOW,
	};

	return colors[status];
}

/* The DETAILS of the table: for unreserved use the processes; a note in brackets behind the rest.
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

static void status_table(const struct snapshot *s, bool color)
{
	AUTO(table_freep) struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < s->views_count; i++)
		status_row(table, s, &s->views[i]);
	table_print(table, stdout, color);
}

static int status_json(const struct snapshot *s, struct err *e)
{
	json_t *document = describe_json(s);
	int r = json_dumpf(document, stdout,
			   JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII);

	json_decref(document);
	printf("\n");
	return r ? err_set(e, EIO, "could not write the JSON document") : 0;
}

static int status_run(const struct invocation *in, struct err *e)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO(snapshot_clear) struct snapshot s = {0};
	int r = pool_open_from(in->settings, &pool, e);

	if (r == 0)
		r = pool_snapshot(pool, &s, e);
	if (r < 0)
		return r;
	if (s.warning)
		fprintf(stderr, "Warning: %s\n", s.warning);
	if (settings_flag(in->settings, "status.json"))
		return status_json(&s, e);
	status_table(&s, color_wanted(in->settings, STDOUT_FILENO));
	return 0;
}

static const struct option_spec status_options[] = {
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output status as JSON array instead of table format"},
	{.name = NULL},
};

const struct command cmd_status = {
	.name = "status",
	.summary = "Show current GPU allocation status",
	.usage = "[--json]",
	.description =
		"AVAILABLE GPUs are free and idle, IN_USE ones are reserved, UNRESERVED ones are used by "
		"somebody\nwithout a reservation, and the use of ERROR ones cannot be told; only AVAILABLE "
		"ones are handed out.",
	.options = status_options,
	.run = status_run,
};
