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
#include "base/text.h"
#include "cmd/context.h"
#include "cmd/output.h"
#include "host/process.h"
#include "view/events.h"

/* Events that wake nobody (refusals, what was noticed) are found after so long. */
#define FOLLOW_MS 2000

/* A long document is printed in parts of about that size. */
#define PART_BYTES 65536

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

/* One event as a line. */
static int print_one(const struct event *event, bool json, struct err *e)
{
	AUTO_FREE char *text = json ? view_event_json_line(event) : view_event_line(event);

	return printf("%s%s", text, json ? "" : "\n") < 0
		       ? err_sys(e, errno, "cannot write the output")
		       : 0;
}

/* The newest of those that are there. `after` becomes the id of the last one that was read. */
static int print_newest(struct pool *pool, const struct query *q, char after[EVENT_ID_SIZE],
			struct err *e)
{
	AUTO(event_list_clear) struct event_list list = {0};
	int r = pool_events(pool, &q->filter, q->since_ns, NULL, q->limit, &list, e);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = print_one(&list.events[i], q->json, e);
	memcpy(after, list.newest, sizeof(list.newest));
	return r;
}

/* Those behind that id, which moves on. */
static int print_new(struct pool *pool, const struct query *q, char after[EVENT_ID_SIZE],
		     struct err *e)
{
	const struct event *event;
	int r = pool_events_begin(pool, q->since_ns, *after ? after : NULL, e);

	while (r == 0 && (r = pool_events_next(pool, &event, e)) > 0) {
		memcpy(after, event->id, sizeof(event->id));
		r = event_filter_takes(&q->filter, event) ? print_one(event, q->json, e) : 0;
	}
	pool_events_end(pool);
	return r;
}

/* Prints what is there, and then what happens, an event a line, until it is interrupted. */
static int follow(struct pool *pool, const struct query *q, struct err *e)
{
	char after[EVENT_ID_SIZE] = "";
	bool begun = false;

	for (;;) {
		struct pollfd watch = {.events = POLLIN};
		int r;

		/* Before it reads: nothing that comes later goes unnoticed. */
		watch.fd = pool_watch(pool);
		pool_watch_drain(pool);
		if (q->limit && !begun)
			r = print_newest(pool, q, after, e);
		else
			r = print_new(pool, q, after, e);
		if (r == 0 && fflush(stdout) != 0)
			r = err_sys(e, errno, "cannot write the output");
		if (r < 0)
			return r;
		begun = true;
		poll(&watch, 1, FOLLOW_MS);
	}
}

/* Nothing was found: it may be that the name is mistyped. */
static void warn_of_account(const char *account)
{
	AUTO_FREE char *shown = text_shown(account);
	uid_t uid;

	if (account && host_account_find(account, &uid) < 0)
		fprintf(stderr,
			"Warning: there is no account '%s', and nothing of one in that time\n",
			shown);
}

/* What events are put into: a table, or a document that is printed in parts. */
struct listing {
	struct table *table; /* NULL: JSON */
	struct str text;
	struct json_out out;
	size_t count;
};

static int print_part(struct str *text, struct err *e)
{
	int r = print_text(str_text(text), e);

	text->length = 0;
	return r;
}

static int list_one(struct listing *l, const struct event *event, struct err *e)
{
	l->count++;
	if (l->table)
		view_events_row(l->table, event);
	else
		view_event_json(&l->out, event, false);
	return l->text.length < PART_BYTES ? 0 : print_part(&l->text, e);
}

/* All that the query wants: any number, of which only a table is in memory. */
static int list_all(struct pool *pool, const struct query *q, struct listing *l, struct err *e)
{
	const struct event *event;
	int r = pool_events_begin(pool, q->since_ns, NULL, e);

	while (r == 0 && (r = pool_events_next(pool, &event, e)) > 0)
		r = event_filter_takes(&q->filter, event) ? list_one(l, event, e) : 0;
	pool_events_end(pool);
	return r;
}

static int list_newest(struct pool *pool, const struct query *q, struct listing *l, bool *ret_cut,
		       struct err *e)
{
	AUTO(event_list_clear) struct event_list list = {0};
	int r = pool_events(pool, &q->filter, q->since_ns, NULL, q->limit, &list, e);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = list_one(l, &list.events[i], e);
	*ret_cut = list.cut;
	return r;
}

static int print_list(struct pool *pool, const struct query *q, const struct settings *s,
		      struct err *e)
{
	AUTO(table_freep) struct table *table = q->json ? NULL : view_events_table();
	struct listing l = {.table = table, .out = {.indent = 2, .ascii = true}};
	bool cut = false;
	int r;

	l.out.to = &l.text;
	if (q->json)
		view_events_json_begin(&l.out);
	r = q->limit ? list_newest(pool, q, &l, &cut, e) : list_all(pool, q, &l, e);
	if (r == 0 && !l.count)
		r = pool_events_check(pool, e);
	if (r == 0 && !l.count)
		warn_of_account(q->filter.account);
	if (r == 0 && q->json) {
		view_events_json_end(&l.out, cut);
		r = print_part(&l.text, e);
	} else if (r == 0 && l.count) {
		table_print(table, stdout, color_wanted(s, STDOUT_FILENO));
	} else if (r == 0) {
		printf("Nothing has happened in that time.\n");
	}
	str_clear(&l.text);
	return r;
}

static int explain(struct pool *pool, const char *id, bool json, struct err *e)
{
	AUTO(event_clear) struct event event = {.kind = EVENT_ADMIN};
	AUTO_FREE char *text = NULL;
	int r = pool_event(pool, id, &event, e);

	if (r < 0)
		return r;
	if (json)
		text = view_event_json_whole(&event);
	else
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
