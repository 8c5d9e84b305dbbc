/* What `events` shows: the table, the document, and the state that a decision was made on. */
#include "test.h"

#include <locale.h>
#include <time.h>

#include "base/mem.h"
#include "view/events.h"

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
	const struct event_list list = {.events = events, .count = 2};
	AUTO(table_freep) struct table *table = view_events_table(&list);
	AUTO_FREE char *line = view_event_line(&event);

	(void)state;
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
	json_t *object = view_event_json(&event, true);
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
	object = view_event_json(&event, false);
	assert_null(json_object_get(object, "before"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_explained),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests_name("view events", tests, set_world, NULL);
}
