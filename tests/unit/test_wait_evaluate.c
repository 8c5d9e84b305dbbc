/* What a waiting request does next, by tables: pool/wait_evaluate.h. */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "plan_world.h"
#include "pool/wait_evaluate.h"

#define SECOND NS_PER_SECOND
#define GPUS_MAX 4
#define ENTRIES_MAX 16

/* Monotonic times are counted from here. */
#define MONOTONIC (1000 * SECOND)

static char alice[] = "u1", bob[] = "u2";
static const char own_id[] = "11111111-0000-0000-0000-000000000000";
static const char request_id[] = "22222222-0000-0000-0000-000000000000";

/* A request of account u1 for all GPUs of the pool, and what surrounds it. */
struct scene {
	struct pool_state state;
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[GPUS_MAX], waiting[ENTRIES_MAX];
	struct plan_facts facts;
	struct plan_request request;
	struct plan_wait wait;
	struct wait_situation situation;
};

static struct queue_entry *scene_queue(struct scene *s, const char *id, char *account)
{
	struct queue_entry *q = pool_state_add_waiter(&s->state);

	if (id)
		memcpy(q->id, id, ID_SIZE);
	else
		snprintf(q->id, ID_SIZE, "33333333-0000-0000-0000-%012zu", s->state.queue_count);
	q->user = mem_strdup(account);
	q->account = mem_strdup(account);
	q->requested_count = (int)s->state.slots_count;
	q->enqueued_ns = NOW - HOUR + (int64_t)s->state.queue_count;
	q->heartbeat_ns = NOW - 10 * SECOND;
	q->holder.host = mem_strdup("host");
	s->waiting[s->state.queue_count - 1] = HOLDER_ALIVE;
	return q;
}

/* A letter for each GPU: '.' free, 'm' reserved by hand for an hour, 'r' by a run that lives, 'o'
   by one that is out of sight, 'e' by one whose command has ended, 'c' collected for the request.
 */
static void scene_hold(struct scene *s, const char *gpus)
{
	for (int i = 0; gpus[i]; i++) {
		bool run = gpus[i] == 'r' || gpus[i] == 'o' || gpus[i] == 'e';
		struct reservation *r;

		if (gpus[i] == '.')
			continue;
		r = world_hold(&s->state, gpus[i] == 'c' ? 1 : 2,
			       run ? RESERVATION_RUN : RESERVATION_MANUAL, i, 1);
		if (gpus[i] == 'c')
			r->queue_id = mem_strdup(own_id);
		s->life[s->state.reservations_count - 1] = gpus[i] == 'r'   ? HOLDER_ALIVE
							   : gpus[i] == 'e' ? HOLDER_ENDING
									    : HOLDER_OUT_OF_SIGHT;
	}
}

/* Its entry lists what it has collected. */
static void scene_collect(struct queue_entry *q, const char *gpus)
{
	q->collected = mem_alloc(GPUS_MAX, sizeof(int));
	for (int i = 0; gpus[i]; i++) {
		if (gpus[i] == 'c')
			q->collected[q->collected_count++] = i;
	}
}

/* `before` rivals are in the queue before it. */
static void scene_init(struct scene *s, const char *gpus, size_t before, bool joined)
{
	*s = (struct scene){0};
	s->state.initialized = true;
	pool_state_make_slots(&s->state, strlen(gpus));
	scene_hold(s, gpus);
	for (size_t i = 0; i < before; i++)
		scene_queue(s, NULL, bob);
	if (joined)
		scene_collect(scene_queue(s, own_id, alice), gpus);
	s->facts = (struct plan_facts){
		.now_ns = NOW,
		.monotonic_ns = MONOTONIC,
		.life = s->life,
		.waiting = s->waiting,
	};
	s->request = (struct plan_request){
		.actor = {.uid = 1, .account = alice},
		.type = RESERVATION_RUN,
		.count = (int)strlen(gpus),
		.id = request_id,
	};
	s->wait = (struct plan_wait){
		.entry_id = own_id,
		.part_id = "44444444-0000-0000-0000-000000000000",
		.enqueued_ns = joined ? NOW - HOUR + (int64_t)before + 1 : TIME_NONE,
	};
	s->situation = (struct wait_situation){
		.state = &s->state,
		.facts = &s->facts,
		.request = &s->request,
		.wait = &s->wait,
		.watch.due_ns = INT64_MAX,
		.is_watching = true,
		.now_ns = MONOTONIC,
		.next_heartbeat_ns = MONOTONIC + 40 * SECOND,
		.deadline_ns = INT64_MAX,
	};
}

/* 'i' idle, 'b' busy, 'u' unknown, a letter for each GPU; a scan of now, for the present prospects.
 */
static void scene_scan(struct scene *s, const char *use)
{
	for (size_t i = 0; use[i]; i++)
		s->use[i] = use[i] == 'i' ? USE_IDLE : use[i] == 'b' ? USE_BUSY : USE_UNKNOWN;
	s->situation.scan = (struct wait_scan){
		.use = s->use,
		.taken_ns = MONOTONIC,
		.pause_ns = SECOND,
		.prospects = wait_prospects(&s->state, NULL),
	};
}

static struct wait_evaluation evaluate(struct scene *s)
{
	struct wait_evaluation v;
	struct err e = {0};

	if (wait_evaluate(&s->situation, &v, &e) < 0)
		fail_msg("%s", e.text);
	return v;
}

static void test_actions(void **state)
{
	static const struct {
		const char *title, *gpus, *use;
		size_t before;
		bool joined;
		enum wait_action action;
		bool uses_scan;
	} cases[] = {
		{"new, nothing is free", "rr", NULL, 0, false, WAIT_COLLECT, false},
		{"new, behind somebody", "..", NULL, 1, false, WAIT_COLLECT, false},
		{"new, some might be had", "r.", NULL, 0, false, WAIT_SCAN, true},
		{"nothing is free", "rr", NULL, 0, true, WAIT_SLEEP, false},
		{"somebody is before it", "..", "ii", 1, true, WAIT_SLEEP, false},
		{"one might be had", "r.", NULL, 0, true, WAIT_SCAN, true},
		{"one can be had", "r.", "bi", 0, true, WAIT_COLLECT, true},
		{"one is free and busy", "r.", "bb", 0, true, WAIT_SLEEP, true},
		{"one is free and unknown", "r.", "bu", 0, true, WAIT_SLEEP, true},
		{"it has one, none is free", "cr", NULL, 0, true, WAIT_SLEEP, false},
		{"it has one, the other can be had", "c.", "ii", 0, true, WAIT_GRANT, true},
		{"all can be had", "..", "ii", 0, true, WAIT_GRANT, true},
		{"new, all can be had", "..", "ii", 0, false, WAIT_GRANT, true},
		{"it has all", "cc", NULL, 0, true, WAIT_SCAN, true},
		{"it has all, and they are idle", "cc", "ii", 0, true, WAIT_GRANT, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wait_evaluation v;
		struct scene s;

		scene_init(&s, cases[i].gpus, cases[i].before, cases[i].joined);
		if (cases[i].use)
			scene_scan(&s, cases[i].use);
		v = evaluate(&s);
		if (v.action != cases[i].action)
			fail_msg("%s: action %d", cases[i].title, v.action);
		if (v.action != WAIT_SCAN && v.uses_scan != cases[i].uses_scan)
			fail_msg("%s: uses_scan is %d", cases[i].title, v.uses_scan);
		assert_int_equal(v.rank, cases[i].joined ? cases[i].before : 0);
		pool_state_clear(&s.state);
	}
}

/* A request for GPUs of a kind scans before it joins, even if nothing is free: its entry has to say
   which these are. */
static void test_kind_needs_a_scan(void **state)
{
	struct gpu gpu = {.memory_total_mb = quantity_of(81559)};
	struct gpu *const seen[] = {&gpu, &gpu};
	struct scene s;

	(void)state;
	scene_init(&s, "rr", 0, false);
	s.request.min_memory_mb = 1000;
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	scene_scan(&s, "bb");
	s.situation.scan.gpus = seen;
	assert_int_equal(evaluate(&s).action, WAIT_COLLECT);
	assert_true(evaluate(&s).uses_scan);
	pool_state_clear(&s.state);

	scene_init(&s, "rr", 0, true);
	s.request.min_memory_mb = 1000;
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	s.state.queue[0].eligible = mem_alloc(2, sizeof(int));
	s.state.queue[0].eligible[1] = 1;
	s.state.queue[0].eligible_count = 2;
	assert_int_equal(evaluate(&s).action, WAIT_SLEEP);
	pool_state_clear(&s.state);
}

/* Which scan of busy GPUs still counts. */
static void test_age_of_the_scan(void **state)
{
	static const struct {
		int64_t age_ns;
		bool is_new, is_of_others;
		enum wait_action action;
	} cases[] = {
		{0, false, false, WAIT_SLEEP},
		{SECOND - 1, false, false, WAIT_SLEEP},
		{SECOND, false, false, WAIT_SCAN},
		{SECOND, true, false, WAIT_SLEEP}, /* the driver needed that long */
		{0, false, true, WAIT_SCAN},
		{0, true, true, WAIT_SLEEP},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wait_evaluation v;
		struct scene s;

		scene_init(&s, "r.", 0, true);
		scene_scan(&s, "bb");
		s.situation.scan.taken_ns -= cases[i].age_ns;
		s.situation.scan.is_new = cases[i].is_new;
		s.situation.scan.prospects ^= cases[i].is_of_others;
		v = evaluate(&s);
		if (v.action != cases[i].action)
			fail_msg("case %zu: action %d", i, v.action);
		pool_state_clear(&s.state);
	}
}

/* A GPU that was released since the scan is another prospect, and so is one that was taken. */
static void test_prospects(void **state)
{
	struct scene s;
	uint64_t before;

	(void)state;
	scene_init(&s, "r.", 0, true);
	before = wait_prospects(&s.state, NULL);
	s.state.slots[1].last_released_ns = NOW;
	assert_true(wait_prospects(&s.state, NULL) != before);
	s.state.slots[1].last_released_ns = TIME_NONE;
	assert_true(wait_prospects(&s.state, NULL) == before);
	s.state.slots[0].reservation = NULL;
	assert_true(wait_prospects(&s.state, NULL) != before);
	pool_state_clear(&s.state);
}

/* When it wakes up at the latest. Times are from now. */
static void test_sleep(void **state)
{
	const int64_t departs_ns = QUEUE_HEARTBEAT_LIMIT_NS - 10 * SECOND + NS_PER_MS;
	const struct {
		const char *title, *gpus, *use;
		size_t before;
		bool is_deaf, external_writers, far;
		int64_t deadline_ns, until_ns, wall_ns; /* wall_ns 0: never */
	} cases[] = {
		{.title = "a heartbeat", .gpus = "rr", .until_ns = 40 * SECOND},
		{.title = "its own limit",
		 .gpus = "rr",
		 .deadline_ns = 7 * SECOND,
		 .until_ns = 7 * SECOND},
		{.title = "the next scan", .gpus = "r.", .use = "bb", .until_ns = SECOND},
		{.title = "an expiry", .gpus = "rm", .until_ns = 40 * SECOND, .wall_ns = HOUR},
		{.title = "a holder that falls silent",
		 .gpus = "om",
		 .until_ns = 40 * SECOND,
		 .wall_ns = HEARTBEAT_LIMIT_NS - MINUTE / 2 + NS_PER_MS},
		{.title = "a supervisor that does not release",
		 .gpus = "em",
		 .until_ns = 40 * SECOND,
		 .wall_ns = HEARTBEAT_INTERVAL_NS - MINUTE / 2 + NS_PER_MS},
		{.title = "what it has collected does not matter",
		 .gpus = "cr",
		 .until_ns = 40 * SECOND},
		{.title = "a request before it",
		 .gpus = "mm",
		 .before = 1,
		 .until_ns = 40 * SECOND,
		 .wall_ns = departs_ns},
		{.title = "no watch, first", .gpus = "rr", .is_deaf = true, .until_ns = SECOND},
		{.title = "no watch, fourth",
		 .gpus = "rr",
		 .before = 3,
		 .is_deaf = true,
		 .until_ns = 4 * SECOND,
		 .wall_ns = departs_ns},
		{.title = "other writers, second",
		 .gpus = "rr",
		 .before = 1,
		 .external_writers = true,
		 .until_ns = 2 * SECOND,
		 .wall_ns = departs_ns},
		{.title = "other writers, third",
		 .gpus = "rr",
		 .before = 2,
		 .external_writers = true,
		 .until_ns = 40 * SECOND,
		 .wall_ns = departs_ns},
		{.title = "far behind",
		 .gpus = "..",
		 .use = "ii",
		 .before = WAIT_FAR_RANK,
		 .far = true,
		 .until_ns = 40 * SECOND,
		 .wall_ns = departs_ns},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t wall_ns = cases[i].wall_ns ? NOW + cases[i].wall_ns : INT64_MAX;
		struct wait_evaluation v;
		struct scene s;

		scene_init(&s, cases[i].gpus, cases[i].before, true);
		if (cases[i].use)
			scene_scan(&s, cases[i].use);
		s.situation.is_watching = !cases[i].is_deaf;
		s.facts.shared = cases[i].external_writers;
		s.situation.far = cases[i].far;
		if (cases[i].deadline_ns)
			s.situation.deadline_ns = MONOTONIC + cases[i].deadline_ns;
		v = evaluate(&s);
		if (v.action != WAIT_SLEEP)
			fail_msg("%s: action %d", cases[i].title, v.action);
		if (v.until_ns != MONOTONIC + cases[i].until_ns)
			fail_msg("%s: sleeps for %lld ns", cases[i].title,
				 (long long)(v.until_ns - MONOTONIC));
		if (v.wall_until_ns != wall_ns)
			fail_msg("%s: sleeps until %lld ns from now", cases[i].title,
				 (long long)(v.wall_until_ns - NOW));
		pool_state_clear(&s.state);
	}
}

/* What has been freed, and others may be freeing, is neither scanned nor taken before it is
   settled: then it wakes up. */
static void test_unsettled(void **state)
{
	static const struct {
		bool shared;
		int64_t lapsed_ms; /* before now */
		enum wait_action action;
		int64_t until_ms;
	} cases[] = {
		{true, 100, WAIT_SLEEP, 401},
		{true, 499, WAIT_SLEEP, 2},
		{true, 500, WAIT_SCAN, 0},
		{false, 100, WAIT_SCAN, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wait_evaluation v;
		struct scene s;

		scene_init(&s, "r.", 0, true);
		s.facts.shared = cases[i].shared;
		s.state.slots[1].lapsed_ns = NOW - cases[i].lapsed_ms * NS_PER_MS;
		v = evaluate(&s);
		if (v.action != cases[i].action)
			fail_msg("case %zu: action %d", i, v.action);
		if (v.action == WAIT_SLEEP)
			assert_int_equal(v.until_ns - MONOTONIC, cases[i].until_ms * NS_PER_MS);
		pool_state_clear(&s.state);
	}
}

/* A holder, or a request before it, that is silent and out of sight: it records the first look, and
   wakes up by itself for the second one. */
static void test_doubts(void **state)
{
	(void)state;
	for (int waiter = 0; waiter < 2; waiter++) {
		int64_t interval_ns = waiter ? QUEUE_HEARTBEAT_NS : HEARTBEAT_INTERVAL_NS;
		struct wait_evaluation v;
		struct doubt *doubt;
		struct scene s;

		scene_init(&s, "o", (size_t)waiter, true);
		if (waiter) {
			s.waiting[0] = HOLDER_OUT_OF_SIGHT;
			s.state.queue[0].heartbeat_ns = NOW - HOUR;
			doubt = &s.state.queue[0].doubt;
		} else {
			s.state.reservations[0]->holder.host = mem_strdup("host");
			s.state.reservations[0]->heartbeat_ns = NOW - HOUR;
			doubt = &s.state.reservations[0]->doubt;
		}
		s.state.reservations[0]->start_ns = NOW - 2 * HOUR;
		assert_int_equal(evaluate(&s).action, WAIT_COLLECT);
		*doubt = plan_doubt(NOW - HOUR, &s.facts);
		s.facts.monotonic_ns += interval_ns;
		v = evaluate(&s);
		assert_int_equal(v.action, WAIT_SLEEP);
		assert_int_equal(v.until_ns, MONOTONIC + DOUBT_SLACK_NS + NS_PER_MS);
		if (!waiter)
			assert_int_equal(v.wall_until_ns, INT64_MAX);
		s.facts.monotonic_ns += DOUBT_SLACK_NS;
		assert_int_equal(evaluate(&s).action, waiter ? WAIT_COLLECT : WAIT_SCAN);
		pool_state_clear(&s.state);
	}
}

/* Force takes GPUs in use, but none of which nobody knows how they are used. */
static void test_force_needs_a_scan(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, "..", 0, true);
	s.request.force = true;
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	scene_scan(&s, "bb");
	assert_int_equal(evaluate(&s).action, WAIT_GRANT);
	pool_state_clear(&s.state);
}

static void test_granted_already(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, "rr", 0, true);
	memcpy(s.state.reservations[0]->id, request_id, ID_SIZE);
	assert_int_equal(evaluate(&s).action, WAIT_GRANTED);
	pool_state_clear(&s.state);
}

/* A refusal is an error, and leaves the evaluation alone. */
static void test_cancelled(void **state)
{
	struct wait_evaluation v = {.rank = 77};
	struct err e = {0};
	struct scene s;

	(void)state;
	scene_init(&s, "..", 0, true);
	s.state.queue[0].cancelled = true;
	assert_int_equal(wait_evaluate(&s.situation, &v, &e), -ECANCELED);
	assert_int_equal(v.rank, 77);
	pool_state_clear(&s.state);
}

/* ---- those before it ---- */

#define MS NS_PER_MS

/* What it does about GPUs that those before it do not take. Times are from now. */
static void test_watch(void **state)
{
	static const struct {
		const char *title, *gpus, *use;
		size_t before;
		int64_t due_ns, pause_ns; /* -1: not set */
		int64_t offered_ns; /* ago, to the first; 0: nothing, -1: it knows no offers */
		bool is_new, other_prospects, follows;
		enum wait_action action;
		int64_t until_ns, next_ns; /* next_ns -1: nothing to watch */
	} cases[] = {
		{"nothing is free", "rr", NULL, 1, -1, 0, 0, .until_ns = 40 * SECOND,
		 .next_ns = -1},
		{"nobody is before it", "..", "bb", 0, -1, 0, 0, .until_ns = SECOND, .next_ns = -1},
		{"just now", "..", NULL, 1, -1, 0, 0, .until_ns = 250 * MS, .next_ns = 250 * MS},
		{"the third", "..", NULL, 2, -1, 0, 0, .until_ns = 500 * MS, .next_ns = 500 * MS},
		{"not due", "..", NULL, 1, 100 * MS, SECOND, 0, .until_ns = 100 * MS,
		 .next_ns = 100 * MS},
		{"the pool has changed", "..", NULL, 1, 9000 * MS, 9 * SECOND, 0,
		 .other_prospects = true, .until_ns = 250 * MS, .next_ns = 250 * MS},
		{"changes do not put it off", "..", NULL, 1, 100 * MS, 9 * SECOND, 0,
		 .other_prospects = true, .until_ns = 100 * MS, .next_ns = 100 * MS},
		{"due", "..", "ii", 1, 0, SECOND, 0, .action = WAIT_SCAN},
		{"idle", "..", "ii", 1, 0, SECOND, 0, .is_new = true, .action = WAIT_COLLECT},
		{"busy", "..", "bb", 1, 0, SECOND, 0, .is_new = true, .until_ns = 2 * SECOND,
		 .next_ns = 2 * SECOND},
		{"busy for long", "..", "bu", 1, 0, 15 * SECOND, 0, .is_new = true,
		 .until_ns = 20 * SECOND, .next_ns = 20 * SECOND},
		{"busy for long, the third", "..", "bb", 2, 0, 30 * SECOND, 0, .is_new = true,
		 .until_ns = 40 * SECOND, .next_ns = 40 * SECOND},
		{"offered", "..", NULL, 1, 0, SECOND, SECOND, .until_ns = 3 * SECOND,
		 .next_ns = -1},
		{"offered, and not answered", "..", NULL, 1, -1, 0, 4 * SECOND,
		 .action = WAIT_SCAN},
		{"what it offered is declined", "..", "ii", 1, 9000 * MS, 9 * SECOND, 0,
		 .follows = true, .action = WAIT_SCAN},
		{"declined, and busy", "..", "bb", 1, 9000 * MS, SECOND, 0, .follows = true,
		 .is_new = true, .until_ns = 2 * SECOND, .next_ns = 2 * SECOND},
		{"what it offered was taken", "..", "ii", 1, 9000 * MS, 9 * SECOND, 0,
		 .follows = true, .other_prospects = true, .until_ns = 250 * MS,
		 .next_ns = 250 * MS},
		{"an older program", "..", "ii", 1, -1, 0, -1, .until_ns = 40 * SECOND,
		 .next_ns = -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int gpus[] = {0, 1};
		struct wait_evaluation v;
		struct scene s;

		scene_init(&s, cases[i].gpus, cases[i].before, true);
		if (cases[i].use)
			scene_scan(&s, cases[i].use);
		for (size_t k = 0; k < cases[i].before; k++)
			s.state.queue[k].offer.made_ns =
				cases[i].offered_ns < 0 ? OFFER_UNKNOWN : OFFER_NONE;
		if (cases[i].offered_ns > 0) {
			s.state.queue[0].offer.made_ns = MONOTONIC - cases[i].offered_ns;
			s.state.queue[0].offer.gpus = mem_alloc(2, sizeof(int));
			memcpy(s.state.queue[0].offer.gpus, gpus, sizeof(gpus));
			s.state.queue[0].offer.gpus_count = 2;
		}
		s.situation.scan.is_new = cases[i].is_new;
		if (cases[i].due_ns >= 0)
			s.situation.watch = (struct wait_watch){
				.due_ns = MONOTONIC + cases[i].due_ns,
				.pause_ns = cases[i].pause_ns,
				.follows = cases[i].follows,
				.prospects =
					wait_prospects(&s.state, NULL) + cases[i].other_prospects,
			};
		v = evaluate(&s);
		if (v.action != cases[i].action)
			fail_msg("%s: action %d", cases[i].title, v.action);
		if (v.action == WAIT_SLEEP && v.until_ns != MONOTONIC + cases[i].until_ns)
			fail_msg("%s: sleeps for %lld ns", cases[i].title,
				 (long long)(v.until_ns - MONOTONIC));
		if (v.action == WAIT_SLEEP &&
		    v.watch.due_ns !=
			    (cases[i].next_ns < 0 ? INT64_MAX : MONOTONIC + cases[i].next_ns))
			fail_msg("%s: watches again after %lld ns", cases[i].title,
				 (long long)(v.watch.due_ns - MONOTONIC));
		/* Until that is answered, it does not take itself to be far behind. */
		assert_int_equal(v.watch.follows,
				 v.action == WAIT_COLLECT ||
					 (cases[i].follows && v.action == WAIT_SCAN));
		pool_state_clear(&s.state);
	}
}

/* It counts where the fewest are before it: one that is aside for a GPU leaves it to the next. */
static void test_aside_is_no_rival(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, "..", 1, true);
	assert_int_equal(evaluate(&s).rank, 1);
	s.state.queue[0].offer.aside = mem_strdup("busy");
	s.state.queue[0].offer.aside_gpus = mem_alloc(2, sizeof(int));
	s.state.queue[0].offer.aside_gpus_count = 1;
	assert_int_equal(evaluate(&s).rank, 0);
	s.state.slots[0].drained_by = mem_strdup("root");
	s.state.queue[0].requested_count = 1;
	assert_int_equal(evaluate(&s).rank, 1);
	s.state.queue[0].offer.aside_gpus[1] = 1;
	s.state.queue[0].offer.aside_gpus_count = 2;
	assert_int_equal(evaluate(&s).rank, 0);
	pool_state_clear(&s.state);
}

/* Any number may wait for other GPUs: that does not make it wait for its own. */
static void test_rivals_for_other_gpus(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, "r.", 12, true);
	assert_int_equal(evaluate(&s).rank, 12);
	for (size_t i = 1; i < 12; i++) {
		s.state.queue[i].requested_ids = mem_alloc(1, sizeof(int));
		s.state.queue[i].requested_ids_count = 1;
	}
	assert_int_equal(evaluate(&s).rank, 1);
	s.waiting[0] = HOLDER_STOPPED;
	assert_int_equal(evaluate(&s).rank, 0);
	s.request.count = 1;
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	pool_state_clear(&s.state);
}

/* It looks itself at what it is offered, however new its last scan is. */
static void test_offered(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s, "r.", 0, true);
	scene_scan(&s, "bb");
	assert_int_equal(evaluate(&s).action, WAIT_SLEEP);
	s.state.queue[0].offer.made_ns = MONOTONIC - SECOND;
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	s.situation.scan.is_new = true;
	assert_int_equal(evaluate(&s).action, WAIT_COLLECT); /* its answer */
	pool_state_clear(&s.state);
}

/* A GPU that another program's request has left lying is taken when the time is up, not later. */
static void test_left_lying(void **state)
{
	int64_t idle_since_ns[] = {MONOTONIC - 115 * SECOND, 0};
	struct scene s;
	struct wait_evaluation v;

	(void)state;
	scene_init(&s, "..", 1, true);
	holder_clear(&s.state.queue[0].holder);
	s.waiting[0] = HOLDER_OUT_OF_SIGHT;
	s.request.count = s.state.queue[1].requested_count = 1;
	scene_scan(&s, "ib");
	s.facts.idle_since_ns = idle_since_ns;
	s.situation.watch = (struct wait_watch){.due_ns = MONOTONIC,
						.pause_ns = 20 * SECOND,
						.prospects = wait_prospects(&s.state, NULL)};
	assert_int_equal(evaluate(&s).action, WAIT_SCAN);
	s.situation.scan.is_new = true;
	v = evaluate(&s);
	assert_int_equal(v.action, WAIT_SLEEP);
	assert_int_equal(v.until_ns, MONOTONIC + 5 * SECOND);
	idle_since_ns[0] -= 5 * SECOND;
	assert_int_equal(evaluate(&s).action, WAIT_GRANT);
	pool_state_clear(&s.state);
}

/* An entry of account u1 for that GPU. */
static struct queue_entry *scene_queue_for(struct scene *s, const char *id, int gpu, int limit)
{
	struct queue_entry *q = scene_queue(s, id, alice);

	q->requested_ids = mem_alloc(1, sizeof(int));
	q->requested_ids[0] = gpu;
	q->requested_ids_count = 1;
	q->requested_count = 1;
	q->account_limit = limit;
	return q;
}

/* At the limit of its account a request waits for what that holds, whatever GPU it asks for; and
   for those of the account that are before it. */
static void test_at_the_limit(void **state)
{
	static const struct {
		int limit;
		int64_t wall_ns;
		bool is_rival;
	} rows[] = {
		{0, 2 * HOUR, false}, /* that of GPU 1 */
		{2, 2 * HOUR, false},
		{1, HOUR, true}, /* that of GPU 0, which is the account's own */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scene s;
		struct wait_evaluation v = {0};
		struct plan_policy policy = {.max_gpus = rows[i].limit};
		struct wait_rivals rivals;
		int id = 1;
		struct err e = {0};

		scene_init(&s, "mm", 0, false);
		mem_replace(&s.state.slots[0].reservation->account, alice);
		s.state.slots[0].reservation->uid = quantity_of(1);
		s.state.slots[1].reservation->expiry_ns = NOW + 2 * HOUR;
		s.facts.policy = &policy;
		s.request.ids = &id;
		s.request.ids_count = 1;
		s.wait.enqueued_ns = scene_queue_for(&s, own_id, 1, rows[i].limit)->enqueued_ns;
		assert_int_equal(wait_evaluate(&s.situation, &v, &e), 0);
		assert_int_equal(v.action, WAIT_SLEEP);
		assert_int_equal(v.wall_until_ns - NOW, rows[i].wall_ns);
		/* Asking for different GPUs, they compete for the limit alone. */
		scene_queue_for(&s, NULL, 0, rows[i].limit);
		wait_rivals_init(&rivals, &s.state);
		wait_rivals_add(&rivals, &s.state, &s.facts, 0, 1);
		assert_int_equal(rivals.fewest, rows[i].is_rival);
		wait_rivals_clear(&rivals);
		pool_state_clear(&s.state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_kind_needs_a_scan),
		cmocka_unit_test(test_age_of_the_scan),
		cmocka_unit_test(test_prospects),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_unsettled),
		cmocka_unit_test(test_force_needs_a_scan),
		cmocka_unit_test(test_doubts),
		cmocka_unit_test(test_granted_already),
		cmocka_unit_test(test_cancelled),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_aside_is_no_rival),
		cmocka_unit_test(test_rivals_for_other_gpus),
		cmocka_unit_test(test_offered),
		cmocka_unit_test(test_left_lying),
		cmocka_unit_test(test_at_the_limit),
	};

	return cmocka_run_group_tests_name("wait_evaluate", tests, NULL, NULL);
}
