/*
 * How another host's web server is followed: each case is a sequence of events, in milliseconds,
 * and what follows from each. And what is left of documents that lie.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "remote/follow_step.h"
#include "remote/tidy.h"

/* The clock does not begin with the server. */
#define START_NS (1000 * NS_PER_SECOND)
#define LIMIT_MS 10000
#define NEVER (-1)

/* What happens, and what is expected of the tick that follows it; what is left out is false or 0.
 */
struct step {
	int at;
	enum follow_event_kind event;
	int cost;
	/* Expected. */
	bool open, fetch, close;
	const char *problem;
	enum follow_status status;
	int next;
};

static void run(const char *name, const struct step *steps, size_t count)
{
	struct follow_state s;

	follow_state_init(&s, LIMIT_MS * NS_PER_MS);
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		struct follow_event event = {
			.kind = step->event, .cost_ns = step->cost * NS_PER_MS, .random = 0.5};
		const struct follow_event tick = {.kind = FOLLOW_TICK, .random = 0.5};
		int64_t now_ns = START_NS + step->at * NS_PER_MS;
		struct follow_action first = {0}, got;
		int next;

		if (step->event != FOLLOW_TICK)
			first = follow_step(&s, &event, now_ns);
		got = follow_step(&s, &tick, now_ns);
		got.close |= first.close;
		next = got.next_ns == INT64_MAX ? NEVER
						: (int)((got.next_ns - START_NS) / NS_PER_MS);
		if (got.open != step->open || got.fetch != step->fetch ||
		    got.close != step->close || s.status != step->status || next != step->next ||
		    strcmp(got.problem ? got.problem : "", step->problem ? step->problem : "") != 0)
			fail_msg("%s, step %zu at %d ms: open %d, fetch %d, close %d, problem %s, "
				 "status %d, next %d",
				 name, i, step->at, got.open, got.fetch, got.close,
				 got.problem ? got.problem : "none", s.status, next);
	}
}

#define RUN(steps) run(#steps, steps, ARRAY_SIZE(steps))
#define UP .status = FOLLOW_UP
#define AWAY .status = FOLLOW_AWAY

/* Until its documents are there for the first time. */
#define FIRST                                                             \
	{0, FOLLOW_WANT, .open = true, .next = 10000},                    \
		{20, FOLLOW_STREAM_BEGINS, .fetch = true, .next = 45020}, \
	{                                                                 \
		30, FOLLOW_FETCHED, UP, .next = 45020                     \
	}

static void test_changes(void **state)
{
	static const struct step steps[] = {
		FIRST,
		/* One that follows soon waits. */
		{500, FOLLOW_CHANGE, UP, .next = 2020},
		{600, FOLLOW_CHANGE, UP, .next = 2020},
		{2020, FOLLOW_TICK, UP, .fetch = true, .next = 45600},
		/* While documents are read something changes: they are read again. */
		{2030, FOLLOW_CHANGE, UP, .next = 47030},
		{2040, FOLLOW_FETCHED, UP, .next = 4020},
		{4020, FOLLOW_TICK, UP, .fetch = true, .next = 47030},
		/* Reading took long: the pause is longer. */
		{4100, FOLLOW_FETCHED, UP, .cost = 100, .next = 47030},
		{4200, FOLLOW_CHANGE, UP, .next = 9100},
		/* A comment says that it lives. */
		{9100, FOLLOW_HEARD, UP, .fetch = true, .next = 54100},
	};

	(void)state;
	RUN(steps);
}

static void test_back_off(void **state)
{
	static const struct step steps[] = {
		{0, FOLLOW_WANT, .open = true, .next = 10000},
		{10, FOLLOW_FAILED, AWAY, .close = true, .next = 1010},
		{1010, FOLLOW_TICK, AWAY, .open = true, .next = 11010},
		/* No answer at all. */
		{11010, FOLLOW_TICK, AWAY, .close = true, .problem = "no answer", .next = 13010},
		{13010, FOLLOW_TICK, AWAY, .open = true, .next = 23010},
		{13020, FOLLOW_FAILED, AWAY, .close = true, .next = 17020},
		{17020, FOLLOW_TICK, AWAY, .open = true, .next = 27020},
		{17020, FOLLOW_FAILED, AWAY, .close = true, .next = 25020},
		{25020, FOLLOW_TICK, AWAY, .open = true, .next = 35020},
		{25020, FOLLOW_FAILED, AWAY, .close = true, .next = 41020},
		{41020, FOLLOW_TICK, AWAY, .open = true, .next = 51020},
		{41020, FOLLOW_FAILED, AWAY, .close = true, .next = 71020},
		{71020, FOLLOW_TICK, AWAY, .open = true, .next = 81020},
		{71020, FOLLOW_FAILED, AWAY, .close = true, .next = 101020},
		/* It is back: it is up when its documents are there, and the pauses begin again. */
		{101020, FOLLOW_TICK, AWAY, .open = true, .next = 111020},
		{101030, FOLLOW_STREAM_BEGINS, AWAY, .fetch = true, .next = 146030},
		{101040, FOLLOW_FETCHED, UP, .next = 146030},
		{101050, FOLLOW_FAILED, UP, .close = true, .next = 102050},
	};

	(void)state;
	RUN(steps);
}

static void test_restart(void **state)
{
	static const struct step steps[] = {
		FIRST,
		/* One that is restarted is never away; one that stays away is at the next attempt.
		 */
		{5000, FOLLOW_FAILED, UP, .close = true, .next = 6000},
		{6000, FOLLOW_TICK, UP, .open = true, .next = 16000},
		{6010, FOLLOW_STREAM_BEGINS, UP, .fetch = true, .next = 51010},
		{6020, FOLLOW_FETCHED, UP, .next = 51010},
		{7000, FOLLOW_FAILED, UP, .close = true, .next = 8000},
		{8000, FOLLOW_TICK, UP, .open = true, .next = 18000},
		{8010, FOLLOW_FAILED, AWAY, .close = true, .next = 10010},
	};
	static const struct step silent[] = {
		FIRST,
		{45020, FOLLOW_TICK, UP, .close = true, .problem = "its event stream is silent",
		 .next = 46020},
	};

	(void)state;
	RUN(steps);
	RUN(silent);
}

static void test_without_stream(void **state)
{
	static const struct step steps[] = {
		{0, FOLLOW_WANT, .open = true, .next = 10000},
		{20, FOLLOW_STREAM_MISSING, .fetch = true, .next = NEVER},
		{40, FOLLOW_FETCHED, UP, .next = 10020},
		{10020, FOLLOW_TICK, UP, .fetch = true, .next = NEVER},
		{10040, FOLLOW_FETCHED, UP, .next = 20020},
	};

	(void)state;
	RUN(steps);
}

static void test_rest(void **state)
{
	static const struct step steps[] = {
		FIRST,
		{40, FOLLOW_CHANGE, UP, .next = 2020},
		/* What was known is old when somebody looks again. */
		{50, FOLLOW_REST, .close = true, .next = NEVER},
		{60, FOLLOW_TICK, .next = NEVER},
		{70, FOLLOW_WANT, .open = true, .next = 10070},
		/* Nothing is left of the pauses. */
		{80, FOLLOW_STREAM_BEGINS, .fetch = true, .next = 45080},
	};

	(void)state;
	RUN(steps);
}

/* ---- documents ---- */

static const struct tidy_case {
	json_t *(*tidy)(const json_t *document);
	const char *text, *expected;
} tidy_cases[] = {
	{tidy_gpus, "[]", "[]"},
	{tidy_gpus,
	 "[{\"gpu_id\":3,\"status\":\"IN_USE\",\"user\":\"a\",\"ends_at_estimated\":true,"
	 "\"model\":{\"model\":\"m\",\"x\":1}}]",
	 "[{\"gpu_id\":3,\"status\":\"IN_USE\",\"user\":\"a\",\"model\":{\"model\":\"m\"},"
	 "\"ends_at_estimated\":true,"
	 "\"account\":null}]"},
	/* Nothing of another type, nothing that nobody knows, and no GPU without a number. */
	{tidy_gpus,
	 "[{\"gpu_id\":0,\"status\":7,\"user\":{},\"note\":[\"x\"],\"model\":\"m\","
	 "\"processes\":{\"a\":1},\"ends_at\":null,\"__proto__\":\"x\"},"
	 "{\"gpu_id\":\"1\"},{\"gpu_id\":-1},{\"gpu_id\":1.5},{}]",
	 "[{\"gpu_id\":0,\"account\":null}]"},
	{tidy_gpus,
	 "[{\"gpu_id\":0,\"processes\":[1,null,{\"pid\":\"x\",\"name\":\"n\"}],"
	 "\"unreserved_users\":[1,\"b\"]}]",
	 "[{\"gpu_id\":0,\"unreserved_users\":[\"b\"],\"processes\":[{\"name\":\"n\"}],"
	 "\"account\":null}]"},
	/* The existing program's entries get our names. */
	{tidy_entries,
	 "[{\"user\":\"a\",\"requested_count\":3,\"allocated_gpus\":[2],\"reservation_type\":\"run\"}]",
	 "[{\"user\":\"a\",\"requested_count\":3,\"allocated_gpus\":[2],\"reservation_type\":\"run\","
	 "\"requested\":3,\"allocated\":[2],\"type\":\"run\",\"account\":null}]"},
	{tidy_entries, "[{\"note\":null,\"requested\":\"x\",\"allocated\":[\"1\",2]}]",
	 "[{\"allocated\":[2],\"note\":null,\"requested\":0,\"account\":null}]"},
	/* Links would be shown as ours. */
	{tidy_host,
	 "{\"version\":\"1\",\"documentation\":\"http://evil/\",\"source\":\"x\",\"demo\":1}",
	 "{\"version\":\"1\"}"},
};

static void test_tidy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tidy_cases); i++) {
		json_t *document = json_loads(tidy_cases[i].text, 0, NULL);
		json_t *tidy = tidy_cases[i].tidy(document);
		AUTO_FREE char *text = json_dumps(tidy, JSON_COMPACT);

		assert_string_equal(text, tidy_cases[i].expected);
		json_decref(tidy);
		json_decref(document);
	}
}

static void test_tidy_limits(void **state)
{
	json_t *rows = json_array(), *row = json_object(), *list = json_array(), *tidy;
	AUTO_FREE char *text = mem_alloc(2 * TIDY_TEXT_MAX, 1);

	(void)state;
	/* Cut before the character, not within it. */
	memset(text, 'x', TIDY_TEXT_MAX - 1);
	strcpy(text + TIDY_TEXT_MAX - 1, "\xc3\xa4 more");
	for (int i = 0; i < 2 * TIDY_LIST_MAX; i++)
		json_array_append_new(list, json_string("u"));
	json_object_set_new(row, "gpu_id", json_integer(0));
	json_object_set_new(row, "note", json_string(text));
	json_object_set_new(row, "unreserved_users", list);
	json_array_append_new(rows, row);
	tidy = tidy_gpus(rows);
	row = json_array_get(tidy, 0);
	assert_int_equal(json_string_length(json_object_get(row, "note")), TIDY_TEXT_MAX - 1);
	assert_int_equal(json_array_size(json_object_get(row, "unreserved_users")), TIDY_LIST_MAX);
	json_decref(tidy);
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),     cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_restart),     cmocka_unit_test(test_without_stream),
		cmocka_unit_test(test_rest),        cmocka_unit_test(test_tidy),
		cmocka_unit_test(test_tidy_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
