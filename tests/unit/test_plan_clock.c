/* What becomes of reservations and waiting requests when clocks are set: plan/rebase.h and
   plan/doubt.h. */
#include "test.h"

#include "base/mem.h"
#include "plan_world.h"

#define SECOND NS_PER_SECOND
#define BOOT (1000 * SECOND)
/* Less: the host was suspended before. */
#define MONOTONIC (900 * SECOND)
#define HERE "boot-1"
#define ELSEWHERE "boot-2"

/* ---- times ---- */

static void test_rebase(void **state)
{
	static const struct {
		const char *clock;
		int64_t step_ns, moved_ns;
	} cases[] = {
		{HERE, 0, 0},
		{HERE, 600 * SECOND, 600 * SECOND},
		{HERE, -10 * 24 * HOUR, -10 * 24 * HOUR},
		/* What reading two clocks takes, and a clock that is only corrected. */
		{HERE, SECOND / 3, 0},
		{HERE, 600 * SECOND + 12345, 600 * SECOND},
		{HERE, -SECOND / 2 - 1, -SECOND},
		/* Another host's or boot's, and another program's. */
		{ELSEWHERE, 600 * SECOND, 0},
		{"", 600 * SECOND, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reservation r = {
			.start_ns = NOW - HOUR,
			.heartbeat_ns = NOW - MINUTE,
			.deadline_ns = NOW + HOUR,
			.base.offset_ns = NOW - BOOT,
			.doubt = {.heartbeat_ns = NOW - MINUTE,
				  .wall_ns = NOW,
				  .monotonic_ns = MONOTONIC},
		};
		int64_t by_ns = cases[i].moved_ns;

		strcpy(r.base.clock, cases[i].clock);
		/* Every process moves them, and whoever stores them stores the new base. */
		for (int again = 0; again < 2; again++) {
			plan_rebase(&r, HERE, NOW + 5 * SECOND + cases[i].step_ns,
				    BOOT + 5 * SECOND);
			if (r.start_ns != NOW - HOUR + by_ns ||
			    r.heartbeat_ns != NOW - MINUTE + by_ns ||
			    r.deadline_ns != NOW + HOUR + by_ns || r.expiry_ns != TIME_NONE ||
			    r.base.offset_ns != NOW - BOOT + by_ns ||
			    r.doubt.heartbeat_ns != r.heartbeat_ns ||
			    r.doubt.wall_ns != NOW + by_ns || r.doubt.monotonic_ns != MONOTONIC)
				fail_msg("case %zu", i);
		}
	}
}

/* The same for a request that waits; its place in the queue stays. */
static void test_rebase_entry(void **state)
{
	static const struct {
		const char *clock;
		int64_t set_ns, moved_ns;
		bool gives_up, doubted;
	} cases[] = {
		{HERE, 0, 0, true, true},
		{HERE, 600 * SECOND, 600 * SECOND, true, true},
		{HERE, -240 * HOUR, -240 * HOUR, true, false},
		{HERE, 240 * HOUR, 240 * HOUR, false, true},
		{ELSEWHERE, 600 * SECOND, 0, true, true},
		{"", 600 * SECOND, 0, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(pool_state_clear) struct pool_state seen = {0};
		struct queue_entry *q = pool_state_add_waiter(&seen);
		int64_t by_ns = cases[i].moved_ns;
		int64_t give_up_ns = cases[i].gives_up ? NOW + HOUR : TIME_NONE;

		*q = (struct queue_entry){
			.enqueued_ns = NOW - HOUR,
			.since_ns = NOW - HOUR,
			.heartbeat_ns = NOW - MINUTE,
			.give_up_ns = give_up_ns,
			.base.offset_ns = NOW - BOOT,
		};
		if (cases[i].doubted)
			q->doubt = (struct doubt){.heartbeat_ns = NOW - MINUTE, .wall_ns = NOW};
		strcpy(q->base.clock, cases[i].clock);
		for (int again = 0; again < 2; again++)
			plan_rebase_state(&seen, HERE, NOW + 5 * SECOND + cases[i].set_ns,
					  BOOT + 5 * SECOND);
		if (q->enqueued_ns != NOW - HOUR || plan_waits_since_ns(q) != NOW - HOUR + by_ns ||
		    q->heartbeat_ns != NOW - MINUTE + by_ns ||
		    q->give_up_ns != (give_up_ns ? give_up_ns + by_ns : TIME_NONE) ||
		    q->doubt.wall_ns != (cases[i].doubted ? NOW + by_ns : TIME_NONE) ||
		    (cases[i].doubted && q->doubt.heartbeat_ns != q->heartbeat_ns) ||
		    q->base.offset_ns != NOW - BOOT + by_ns)
			fail_msg("case %zu", i);
	}
}

/* An entry of a program that stores no such time. */
static void test_waits_since(void **state)
{
	struct queue_entry q = {.enqueued_ns = NOW};

	(void)state;
	assert_int_equal(plan_waits_since_ns(&q), NOW);
	q.since_ns = NOW - HOUR;
	assert_int_equal(plan_waits_since_ns(&q), NOW - HOUR);
}

/* A reservation for an hour lasts an hour, wherever the clock is meanwhile. */
static void test_manual_lasts(void **state)
{
	static const int64_t steps_ns[] = {0, 10 * MINUTE, 240 * HOUR, -10 * MINUTE, -240 * HOUR};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps_ns); i++) {
		for (int64_t age_ns = HOUR - SECOND; age_ns <= HOUR + SECOND; age_ns += SECOND) {
			struct reservation r = {.type = RESERVATION_MANUAL,
						.start_ns = NOW,
						.expiry_ns = NOW + HOUR,
						.base = {HERE, NOW - BOOT}};
			struct plan_facts facts = {.now_ns = NOW + age_ns + steps_ns[i],
						   .boot_ns = BOOT + age_ns,
						   .clock = HERE};
			enum end_reason reason;
			int64_t end_ns = 0;

			plan_rebase(&r, facts.clock, facts.now_ns, facts.boot_ns);
			assert_int_equal(
				plan_has_ended(&r, HOLDER_OUT_OF_SIGHT, &facts, &reason, &end_ns),
				age_ns >= HOUR);
			if (age_ns >= HOUR)
				assert_int_equal(end_ns - r.start_ns, HOUR);
		}
	}
}

/* ---- silence ---- */

/* A pool with one run of another host, or of a pid namespace, and somebody who looks. */
struct look {
	struct pool_state state;
	struct plan_facts facts;
	struct plan plan;
};

static void look_init(struct look *l)
{
	struct reservation *r;

	*l = (struct look){
		.facts = {
			.now_ns = NOW, .boot_ns = BOOT, .monotonic_ns = MONOTONIC, .clock = HERE}};
	l->state.initialized = true;
	pool_state_make_slots(&l->state, 1);
	r = world_hold(&l->state, 1, RESERVATION_RUN, 0, 1);
	r->holder.host = mem_strdup("elsewhere");
	r->heartbeat_ns = NOW;
}

static void look_clear(struct look *l)
{
	plan_clear(&l->plan);
	pool_state_clear(&l->state);
}

/* Looks after a time by the host's clock and by the wall clock, and applies what that changes. True
   if the run has ended. */
static bool look(struct look *l, int64_t passed_ns, int64_t wall_ns)
{
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct err e = {0};

	l->facts.boot_ns += passed_ns;
	l->facts.monotonic_ns += passed_ns;
	l->facts.now_ns += wall_ns;
	pool_state_copy(&seen, &l->state);
	plan_clear(&l->plan);
	plan_cleanup(&seen, &l->facts, &l->plan);
	for (size_t i = 0; i < l->plan.changes_count; i++) {
		assert_int_equal(change_apply(&l->state, &l->plan.changes[i], &e), 0);
		if (l->plan.changes[i].kind == CHANGE_RENEW)
			assert_true(l->plan.changes[i].quiet);
	}
	if (!l->state.reservations_count)
		assert_int_equal(l->plan.changes[0].end.reason, END_STALE);
	plan_clear(&l->plan);
	return !l->state.reservations_count;
}

static void renew(struct look *l)
{
	l->state.reservations[0]->heartbeat_ns = l->facts.now_ns;
}

#define DOUBT_NS (HEARTBEAT_INTERVAL_NS + DOUBT_SLACK_NS)

static void test_two_looks(void **state)
{
	AUTO(look_clear) struct look l;

	(void)state;
	look_init(&l);
	assert_false(look(&l, 300 * SECOND, 300 * SECOND));
	assert_int_equal(l.state.reservations[0]->doubt.wall_ns, TIME_NONE);
	assert_false(look(&l, 1, 1));
	assert_int_equal(l.state.reservations[0]->doubt.monotonic_ns, MONOTONIC + 300 * SECOND + 1);
	assert_false(look(&l, DOUBT_NS - 1, DOUBT_NS - 1));
	/* Meanwhile nobody's doubt begins again. */
	assert_int_equal(l.state.reservations[0]->doubt.monotonic_ns, MONOTONIC + 300 * SECOND + 1);
	assert_true(look(&l, 1, 1));
}

/* However far the wall clock jumps, and however often somebody looks. */
static void test_clock_jumps(void **state)
{
	AUTO(look_clear) struct look l;

	(void)state;
	look_init(&l);
	for (int i = 0; i < 100; i++) {
		int64_t jump_ns = (i % 3 - 1) * (i % 7) * HOUR;

		for (int k = 0; k < 12; k++)
			assert_false(
				look(&l, 5 * SECOND, 5 * SECOND + (k == i % 12 ? jump_ns : 0)));
		renew(&l);
	}
	/* The last heartbeat is in the future now: silence there is silence, too. */
	assert_false(look(&l, 0, -HOUR));
	assert_true(look(&l, DOUBT_NS, DOUBT_NS));
}

/* The host is suspended, before and after the first look: all heartbeats look old, and nobody could
   have renewed one. After that everybody has the time of a heartbeat. */
static void test_suspended(void **state)
{
	for (int waiter = 0; waiter < 2; waiter++) {
		int64_t pause_ns =
			DOUBT_SLACK_NS + (waiter ? QUEUE_HEARTBEAT_NS : HEARTBEAT_INTERVAL_NS);
		AUTO(look_clear) struct look l;
		size_t *count = &l.state.reservations_count;

		(void)state;
		look_init(&l);
		if (waiter) {
			struct queue_entry *q = pool_state_add_waiter(&l.state);

			strcpy(q->id, "waits");
			q->requested_count = 1;
			q->heartbeat_ns = q->enqueued_ns = NOW;
			q->holder.host = mem_strdup("elsewhere");
			count = &l.state.queue_count;
		}
		for (int i = 0; i < 2; i++) {
			l.facts.boot_ns += 9 * HOUR;
			l.facts.now_ns += 9 * HOUR;
			look(&l, i * (pause_ns - 1), i * (pause_ns - 1));
			assert_int_equal(*count, 1);
		}
		look(&l, 1, 1);
		assert_int_equal(*count, 0);
	}
}

/* A renewal ends the doubt, also one by a program that does not know of doubts. */
static void test_renewed(void **state)
{
	AUTO(look_clear) struct look l;

	(void)state;
	look_init(&l);
	assert_false(look(&l, 301 * SECOND, 301 * SECOND));
	renew(&l);
	assert_false(look(&l, 301 * SECOND, 301 * SECOND));
	assert_false(look(&l, DOUBT_NS - 1, DOUBT_NS - 1));
	plan_renew(&l.plan, l.state.reservations[0], l.facts.now_ns, NULL, NULL);
	assert_int_equal(l.plan.changes[0].renew.reservation->doubt.wall_ns, TIME_NONE);
}

/* Whoever looks next may be another host, or this one after a boot: its boot clock says nothing of
   the first look. It leaves the doubt alone for a while, and then has one of its own. */
static void test_other_clocks(void **state)
{
	static const struct {
		const char *clock;
		int64_t passed_ns, wall_ns;
		bool ended, begins;
	} cases[] = {
		{HERE, DOUBT_NS, 0, .ended = true},
		{HERE, DOUBT_NS, -2 * HOUR, .ended = true},
		{HERE, -1, DOUBT_NS, .begins = true},
		{ELSEWHERE, 10 * HOUR, DOUBT_NS},
		{ELSEWHERE, -MONOTONIC, HEARTBEAT_LIMIT_NS - 1},
		{ELSEWHERE, -MONOTONIC, HEARTBEAT_LIMIT_NS, .begins = true},
		{ELSEWHERE, HOUR, -1, .begins = true},
		{"", 0, HEARTBEAT_LIMIT_NS, .begins = true},
		{NULL, DOUBT_NS, DOUBT_NS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(look_clear) struct look l;

		look_init(&l);
		assert_false(look(&l, HOUR, HOUR));
		l.facts.clock = cases[i].clock;
		if (look(&l, cases[i].passed_ns, cases[i].wall_ns) != cases[i].ended)
			fail_msg("case %zu", i);
		if (cases[i].ended)
			continue;
		assert_int_equal(l.state.reservations[0]->doubt.wall_ns == l.facts.now_ns,
				 cases[i].begins);
		assert_int_equal(look(&l, DOUBT_NS, 0), cases[i].begins);
	}
}

/* What is not of ours is treated as its own program does. */
static void test_other_program(void **state)
{
	AUTO(look_clear) struct look l;

	(void)state;
	look_init(&l);
	free(mem_steal(&l.state.reservations[0]->holder.host));
	assert_true(look(&l, 301 * SECOND, 301 * SECOND));
}

/* The same for a request that waits: it is active until the second look. */
static void test_waiting(void **state)
{
	AUTO(look_clear) struct look l;
	struct queue_entry *q;

	(void)state;
	look_init(&l);
	q = pool_state_add_waiter(&l.state);
	strcpy(q->id, "waits");
	q->requested_count = 1;
	q->heartbeat_ns = q->enqueued_ns = NOW;
	q->holder.host = mem_strdup("elsewhere");
	assert_false(look(&l, 120 * SECOND, 120 * SECOND));
	assert_int_equal(l.state.queue[0].doubt.wall_ns, TIME_NONE);
	renew(&l);
	look(&l, 1, 1);
	assert_int_equal(l.state.queue[0].doubt.wall_ns, l.facts.now_ns);
	look(&l, QUEUE_HEARTBEAT_NS + DOUBT_SLACK_NS - 1, 0);
	assert_int_equal(plan_waiter_state(&l.state, &l.facts, 0), WAITER_ACTIVE);
	assert_true(plan_waiter_is_suspect(&l.state, &l.facts, 0));
	look(&l, 1, 0);
	assert_int_equal(l.state.queue_count, 0);
}

/* One that is absent at the same time, whatever for, is dropped as well: it would stay for ever. */
static void test_waiting_absent(void **state)
{
	static const char *const cases[] = {"cancelled", "gave up", "set aside", "impossible"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(look_clear) struct look l;
		struct queue_entry *q;

		look_init(&l);
		q = pool_state_add_waiter(&l.state);
		strcpy(q->id, "waits");
		q->requested_count = i == 3 ? 2 : 1;
		q->heartbeat_ns = q->enqueued_ns = NOW;
		q->holder.host = mem_strdup("elsewhere");
		q->cancelled = i == 0;
		q->give_up_ns = i == 1 ? NOW + 1 : TIME_NONE;
		q->offer.aside = mem_strdup(i == 2 ? "busy" : NULL);
		renew(&l);
		look(&l, 120 * SECOND + 1, 120 * SECOND + 1);
		if (plan_waiter_state(&l.state, &l.facts, 0) != WAITER_ABSENT)
			fail_msg("%s: not absent", cases[i]);
		assert_int_equal(l.state.queue[0].doubt.wall_ns, l.facts.now_ns);
		look(&l, QUEUE_HEARTBEAT_NS + DOUBT_SLACK_NS, 0);
		if (l.state.queue_count)
			fail_msg("%s: still in the queue", cases[i]);
	}
}

/* ---- all of it, at random ---- */

/* xorshift64*; below n. */
static int64_t below(uint64_t *random, int64_t n)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return (int64_t)((*random * UINT64_C(2685821657736338717)) >> 33) % n;
}

/* Two hosts share a pool. Their clocks are set now and then, each at other times and by anything up
   to ten days, and both look all the time. A run lives on one of them and renews every minute, a
   few seconds late perhaps; its program may be one that knows nothing of clocks and doubts. */
static void run_trace(uint64_t seed)
{
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	bool knows = below(&random, 2);
	int64_t step_ns[2] = {0, 5000 * HOUR}, renewed_ns = 0, death_ns, now_ns;
	AUTO(look_clear) struct look l;

	look_init(&l);
	death_ns = below(&random, 3600) * SECOND;
	if (knows)
		l.state.reservations[0]->base = (struct time_base){HERE, NOW - BOOT};
	for (now_ns = 0; now_ns < death_ns + 3600 * SECOND; now_ns += SECOND) {
		struct reservation *r = l.state.reservations[0];
		int host = (int)below(&random, 2);

		/* In the end the clocks are right. */
		if (now_ns >= death_ns + 1200 * SECOND)
			step_ns[0] = step_ns[1] = 0;
		else if (!below(&random, 200))
			step_ns[host] += (below(&random, 3) - 1) * below(&random, 240) * HOUR / 10;
		if (now_ns < death_ns && now_ns - renewed_ns >= (60 + below(&random, 5)) * SECOND) {
			plan_rebase(r, HERE, NOW + now_ns + step_ns[0], BOOT + now_ns);
			r->heartbeat_ns = NOW + now_ns + step_ns[0];
			renewed_ns = now_ns;
			if (knows)
				r->doubt = (struct doubt){0};
		}
		l.facts.clock = host ? ELSEWHERE : HERE;
		l.facts.now_ns = NOW + now_ns + step_ns[host];
		l.facts.boot_ns = BOOT + now_ns + (host ? 777 * HOUR : 0);
		l.facts.monotonic_ns = MONOTONIC + now_ns + (host ? 555 * HOUR : 0);
		plan_rebase(r, l.facts.clock, l.facts.now_ns, l.facts.boot_ns);
		if (below(&random, 3) && look(&l, 0, 0))
			break;
	}
	if (now_ns < death_ns)
		fail_msg("trace %llu: a living run was ended after %lld s",
			 (unsigned long long)seed, (long long)(now_ns / SECOND));
	if (l.state.reservations_count)
		fail_msg("trace %llu: a dead run was not ended", (unsigned long long)seed);
}

static void test_traces(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++)
		run_trace(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rebase),       cmocka_unit_test(test_rebase_entry),
		cmocka_unit_test(test_waits_since),  cmocka_unit_test(test_manual_lasts),
		cmocka_unit_test(test_two_looks),    cmocka_unit_test(test_clock_jumps),
		cmocka_unit_test(test_suspended),    cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_other_clocks), cmocka_unit_test(test_other_program),
		cmocka_unit_test(test_waiting),      cmocka_unit_test(test_waiting_absent),
		cmocka_unit_test(test_traces),
	};

	return cmocka_run_group_tests_name("plan clock", tests, NULL, NULL);
}
