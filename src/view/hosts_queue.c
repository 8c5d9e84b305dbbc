/* The queues and the reports of several hosts as tables; see hosts.h. */
#include "view/hosts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "remote/answer.h"
#include "view/columns.h"
#include "view/words.h"

static const struct table_column queue_columns[] = {{.name = "Host"}, VIEW_QUEUE_COLUMNS};

enum { QUEUE_USER = 2, QUEUE_WAITING_FOR = 9 };

static void add_request(struct table *table, const char *host, size_t place, const json_t *row)
{
	int64_t now_ns = clock_now_ns();
	AUTO_FREE char *starts = NULL, *user = NULL, *type = NULL, *awaits = NULL;
	char position[24], requested[24], allocated[24], id[16];
	char waited[CLOCK_DURATION_SIZE] = "-";
	struct remote_request request;

	remote_request_read(row, &request);
	starts = view_starts_in(request.start_ns, now_ns);
	user = view_host_text(request.user);
	type = view_host_text(request.type);
	awaits = view_host_text(request.waiting_for);
	snprintf(position, sizeof(position), "%zu", place + 1);
	snprintf(requested, sizeof(requested), "%" PRId64, request.requested);
	snprintf(allocated, sizeof(allocated), "%" PRId64, request.allocated);
	snprintf(id, sizeof(id), "%.8s", request.id ? request.id : "-");
	if (request.since_ns != TIME_NONE && request.since_ns <= now_ns)
		clock_duration(now_ns - request.since_ns, waited);
	table_add(table, (const char *[]){host, position, user, requested, allocated, waited, type,
					  id, starts, awaits});
	table_keep(table, QUEUE_USER, user);
}

struct table *view_hosts_queue_table(const struct host_reply *hosts, size_t count)
{
	struct table *table = table_new(queue_columns, ARRAY_SIZE(queue_columns));
	bool empty = true;

	for (size_t i = 0; i < count; i++) {
		empty &= hosts[i].document && !json_array_size(hosts[i].document);
		for (size_t k = 0; k < json_array_size(hosts[i].document); k++)
			add_request(table, hosts[i].name, k, json_array_get(hosts[i].document, k));
		if (hosts[i].document)
			continue;
		table_add(table, (const char *[]){hosts[i].name, NULL, NULL, NULL, NULL, NULL, NULL,
						  NULL, "away", hosts[i].problem});
		table_keep(table, QUEUE_WAITING_FOR, hosts[i].problem);
	}
	return empty ? table_free(table) : table;
}

/* ---- reports ---- */

static const struct table_column report_columns[] = {
	{.name = "Host"},
	{.name = "User", .trunc = true, .floor = 8},
	{.name = "Part", .drop = 1},
	{.name = "GPU Hours", .right = true},
	{.name = "Percentage", .right = true},
	{.name = "Run", .right = true},
	{.name = "Manual", .right = true},
};

/* With --idle: what the GPUs did in these hours. */
static const struct table_column idle_columns[] = {
	{.name = "Host"},
	{.name = "User", .trunc = true, .floor = 8},
	{.name = "Part", .drop = 1},
	{.name = "GPU Hours", .right = true},
	{.name = "Active", .right = true},
	{.name = "Idle", .right = true},
	{.name = "Unknown", .right = true},
};

enum { REPORT_USER = 1 };

_Static_assert(ARRAY_SIZE(report_columns) == ARRAY_SIZE(idle_columns), "one row fits both");

/* The numbers of the idle columns, in a row or in a report as a whole. */
static const char *const hours_names[] = {"active_hours", "idle_hours", "unknown_hours"};

#define HOURS ARRAY_SIZE(hours_names)

/* What a row is about besides its user: a day, or a GPU. */
static char *part_of(const json_t *row)
{
	const json_t *gpu = json_object_get(row, "gpu_id");

	if (json_is_integer(gpu))
		return mem_printf("GPU %lld", (long long)json_integer_value(gpu));
	return view_host_text(remote_text(row, "date"));
}

static void add_usage(struct table *table, const char *host, const json_t *row, bool idle)
{
	const char *name = remote_text(row, "name");
	AUTO_FREE char *user = view_host_text(name), *part = part_of(row);
	char hours[40], cells[HOURS][40];

	snprintf(hours, sizeof(hours), "%.2f", remote_number(row, "gpu_hours"));
	if (idle) {
		for (size_t i = 0; i < HOURS; i++)
			snprintf(cells[i], sizeof(cells[i]), "%.2f",
				 remote_number(row, hours_names[i]));
	} else {
		snprintf(cells[0], sizeof(cells[0]), "%.1f%%", remote_number(row, "percentage"));
		snprintf(cells[1], sizeof(cells[1]), "%.0f", remote_number(row, "run_count"));
		snprintf(cells[2], sizeof(cells[2]), "%.0f", remote_number(row, "manual_count"));
	}
	table_add(table, (const char *[]){host, user, part, hours, cells[0], cells[1], cells[2]});
	table_keep(table, REPORT_USER, user);
}

/* The sums of a report, or of all. */
struct sums {
	double hours, parts[HOURS];
};

static void add_total(struct table *table, const char *host, const struct sums *sums, bool idle)
{
	char hours[40], cells[HOURS][40];

	snprintf(hours, sizeof(hours), "%.2f", sums->hours);
	for (size_t i = 0; i < HOURS; i++)
		snprintf(cells[i], sizeof(cells[i]), "%.2f", sums->parts[i]);
	table_add(table, (const char *[]){host, "TOTAL", NULL, hours, idle ? cells[0] : NULL,
					  idle ? cells[1] : NULL, idle ? cells[2] : NULL});
}

static void add_report(struct table *table, const struct host_reply *host, bool idle,
		       struct sums *all)
{
	json_t *report = host->document;
	struct sums sums = {.hours = remote_number(report, "total_gpu_hours")};

	if (!report) {
		AUTO_FREE char *away = mem_printf("away: %s", host->problem);

		table_add(table, (const char *[]){host->name, away, NULL, NULL, NULL, NULL, NULL});
		table_keep(table, REPORT_USER, away);
		return;
	}
	for (void *m = json_object_iter(report); m; m = json_object_iter_next(report, m)) {
		const json_t *rows = json_object_iter_value(m);

		for (size_t i = 0; i < json_array_size(rows); i++)
			add_usage(table, host->name, json_array_get(rows, i), idle);
	}
	all->hours += sums.hours;
	for (size_t i = 0; i < HOURS; i++) {
		sums.parts[i] = remote_number(report, hours_names[i]);
		all->parts[i] += sums.parts[i];
	}
	add_total(table, host->name, &sums, idle);
}

struct table *view_hosts_report_table(const struct host_reply *hosts, size_t count, bool idle)
{
	struct table *table =
		table_new(idle ? idle_columns : report_columns, ARRAY_SIZE(report_columns));
	struct sums all = {0};

	for (size_t i = 0; i < count; i++)
		add_report(table, &hosts[i], idle, &all);
	if (count > 1)
		add_total(table, "all", &all, idle);
	return table;
}
