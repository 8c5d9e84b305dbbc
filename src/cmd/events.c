/* canhazgpu events: what has happened to the pool. */
#include "cmd/command.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "view/events.h"

/* Events that wake nobody (refusals, what was noticed) are found after so long. */
#define FOLLOW_MS 2000

struct query {
	struct event_filter filter;
	int *gpus;
	int64_t since_ns;
	size_t limit;
	bool json;
};

/* "granted,released" */
static int read_kinds(const char *text, struct event_filter *f, struct err *e)
{
	AUTO_FREE char *words = mem_strdup(text);
	char *rest = words, *word;

	f->some_kinds = words != NULL;
	while (words && (word = strsep(&rest, ","))) {
		enum event_kind kind;

		if (!event_kind_parse(word, &kind))
			return err_usage(e,
					 "'%.40s' is no kind of event (--kind; see 'man "
					 "canhazgpu-events')",
					 word);
		f->kinds[kind] = true;
	}
	return 0;
}

static int read_query(const struct settings *s, struct query *q, struct err *e)
{
	const char *gpus = settings_text(s, "events.gpu");
	int r = 0;

	q->since_ns = clock_now_ns() - settings_duration_ns(s, "events.since");
	q->limit = (size_t)settings_int(s, "events.newest");
	q->json = settings_flag(s, "events.json");
	q->filter.account = settings_text(s, "events.user");
	if (gpus)
		r = parse_id_list(gpus, &q->gpus, &q->filter.gpus_count, e);
	q->filter.gpus = q->gpus;
	return r < 0 ? r : read_kinds(settings_text(s, "events.kind"), &q->filter, e);
}

static int print_one(const struct event *event, bool json, struct err *e)
{
	AUTO_FREE char *text = NULL;

	if (json) {
		json_t *object = view_event_json(event, false);

		text = json_dumps(object, JSON_COMPACT);
		json_decref(object);
	} else {
		text = view_event_line(event);
	}
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		return err_sys(e, errno, "cannot write the output");
	return 0;
}

/* Where the newest `limit` begin of those that the filter takes; 0: all. */
static size_t first_of_newest(const struct event_list *list, const struct event_filter *filter,
			      size_t limit)
{
	size_t i = list->count;

	for (size_t taken = 0; i > 0 && (!limit || taken < limit); i--)
		taken += event_filter_takes(filter, &list->events[i - 1]);
	return i;
}

/* Prints what is there, and then what happens, an event a line, until it is interrupted. */
static int follow(struct pool *pool, const struct query *q, struct err *e)
{
	char after[EVENT_ID_SIZE] = "";
	struct event_filter all = {0};
	size_t limit = q->limit; /* of what is there at first */

	for (;;) {
		AUTO(event_list_clear) struct event_list list = {0};
		struct pollfd watch = {.events = POLLIN};
		size_t first;
		int r;

		/* Before it reads: nothing that comes later goes unnoticed. */
		watch.fd = pool_watch(pool);
		pool_watch_drain(pool);
		r = pool_events(pool, &all, q->since_ns, *after ? after : NULL, 0, &list, e);
		first = first_of_newest(&list, &q->filter, limit);
		limit = 0;
		for (size_t i = 0; r == 0 && i < list.count; i++) {
			memcpy(after, list.events[i].id, sizeof(after));
			if (i >= first && event_filter_takes(&q->filter, &list.events[i]))
				r = print_one(&list.events[i], q->json, e);
		}
		if (r < 0)
			return r;
		poll(&watch, 1, FOLLOW_MS);
	}
}

static int print_list(struct pool *pool, const struct query *q, const struct settings *s,
		      struct err *e)
{
	AUTO(event_list_clear) struct event_list list = {0};
	AUTO(table_freep) struct table *table = NULL;
	int r = pool_events(pool, &q->filter, q->since_ns, NULL, q->limit, &list, e);

	if (r < 0)
		return r;
	if (q->json)
		return print_json(view_events_json(&list), e);
	if (!list.count) {
		printf("Nothing has happened in that time.\n");
		return 0;
	}
	table = view_events_table(&list);
	table_print(table, stdout, color_wanted(s, STDOUT_FILENO));
	return 0;
}

static int explain(struct pool *pool, const char *id, bool json, struct err *e)
{
	AUTO(event_clear) struct event event = {.kind = EVENT_ADMIN};
	AUTO_FREE char *text = NULL;
	int r = pool_event(pool, id, &event, e);

	if (r < 0)
		return r;
	if (json)
		return print_json(view_event_json(&event, true), e);
	text = view_event_explained(&event);
	return print_text(text, e);
}

static int events_run(const struct invocation *in, struct err *e)
{
	const char *id = settings_text(in->settings, "events.explain");
	AUTO(pool_closep) struct pool *pool = NULL;
	struct query q = {.gpus = NULL};
	bool follows = settings_flag(in->settings, "events.follow");
	int r;

	if (id && follows)
		return err_usage(e, "--explain and --follow cannot be used together");
	r = read_query(in->settings, &q, e);
	if (r == 0)
		r = pool_open_from(in, &pool, e);
	if (r == 0 && id)
		r = explain(pool, id, q.json, e);
	else if (r == 0 && follows)
		r = follow(pool, &q, e);
	else if (r == 0)
		r = print_list(pool, &q, in->settings, e);
	free(q.gpus);
	return r;
}

static const struct option_spec events_options[] = {
	{.name = "since",
	 .type = OPTION_DURATION,
	 .argument = "D",
	 .fallback = "1d",
	 .help = "How far back to look"},
	{.name = "user",
	 .type = OPTION_TEXT,
	 .argument = "ACCOUNT",
	 .not_configurable = true,
	 .help = "Only what concerns this account, or what it did"},
	{.name = "gpu",
	 .type = OPTION_IDS,
	 .argument = "IDS",
	 .not_configurable = true,
	 .help = "Only what concerns one of these GPUs"},
	{.name = "kind",
	 .type = OPTION_TEXT,
	 .argument = "KINDS",
	 .not_configurable = true,
	 .help = "Only events of these kinds, separated by commas (granted,released)"},
	{.name = "newest",
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "0",
	 .min = 0,
	 .max = 1000000,
	 .help = "Only the newest N of them; 0: all"},
	{.name = "follow",
	 .letter = 'f',
	 .type = OPTION_FLAG,
	 .not_configurable = true,
	 .help = "Go on: an event a line, as it happens"},
	{.name = "explain",
	 .type = OPTION_TEXT,
	 .argument = "ID",
	 .not_configurable = true,
	 .help = "Show the state that the event with this ID was decided on"},
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output JSON instead of table format; with --follow an object a line"},
	{.name = NULL},
};

const struct command cmd_events = {
	.name = "events",
	.summary = "Show what has happened to the pool",
	.usage = "[--since D] [--user ACCOUNT] [--gpu IDS] [--kind KINDS] [--newest N] [--json] "
		 "[--follow | --explain ID]",
	.description =
		"Lists who got, waited for and gave back which GPUs, what administrators did,\n"
		"what was refused and what was noticed, oldest first, each with the reason.\n"
		"--explain shows the pool as it was when something was decided: which GPUs\n"
		"were free, who had the others, and who else was waiting.",
	.examples = "  canhazgpu events --since 2h --gpu 3\n"
		    "  canhazgpu events --user alice --follow",
	.options = events_options,
	.run = events_run,
};
