/* What `events` shows: the table, the document, and the state that a decision was made on. */
#include "test.h"

#include <jansson.h>
#include <locale.h>
#include <time.h>

#include "base/mem.h"
#include "view/events.h"
#include "view/guard.h"

#define T0 (INT64_C(1796000000) * NS_PER_SECOND) /* 2026-11-30 00:53:20 UTC */

static char alice[] = "alice", root[] = "root",
	    request_id[] = "9c0d1e2f-0000-4000-8000-000000000000",
	    hostile[] = "no\x1b[31m GPU\nfor you";

static int set_world(void **state)
{
	(void)state;
	setenv("TZ", "CET-1", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static struct event event_of(char *before)
{
	static int gpus[] = {2, 3, 5};

	return (struct event){
		.id = "1796000000000000",
		.time_ns = T0,
		.kind = EVENT_GRANTED,
		.account = alice,
		.actor = root,
		.uid = quantity_of(1000),
		.gpus = gpus,
		.gpus_count = 3,
		.queue_id = request_id,
		.reason = hostile,
		.before = before,
	};
}

static void test_table(void **state)
{
	struct event event = event_of(NULL), act = {.kind = EVENT_ADMIN, .actor = root};
	struct event events[] = {event, act};
	AUTO(table_freep) struct table *table = view_events_table();
	AUTO_FREE char *line = view_event_line(&event);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		view_events_row(table, &events[i]);
	assert_string_equal(table_cell(table, 0, 0), "2026-11-30 01:53:20");
	assert_string_equal(table_cell(table, 0, 1), "granted");
	assert_string_equal(table_cell(table, 0, 2), "alice");
	assert_string_equal(table_cell(table, 0, 3), "2-3,5");
	assert_string_equal(table_cell(table, 0, 5), "no\\x1b[31m GPU\\x0afor you");
	assert_string_equal(table_cell(table, 1, 2), "root");
	assert_string_equal(table_cell(table, 1, 3), "-");
	assert_string_equal(line, "2026-11-30 01:53:20  granted           1796000000000000  "
				  "no\\x1b[31m GPU\\x0afor you");
}

static const struct explain_case {
	const char *title, *before, *part; /* of the explanation */
} cases[] = {
	{"nothing kept", NULL, "No state is kept with events of this kind"},
	{"what was asked", "asked 2 GPUs of type h100\n", "Asked for: 2 GPUs of type h100\n"},
	{"free", "free 0-1,5\n", "The GPUs before that:\n  GPUs 0-1,5: free\n"},
	{"held", "held 4 manual 5e6f7a8b bob\n", "  GPU 4: reserved: manual 5e6f7a8b bob\n"},
	{"kept", "kept 6 9c0d1e2f carol\n",
	 "  GPU 6: kept for the waiting request 9c0d1e2f carol\n"},
	{"drained", "drained 7 root\n", "  GPU 7: out of service: root\n"},
	{"used", "used 8 uses 500 MB\n", "  GPU 8: not to be had: it uses 500 MB\n"},
	{"hostile", "used 8 uses \x1b[31m\n", "it uses \\x1b[31m\n"},
	{"own request", "free 0-3\nwaits 9c0d1e2f alice 3\n",
	 "in order of arrival:\n  9c0d1e2f of alice, for 3 GPUs: this request\n"},
	{"too few for another", "free 0\nkept 1 aaaaaaaa bob\nwaits aaaaaaaa bob 4\n",
	 "  aaaaaaaa of bob, for 4 GPUs: 1 was free (1 was kept for it)\n"},
	{"too few, and none kept", "free 0-1\nwaits aaaaaaaa bob 4\n",
	 "  aaaaaaaa of bob, for 4 GPUs: 2 were free, too few\n"},
	{"behind", "free 0-3\nwaits 9c0d1e2f alice 3\nwaits aaaaaaaa bob 1\n",
	 "  aaaaaaaa of bob, for 1 GPU: it came later\n"},
	{"passed over", "free 0\nwaits aaaaaaaa bob 1 its process is stopped\n",
	 "  aaaaaaaa of bob, for 1 GPU: passed over: its process is stopped\n"},
	{"by id", "free 0\nwaits aaaaaaaa bob =2-3\n", "  aaaaaaaa of bob, for GPUs 2-3\n"},
	{"cut", "waits aaaaaaaa bob 1\nmore 12\n", "  (and 12 more lines, which are not kept)\n"},
	{"nonsense", "waits\nfree\n\nheld", "granted: "},
};

static void test_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *before = mem_strdup(cases[i].before);
		struct event event = event_of(before);
		AUTO_FREE char *text = view_event_explained(&event);

		if (!strstr(text, cases[i].part))
			fail_msg("%s: '%s' is not in\n%s", cases[i].title, cases[i].part, text);
		assert_null(strchr(text, '\x1b'));
	}
}

static void test_json(void **state)
{
	char before[] =
		"asked 3 GPUs\nfree 0-1\nheld 2 run 1a2b3c4d bob\nwaits aaaaaaaa carol =4-5\n"
		"waits bbbbbbbb dan 2 its process is stopped\nmore 3\n";
	struct event event = event_of(before);
	AUTO_FREE char *whole = view_event_json_whole(&event), *line = view_event_json_line(&event);
	json_t *object = json_loads(whole, 0, NULL);
	AUTO_FREE char *text = json_dumps(json_object_get(object, "before"), JSON_COMPACT);

	(void)state;
	assert_string_equal(
		text,
		"{\"asked\":\"3 GPUs\",\"gpus\":[{\"state\":\"free\",\"gpus\":[0,1],\"text\":null},"
		"{\"state\":\"held\",\"gpus\":[2],\"text\":\"run 1a2b3c4d bob\"}],\"waiting\":["
		"{\"queue_id\":\"aaaaaaaa\",\"account\":\"carol\",\"requested\":null,"
		"\"requested_ids\":[4,5],\"passed_over\":null},{\"queue_id\":\"bbbbbbbb\","
		"\"account\":\"dan\",\"requested\":2,\"requested_ids\":null,"
		"\"passed_over\":\"its process is stopped\"}],\"left_out\":3}");
	assert_string_equal(json_string_value(json_object_get(object, "time")),
			    "2026-11-30T00:53:20Z");
	assert_string_equal(json_string_value(json_object_get(object, "kind")), "granted");
	assert_true(json_is_null(json_object_get(object, "details")));
	json_decref(object);
	object = json_loads(line, 0, NULL);
	assert_null(json_object_get(object, "before"));
	json_decref(object);
}

/* What is written is what jansson would write of it, in each form. */
static void test_json_text(void **state)
{
	static const struct {
		const char *reason, *details, *before;
		size_t gpus;
	} rows[] = {
		{"plain", NULL, NULL, 0},
		{"", "{}", "free 0-1\n", 3},
		{"\"quoted\" \\ /\b\f\n\r\t\x01\x1f\x7f", "[]", NULL, 1},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
		 "{\"a\":[1,{\"b\":[]}],\"c\":\"\xc3\xa4\"}", "waits aaaaaaaa carol =4-5\n", 2},
		{"not \xff UTF-8 \xe2\x82", "broken", NULL, 1},
		{NULL, "1.5", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *reason = mem_strdup(rows[i].reason),
			       *details = mem_strdup(rows[i].details),
			       *before = mem_strdup(rows[i].before);
		struct event event = event_of(before);
		AUTO(str_clear) struct str list = {0};
		struct json_out o = {.to = &list, .indent = 2, .ascii = true};
		AUTO_FREE char *line = NULL, *whole = NULL, *other = NULL, *end = NULL;
		json_t *document;

		event.reason = reason;
		event.details = details;
		event.gpus_count = rows[i].gpus;
		line = view_event_json_line(&event);
		document = json_loads(line, 0, NULL);
		assert_non_null(document);
		other = json_dumps(document, JSON_COMPACT);
		assert_memory_equal(line, other, strlen(other));
		assert_string_equal(line + strlen(other), "\n");
		json_decref(document);

		whole = view_event_json_whole(&event);
		document = json_loads(whole, 0, NULL);
		assert_non_null(document);
		mem_replace(&other, NULL);
		other = json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		end = mem_printf("%s\n", other);
		assert_string_equal(whole, end);
		json_decref(document);

		view_events_json_begin(&o);
		for (size_t k = 0; k < i; k++)
			view_event_json(&o, &event, true);
		view_events_json_end(&o, i == 1);
		document = json_loads(str_text(&list), 0, NULL);
		assert_non_null(document);
		assert_int_equal(json_array_size(json_object_get(document, "events")), i);
		assert_int_equal(json_is_true(json_object_get(document, "cut")), i == 1);
		mem_replace(&other, NULL);
		mem_replace(&end, NULL);
		other = json_dumps(document, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		end = mem_printf("%s\n", other);
		assert_string_equal(str_text(&list), end);
		json_decref(document);
	}
}

/* What a pass of guard prints, and what a dry run does: sentences. */
static void test_guard(void **state)
{
	static char text[] = "GPU 3 is so", what[] = "GPU 3: idle",
		    process[] = "process 7 on GPU 3";
	static const struct {
		enum guard_deed deed;
		char *text;
		const char *dry_run, *done, *failed;
	} rows[] = {
		{GUARD_SICK, text, "would record: GPU 3 is so", "sick: GPU 3 is so", NULL},
		{GUARD_WELL, text, "would record: GPU 3 is so", "well: GPU 3 is so", NULL},
		{GUARD_BEGUN, text, "would record: GPU 3 is so", "unreserved-begun: GPU 3 is so",
		 NULL},
		{GUARD_ENDED, text, "would record: GPU 3 is so", "unreserved-ended: GPU 3 is so",
		 NULL},
		{GUARD_EXPIRING, text, "would tell alice: GPU 3 is so", "expiring: GPU 3 is so",
		 NULL},
		{GUARD_WARN, text, "would warn alice: GPU 3 is so", "warn: GPU 3 is so", NULL},
		{GUARD_WITHDRAW, text, "would tell alice: GPU 3 is so", "withdraw: GPU 3 is so",
		 NULL},
		{GUARD_RELEASED, what, "would release GPU 3: idle",
		 "release: guard released GPU 3: idle", NULL},
		{GUARD_TERM, process, "would send SIGTERM to process 7 on GPU 3",
		 "stop: guard sent SIGTERM to process 7 on GPU 3",
		 "stop failed (gone): process 7 on GPU 3"},
		{GUARD_KILL, process, "would send SIGKILL to process 7 on GPU 3",
		 "kill: guard sent SIGKILL to process 7 on GPU 3",
		 "kill failed (gone): process 7 on GPU 3"},
		{GUARD_SIGNAL_RUN, what, "would send SIGTERM to GPU 3: idle",
		 "signal: guard sent SIGTERM to GPU 3: idle", "signal failed (gone): GPU 3: idle"},
		{GUARD_WAIT, text, "GPU 3 is so", NULL, NULL},
		{GUARD_SPARE, text, "GPU 3 is so", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char gone[] = "gone", *failures[] = {rows[i].failed ? gone : NULL};
		struct guard_step step = {
			.deed = rows[i].deed, .account = alice, .text = rows[i].text};
		struct pool_guarded pass = {.steps = {.steps = &step, .count = 1}};
		AUTO_FREE char *dry_run = view_guard_text(&pass, true),
			       *done = view_guard_text(&pass, false), *failed = NULL,
			       *lines = mem_printf("%s\n%s%s%s%s", rows[i].dry_run,
						   rows[i].done ? rows[i].done : "",
						   rows[i].done ? "\n" : "",
						   rows[i].failed ? rows[i].failed : "",
						   rows[i].failed ? "\n" : ""),
			       *all = NULL;

		pass.failures = failures;
		failed = rows[i].failed ? view_guard_text(&pass, false) : mem_strdup("");
		all = mem_printf("%s%s%s", dry_run, done, failed);
		assert_string_equal(all, lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table), cmocka_unit_test(test_explained),
		cmocka_unit_test(test_json),  cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_guard),
	};

	return cmocka_run_group_tests_name("view events", tests, set_world, NULL);
}
