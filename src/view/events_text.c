/* Events in words; see events.h. */
#include "view/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/text.h"
#include "view/event_before.h"
#include "view/words.h"

static const struct table_column columns[] = {
	{.name = "Time"},
	{.name = "Event"},
	{.name = "User", .trunc = true, .floor = 8, .drop = 2},
	{.name = "GPUs", .trunc = true, .floor = 6, .drop = 1},
	{.name = "ID", .drop = 3},
	{.name = "What happened", .trunc = true, .floor = 24, .flow = true},
};

/* "2026-11-30 14:05:09", by the local clock. */
static void time_text(int64_t time_ns, char text[32])
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND);
	struct tm local;

	if (!localtime_r(&seconds, &local) || !strftime(text, 32, "%F %T", &local))
		snprintf(text, 32, "unknown");
}

static char *event_user(const struct event *event)
{
	if (event->user || event->account)
		return account_label(event->user, event->account);
	return mem_strdup(event->actor);
}

void view_events_row(struct table *table, const struct event *event)
{
	AUTO_FREE char *who = event_user(event);
	AUTO_FREE char *gpus =
		event->gpus_count ? str_join_ranges(event->gpus, event->gpus_count) : NULL;
	char time[32];

	time_text(event->time_ns, time);
	table_add(table, (const char *[]){time, event_kind_name(event->kind), who, gpus, event->id,
					  event->reason});
}

struct table *view_events_table(void)
{
	return table_new(columns, ARRAY_SIZE(columns));
}

char *view_event_line(const struct event *event)
{
	AUTO_FREE char *reason = text_shown(event->reason);
	char time[32];

	time_text(event->time_ns, time);
	return mem_printf("%s  %-16s  %s  %s", time, event_kind_name(event->kind), event->id,
			  reason ? reason : "");
}

/* ---- what it was decided on ---- */

/* What the lines say of GPUs. */
static const struct {
	const char *word, *before, *behind;
} words[] = {
	{"free", "free", ""},
	{"held", "reserved: ", ""},
	{"kept", "kept for the waiting request ", ""},
	{"drained", "out of service: ", ""},
	{"used", "not to be had: it ", ""},
	{"unreadable", "its state could not be read", ""},
	{"unknown", "not reserved (its use was not looked at)", ""},
};

static void add_gpus(struct str *text, const struct before_line *line)
{
	AUTO_FREE char *rest = text_shown(line->rest);
	bool one = !strpbrk(line->gpus, ",-");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].word, line->word))
			str_addf(text, "  GPU%s %s: %s%s\n", one ? "" : "s", line->gpus,
				 words[i].before, rest);
	}
}

/* How many GPUs there were for a request. */
struct supply {
	size_t free, kept;
};

static size_t count_ids(const char *ranges)
{
	AUTO_FREE int *ids = NULL;
	size_t count = 0;

	return parse_id_list(ranges, &ids, &count, NULL) == 0 ? count : 0;
}

static struct supply count_supply(const char *before, const char *queue_id)
{
	struct supply supply = {0};
	struct before_line line;

	while (before_next(&before, &line)) {
		if (!strcmp(line.word, "free"))
			supply.free += count_ids(line.gpus);
		else if (!strcmp(line.word, "kept") && !strncmp(line.rest, queue_id, 8))
			supply.kept += count_ids(line.gpus);
		free(line.text);
	}
	return supply;
}

static bool is_own(const struct event *event, const struct before_line *line)
{
	return event->queue_id && !strncmp(event->queue_id, line->id, 8);
}

/* A waiting request, and why this was not its turn. */
static void add_waiting(struct str *text, const struct event *event, const struct before_line *line,
			bool behind)
{
	AUTO_FREE char *who = text_shown(line->account), *why = text_shown(line->passed_over);
	AUTO_FREE char *id = text_shown(line->id),
		       *named = text_shown(line->wanted + (*line->wanted == '='));
	struct supply supply = count_supply(event->before, line->id);
	size_t wanted = (size_t)strtoul(line->wanted, NULL, 10);

	str_addf(text, "  %s of %s, for ", id, who);
	if (*line->wanted == '=')
		str_addf(text, "GPUs %s", named);
	else
		str_addf(text, "%zu GPU%s", wanted, str_plural(wanted));
	if (is_own(event, line))
		str_add(text, ": this request");
	else if (*why)
		str_addf(text, ": passed over: %s", why);
	else if (*line->wanted != '=' && supply.free + supply.kept < wanted)
		str_addf(text, ": %zu %s free%s", supply.free, supply.free == 1 ? "was" : "were",
			 supply.kept ? "" : ", too few");
	else if (behind)
		str_add(text, ": it came later");
	if (supply.kept)
		str_addf(text, " (%zu %s kept for it)", supply.kept,
			 supply.kept == 1 ? "was" : "were");
	str_add(text, "\n");
}

static void add_queue(struct str *text, const struct event *event)
{
	const char *rest = event->before;
	struct before_line line;
	bool any = false, behind = false;

	while (before_next(&rest, &line)) {
		if (!strcmp(line.word, "waits")) {
			if (!any)
				str_add(text, "Requests that waited then, in order of arrival:\n");
			any = true;
			add_waiting(text, event, &line, behind);
			behind |= is_own(event, &line);
		} else if (!strcmp(line.word, "more")) {
			str_addf(text, "  (and %s more lines, which are not kept)\n", line.rest);
		}
		free(line.text);
	}
}

static void add_before(struct str *text, const struct event *event)
{
	const char *rest = event->before;
	struct before_line line;
	bool begun = false;

	while (before_next(&rest, &line)) {
		if (!strcmp(line.word, "asked")) {
			AUTO_FREE char *asked = text_shown(line.rest);

			str_addf(text, "Asked for: %s\n", asked);
		} else if (*line.gpus) {
			if (!begun)
				str_add(text, "The GPUs before that:\n");
			begun = true;
			add_gpus(text, &line);
		}
		free(line.text);
	}
	add_queue(text, event);
}

static void add_member(struct str *text, const char *name, const char *value)
{
	AUTO_FREE char *shown = text_shown(value);

	if (value)
		str_addf(text, "%s: %s\n", name, shown);
}

char *view_event_explained(const struct event *event)
{
	AUTO_FREE char *reason = text_shown(event->reason);
	struct str text = {0};
	char time[32];

	time_text(event->time_ns, time);
	str_addf(&text, "%s, %s: %s\n", time, event_kind_name(event->kind), reason ? reason : "-");
	add_member(&text, "Reservation", event->reservation_id);
	add_member(&text, "Request", event->queue_id);
	add_member(&text, "By", event->actor);
	add_member(&text, "Details", event->details);
	if (event->before)
		add_before(&text, event);
	else
		str_add(&text, "No state is kept with events of this kind, or of this commit.\n");
	return str_steal(&text);
}
