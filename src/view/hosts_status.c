/* The status of several hosts; see hosts.h. */
#include "view/hosts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "remote/answer.h"
#include "view/columns.h"

/* More of a text than any line has room for is not shown. */
#define TEXT_MAX 400

static const struct table_column columns[] = {{.name = "HOST"}, VIEW_STATUS_COLUMNS};

enum { COLUMN_STATUS = 2, COLUMN_USER = 3, COLUMN_DETAILS = 7 };

static const enum table_color colors[] = {
	[REMOTE_AVAILABLE] = TABLE_GREEN,
	[REMOTE_IN_USE] = TABLE_BLUE,
	[REMOTE_UNRESERVED] = TABLE_RED,
	[REMOTE_OTHER] = TABLE_YELLOW,
};

char *view_host_text(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	if (length <= TEXT_MAX)
		return mem_strdup(text);
	/* Not within a character. */
	for (length = TEXT_MAX; length && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
		continue;
	return mem_printf("%.*s...", (int)length, text);
}

/* "users alice, bob" of a GPU that is used without a reservation. */
static char *unreserved_users(const json_t *row)
{
	const json_t *users = json_object_get(row, "unreserved_users");
	size_t count = json_array_size(users);
	struct str out = {0};

	for (size_t i = 0; i < count && i < 8; i++) {
		const char *name = json_string_value(json_array_get(users, i));

		if (name && *name)
			str_addf(&out, "%s%s",
				 out.length  ? ", "
				 : count > 1 ? "users "
					     : "user ",
				 name);
	}
	return out.length ? str_steal(&out) : NULL;
}

static char *user_of(const json_t *row, const struct remote_gpu *gpu)
{
	AUTO_FREE char *label = NULL;

	if (!gpu->user)
		return unreserved_users(row);
	label = account_label(gpu->user, gpu->account);
	return view_host_text(label);
}

static char *details_of(const json_t *row, const struct remote_gpu *gpu)
{
	const char *text =
		gpu->state == REMOTE_UNRESERVED ? remote_text(row, "process_info") : NULL;
	AUTO_FREE char *all = NULL;

	if (!text)
		text = gpu->error ? gpu->error : gpu->details;
	if (!gpu->note)
		return view_host_text(text);
	all = mem_printf("%s [%s]", text ? text : "", gpu->note);
	return view_host_text(all);
}

static void add_gpu(struct table *table, const char *host, const json_t *row)
{
	AUTO_FREE char *user = NULL, *details = NULL, *status = NULL, *duration = NULL,
		       *type = NULL, *model = NULL, *validation = NULL, *note = NULL, *kept = NULL;
	struct remote_gpu gpu;
	char id[24] = "-";

	remote_gpu_read(row, &gpu);
	if (gpu.id >= 0)
		snprintf(id, sizeof(id), "%" PRId64, gpu.id);
	status = view_host_text(gpu.status);
	user = user_of(row, &gpu);
	duration = view_host_text(gpu.duration);
	type = view_host_text(gpu.type);
	model = view_host_text(gpu.model);
	details = details_of(row, &gpu);
	validation = view_host_text(gpu.state == REMOTE_UNRESERVED ? "WITHOUT RESERVATION"
								   : gpu.validation);
	table_add(table, (const char *[]){host, id, status, user, duration, type, model, details,
					  validation});
	table_color(table, COLUMN_STATUS, colors[gpu.state]);
	table_keep(table, COLUMN_USER, user);
	if (gpu.note)
		note = mem_printf("[%s]", gpu.note);
	kept = view_host_text(note);
	table_keep(table, COLUMN_DETAILS, kept);
}

static void add_away(struct table *table, const struct host_reply *host)
{
	table_add(table, (const char *[]){host->name, NULL, "AWAY", NULL, NULL, NULL, NULL,
					  host->problem, NULL});
	table_color(table, COLUMN_STATUS, TABLE_YELLOW);
	table_keep(table, COLUMN_DETAILS, host->problem);
}

struct table *view_hosts_status_table(const struct host_reply *hosts, size_t count)
{
	struct table *table = table_new(columns, ARRAY_SIZE(columns));

	for (size_t i = 0; i < count; i++) {
		if (!hosts[i].document)
			add_away(table, &hosts[i]);
		for (size_t k = 0; k < json_array_size(hosts[i].document); k++)
			add_gpu(table, hosts[i].name, json_array_get(hosts[i].document, k));
	}
	return table;
}

/* ---- the summary ---- */

struct counts {
	size_t total, of[REMOTE_OTHER + 1];
	int64_t next_ns; /* when the first of those in use is free; TIME_NONE: unknown */
	int64_t next_gpu;
	const char *next_user; /* borrowed */
};

static struct counts count_gpus(const json_t *rows)
{
	struct counts c = {.next_ns = TIME_NONE};

	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct remote_gpu gpu;
		int64_t free_ns;

		remote_gpu_read(json_array_get(rows, i), &gpu);
		c.total++;
		c.of[gpu.state]++;
		free_ns = remote_free_ns(&gpu);
		if (free_ns == TIME_NONE || (c.next_ns != TIME_NONE && c.next_ns <= free_ns))
			continue;
		c.next_ns = free_ns;
		c.next_gpu = gpu.id;
		c.next_user = gpu.user;
	}
	return c;
}

static struct counts count_all(const struct host_reply *hosts, size_t count, size_t *ret_away)
{
	struct counts all = {0};

	*ret_away = 0;
	for (size_t i = 0; i < count; i++) {
		struct counts c = count_gpus(hosts[i].document);

		*ret_away += !hosts[i].document;
		all.total += c.total;
		for (size_t k = 0; k < ARRAY_SIZE(c.of); k++)
			all.of[k] += c.of[k];
	}
	return all;
}

char *view_hosts_summary(const struct host_reply *hosts, size_t count)
{
	size_t away;
	struct counts all = count_all(hosts, count, &away);
	struct str out = {0};

	str_addf(&out,
		 "Available GPUs: %zu out of %zu\n"
		 "In use with reservations: %zu GPUs\n"
		 "Unreserved usage: %zu GPUs\n",
		 all.of[REMOTE_AVAILABLE], all.total, all.of[REMOTE_IN_USE],
		 all.of[REMOTE_UNRESERVED]);
	if (all.of[REMOTE_OTHER])
		str_addf(&out, "Out of service or unknown: %zu GPU%s\n", all.of[REMOTE_OTHER],
			 str_plural(all.of[REMOTE_OTHER]));
	str_addf(&out, "Hosts: %zu", count);
	if (away)
		str_addf(&out, ", %zu of them away", away);
	str_add(&out, "\n");
	return str_steal(&out);
}

char *view_hosts_line(const struct host_reply *hosts, size_t count)
{
	size_t away;
	struct counts all = count_all(hosts, count, &away);
	struct str out = {0};

	str_addf(&out, "%zu of %zu available on %zu host%s", all.of[REMOTE_AVAILABLE], all.total,
		 count - away, str_plural(count - away));
	if (away)
		str_addf(&out, "; %zu host%s away", away, away > 1 ? "s are" : " is");
	str_add(&out, "\n");
	return str_steal(&out);
}

static const struct table_column summary_columns[] = {
	{.name = "HOST"},
	{.name = "GPUS", .right = true},
	{.name = "AVAILABLE", .right = true},
	{.name = "IN_USE", .right = true},
	{.name = "UNRESERVED", .right = true, .drop = 1},
	{.name = "OTHER", .right = true, .drop = 2},
	{.name = "NEXT FREE", .trunc = true, .floor = 20},
	{.name = "LABEL", .trunc = true, .floor = 8, .drop = 3},
};

enum { SUMMARY_NEXT = 6 };

static void add_summary(struct table *table, const struct host_reply *host)
{
	struct counts c = count_gpus(host->document);
	char cells[5][24], time[CLOCK_MINUTE_SIZE];
	const size_t values[] = {c.total, c.of[REMOTE_AVAILABLE], c.of[REMOTE_IN_USE],
				 c.of[REMOTE_UNRESERVED], c.of[REMOTE_OTHER]};
	AUTO_FREE char *next = NULL;

	if (!host->document) {
		next = mem_printf("away: %s", host->problem);
		table_add(table, (const char *[]){host->name, NULL, NULL, NULL, NULL, NULL, next,
						  host->label});
		table_color(table, SUMMARY_NEXT, TABLE_YELLOW);
		table_keep(table, SUMMARY_NEXT, next);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		snprintf(cells[i], sizeof(cells[i]), "%zu", values[i]);
	if (c.of[REMOTE_AVAILABLE])
		next = mem_strdup("now");
	else if (c.next_ns != TIME_NONE)
		next = mem_printf("about %s (GPU %" PRId64 ", %.60s)",
				  clock_local_soon(c.next_ns, clock_now_ns(), time), c.next_gpu,
				  c.next_user ? c.next_user : "unknown");
	else if (c.of[REMOTE_IN_USE])
		next = mem_strdup("unknown");
	table_add(table, (const char *[]){host->name, cells[0], cells[1], cells[2], cells[3],
					  cells[4], next, host->label});
}

struct table *view_hosts_summary_table(const struct host_reply *hosts, size_t count)
{
	struct table *table = table_new(summary_columns, ARRAY_SIZE(summary_columns));

	for (size_t i = 0; i < count; i++)
		add_summary(table, &hosts[i]);
	return table;
}
