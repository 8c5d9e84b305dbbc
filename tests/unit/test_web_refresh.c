/*
 * When the web server reads the pool again, and when it tells its event streams: each case is a
 * sequence of events, in milliseconds, and what follows from each.
 */
#include "test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "web/refresh_step.h"

#define INTERVAL_MS 2000
/* The clock does not begin with the server. */
#define START_NS (1000 * NS_PER_SECOND)
#define NEVER (-1)
#define ALL (-1)

/* What happens, and what is expected; times in ms. What is left out is false, 0, or not expected.
 */
struct step {
	int at;
	enum refresh_event_kind event;
	/* Of the event. */
	bool waited, watched, awaited, failed;
	uint64_t fingerprint;
	/* Expected. */
	bool tell, begin;
	int wait; /* REFRESH_REQUEST */
	int wake; /* REFRESH_END: up to then, or ALL */
	int next; /* REFRESH_TICK, REFRESH_BEGIN: NEVER, or the time */
};

static int to_ms(int64_t time_ns)
{
	return time_ns == INT64_MAX ? -1 : (int)((time_ns - START_NS) / NS_PER_MS);
}

static void run(const char *name, const struct step *steps, size_t count)
{
	struct refresh_state s;

	refresh_state_init(&s, INTERVAL_MS * NS_PER_MS);
	for (size_t i = 0; i < count; i++) {
		const struct step *step = &steps[i];
		struct refresh_event event = {
			.kind = step->event,
			.waited = step->waited,
			.watched = step->watched,
			.awaited = step->awaited,
			.failed = step->failed,
			.fingerprint = step->fingerprint,
		};
		struct refresh_action got =
			refresh_step(&s, &event, START_NS + step->at * NS_PER_MS);
		bool has_next = step->event == REFRESH_TICK || step->event == REFRESH_BEGIN;

		if (got.tell != step->tell || got.begin != step->begin ||
		    got.wait_ns != step->wait * NS_PER_MS ||
		    (step->event == REFRESH_END && to_ms(got.wake_ns) != step->wake) ||
		    (has_next && to_ms(got.next_ns) != step->next))
			fail_msg("%s, step %zu at %d ms: tell %d, begin %d, wait %d, wake %d, "
				 "next %d",
				 name, i, step->at, got.tell, got.begin,
				 (int)(got.wait_ns / NS_PER_MS), to_ms(got.wake_ns),
				 to_ms(got.next_ns));
	}
}

#define RUN(steps) run(#steps, steps, ARRAY_SIZE(steps))

#define REQUEST(ms) .at = (ms), .event = REFRESH_REQUEST
#define CHANGE(ms) .at = (ms), .event = REFRESH_CHANGE
#define TICK(ms) .at = (ms), .event = REFRESH_TICK
#define BEGIN(ms) .at = (ms), .event = REFRESH_BEGIN
#define END(ms) .at = (ms), .event = REFRESH_END

/* Until it shows something for the first time, and tells of it. */
#define FIRST_REFRESH                                                                      \
	{TICK(0), .watched = true, .begin = true, .next = 250}, {BEGIN(0), .next = NEVER}, \
		{END(10), .fingerprint = 1, .wake = ALL},                                  \
	{                                                                                  \
		TICK(10), .watched = true, .tell = true, .next = INTERVAL_MS               \
	}

static void test_request(void **state)
{
	const struct step first[] = {
		{REQUEST(0), .wait = 35000},
		{TICK(0), .awaited = true, .begin = true, .next = 250},
		{BEGIN(0), .next = NEVER},
		{END(9), .fingerprint = 1, .wake = ALL},
		{REQUEST(9), .waited = true},
		{REQUEST(10)},
	};
	const struct step nobody[] = {
		{TICK(0), .next = NEVER},
		{CHANGE(0)},
		{TICK(50), .tell = true, .next = NEVER},
	};
	/* Documents that are too old are not given to a client. */
	const struct step old[] = {
		FIRST_REFRESH,
		{REQUEST(4000)},
		{REQUEST(4001), .wait = 35000},
		{TICK(4001), .begin = true, .next = 4251},
		{BEGIN(4001), .next = NEVER},
		/* Unless the driver is slow: then for some seconds more. */
		{REQUEST(10000)},
		{REQUEST(10001), .wait = 35000},
	};

	(void)state;
	RUN(first);
	RUN(nobody);
	RUN(old);
}

static void test_interval(void **state)
{
	/* While anybody watches, once per interval; what shows nothing new is not told. */
	const struct step watched[] = {
		FIRST_REFRESH,
		{TICK(1999), .watched = true, .next = 2000},
		{TICK(2000), .watched = true, .begin = true, .next = 2250},
		{BEGIN(2000), .next = NEVER},
		{END(2010), .fingerprint = 1, .wake = ALL},
		{TICK(2010), .watched = true, .next = 4000},
		{TICK(4000), .watched = true, .begin = true, .next = 4250},
		{BEGIN(4000), .next = NEVER},
		{END(4010), .fingerprint = 2, .wake = ALL},
		{TICK(4010), .watched = true, .tell = true, .next = 6000},
		{TICK(4020), .next = NEVER},
	};
	/* As long as it takes is left to others. */
	const struct step slow[] = {
		{TICK(0), .watched = true, .begin = true, .next = 250},
		{BEGIN(0), .next = NEVER},
		{END(3000), .fingerprint = 1, .wake = ALL},
		{TICK(3000), .watched = true, .tell = true, .next = 6000},
		{TICK(4000), .watched = true, .awaited = true, .next = 6000},
		{TICK(6000), .watched = true, .begin = true, .next = 6250},
	};
	/* One that could not begin is asked for again. */
	const struct step refused[] = {
		{TICK(0), .watched = true, .begin = true, .next = 250},
		{TICK(250), .watched = true, .begin = true, .next = 500},
		{BEGIN(250), .next = NEVER},
	};

	(void)state;
	RUN(watched);
	RUN(slow);
	RUN(refused);
}

static void test_change(void **state)
{
	/* A change is told as soon as the documents show it, and once. */
	const struct step fast[] = {
		FIRST_REFRESH,
		{CHANGE(500)},
		{REQUEST(500), .wait = 300},
		{TICK(500), .watched = true, .begin = true, .next = 550},
		{BEGIN(500), .next = 550},
		{REQUEST(501), .wait = 300},
		{END(520), .fingerprint = 2, .wake = ALL},
		{TICK(520), .watched = true, .tell = true, .next = 2500},
		{TICK(550), .watched = true, .next = 2500},
	};
	/* Also where it changed nothing that is shown: somebody may have waited for it. */
	const struct step same[] = {
		FIRST_REFRESH,
		{CHANGE(500)},
		{TICK(500), .watched = true, .begin = true, .next = 550},
		{BEGIN(500), .next = 550},
		{END(520), .fingerprint = 1, .wake = ALL},
		{TICK(520), .watched = true, .tell = true, .next = 2500},
	};
	/* With a slow driver it is told before, and again if there is something new. */
	const struct step slow[] = {
		FIRST_REFRESH,
		{CHANGE(500)},
		{TICK(500), .watched = true, .begin = true, .next = 550},
		{BEGIN(500), .next = 550},
		{TICK(550), .watched = true, .tell = true, .next = NEVER},
		/* Nothing newer is about to come: what there is is good. */
		{REQUEST(560)},
		{END(800), .fingerprint = 2, .wake = ALL},
		{TICK(800), .watched = true, .tell = true, .next = 2500},
	};
	/* One that comes during a refresh is shown by the next one. */
	const struct step during[] = {
		FIRST_REFRESH,
		{CHANGE(500)},
		{TICK(500), .watched = true, .begin = true, .next = 550},
		{BEGIN(500), .next = 550},
		{CHANGE(510)},
		{REQUEST(515), .wait = 300},
		{END(520), .fingerprint = 1, .wake = 500},
		{TICK(520), .watched = true, .next = 540},
		{TICK(540), .watched = true, .begin = true, .next = 550},
		{BEGIN(540), .next = 550},
		{END(548), .fingerprint = 3, .wake = ALL},
		{TICK(548), .watched = true, .tell = true, .next = 2540},
	};
	/* Changes that follow each other fast are told together. */
	const struct step many[] = {
		FIRST_REFRESH,
		{CHANGE(20)},
		{TICK(20), .watched = true, .begin = true, .next = 70},
		{BEGIN(20), .next = 70},
		{END(25), .fingerprint = 2, .wake = ALL},
		{TICK(25), .watched = true, .next = 50},
		{TICK(50), .watched = true, .tell = true, .next = 2020},
	};

	(void)state;
	RUN(fast);
	RUN(same);
	RUN(slow);
	RUN(during);
	RUN(many);
}

static void test_failure(void **state)
{
	/* That the pool cannot be read is told, and that it can be again. */
	const struct step fails[] = {
		FIRST_REFRESH,
		{TICK(2000), .watched = true, .begin = true, .next = 2250},
		{BEGIN(2000), .next = NEVER},
		{END(2010), .fingerprint = 1, .failed = true, .wake = ALL},
		{TICK(2010), .watched = true, .tell = true, .next = 4000},
		{TICK(4000), .watched = true, .begin = true, .next = 4250},
		{BEGIN(4000), .next = NEVER},
		{END(4010), .fingerprint = 1, .wake = ALL},
		{TICK(4010), .watched = true, .tell = true, .next = 6000},
	};

	(void)state;
	RUN(fails);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
