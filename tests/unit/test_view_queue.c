/* What `queue` shows: the table, the document, the explanations, and how long something takes. */
#include "test.h"

#include <errno.h>
#include <locale.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "plan/queue.h"
#include "view/queue.h"
#include "view/words.h"
#include "view_world.h"

static int set_world(void **state)
{
	(void)state;
	/* The document has UTC in any zone, the explanations have local time: 20:26. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* ---- how long something takes ---- */

static void test_about(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{-5, "less than a minute"},
		{59, "less than a minute"},
		{60, "about 1m"},
		{89, "about 1m"},
		{90, "about 2m"},
		{59 * 60 + 29, "about 59m"},
		{59 * 60 + 30, "about 1h"},
		{80 * 60, "about 1h 20m"},
		{47 * 3600 + 59 * 60, "about 47h 59m"},
		{48 * 3600, "about 2d"},
		{76 * 3600 + 1800, "about 3d 4h"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = view_about(S(cases[i].seconds));

		assert_string_equal(text, cases[i].text);
	}
}

/* ---- the table and the document ---- */

static void test_nobody(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *json = NULL;

	(void)state;
	world_open(&s, 2);
	world_show(&s);
	table = view_queue_table(&s);
	assert_null(table_cell(table, 0, 0));
	json = world_json(view_queue_json(&s), -1);
	assert_string_equal(json, "{\"entries\":[],\"total_waiting\":0,\"total_gpus_requested\":0,"
				  "\"total_gpus_allocated\":0}");
}

/* Alice has three of four GPUs; bob has collected the last and waits for one more; carol wants two
   that others have. */
static void set_line(struct snapshot *s)
{
	struct queue_entry *q;

	world_open(s, 4);
	world_reserve(s, RESERVATION_MANUAL, "alice", 0, 3);
	q = world_wait(s, "bob", 2);
	q->type = RESERVATION_MANUAL;
	q->duration_ns = HMS(2, 0, 0);
	q->note = mem_strdup("a note");
	q = world_wait(s, "carol", 0);
	q->requested_ids = mem_alloc(2, sizeof(int));
	q->requested_ids[1] = 3;
	q->requested_ids_count = 2;
	/* Its place is that of a clock which was set since. */
	q->enqueued_ns = NOW + HMS(240, 0, 0);
	q->since_ns = NOW - S(61);
	world_collect(s, 0, 3);
}

static void test_table(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *text = NULL;
	struct table *table;

	(void)state;
	set_line(&s);
	world_show(&s);
	world_starts(&s, 0, NOW + HMS(7, 59, 40));
	table = view_queue_table(&s);
	/* Nothing of what is shown lies in the snapshot. */
	world_close(&s);
	text = world_print(table, 0);
	assert_string_equal(
		text,
		"Position  User   Requested  Allocated  Waiting    Type    ID        Starts in  "
		"Waiting for\n"
		"--------  ----   ---------  ---------  -------    ----    --        ---------  "
		"-----------\n"
		"1         bob    2          1          0h 10m 0s  manual  00000001  about 8h   "
		"alice 0-2\n"
		"2         carol  2          0          0h 1m 1s   run     00000002  unknown    "
		"alice 0, bob 3\n");
}

static void test_document(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *bob = NULL, *carol = NULL;

	(void)state;
	set_line(&s);
	world_show(&s);
	/* To the next full minute. */
	world_starts(&s, 0, NOW + HMS(7, 59, 40));
	bob = world_json(view_queue_json(&s), 0);
	assert_string_equal(bob, "{\"id\":\"00000001-0000-4000-8000-000000000000\",\"position\":1,"
				 "\"state\":\"active\",\"user\":\"bob\",\"account\":\"bob\","
				 "\"type\":\"manual\",\"requested\":2,\"requested_ids\":null,"
				 "\"allocated\":[3],\"waiting_since\":\"2025-07-07T18:16:32Z\","
				 "\"waiting_seconds\":600,\"waiting_for\":\"alice 0-2\","
				 "\"estimated_start\":\"2025-07-08T02:27:00Z\",\"note\":\"a note\","
				 "\"requested_count\":2,\"allocated_gpus\":[3],"
				 "\"reservation_type\":\"manual\","
				 "\"enqueue_time\":\"2025-07-07T18:16:32Z\"}");
	carol = world_json(view_queue_json(&s), 1);
	assert_string_equal(carol,
			    "{\"id\":\"00000002-0000-4000-8000-000000000000\",\"position\":2,"
			    "\"state\":\"active\",\"user\":\"carol\",\"account\":\"carol\","
			    "\"type\":\"run\",\"requested\":2,\"requested_ids\":[0,3],"
			    "\"allocated\":[],\"waiting_since\":\"2025-07-07T18:25:31Z\","
			    "\"waiting_seconds\":61,\"waiting_for\":\"alice 0, "
			    "bob 3\",\"estimated_start\":null,\"note\":null,"
			    "\"requested_count\":2,\"allocated_gpus\":[],"
			    "\"reservation_type\":\"run\","
			    "\"enqueue_time\":\"2025-07-07T18:25:31Z\"}");
}

/* The document of a snapshot for which nothing was foreseen, as of a clock that was set back. */
static void test_document_without_forecast(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO_FREE char *json = NULL;
	struct queue_entry *q;

	(void)state;
	world_open(&s, 1);
	q = world_wait(&s, NULL, 1);
	free(q->account);
	q->account = NULL;
	q->note = mem_strdup("");
	q->enqueued_ns = NOW + S(5);
	json = world_json(view_queue_json(&s), 0);
	assert_string_equal(json, "{\"id\":\"00000001-0000-4000-8000-000000000000\",\"position\":1,"
				  "\"state\":\"active\",\"user\":null,\"account\":null,"
				  "\"type\":\"run\",\"requested\":1,\"requested_ids\":null,"
				  "\"allocated\":[],\"waiting_since\":\"2025-07-07T18:26:37Z\","
				  "\"waiting_seconds\":0,\"waiting_for\":null,"
				  "\"estimated_start\":null,\"note\":null,"
				  "\"requested_count\":1,\"allocated_gpus\":[],"
				  "\"reservation_type\":\"run\","
				  "\"enqueue_time\":\"2025-07-07T18:26:37Z\"}");
}

/* What keeps each kind of GPU from one who wants any of them, and when that one starts. */
static void test_waiting_for(void **state)
{
	static const char *const starts[] = {"unknown", "any moment", "any moment",
					     "less than a minute"};
	static const int64_t times[] = {TIME_NONE, NOW - S(5), NOW, NOW + S(40)};
	AUTO(world_close) struct snapshot s;

	(void)state;
	world_open(&s, 7);
	world_reserve(&s, RESERVATION_RUN, "alice", 0, 1);
	world_busy(&s, 1, 9000);
	world_unknown(&s, 2, "lost");
	s.state.slots[3].problem = mem_strdup("not JSON");
	s.state.slots[4].drained_by = mem_strdup("root");
	world_wait(&s, "bob", 1)->requested_ids = mem_alloc(1, sizeof(int));
	s.state.queue[0].requested_ids[0] = 5;
	s.state.queue[0].requested_ids_count = 1;
	world_wait(&s, "carol", 6);
	world_show(&s);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		AUTO(table_freep) struct table *table = NULL;

		world_starts(&s, 1, times[i]);
		table = view_queue_table(&s);
		assert_string_equal(table_cell(table, 1, 7), starts[i]);
		assert_string_equal(table_cell(table, 1, 8),
				    "alice 0, in use without reservation 1, use unknown 2, "
				    "unreadable 3, out of service 4, bob 5, free 6");
	}
}

/* Stopped, cancelled, impossible: its state in the table and in the document. */
static void test_states(void **state)
{
	static enum holder_life life[] = {HOLDER_STOPPED, HOLDER_ALIVE, HOLDER_ALIVE, HOLDER_ALIVE};
	static const char *const names[] = {"absent", "cancelled", "absent", "active"};
	static const char *const reasons[] = {"its process is stopped", NULL,
					      "it needs 3 GPUs, and 2 are in service", NULL};
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	json_t *document;

	(void)state;
	world_open(&s, 2);
	world_reserve(&s, RESERVATION_RUN, "alice", 0, 2);
	for (int i = 0; i < 4; i++)
		world_wait(&s, "bob", i == 2 ? 3 : 1);
	s.state.queue[0].heartbeat_ns = NOW - HMS(0, 5, 0);
	s.state.queue[1].cancelled = true;
	s.liveness.waiting = mem_alloc(4, sizeof(*life));
	memcpy(s.liveness.waiting, life, sizeof(life));
	world_show(&s);
	table = view_queue_table(&s);
	document = view_queue_json(&s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_t *entry = json_array_get(json_object_get(document, "entries"), i);
		AUTO_FREE char *cell =
			mem_printf("(%s%s%s) alice 0-1", names[i], reasons[i] ? ": " : "",
				   reasons[i] ? reasons[i] : "");
		const char *why = json_string_value(json_object_get(entry, "passed_over"));

		assert_string_equal(json_string_value(json_object_get(entry, "state")), names[i]);
		if (!reasons[i])
			assert_null(why);
		else
			assert_string_equal(why, reasons[i]);
		assert_string_equal(table_cell(table, i, 8), i == 3 ? "alice 0-1" : cell);
	}
	json_decref(document);
}

static void test_hostile(void **state)
{
	AUTO(world_close) struct snapshot s;
	AUTO(table_freep) struct table *table = NULL;
	AUTO_FREE char *why = NULL, *json = NULL;

	(void)state;
	world_open(&s, 2);
	world_reserve(&s, RESERVATION_MANUAL, "ali\x1b[31mce", 0, 1);
	world_wait(&s, "b\nob", 2)->note = mem_strdup("\x1b[2J\xff");
	s.state.slots[1].drained_by = mem_strdup("ro\x1b[31mot");
	world_show(&s);
	table = view_queue_table(&s);
	assert_string_equal(table_cell(table, 0, 1), "b\\x0aob");
	assert_string_equal(table_cell(table, 0, 8),
			    "(absent: it needs 2 GPUs, and 1 is in service) ali\\x1b[31mce 0, "
			    "out of service 1");
	json = world_json(view_queue_json(&s), 0);
	assert_non_null(strstr(json, "\"note\":\"\\u001B[2J\xef\xbf\xbd\""));
	assert_int_equal(view_explain(&s, "00000001", &why, NULL), 0);
	assert_null(strchr(why, '\x1b'));
	assert_non_null(strstr(why, "of b\\x0aob is waiting"));
	assert_non_null(strstr(why, "is reserved by ali\\x1b[31mce (manual)"));
	assert_non_null(strstr(why, "GPU 1 is out of service: drained by ro\\x1b[31mot.\n"));
}

static void test_long(void **state)
{
	AUTO(world_close) struct snapshot s;

	(void)state;
	world_open(&s, 40);
	world_reserve(&s, RESERVATION_RUN, "a-name-of-more-than-twenty-columns", 0, 40);
	world_wait(&s, "another-name-of-more-than-twenty-columns", 40);
	world_show(&s);
	for (size_t width = 60; width <= 140; width += 20) {
		AUTO_FREE char *text = world_print(view_queue_table(&s), width);

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
			assert_true(text_width(line) <= width);
	}
}

/* ---- why ---- */

static void expect_why(const struct snapshot *s, const char *id, const char *expected)
{
	AUTO_FREE char *why = NULL;
	struct err e = {0};

	assert_int_equal(view_explain(s, id, &why, &e), 0);
	assert_string_equal(why, expected);
}

/* Alice has 0 by hand, dave 1 with a time limit, erin 2 without, fay 3 as her runs go; bob has
   collected 4, and carol wants 0 and 4. */
static void test_explain(void **state)
{
	AUTO(world_close) struct snapshot s;
	const struct reservation *alice, *dave, *fay;
	struct queue_entry *q;

	(void)state;
	world_open(&s, 5);
	alice = world_reserve(&s, RESERVATION_MANUAL, "alice", 0, 1);
	dave = world_reserve(&s, RESERVATION_RUN, "dave", 1, 1);
	world_reserve(&s, RESERVATION_RUN, "erin", 2, 1);
	fay = world_reserve(&s, RESERVATION_RUN, "fay", 3, 1);
	world_wait(&s, "bob", 2);
	q = world_wait(&s, "carol", 0);
	q->requested_ids = mem_alloc(2, sizeof(int));
	q->requested_ids[1] = 4;
	q->requested_ids_count = 2;
	q->give_up_ns = NOW + HMS(24, 0, 0);
	world_collect(&s, 0, 4);
	world_show(&s);
	world_ends(&s, alice, END_BASIS_EXPIRY, alice->expiry_ns);
	world_ends(&s, dave, END_BASIS_LIMIT, NOW + HMS(0, 14, 30));
	world_ends(&s, fay, END_BASIS_PAST, NOW + HMS(1, 0, 0));
	world_starts(&s, 0, NOW + HMS(0, 14, 30));
	expect_why(
		&s, "00000001-0000",
		"Request 00000001 of bob is waiting for 2 GPUs, since 2025-07-07 20:16 (0h 10m "
		"0s).\n"
		"Position 1 of 2; nobody ahead of it is waiting for the same GPUs.\n"
		"GPU 0 is reserved by alice (manual) until 2025-07-07 23:42.\n"
		"GPU 1 is reserved by dave (run) until 2025-07-07 20:41 at the latest (its time "
		"limit).\n"
		"GPU 2 is reserved by erin (run); for how long is unknown.\n"
		"GPU 3 is reserved by fay (run), until about 2025-07-07 21:26 judging by earlier "
		"runs of that account.\n"
		"GPU 4 is collected for this request.\n"
		"Next, as far as is known: GPU 1 at 2025-07-07 20:41, for this request.\n"
		"It has 1 of 2 GPUs, [4], and takes each that becomes free unless a request ahead "
		"of it could use it.\n"
		"It is expected to start at about 2025-07-07 20:41 (in about 15m), if these times "
		"hold.\n");
	expect_why(
		&s, "00000002",
		"Request 00000002 of carol is waiting for 2 GPUs, exactly [0, 4], since "
		"2025-07-07 20:16 (0h 10m 0s).\n"
		"It gives up at 2025-07-08 20:26.\n"
		"Ahead of it in the queue: request 00000001 of bob (2 GPUs).\n"
		"GPU 0 is reserved by alice (manual) until 2025-07-07 23:42; request 00000001 of "
		"bob comes first.\n"
		"GPU 4 is collected for request 00000001 of bob.\n"
		"Next, as far as is known: GPU 0 at 2025-07-07 23:42, for request 00000001 of "
		"bob.\n"
		"It has 0 of 2 GPUs and takes each that becomes free unless a request ahead of it "
		"could use it.\n"
		"Its start cannot be estimated: it is unknown when some of these GPUs become "
		"free.\n");
}

/* GPUs that nobody has, and a holder whose command has ended. */
static void test_explain_free(void **state)
{
	AUTO(world_close) struct snapshot s;

	(void)state;
	world_open(&s, 6);
	world_reserve(&s, RESERVATION_RUN, "alice", 0, 1);
	world_busy(&s, 1, 9000);
	world_unknown(&s, 2, NULL);
	s.state.slots[3].problem = mem_strdup("not JSON");
	s.state.slots[4].drained_by = mem_strdup("root");
	world_wait(&s, "bob", 1);
	world_show(&s);
	world_ends(&s, s.state.reservations[0], END_BASIS_ENDED, NOW);
	world_starts(&s, 0, NOW);
	expect_why(&s, "0",
		   "Request 00000001 of bob is waiting for 1 GPU, since 2025-07-07 20:16 (0h 10m "
		   "0s).\n"
		   "Position 1 of 1; nobody ahead of it is waiting for the same GPUs.\n"
		   "GPU 0 is reserved by alice (run), whose command has ended.\n"
		   "GPU 1 is in use without a reservation.\n"
		   "GPU 2 is not handed out: its use is unknown.\n"
		   "GPU 3 is not handed out: its state cannot be read.\n"
		   "GPU 4 is out of service: drained by root.\n"
		   "GPU 5 is free.\n"
		   "Next, as far as is known: GPU 0 at 2025-07-07 20:26, for this request.\n"
		   "It has 0 of 1 GPU and takes each that becomes free unless a request ahead of "
		   "it could use it.\n"
		   "It should start any moment.\n");
}

/* Why nothing is kept for it. */
static void test_explain_absent(void **state)
{
	static const struct {
		enum holder_life life;
		int wanted;
		bool cancelled;
		const char *last;
	} cases[] = {
		{HOLDER_STOPPED, 1, false,
		 "It is passed over: its process is stopped. It keeps its place, but others are "
		 "served meanwhile.\n"},
		{HOLDER_ALIVE, 2, false,
		 "It is passed over: it needs 2 GPUs, and 1 is in service. It keeps its place, but "
		 "others are served meanwhile.\n"},
		{HOLDER_ALIVE, 1, true, "It was cancelled, and is about to leave the queue.\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_close) struct snapshot s;
		AUTO_FREE char *why = NULL;
		struct queue_entry *q;

		world_open(&s, 2);
		world_reserve(&s, RESERVATION_RUN, "alice", 0, 1);
		s.state.slots[1].drained_by = mem_strdup("root");
		q = world_wait(&s, "bob", cases[i].wanted);
		q->heartbeat_ns = q->enqueued_ns = NOW - HMS(1, 0, 0);
		q->cancelled = cases[i].cancelled;
		s.liveness.waiting = mem_alloc(1, sizeof(enum holder_life));
		s.liveness.waiting[0] = cases[i].life;
		world_show(&s);
		assert_int_equal(view_explain(&s, "0", &why, NULL), 0);
		assert_true(strlen(why) > strlen(cases[i].last));
		assert_string_equal(why + strlen(why) - strlen(cases[i].last), cases[i].last);
	}
}

static void test_explain_refused(void **state)
{
	AUTO(world_close) struct snapshot s;
	char *why = NULL;
	struct err e = {0};

	(void)state;
	world_open(&s, 1);
	world_wait(&s, "bob", 1);
	world_wait(&s, "carol", 1);
	world_show(&s);
	assert_int_equal(view_explain(&s, "12345678", &why, &e), -ENOENT);
	assert_non_null(strstr(e.text, "there is no waiting request '12345678'"));
	assert_true(view_explain(&s, "0", &why, NULL) < 0); /* both begin with it */
	assert_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_about),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_document_without_forecast),
		cmocka_unit_test(test_waiting_for),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_free),
		cmocka_unit_test(test_explain_absent),
		cmocka_unit_test(test_explain_refused),
	};

	return cmocka_run_group_tests(tests, set_world, NULL);
}
