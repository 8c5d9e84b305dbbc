/* What the host's administrator allows (struct plan_policy): limits per account, GPUs out of
   service, and who may act for others. */
#include "plan_world.h"
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"

#define GPUS_MAX 8
#define MANY 16
#define ENTRY "22222222-2222-2222-2222-222222222222"

struct world {
	struct pool_state state;
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[MANY], waiting[MANY];
	struct plan_policy policy;
	struct plan_facts facts;
};

static void world_init(struct world *w, size_t gpus)
{
	*w = (struct world){.state.initialized = true};
	pool_state_make_slots(&w->state, gpus);
	w->facts = (struct plan_facts){.now_ns = NOW,
				       .use = w->use,
				       .life = w->life,
				       .waiting = w->waiting,
				       .policy = &w->policy};
}

static void world_clear(struct world *w)
{
	plan_policy_clear(&w->policy);
	pool_state_clear(&w->state);
}

static void exclude(struct world *w, int gpu)
{
	w->policy.excluded =
		mem_resize(w->policy.excluded, ++w->policy.excluded_count, sizeof(int));
	w->policy.excluded[w->policy.excluded_count - 1] = gpu;
}

static void drain(struct world *w, int gpu)
{
	mem_replace(&w->state.slots[gpu].drained_by, "boss");
	w->state.slots[gpu].drained_ns = NOW - HOUR;
}

/* A reservation of GPUs first..first+count-1 by account "u<uid>", whose command lives. */
static struct reservation *hold(struct world *w, uid_t uid, enum reservation_type type, int first,
				int count)
{
	w->life[w->state.reservations_count] = HOLDER_ALIVE;
	return world_hold(&w->state, uid, type, first, count);
}

/* A request of "u<uid>" that waits: for `count` GPUs, or for that one. */
static struct queue_entry *wait_for(struct world *w, uid_t uid, int count, int gpu)
{
	struct queue_entry *q;

	w->waiting[w->state.queue_count] = HOLDER_ALIVE;
	q = pool_state_add_waiter(&w->state);
	snprintf(q->id, sizeof(q->id), "11111111-1111-1111-1111-%012zu", w->state.queue_count);
	q->account = mem_printf("u%d", (int)uid);
	q->user = mem_strdup(q->account);
	q->uid = quantity_of(uid);
	q->requested_count = count;
	if (gpu >= 0) {
		q->requested_ids = mem_alloc(1, sizeof(int));
		q->requested_ids[0] = gpu;
		q->requested_ids_count = 1;
	}
	q->enqueued_ns = q->heartbeat_ns = NOW - NS_PER_SECOND;
	q->holder.host = mem_strdup("here");
	return q;
}

/* Collects a GPU for an entry. */
static struct reservation *collect(struct world *w, struct queue_entry *q, int gpu)
{
	struct reservation *r = hold(w, (uid_t)q->uid.value, RESERVATION_RUN, gpu, 1);

	r->queue_id = mem_strdup(q->id);
	q->collected = mem_resize(q->collected, ++q->collected_count, sizeof(int));
	q->collected[q->collected_count - 1] = gpu;
	return r;
}

static struct plan_request request_for(uid_t uid, int count)
{
	return (struct plan_request){
		.actor = {.uid = uid, .account = uid ? "me" : "root"},
		.type = RESERVATION_MANUAL,
		.count = count,
		.duration_ns = HOUR,
		.id = "33333333-3333-3333-3333-333333333333",
	};
}

static struct plan_request request_id(uid_t uid, const int *id)
{
	struct plan_request r = request_for(uid, 1);

	r.ids = id;
	r.ids_count = 1;
	return r;
}

static void check_reserve(struct world *w, const struct plan_request *request, int code,
			  const char *text)
{
	AUTO(plan_clear) struct plan p = {0};
	struct err e = {0};
	int r = plan_reserve(&w->state, &w->facts, request, &p, &e);

	if (r != -code)
		fail_msg("%d (%s), expected %d", -r, e.text, code);
	if (text)
		assert_string_equal(e.text, text);
	assert_int_equal(p.granted != NULL, code == 0);
}

static const struct change *find_change(const struct plan *p, enum change_kind kind)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		if (p->changes[i].kind == kind)
			return &p->changes[i];
	}
	return NULL;
}

static size_t count_changes(const struct plan *p, enum change_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < p->changes_count; i++)
		count += p->changes[i].kind == kind;
	return count;
}

/* One step of a waiting request. */
static int step(struct world *w, const struct plan_request *request, const char *entry_id,
		struct plan *p, struct err *e)
{
	const size_t place = plan_queue_find(&w->state, entry_id);
	struct plan_wait wait = {
		.entry_id = entry_id,
		.part_id = "44444444-4444-4444-4444-444444444444",
		.enqueued_ns = place < w->state.queue_count ? w->state.queue[place].enqueued_ns
							    : TIME_NONE,
	};

	*e = (struct err){0};
	return plan_wait(&w->state, &w->facts, request, &wait, p, e);
}

/* ---- GPUs out of service ---- */

static void test_withheld_is_not_handed_out(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request two = request_for(1, 2), three = request_for(1, 3);
	struct plan_request forced = request_for(0, 2), one;
	const int zero = 0, three_id = 3;

	(void)state;
	world_init(&w, 4);
	drain(&w, 3);
	exclude(&w, 0);
	check_reserve(&w, &two, 0, NULL);
	check_reserve(
		&w, &three, ERANGE,
		"Requested 3 GPUs, but only 2 of the pool's 4 are in service (GPU 0: kept out "
		"by pool.exclude; GPU 3: drained by boss)");
	one = request_id(1, &zero);
	check_reserve(&w, &one, ERANGE,
		      "GPU 0 is out of service (kept out by pool.exclude): ask for another one");
	/* Not even root, by force. */
	one = request_id(0, &three_id);
	one.force = true;
	check_reserve(&w, &one, ERANGE,
		      "GPU 3 is out of service (drained by boss): ask for another one");
	hold(&w, 2, RESERVATION_MANUAL, 1, 1);
	check_reserve(
		&w, &two, EBUSY,
		"Not enough GPUs available. Requested: 2, Available: 1 (2 GPUs out of service "
		"- run 'canhazgpu status' for details)");
	forced.force = true;
	check_reserve(&w, &forced, EBUSY, NULL);
	w.use[2] = USE_BUSY;
	check_reserve(
		&w, &two, EBUSY,
		"Not enough GPUs available. Requested: 2, Available: 0 (1 GPUs in use without "
		"reservation, 2 GPUs out of service - run 'canhazgpu status' for details)");
	w.facts.policy = NULL;
	w.use[2] = USE_IDLE;
	check_reserve(&w, &two, 0, NULL);
}

/* The line goes round a request that only GPUs out of service could satisfy. */
static void test_line_passes_withheld(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1), two = request_for(1, 2);

	(void)state;
	world_init(&w, 3);
	wait_for(&w, 2, 1, 2);
	wait_for(&w, 3, 3, -1);
	assert_string_equal(plan_first_for(&w.state, &w.facts, 2, 2)->account, "u2");
	check_reserve(&w, &one, EBUSY, NULL);
	drain(&w, 2);
	assert_int_equal(plan_waiter_state(&w.state, &w.facts, 0), WAITER_ABSENT);
	assert_int_equal(plan_waiter_state(&w.state, &w.facts, 1), WAITER_ABSENT);
	assert_null(plan_first_for(&w.state, &w.facts, 2, 2));
	check_reserve(&w, &one, 0, NULL);
	check_reserve(&w, &two, 0, NULL);
	/* Whom the rest suffices still comes first, on what is in service. */
	wait_for(&w, 4, 2, -1);
	assert_null(plan_first_for(&w.state, &w.facts, 2, 3));
	assert_string_equal(plan_first_for(&w.state, &w.facts, 0, 3)->account, "u4");
	check_reserve(&w, &one, EBUSY, NULL);
}

/* To another program, which waits in the same line, a GPU out of service is like all others: what
   it has collected is not taken from it. */
static void test_other_program_knows_no_drain(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct queue_entry *q;

	(void)state;
	world_init(&w, 2);
	q = wait_for(&w, 2, 2, -1);
	mem_replace(&q->holder.host, NULL);
	collect(&w, q, 0)->id[0] = '\0';
	drain(&w, 0);
	drain(&w, 1);
	assert_int_equal(plan_waiter_state(&w.state, &w.facts, 0), WAITER_ACTIVE);
	plan_cleanup(&w.state, &w.facts, &p);
	assert_int_equal(p.changes_count, 0);
}

/* What was collected and goes out of service is given back, by whoever comes first. */
static void test_collected_is_given_back(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	const struct change *change;
	struct queue_entry *q;

	(void)state;
	world_init(&w, 4);
	q = wait_for(&w, 2, 3, -1);
	collect(&w, q, 0);
	collect(&w, q, 1);
	hold(&w, 3, RESERVATION_MANUAL, 2, 2);
	plan_cleanup(&w.state, &w.facts, &p);
	assert_int_equal(p.changes_count, 0);
	drain(&w, 1);
	plan_cleanup(&w.state, &w.facts, &p);
	assert_int_equal(p.changes_count, 2);
	change = find_change(&p, CHANGE_END);
	assert_int_equal(change->end.gpus_count, 1);
	assert_int_equal(change->end.gpus[0], 1);
	assert_true(change->end.unrecorded);
	change = find_change(&p, CHANGE_PUT);
	assert_int_equal(change->put.entry->collected_count, 1);
	assert_int_equal(change->put.entry->collected[0], 0);
}

/* Who waits keeps its place while too few GPUs are in service, and holds nothing meanwhile. */
static void test_waiting_through_a_drain(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	AUTO(plan_clear) struct plan none = {0};
	AUTO(plan_clear) struct plan granted = {0};
	struct plan_request two = request_for(2, 2);
	struct plan_wait wait;
	struct queue_entry *q;
	struct err e;

	(void)state;
	world_init(&w, 2);
	drain(&w, 1);
	assert_int_equal(step(&w, &two, ENTRY, &none, &e), -ERANGE);
	assert_string_equal(e.text, "Requested 2 GPUs, but only 1 of the pool's 2 are in service "
				    "(GPU 1: drained by boss)");
	q = wait_for(&w, 2, 2, -1);
	collect(&w, q, 0);
	assert_int_equal(step(&w, &two, q->id, &p, &e), 0);
	assert_null(p.granted);
	assert_null(p.collected);
	assert_int_equal(find_change(&p, CHANGE_END)->end.gpus[0], 0);
	assert_int_equal(find_change(&p, CHANGE_PUT)->put.entry->collected_count, 0);
	wait = (struct plan_wait){.entry_id = q->id, .part_id = "x", .enqueued_ns = NOW};
	assert_false(plan_wait_has_prospects(&w.state, &w.facts, &two, &wait));
	mem_replace(&w.state.slots[1].drained_by, NULL);
	assert_true(plan_wait_has_prospects(&w.state, &w.facts, &two, &wait));
	assert_int_equal(step(&w, &two, q->id, &granted, &e), 0);
	assert_non_null(granted.granted);
}

static void test_drain(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	AUTO(plan_clear) struct plan none = {0};
	AUTO(plan_clear) struct plan back = {0};
	const struct plan_actor boss = {.uid = 7, .account = "boss", .administrator = true};
	const int ids[] = {0, 1, 2}, beyond[] = {0, 3};
	struct err e = {0};

	(void)state;
	world_init(&w, 3);
	drain(&w, 1);
	assert_int_equal(plan_drain(&w.state, &w.facts, &boss, beyond, 2, true, NULL, &none, &e),
			 -ERANGE);
	assert_int_equal(plan_drain(&w.state, &w.facts, &boss, &ids[1], 1, true, NULL, &none, &e),
			 0);
	assert_int_equal(none.changes_count, 0);
	assert_int_equal(plan_drain(&w.state, &w.facts, &boss, ids, 3, true, NULL, &p, &e), 0);
	assert_int_equal(p.changes_count, 1);
	assert_int_equal(p.changes[0].drain.gpus_count, 2);
	assert_int_equal(p.changes[0].drain.gpus[0], 0);
	assert_int_equal(p.changes[0].drain.gpus[1], 2);
	assert_string_equal(p.changes[0].drain.actor, "boss");
	assert_int_equal(p.changes[0].drain.time_ns, NOW);
	assert_false(p.changes[0].quiet);
	assert_int_equal(plan_drain(&w.state, &w.facts, &boss, ids, 3, false, NULL, &back, &e), 0);
	assert_int_equal(back.affected_gpus_count, 1);
	assert_int_equal(back.changes[0].drain.gpus[0], 1);
	assert_null(back.changes[0].drain.actor);
}

/* ---- policy.max-gpus ---- */

#define OVER(has, asks) \
	"limit of 4 GPUs per user on this host (policy.max-gpus): you " has " and ask for " asks
#define QUEUE " - queue with --wait until you release some"

static void test_quota(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1), two = request_for(1, 2), five, boss;

	(void)state;
	world_init(&w, 8);
	w.policy.max_gpus = 4;
	five = request_for(1, 5);
	check_reserve(&w, &five, EDQUOT, OVER("hold 0", "5"));
	hold(&w, 2, RESERVATION_MANUAL, 7, 1); /* somebody else's do not count */
	hold(&w, 1, RESERVATION_RUN, 0, 2);
	hold(&w, 1, RESERVATION_MANUAL, 2, 1);
	check_reserve(&w, &one, 0, NULL);
	check_reserve(&w, &two, EDQUOT, OVER("hold 3", "2") QUEUE);
	/* What is over does not count. */
	w.state.reservations[2]->expiry_ns = NOW;
	check_reserve(&w, &two, 0, NULL);
	w.state.reservations[2]->expiry_ns = NOW + HOUR;
	/* What is about to be over is waited for. */
	w.life[1] = HOLDER_ENDING;
	check_reserve(&w, &two, EBUSY, OVER("hold 3", "2") QUEUE);
	check_reserve(&w, &five, EDQUOT, OVER("hold 3", "5"));
	w.life[1] = HOLDER_ALIVE;
	/* Root and administrators are not bound. */
	boss = two;
	boss.actor.administrator = true;
	check_reserve(&w, &boss, 0, NULL);
	boss = request_for(0, 5);
	w.state.reservations[0]->uid = w.state.reservations[1]->uid = quantity_of(0);
	check_reserve(&w, &boss, EBUSY, NULL);
	boss.count = 4;
	check_reserve(&w, &boss, 0, NULL);
}

/* Of other programs' reservations only the name is known. */
static void test_quota_by_name(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1);

	(void)state;
	world_init(&w, 4);
	w.policy.max_gpus = 1;
	hold(&w, 1, RESERVATION_MANUAL, 0, 1)->uid.known = false;
	check_reserve(&w, &one, 0, NULL);
	mem_replace(&w.state.reservations[0]->account, "me");
	check_reserve(&w, &one, EDQUOT, NULL);
}

/* What is asked for beyond the limit waits for it, however much waits already; more than the limit
   at once is refused. */
static void test_quota_is_waited_for(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan joins = {0};
	AUTO(plan_clear) struct plan never = {0};
	AUTO(plan_clear) struct plan root = {0};
	struct plan_request two = request_for(1, 2), five = request_for(1, 5);
	struct plan_request boss = request_for(1, 2);
	const struct queue_entry *put;
	struct err e;

	(void)state;
	world_init(&w, 8);
	w.policy.max_gpus = 4;
	hold(&w, 1, RESERVATION_RUN, 0, 3);
	wait_for(&w, 1, 2, -1);
	wait_for(&w, 1, 4, -1);
	assert_int_equal(step(&w, &two, ENTRY, &joins, &e), 0);
	assert_null(joins.granted);
	assert_null(joins.collected);
	put = find_change(&joins, CHANGE_PUT)->put.entry;
	assert_int_equal(put->account_limit, 4);
	assert_null(put->offer.aside);
	assert_int_equal(step(&w, &five, ENTRY, &never, &e), -EDQUOT);
	assert_string_equal(e.text, OVER("hold 3", "5"));
	boss.actor.administrator = true;
	assert_int_equal(step(&w, &boss, ENTRY, &root, &e), 0);
	for (size_t i = 0; i < root.changes_count; i++) {
		const struct queue_entry *q = change_entry(&root.changes[i]);

		assert_true(!q || !q->account_limit);
	}
}

/* The queue passes over an entry whose account is at its limit: everybody knows from the state. */
static void test_queue_passes_over_who_is_at_the_limit(void **state)
{
	static const struct {
		int held, ending; /* GPUs of the account */
		int limit, wanted;
		enum waiter_state state;
	} rows[] = {
		{0, 0, 2, 2, WAITER_ACTIVE},
		{1, 0, 2, 1, WAITER_ACTIVE},
		{1, 0, 2, 2, WAITER_ABSENT},
		{2, 0, 2, 1, WAITER_ABSENT},
		{2, 0, 0, 3, WAITER_ACTIVE},
		{3, 0, 2, 1, WAITER_ABSENT},
		/* Until its supervisor has released it. */
		{1, 1, 2, 1, WAITER_ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(world_clear) struct world w;
		AUTO_FREE char *why = NULL;
		struct queue_entry *q;
		const struct queue_entry *first;

		world_init(&w, 6);
		for (int k = 0; k < rows[i].held + rows[i].ending; k++)
			hold(&w, 1, RESERVATION_RUN, k, 1);
		for (int k = 0; k < rows[i].ending; k++)
			w.life[k] = HOLDER_ENDING;
		hold(&w, 2, RESERVATION_RUN, 4, 1);
		q = wait_for(&w, 1, rows[i].wanted, -1);
		q->account_limit = rows[i].limit;
		wait_for(&w, 2, 1, -1);
		assert_int_equal(plan_waiter_state(&w.state, &w.facts, 0), rows[i].state);
		first = plan_first_for(&w.state, &w.facts, 5, 2);
		assert_string_equal(first->account, rows[i].state == WAITER_ACTIVE ? "u1" : "u2");
		why = plan_why_passed_over(&w.state, &w.facts, 0);
		assert_int_equal(why != NULL, rows[i].state != WAITER_ACTIVE);
	}
}

static void test_what_counts_towards_the_limit(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO_FREE char *why = NULL;
	const int released[] = {1};
	bool starting[] = {true, false};
	struct queue_entry *q;

	(void)state;
	world_init(&w, 6);
	hold(&w, 1, RESERVATION_MANUAL, 0, 2);
	wait_for(&w, 1, 1, -1);
	q = wait_for(&w, 1, 1, -1);
	collect(&w, q, 3); /* counts with its request */
	q->account_limit = 3;
	assert_true(plan_limit_allows(&w.state, &w.facts, 1, NULL));
	assert_false(plan_limit_allows(&w.state, &w.facts, 1, starting));
	assert_null(plan_why_passed_over(&w.state, &w.facts, 1));
	q->account_limit = 2;
	assert_false(plan_limit_allows(&w.state, &w.facts, 1, NULL));
	why = plan_why_passed_over(&w.state, &w.facts, 1);
	assert_string_equal(why, "its account holds 2 GPUs, and its limit is 2 (policy.max-gpus)");
	assert_true(plan_limit_rests_on(&w.state, &w.facts, 1, w.state.reservations[0]));
	assert_false(plan_limit_rests_on(&w.state, &w.facts, 1, w.state.reservations[1]));
	/* What is being released is not held any more. */
	w.facts.freed = released;
	w.facts.freed_count = 1;
	assert_true(plan_limit_allows(&w.state, &w.facts, 1, NULL));
	assert_false(plan_limit_rests_on(&w.state, &w.facts, 1, w.state.reservations[0]));
}

/* Of several requests of one account all together collect no more than the limit. */
static void test_collected_within_the_limit(void **state)
{
	static const struct {
		uid_t first; /* whose request has collected one of two GPUs before */
		enum holder_life life;
		bool cancelled;
		int limit, wanted;
		bool collects;
	} rows[] = {
		{1, HOLDER_ALIVE, false, 2, 2, false},
		{1, HOLDER_ALIVE, false, 2, 1, true},
		{1, HOLDER_ALIVE, false, 3, 2, true},
		{1, HOLDER_OUT_OF_SIGHT, false, 2, 2, false},
		{1, HOLDER_STOPPED, false, 2, 2, true},
		{1, HOLDER_GONE, false, 2, 2, true},
		{1, HOLDER_ALIVE, true, 2, 2, true},
		{2, HOLDER_ALIVE, false, 2, 2, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		AUTO_FREE char *why = NULL;
		struct plan_request request = request_for(1, rows[i].wanted);
		struct queue_entry *q;
		struct err e;

		world_init(&w, 4);
		w.policy.max_gpus = rows[i].limit;
		hold(&w, 3, RESERVATION_RUN, 0, 1);
		q = wait_for(&w, rows[i].first, 2, -1);
		collect(&w, q, 1);
		q->cancelled = rows[i].cancelled;
		/* It waits for the first GPU, and takes no other. */
		q->eligible = mem_alloc(2, sizeof(int));
		q->eligible[q->eligible_count++] = 0;
		q->eligible[q->eligible_count++] = 1;
		w.waiting[0] = rows[i].life;
		wait_for(&w, 1, rows[i].wanted, -1)->account_limit = rows[i].limit;
		assert_int_equal(plan_waiter_state(&w.state, &w.facts, 1),
				 rows[i].collects ? WAITER_ACTIVE : WAITER_ABSENT);
		why = plan_why_passed_over(&w.state, &w.facts, 1);
		if (rows[i].collects)
			assert_null(why);
		else
			assert_string_equal(
				why, "its account holds 0 GPUs, its requests before this one "
				     "have collected 1, and its limit is 2 (policy.max-gpus)");
		assert_int_equal(step(&w, &request, w.state.queue[1].id, &p, &e), 0);
		assert_int_equal(p.granted || p.collected, rows[i].collects);
	}
}

/* What has ended counts no more, also before it is cleaned up: a request at its limit keeps its
   turn whoever decides first. */
static void test_ended_counts_no_more(void **state)
{
	static const struct {
		enum reservation_type type;
		enum holder_life life;
		int64_t expiry_ns;
		bool ended;
	} rows[] = {
		{RESERVATION_MANUAL, HOLDER_OUT_OF_SIGHT, NOW, true},
		{RESERVATION_MANUAL, HOLDER_OUT_OF_SIGHT, NOW + 1, false},
		{RESERVATION_RUN, HOLDER_GONE, TIME_NONE, true},
		{RESERVATION_RUN, HOLDER_STOPPED, TIME_NONE, true},
		{RESERVATION_RUN, HOLDER_ENDING, TIME_NONE, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan behind = {0};
		AUTO(plan_clear) struct plan first = {0};
		struct plan_request one = request_for(1, 1), other = request_for(2, 1);
		struct err e;

		world_init(&w, 1);
		w.policy.max_gpus = 1;
		hold(&w, 1, rows[i].type, 0, 1)->expiry_ns = rows[i].expiry_ns;
		w.life[0] = rows[i].life;
		wait_for(&w, 1, 1, -1)->account_limit = 1;
		wait_for(&w, 2, 1, -1)->account_limit = 1;
		assert_int_equal(plan_waiter_state(&w.state, &w.facts, 0),
				 rows[i].ended ? WAITER_ACTIVE : WAITER_ABSENT);
		assert_int_equal(step(&w, &other, w.state.queue[1].id, &behind, &e), 0);
		assert_null(behind.granted);
		assert_int_equal(step(&w, &one, w.state.queue[0].id, &first, &e), 0);
		assert_int_equal(first.granted != NULL, rows[i].ended);
	}
}

/* Who releases a GPU is told who gets it: the own request that this lets through, and no more of
   them than the limit does. */
static void test_successors_within_the_limit(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_next_in_line *successors;
	const int own = 0, others = 2;
	size_t count;

	(void)state;
	world_init(&w, 3);
	hold(&w, 1, RESERVATION_RUN, 0, 2);
	hold(&w, 2, RESERVATION_RUN, 2, 1);
	for (int i = 0; i < 2; i++)
		wait_for(&w, 1, 1, -1)->account_limit = 2;
	wait_for(&w, 3, 1, -1);
	count = plan_next_in_line(&w.state, &w.facts, &own, 1, &successors);
	assert_int_equal(count, 1);
	assert_ptr_equal(successors[0].entry, &w.state.queue[0]);
	plan_next_in_line_free(successors, count);
	count = plan_next_in_line(&w.state, &w.facts, &others, 1, &successors);
	assert_int_equal(count, 1);
	assert_ptr_equal(successors[0].entry, &w.state.queue[2]);
	plan_next_in_line_free(successors, count);
}

/* Of several requests of one account only as many start as the limit lets through: those behind
   them get the other GPUs, and when the rest starts nobody can tell. */
static void test_starts_within_the_limit(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_next_in_line *successors;
	const int released[] = {1, 2};
	int64_t starts_ns[3], ends_ns[] = {NOW + 3 * HOUR, NOW + HOUR}, lengths_ns[3] = {0};
	const struct plan_outlook outlook = {.ends_ns = ends_ns, .lengths_ns = lengths_ns};
	size_t count;

	(void)state;
	world_init(&w, 3);
	hold(&w, 1, RESERVATION_RUN, 0, 1);
	hold(&w, 2, RESERVATION_RUN, 1, 2);
	for (int i = 0; i < 2; i++)
		wait_for(&w, 1, 1, -1)->account_limit = 2;
	wait_for(&w, 3, 1, -1);
	count = plan_next_in_line(&w.state, &w.facts, released, 2, &successors);
	assert_int_equal(count, 2);
	assert_ptr_equal(successors[0].entry, &w.state.queue[0]);
	assert_ptr_equal(successors[1].entry, &w.state.queue[2]);
	plan_next_in_line_free(successors, count);
	plan_schedule(&w.state, &w.facts, &outlook, 3, starts_ns);
	assert_int_equal(starts_ns[0] - NOW, HOUR);
	/* The first one's end is not known: the reservation's is. */
	assert_int_equal(starts_ns[1] - NOW, 3 * HOUR);
	assert_int_equal(starts_ns[2] - NOW, HOUR);
}

/* At the limit of 2: what is to end before one that waits can start, though GPUs are free. */
static const struct limit_start {
	int holds[2], ends[2]; /* GPUs, and hours; 0: nobody knows */
	int asks[3], lengths[3];
	int starts[3]; /* -1: unknown */
} limit_starts[] = {
	{{1, 1}, {2, 5}, {1}, {1}, {2}},
	{{1, 1}, {2, 5}, {2}, {1}, {5}},
	{{1, 1}, {0, 5}, {1}, {1}, {5}},
	{{1, 1}, {0, 5}, {2}, {1}, {-1}},
	{{1, 1}, {2, 5}, {1, 1, 1}, {1, 1, 1}, {2, 3, 4}},
	{{1, 1}, {2, 5}, {1, 2, 1}, {9, 1, 1}, {2, 11, 12}},
	{{1, 1}, {2, 5}, {1, 1}, {0, 1}, {2, 5}},
	{{2}, {3}, {1, 1, 1}, {1, 1, 1}, {3, 3, 4}},
};

static void test_start_at_the_limit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(limit_starts); i++) {
		const struct limit_start *c = &limit_starts[i];
		AUTO(world_clear) struct world w;
		int64_t starts_ns[3], ends_ns[2], lengths_ns[3];
		const struct plan_outlook outlook = {.ends_ns = ends_ns, .lengths_ns = lengths_ns};
		int gpu = 0;

		world_init(&w, 8);
		for (size_t k = 0; k < 2 && c->holds[k]; k++) {
			hold(&w, 1, RESERVATION_RUN, gpu, c->holds[k]);
			gpu += c->holds[k];
			ends_ns[k] = c->ends[k] ? NOW + c->ends[k] * HOUR : TIME_NONE;
		}
		for (size_t k = 0; k < 3 && c->asks[k]; k++) {
			wait_for(&w, 1, c->asks[k], -1)->account_limit = 2;
			lengths_ns[k] = c->lengths[k] * HOUR;
		}
		plan_schedule(&w.state, &w.facts, &outlook, w.state.queue_count, starts_ns);
		for (size_t k = 0; k < w.state.queue_count; k++) {
			int got =
				starts_ns[k] == TIME_NONE ? -1 : (int)((starts_ns[k] - NOW) / HOUR);

			if (got != c->starts[k])
				fail_msg("case %zu, request %zu: %d, not %d", i, k, got,
					 c->starts[k]);
		}
	}
}

/* The entry tells the others of a limit that was changed. */
static void test_changed_limit_is_news(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan same = {0};
	AUTO(plan_clear) struct plan raised = {0};
	struct plan_request two = request_for(1, 2);
	struct queue_entry *q;
	struct err e;

	(void)state;
	world_init(&w, 4);
	w.policy.max_gpus = 2;
	hold(&w, 1, RESERVATION_RUN, 0, 1);
	hold(&w, 2, RESERVATION_RUN, 1, 3);
	q = wait_for(&w, 1, 2, -1);
	q->give_up_ns = 0;
	q->account_limit = 2;
	assert_int_equal(step(&w, &two, q->id, &same, &e), 0);
	assert_int_equal(same.changes_count, 0);
	w.policy.max_gpus = 3;
	assert_int_equal(step(&w, &two, q->id, &raised, &e), 0);
	assert_int_equal(find_change(&raised, CHANGE_PUT)->put.entry->account_limit, 3);
	assert_false(find_change(&raised, CHANGE_PUT)->quiet);
}

/* A request in the queue waits for what its account holds beyond the limit, which may have been
   lowered, and collects nothing meanwhile; it leaves as soon as it asks for more than the limit by
   itself. */
static void test_quota_at_the_grant(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan waits = {0};
	AUTO(plan_clear) struct plan ending = {0};
	AUTO(plan_clear) struct plan over = {0};
	AUTO(plan_clear) struct plan leaves = {0};
	AUTO(plan_clear) struct plan granted = {0};
	struct plan_request two = request_for(1, 2);
	struct queue_entry *q;
	struct err e;

	(void)state;
	world_init(&w, 4);
	w.policy.max_gpus = 3;
	q = wait_for(&w, 1, 2, -1);
	hold(&w, 1, RESERVATION_RUN, 0, 2);
	w.use[2] = USE_BUSY;
	assert_int_equal(step(&w, &two, q->id, &waits, &e), 0);
	assert_null(waits.collected);
	w.use[2] = USE_IDLE;
	w.life[0] = HOLDER_ENDING;
	assert_int_equal(step(&w, &two, q->id, &ending, &e), 0);
	assert_null(ending.granted);
	w.life[0] = HOLDER_ALIVE;
	assert_int_equal(step(&w, &two, q->id, &over, &e), 0);
	assert_null(over.granted);
	w.policy.max_gpus = 1;
	w.use[2] = USE_BUSY;
	assert_int_equal(step(&w, &two, q->id, &leaves, &e), -EDQUOT);
	assert_string_equal(e.text, "limit of 1 GPU per user on this host (policy.max-gpus): you "
				    "hold 2 and ask for 2");
	w.use[2] = USE_IDLE;
	w.policy.max_gpus = 4;
	assert_int_equal(step(&w, &two, q->id, &granted, &e), 0);
	assert_non_null(granted.granted);
	assert_int_equal(find_change(&granted, CHANGE_CHECK)->check.gpus_count, 4);
}

/* A grant within a limit rests on all GPUs; without a limit on its own alone. */
static void test_quota_is_guarded(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan free = {0};
	AUTO(plan_clear) struct plan bound = {0};
	AUTO(plan_clear) struct plan boss = {0};
	struct plan_request one = request_for(1, 1), root = request_for(0, 1);
	const struct change *check;

	(void)state;
	world_init(&w, 3);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &one, &free, NULL), 0);
	assert_int_equal(count_changes(&free, CHANGE_CHECK), 0);
	w.policy.max_gpus = 2;
	assert_int_equal(plan_reserve(&w.state, &w.facts, &one, &bound, NULL), 0);
	check = find_change(&bound, CHANGE_CHECK);
	assert_non_null(check);
	assert_int_equal(check->check.gpus_count, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(check->check.gpus[i], i);
	assert_true(check->quiet);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &root, &boss, NULL), 0);
	assert_int_equal(count_changes(&boss, CHANGE_CHECK), 0);
}

/* ---- the other limits ---- */

static void test_duration_and_note(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request r = request_for(1, 1), root = request_for(0, 1);
	struct err e;

	(void)state;
	world_init(&w, 2);
	w.policy.max_duration_ns = HOUR;
	check_reserve(&w, &r, 0, NULL);
	r.duration_ns = root.duration_ns = HOUR + 1;
	check_reserve(
		&w, &r, EDQUOT,
		"limit of 1h 0m 0s per manual reservation on this host (policy.max-duration): "
		"you ask for 1h 0m 0s");
	assert_int_equal(step(&w, &r, ENTRY, &p, &e), -EDQUOT);
	check_reserve(&w, &root, 0, NULL);
	r.type = RESERVATION_RUN; /* its --timeout is no end that others could count on */
	check_reserve(&w, &r, 0, NULL);
	w.policy.note_required = true;
	check_reserve(&w, &r, EDQUOT,
		      "a note is required on this host (policy.require-note): use --note to say "
		      "what the GPUs are for");
	r.note = " \t";
	check_reserve(&w, &r, EDQUOT, NULL);
	r.note = "x";
	check_reserve(&w, &r, 0, NULL);
	check_reserve(&w, &root, 0, NULL);
}

static void test_display_name(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request r = request_for(1, 1), root = request_for(0, 1);

	(void)state;
	world_init(&w, 2);
	r.user = root.user = "the boss";
	check_reserve(&w, &r, 0, NULL);
	w.policy.no_display_name = true;
	check_reserve(&w, &r, EDQUOT,
		      "display names are not used on this host (policy.no-display-name): leave out "
		      "--user");
	check_reserve(&w, &root, 0, NULL);
	r.user = r.actor.account;
	check_reserve(&w, &r, 0, NULL);
	r.user = NULL;
	check_reserve(&w, &r, 0, NULL);
}

/* A run needs a time limit within policy.max-run; administrators do not. */
static void test_longest_run(void **state)
{
	static const struct {
		int64_t max_ns, asked_ns;
		bool administrator;
		int code;
	} rows[] = {
		{0, 0, false, 0},          {HOUR, HOUR, false, 0}, {HOUR, HOUR + 1, false, EDQUOT},
		{HOUR, 0, false, EDQUOT},  {HOUR, 0, true, 0},     {0, 9 * HOUR, false, 0},
		{HOUR, 2 * HOUR, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(world_clear) struct world w;
		struct plan_request r = request_for(1, 1);
		bool bound = rows[i].max_ns && !rows[i].administrator;

		world_init(&w, 1);
		w.policy.max_run_ns = rows[i].max_ns;
		r.actor.administrator = rows[i].administrator;
		r.type = RESERVATION_RUN;
		r.duration_ns = rows[i].asked_ns;
		assert_int_equal(plan_longest_run_ns(&w.policy, &r.actor),
				 bound ? rows[i].max_ns : INT64_MAX);
		check_reserve(&w, &r, rows[i].code, NULL);
		/* It says nothing of manual reservations. */
		r.type = RESERVATION_MANUAL;
		r.duration_ns = 9 * HOUR;
		check_reserve(&w, &r, 0, NULL);
	}
}

/* Of the groups that an account is in, and those that it may be in, which limit counts. */
static void test_limit_of_groups(void **state)
{
	static const struct {
		int64_t host;
		struct plan_group_limit groups[3];
		int64_t limit;
	} rows[] = {
		/* No group of its own: that of the host. */
		{0, {{2, PLAN_NO_MEMBER}}, 0},
		{4, {{2, PLAN_NO_MEMBER}}, 4},
		/* One's groups replace it; the most generous of them counts. */
		{4, {{2, PLAN_MEMBER}}, 2},
		{4, {{8, PLAN_MEMBER}, {2, PLAN_MEMBER}}, 8},
		{0, {{2, PLAN_MEMBER}, {1, PLAN_NO_MEMBER}, {3, PLAN_MEMBER}}, 3},
		/* What is not known never makes it more generous than it may be. */
		{4, {{2, PLAN_MEMBER_UNKNOWN}}, 2},
		{4, {{8, PLAN_MEMBER_UNKNOWN}}, 4},
		{0, {{8, PLAN_MEMBER_UNKNOWN}, {2, PLAN_MEMBER_UNKNOWN}}, 2},
		{0, {{8, PLAN_MEMBER_UNKNOWN}, {2, PLAN_NO_MEMBER}}, 8},
		{4, {{8, PLAN_MEMBER}, {2, PLAN_MEMBER_UNKNOWN}}, 8},
		{4, {{2, PLAN_MEMBER}, {8, PLAN_MEMBER_UNKNOWN}}, 2},
	};

	(void)state;
	assert_int_equal(plan_limit_of(7, NULL, 0), 7);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t count = 0;

		while (count < 3 && rows[i].groups[count].value)
			count++;
		if (plan_limit_of(rows[i].host, rows[i].groups, count) != rows[i].limit)
			fail_msg("row %zu", i);
	}
}

static void test_wait_limit(void **state)
{
	const struct plan_policy policy = {.max_wait_ns = HOUR}, none = {0};
	const struct plan_actor user = {.uid = 1}, boss = {.uid = 1, .administrator = true};
	const struct {
		const struct plan_policy *policy;
		const struct plan_actor *actor;
		int64_t asked_ns, limit_ns;
		bool shortened;
		int code;
	} cases[] = {
		{&policy, &user, 0, HOUR, true, 0},
		{&policy, &user, HOUR, HOUR, false, 0},
		{&policy, &user, HOUR + 1, HOUR + 1, false, -EDQUOT},
		{&policy, &boss, 0, 0, false, 0},
		{&policy, &boss, 2 * HOUR, 2 * HOUR, false, 0},
		{&none, &user, 0, 0, false, 0},
		{NULL, &user, 2 * HOUR, 2 * HOUR, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t limit_ns = cases[i].asked_ns;
		bool shortened = false;
		struct err e = {0};

		assert_int_equal(
			plan_limit_wait(cases[i].policy, cases[i].actor, &limit_ns, &shortened, &e),
			cases[i].code);
		assert_int_equal(limit_ns, cases[i].limit_ns);
		assert_int_equal(shortened, cases[i].shortened);
	}
}

static void check_extend(struct world *w, const struct plan_actor *actor, int64_t by_ns, int code,
			 const char *text)
{
	AUTO(plan_clear) struct plan p = {0};
	const int zero = 0;
	const struct plan_extension x = {
		.actor = *actor, .ids = &zero, .ids_count = 1, .duration_ns = by_ns};
	struct err e = {0};

	assert_int_equal(plan_extend(&w->state, &w->facts, &x, &p, &e), -code);
	if (text)
		assert_string_equal(e.text, text);
}

static void test_extend(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor user = {.uid = 1, .account = "me"};
	const struct plan_actor boss = {.uid = 9, .account = "boss", .administrator = true};

	(void)state;
	world_init(&w, 1);
	hold(&w, 1, RESERVATION_MANUAL, 0, 1);
	w.policy.max_duration_ns = 3 * HOUR;
	check_extend(&w, &user, 2 * HOUR, 0, NULL); /* ends 3 hours from now */
	check_extend(
		&w, &user, 3 * HOUR, EDQUOT,
		"limit of 3h 0m 0s per manual reservation on this host (policy.max-duration): GPU "
		"0 would be reserved for 4h 0m 0s from now; 'canhazgpu extend 120m' is the most at "
		"present");
	w.policy.max_duration_ns = HOUR;
	check_extend(
		&w, &user, HOUR, EDQUOT,
		"limit of 1h 0m 0s per manual reservation on this host (policy.max-duration): GPU "
		"0 would be reserved for 2h 0m 0s from now; extend it later");
	w.policy.max_duration_ns = 3 * HOUR;
	check_extend(&w, &boss, 3 * HOUR, 0, NULL);
	drain(&w, 0);
	check_extend(&w, &user, HOUR, EDQUOT,
		     "GPU 0 cannot be extended: it is going out of service (drained by boss)");
	check_extend(&w, &boss, HOUR, 0, NULL);
}

/* ---- acting for others ---- */

static void test_who_may_alter(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor other = {.uid = 2, .account = "u2"};
	const struct plan_actor own = {.uid = 1, .account = "u1"};
	const struct plan_actor root = {.uid = 0, .account = "root"};
	const struct plan_actor boss = {.uid = 2, .account = "u2", .administrator = true};
	const struct reservation *r;
	const int zero = 0;
	const struct queue_entry *q;
	struct err e = {0};

	(void)state;
	world_init(&w, 2);
	r = hold(&w, 1, RESERVATION_RUN, 0, 1);
	wait_for(&w, 1, 1, -1);
	assert_true(plan_may_alter(&own, r));
	assert_true(plan_may_alter(&root, r));
	assert_true(plan_may_alter(&boss, r));
	assert_false(plan_may_alter(&other, r));
	for (int i = 0; i < 2; i++) {
		AUTO(plan_clear) struct plan p = {0};
		AUTO(plan_clear) struct plan cancel = {0};
		int code = i ? 0 : -EPERM;

		assert_int_equal(
			plan_release(&w.state, &w.facts, i ? &boss : &other, &zero, 1, &p, &e),
			code);
		assert_int_equal(plan_cancel(&w.state, &w.facts, i ? &boss : &other,
					     w.state.queue[0].id, &cancel, &q, &e),
				 code);
		if (!i)
			continue;
		assert_int_equal(find_change(&p, CHANGE_END)->end.reason, END_FORCED);
		assert_string_equal(find_change(&p, CHANGE_END)->end.actor, "u2");
	}
}

/* Releases an account's; the result is what was freed, "0,3", or the error. */
static char *released(struct world *w, const struct plan_actor *actor,
		      const struct plan_account *account)
{
	AUTO(plan_clear) struct plan p = {0};
	struct err e = {0};
	char *text = mem_strdup("");

	if (plan_release_account(&w->state, &w->facts, actor, account, NULL, &p, &e) < 0) {
		mem_replace(&text, e.text);
		return text;
	}
	for (size_t i = 0; i < p.affected_gpus_count; i++) {
		char *longer = mem_printf("%s%s%d", text, i ? "," : "", p.affected_gpus[i]);

		free(text);
		text = longer;
	}
	for (size_t i = 0; i < p.changes_count; i++) {
		bool own = plan_owns(actor, p.changes[i].end.reservation);

		assert_int_equal(p.changes[i].end.reason, own ? END_RELEASED : END_FORCED);
		assert_int_equal(p.changes[i].end.actor == NULL, own);
	}
	return text;
}

#define assert_released(world, actor, account, expected)                      \
	do {                                                                  \
		AUTO_FREE char *assert_got = released(world, actor, account); \
		assert_string_equal(assert_got, expected);                    \
	} while (0)

static void test_release_account(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor user = {.uid = 1, .account = "u1"};
	const struct plan_actor boss = {.uid = 2, .account = "u2", .administrator = true};
	const struct plan_account own = {.uid = quantity_of(1), .name = "u1"};
	const struct plan_account other = {.uid = quantity_of(2), .name = "u2"};
	const struct plan_account gone = {.name = "u3"}, all = {.everybody = true};
	const struct plan_account nobody = {.uid = quantity_of(8), .name = "u8"};
	struct queue_entry *q;

	(void)state;
	world_init(&w, 7);
	hold(&w, 1, RESERVATION_RUN, 0, 1);
	hold(&w, 1, RESERVATION_MANUAL, 3, 1);
	hold(&w, 2, RESERVATION_RUN, 1, 2);
	hold(&w, 3, RESERVATION_MANUAL, 4, 1);
	hold(&w, 1, RESERVATION_RUN, 5, 1)->uid.known = false; /* another program's, by name */
	q = wait_for(&w, 1, 2, -1);
	collect(&w, q, 6); /* goes with the request, not so */
	assert_released(&w, &user, &own, "0,3,5");
	assert_released(&w, &user, &other,
			"only root may release what others hold (admin.group in "
			"/etc/canhazgpu/config.yaml can name a group that may, too)");
	w.policy.admin_group = mem_strdup("gpu-admins");
	assert_released(
		&w, &user, &all,
		"only root and the group 'gpu-admins' (admin.group) may release what others hold");
	assert_released(
		&w, &user, &gone,
		"only root and the group 'gpu-admins' (admin.group) may release what others hold");
	assert_released(&w, &boss, &own, "0,3,5");
	assert_released(&w, &boss, &other, "1,2");
	assert_released(&w, &boss, &gone, "4"); /* an account that is not there any more */
	assert_released(&w, &boss, &nobody, "");
	assert_released(&w, &boss, &all, "0,1,2,3,4,5");
}

/* A name that is no account's: mistyped, or what somebody calls himself. */
static void test_release_no_account(void **state)
{
	AUTO(world_clear) struct world w;
	const struct plan_actor user = {.uid = 1, .account = "u1"};
	const struct plan_actor boss = {.uid = 2, .account = "u2", .administrator = true};
	const struct plan_account ada = {.name = "ada"}, bob = {.name = "bob"};

	(void)state;
	world_init(&w, 2);
	mem_replace(&hold(&w, 1, RESERVATION_RUN, 0, 1)->user, "ada");
	assert_released(&w, &boss, &bob, "there is no account 'bob'");
	assert_released(&w, &user, &bob, "there is no account 'bob'");
	assert_released(
		&w, &boss, &ada,
		"there is no account 'ada': it is a display name of the account 'u1', which "
		"--user takes");
	/* The account was removed, and what it has is still there. */
	mem_replace(&w.state.reservations[0]->account, "bob");
	w.state.reservations[0]->uid = quantity_of(77);
	assert_released(&w, &boss, &bob, "0");
	mem_replace(&wait_for(&w, 8, 1, -1)->user, "eve");
	assert_released(
		&w, &boss, &(struct plan_account){.name = "eve"},
		"there is no account 'eve': it is a display name of the account 'u8', which "
		"--user takes");
}

/* With --cancel the requests go, too: what was collected for them comes back. */
static void test_release_requests(void **state)
{
	static const struct {
		struct plan_account account;
		bool cancelled[3];
		const char *freed; /* reserved or collected, in this order */
	} cases[] = {
		{{.uid = {true, 1}, .name = "u1"}, {true, false, false}, "0 1 "},
		{{.uid = {true, 2}, .name = "u2"}, {false, true, false}, ""},
		{{.everybody = true}, {true, true, false}, "0 1 "},
		{{.uid = {true, 8}, .name = "u8"}, {false, false, false}, ""},
	};
	const struct plan_actor boss = {.uid = 7, .account = "u7", .administrator = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		AUTO(str_clear) struct str freed = {0};
		bool cancelled[3] = {true, true, true};

		world_init(&w, 3);
		hold(&w, 1, RESERVATION_RUN, 0, 1);
		collect(&w, wait_for(&w, 1, 2, -1), 1);
		wait_for(&w, 2, 1, -1);
		wait_for(&w, 1, 1, -1)->cancelled = true; /* already */
		assert_int_equal(plan_release_account(&w.state, &w.facts, &boss, &cases[i].account,
						      cancelled, &p, NULL),
				 0);
		for (size_t k = 0; k < 3; k++) {
			const struct queue_entry *q = &w.state.queue[k];

			assert_int_equal(cancelled[k], cases[i].cancelled[k]);
			assert_int_equal(plan_changes_entry(&p, q), cancelled[k]);
		}
		for (int gpu = 0; gpu < 3; gpu++) {
			const struct reservation *r = w.state.slots[gpu].reservation;

			if (r && plan_ends(&p, r, gpu))
				str_addf(&freed, "%d ", gpu);
		}
		assert_string_equal(str_text(&freed), cases[i].freed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_withheld_is_not_handed_out),
		cmocka_unit_test(test_line_passes_withheld),
		cmocka_unit_test(test_other_program_knows_no_drain),
		cmocka_unit_test(test_collected_is_given_back),
		cmocka_unit_test(test_waiting_through_a_drain),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_quota_by_name),
		cmocka_unit_test(test_quota_is_waited_for),
		cmocka_unit_test(test_queue_passes_over_who_is_at_the_limit),
		cmocka_unit_test(test_what_counts_towards_the_limit),
		cmocka_unit_test(test_collected_within_the_limit),
		cmocka_unit_test(test_ended_counts_no_more),
		cmocka_unit_test(test_successors_within_the_limit),
		cmocka_unit_test(test_starts_within_the_limit),
		cmocka_unit_test(test_start_at_the_limit),
		cmocka_unit_test(test_changed_limit_is_news),
		cmocka_unit_test(test_quota_at_the_grant),
		cmocka_unit_test(test_quota_is_guarded),
		cmocka_unit_test(test_duration_and_note),
		cmocka_unit_test(test_display_name),
		cmocka_unit_test(test_longest_run),
		cmocka_unit_test(test_limit_of_groups),
		cmocka_unit_test(test_wait_limit),
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_who_may_alter),
		cmocka_unit_test(test_release_account),
		cmocka_unit_test(test_release_no_account),
		cmocka_unit_test(test_release_requests),
	};

	return cmocka_run_group_tests_name("plan policy", tests, NULL, NULL);
}
