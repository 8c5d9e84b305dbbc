/* The policies of src/plan: a table of states and requests, and invariants at random. */
#include "plan_world.h"
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "plan/plan.h"

#define GPUS_MAX 16

/* A pool under construction: slots, what runs on them, and reservations. */
struct world {
	struct pool_state state;
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[64];
	int64_t last_use_ns[GPUS_MAX];
	struct plan_facts facts;
};

static void world_init(struct world *w, size_t gpus)
{
	*w = (struct world){0};
	w->state.initialized = true;
	pool_state_make_slots(&w->state, gpus);
	w->facts = (struct plan_facts){
		.now_ns = NOW, .use = w->use, .life = w->life, .last_use_ns = w->last_use_ns};
}

static void world_clear(struct world *w)
{
	pool_state_clear(&w->state);
}

/* Adds a reservation of GPUs first..first+count-1 by account "u<uid>", whose command lives. */
static struct reservation *world_add(struct world *w, uid_t uid, enum reservation_type type,
				     int first, int count)
{
	w->life[w->state.reservations_count] = HOLDER_ALIVE;
	return world_hold(&w->state, uid, type, first, count);
}

static struct plan_request request_for(uid_t uid, int count)
{
	return (struct plan_request){
		.actor = {.uid = uid, .account = "me"},
		.type = RESERVATION_MANUAL,
		.count = count,
		.duration_ns = 60 * MINUTE,
		.id = "11111111-1111-1111-1111-111111111111",
	};
}

/* The ids granted as "0,2", or "-" and the error in *e. The caller frees it. */
static char *granted(struct world *w, const struct plan_request *request, struct err *e)
{
	AUTO(plan_clear) struct plan p = {0};
	char *text = mem_strdup("");

	err_clear(e);
	if (plan_reserve(&w->state, &w->facts, request, &p, e) < 0) {
		mem_replace(&text, "-");
		return text;
	}
	for (size_t i = 0; i < p.granted->gpus_count; i++) {
		char *longer = mem_printf("%s%s%d", text, i ? "," : "", p.granted->gpus[i]);

		free(text);
		text = longer;
	}
	return text;
}

#define assert_granted(world, request, expected)                                            \
	do {                                                                                \
		struct err assert_e;                                                        \
		AUTO_FREE char *assert_got = granted(world, request, &assert_e);            \
		if (strcmp(assert_got, expected) != 0)                                      \
			fail_msg("granted %s (%s), expected %s", assert_got, assert_e.text, \
				 expected);                                                 \
	} while (0)

#define assert_refused(world, request, expected_text)                            \
	do {                                                                     \
		struct err assert_e;                                             \
		AUTO_FREE char *assert_got = granted(world, request, &assert_e); \
		assert_string_equal(assert_got, "-");                            \
		assert_string_equal(assert_e.text, expected_text);               \
	} while (0)

/* ---- which GPUs ---- */

static void test_prefers_own_then_longest_free(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1), three = request_for(1, 3);

	(void)state;
	world_init(&w, 4);
	assert_granted(&w, &one, "0"); /* all alike: the first */
	w.state.slots[0].last_released_ns = NOW - 10 * MINUTE;
	w.state.slots[1].last_released_ns = NOW - 30 * MINUTE;
	w.state.slots[2].last_released_ns = NOW - 20 * MINUTE;
	w.state.slots[3].last_released_ns = NOW - 40 * MINUTE;
	assert_granted(&w, &one, "3");       /* least recently used by anybody */
	assert_granted(&w, &three, "1,2,3"); /* ascending */
	w.last_use_ns[0] = NOW - 50 * MINUTE;
	w.last_use_ns[2] = NOW - 45 * MINUTE;
	assert_granted(&w, &one, "2"); /* most recently used by the requester */
	assert_granted(&w, &three, "0,2,3");
	w.state.slots[1].last_released_ns = TIME_NONE;
	w.last_use_ns[0] = w.last_use_ns[2] = TIME_NONE;
	assert_granted(&w, &one, "1"); /* never used counts as longest */
}

static void test_never_busy_or_unknown(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1), two = request_for(1, 2);
	struct plan_request exact = request_for(1, 1);
	int id = 1;

	(void)state;
	world_init(&w, 4);
	w.use[0] = USE_BUSY;
	w.use[1] = USE_UNKNOWN;
	world_add(&w, 2, RESERVATION_MANUAL, 2, 1);
	w.last_use_ns[0] = w.last_use_ns[1] = NOW - MINUTE; /* however much it is liked */
	assert_granted(&w, &one, "3");
	assert_refused(&w, &two,
		       "Not enough GPUs available. Requested: 2, Available: 1 (1 GPUs in use "
		       "without reservation, 1 GPU whose use is unknown - run 'canhazgpu status' "
		       "for details)");
	exact.ids = &id;
	exact.ids_count = 1;
	assert_refused(&w, &exact,
		       "GPU 1 is not available: its use is unknown - run 'canhazgpu status' for "
		       "details");
	id = 0;
	assert_refused(&w, &exact,
		       "GPU 0 is not available: in use without reservation - run 'canhazgpu "
		       "status' for details");
	id = 2;
	assert_refused(&w, &exact,
		       "GPU 2 is not available: reserved by u2 (manual) - run 'canhazgpu status' "
		       "for details");
	/* No scan at all: nothing is handed out. */
	w.facts.use = NULL;
	assert_refused(&w, &one,
		       "Not enough GPUs available. Requested: 1, Available: 0 (3 GPUs whose use is "
		       "unknown - run 'canhazgpu status' for details)");
}

static void test_unreadable_slot_is_not_handed_out(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1);

	(void)state;
	world_init(&w, 1);
	w.state.slots[0].problem = mem_strdup("malformed");
	assert_granted(&w, &one, "-");
	one.force = true; /* it may be reserved */
	assert_refused(&w, &one,
		       "Not enough GPUs available. Requested: 1, Available: 0 (1 GPU whose use is "
		       "unknown - run 'canhazgpu status' for details)");
}

/* Nor is one that its driver calls broken, whatever is asked for. */
static void test_faulty_is_not_handed_out(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request one = request_for(1, 1), exact = request_for(1, 1);
	int id = 1;

	(void)state;
	world_init(&w, 2);
	w.use[1] = USE_FAULTY;
	assert_granted(&w, &one, "0");
	one.force = exact.force = true;
	one.count = 2;
	assert_refused(&w, &one,
		       "Not enough GPUs available. Requested: 2, Available: 1 (1 GPU whose use is "
		       "unknown - run 'canhazgpu status' for details)");
	exact.ids = &id;
	exact.ids_count = 1;
	assert_refused(&w, &exact,
		       "GPU 1 is not available: its driver says that it cannot be used - run "
		       "'canhazgpu status' for details");
}

static void test_force_takes_busy_after_idle(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request r = request_for(1, 1);

	(void)state;
	world_init(&w, 4);
	r.force = true;
	w.use[0] = USE_UNKNOWN;
	w.use[1] = USE_BUSY;
	w.last_use_ns[0] = w.last_use_ns[1] = NOW - MINUTE;
	world_add(&w, 2, RESERVATION_MANUAL, 2, 1);
	assert_granted(&w, &r, "3");
	r.count = 2;
	assert_granted(&w, &r, "1,3");
	r.count = 3;
	assert_granted(&w, &r, "0,1,3");
	r.count = 4; /* never what is reserved */
	assert_refused(&w, &r, "Not enough GPUs available. Requested: 4, Available: 3");
}

/* What runs there is not why. */
static void test_force_does_not_take_what_others_wait_for(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request r = request_for(1, 1), exact = request_for(1, 1);
	struct queue_entry *q;
	int busy = 0;

	(void)state;
	world_init(&w, 2);
	w.use[0] = USE_BUSY;
	world_add(&w, 2, RESERVATION_MANUAL, 1, 1);
	q = pool_state_add_waiter(&w.state);
	q->user = mem_strdup("eve");
	q->requested_count = 1;
	q->enqueued_ns = NOW;
	r.force = exact.force = true;
	exact.ids = &busy;
	exact.ids_count = 1;
	assert_refused(&w, &r,
		       "Not enough GPUs available. Requested: 1, Available: 0 (others are waiting "
		       "for 1 more)");
	assert_refused(&w, &exact, "GPU 0 is not available: eve is waiting for it");
	exact.force = false;
	assert_refused(&w, &exact,
		       "GPU 0 is not available: in use without reservation - run 'canhazgpu "
		       "status' for details");
}

static void test_impossible_is_refused_as_such(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request r = request_for(1, 5);
	const int beyond[] = {0, 4}, twice[] = {1, 1};
	struct err e = {0};

	(void)state;
	world_init(&w, 4);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -ERANGE);
	assert_string_equal(e.text, "Requested 5 GPUs, but the pool has only 4");
	r.ids = beyond;
	r.ids_count = 2;
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -ERANGE);
	assert_string_equal(e.text, "GPU ID 4 does not exist (the pool has 0 to 3)");
	r.ids = twice;
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -EINVAL);
	r = request_for(1, 0);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -EINVAL);
	w.state.initialized = false;
	r = request_for(1, 1);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -ENOENT);
	assert_int_equal(p.changes_count, 0);
}

/* ---- what is over ---- */

static void test_over(void **state)
{
	static const struct {
		enum reservation_type type;
		enum holder_life life;
		int64_t heartbeat_ago, expires_in;
		bool over;
		enum end_reason reason;
		int64_t end_ago;
	} cases[] = {
		{RESERVATION_MANUAL, HOLDER_GONE, 0, 1, false, 0, 0},
		{RESERVATION_MANUAL, HOLDER_GONE, 0, 0, true, END_EXPIRED, 0},
		{RESERVATION_MANUAL, HOLDER_ALIVE, 0, -MINUTE, true, END_EXPIRED, MINUTE},
		/* However old the heartbeat: a command that lives keeps its GPUs. */
		{RESERVATION_RUN, HOLDER_ALIVE, 600 * MINUTE, 0, false, 0, 0},
		/* Its command has ended: the supervisor has until the next heartbeat. */
		{RESERVATION_RUN, HOLDER_ENDING, MINUTE, 0, false, 0, 0},
		{RESERVATION_RUN, HOLDER_ENDING, MINUTE + 1, 0, true, END_HOLDER_DIED, 1},
		{RESERVATION_RUN, HOLDER_ENDING, 600 * MINUTE, 0, true, END_HOLDER_DIED,
		 599 * MINUTE},
		/* ... and none if it is stopped. */
		{RESERVATION_RUN, HOLDER_STOPPED, MINUTE / 2, 0, true, END_HOLDER_DIED, 0},
		{RESERVATION_MANUAL, HOLDER_STOPPED, 0, 1, false, 0, 0},
		{RESERVATION_RUN, HOLDER_GONE, MINUTE / 2, 0, true, END_HOLDER_DIED, 0},
		/* Charged for one interval after the last sign of life, not until somebody looks.
		 */
		{RESERVATION_RUN, HOLDER_GONE, 30 * MINUTE, 0, true, END_HOLDER_DIED, 29 * MINUTE},
		{RESERVATION_RUN, HOLDER_OUT_OF_SIGHT, 5 * MINUTE, 0, false, 0, 0},
		{RESERVATION_RUN, HOLDER_OUT_OF_SIGHT, 5 * MINUTE + 1, 0, true, END_STALE,
		 5 * MINUTE + 1},
	};

	(void)state;
	/* The second time it began in the future: the clock was set back since. */
	for (size_t k = 0; k < 2 * ARRAY_SIZE(cases); k++) {
		size_t i = k / 2;
		struct reservation r = {
			.type = cases[i].type,
			.start_ns = k % 2 ? NOW + MINUTE : NOW - 1000 * MINUTE,
			.heartbeat_ns = NOW - cases[i].heartbeat_ago,
			.expiry_ns = cases[i].type == RESERVATION_MANUAL ? NOW + cases[i].expires_in
									 : TIME_NONE,
		};
		enum end_reason reason = END_RELEASED;
		int64_t end_ns = 0;
		struct plan_facts facts = {.now_ns = NOW};
		bool over = plan_has_ended(&r, cases[i].life, &facts, &reason, &end_ns);

		if (over != cases[i].over)
			fail_msg("case %zu: over %d", k, over);
		if (over && (reason != cases[i].reason || end_ns != NOW - cases[i].end_ago))
			fail_msg("case %zu: reason %s, %lld ns ago", k, end_reason_name(reason),
				 (long long)(NOW - end_ns));
	}
}

static void test_over_is_ended_and_granted_again(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request r = request_for(1, 2);
	struct err e = {0};

	(void)state;
	world_init(&w, 2);
	world_add(&w, 2, RESERVATION_MANUAL, 0, 2)->expiry_ns = NOW - MINUTE;
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), 0);
	assert_int_equal(p.changes_count, 2);
	assert_int_equal(p.changes[0].kind, CHANGE_END);
	assert_int_equal(p.changes[0].end.end_ns, NOW - MINUTE);
	assert_int_equal(p.changes[1].kind, CHANGE_GRANT);
	/* Its time is over, but its process is still there: not handed out. */
	w.use[1] = USE_BUSY;
	assert_refused(&w, &r,
		       "Not enough GPUs available. Requested: 2, Available: 1 (1 GPUs in use "
		       "without reservation - run 'canhazgpu status' for details)");
}

static void test_refusal_still_cleans_up(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request r = request_for(1, 2);
	struct err e = {0};

	(void)state;
	world_init(&w, 2);
	world_add(&w, 2, RESERVATION_MANUAL, 0, 1)->expiry_ns = NOW - MINUTE;
	world_add(&w, 2, RESERVATION_MANUAL, 1, 1);
	assert_int_equal(plan_reserve(&w.state, &w.facts, &r, &p, &e), -EBUSY);
	assert_int_equal(p.changes_count, 1);
	assert_int_equal(p.changes[0].kind, CHANGE_END);
	assert_null(p.granted);
}

/* Who has no supervisor any more is still charged for the time that it holds its GPUs. */
static void test_cleanup_renews_for_a_silent_supervisor(void **state)
{
	static const struct {
		enum holder_life life;
		int64_t ago;
		bool renewed;
	} cases[] = {
		{HOLDER_ALIVE, 2 * MINUTE, false},
		{HOLDER_ALIVE, 2 * MINUTE + 1, true},
		{HOLDER_ENDING, MINUTE, false},
		{HOLDER_OUT_OF_SIGHT, 3 * MINUTE, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};

		world_init(&w, 1);
		world_add(&w, 1, RESERVATION_RUN, 0, 1)->heartbeat_ns = NOW - cases[i].ago;
		w.life[0] = cases[i].life;
		plan_cleanup(&w.state, &w.facts, &p);
		assert_int_equal(p.changes_count, cases[i].renewed);
		if (!cases[i].renewed)
			continue;
		assert_int_equal(p.changes[0].kind, CHANGE_RENEW);
		assert_int_equal(p.changes[0].renew.reservation->heartbeat_ns, NOW);
	}
}

static void test_clock_set_back(void **state)
{
	AUTO(plan_clear) struct plan p = {0};
	struct reservation r = {.start_ns = NOW};
	const int gpu = 0;

	(void)state;
	plan_end(&p, &r, &gpu, 1, NOW - MINUTE, END_RELEASED, NULL);
	assert_int_equal(p.changes[0].end.end_ns, NOW);
}

/* ---- release ---- */

static void test_release_mine_only(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor me = {.uid = 1, .account = "u1"};
	struct err e = {0};

	(void)state;
	world_init(&w, 8);
	world_add(&w, 1, RESERVATION_MANUAL, 0, 2);
	mem_replace(&w.state.reservations[0]->user, "label"); /* made with --user */
	world_add(&w, 2, RESERVATION_MANUAL, 2, 1);
	mem_replace(&w.state.reservations[1]->user, "u1"); /* called like me */
	world_add(&w, 1, RESERVATION_RUN, 3, 1);
	world_add(&w, 1, RESERVATION_MANUAL, 5, 1);
	assert_int_equal(plan_release(&w.state, &w.facts, &me, NULL, 0, &p, &e), 0);
	assert_int_equal(p.affected_gpus_count, 3);
	assert_int_equal(p.affected_gpus[0], 0);
	assert_int_equal(p.affected_gpus[1], 1);
	assert_int_equal(p.affected_gpus[2], 5);
}

static void test_release_by_id(void **state)
{
	static const struct {
		uid_t uid;
		int ids[2];
		size_t count;
		int result;
		const char *text;
	} cases[] = {
		{1, {0, 3}, 2, 0, ""},
		{1, {0, 2}, 2, -EPERM, "GPU 2 is reserved by u2, not by you"},
		{1, {4}, 1, -ENOENT, "GPU 4 is not reserved"},
		{1, {9}, 1, -ERANGE, "GPU ID 9 does not exist (the pool has 0 to 7)"},
		{0, {2, 3}, 2, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		const struct plan_actor actor = {.uid = cases[i].uid, .account = "actor"};
		struct err e = {0};
		int r;

		world_init(&w, 8);
		world_add(&w, 1, RESERVATION_MANUAL, 0, 2);
		world_add(&w, 2, RESERVATION_MANUAL, 2, 1);
		world_add(&w, 1, RESERVATION_RUN, 3, 1);
		r = plan_release(&w.state, &w.facts, &actor, cases[i].ids, cases[i].count, &p, &e);
		assert_int_equal(r, cases[i].result);
		assert_string_equal(e.text, cases[i].text);
		assert_int_equal(p.affected_gpus_count, r ? 0 : cases[i].count);
		for (size_t k = 0; k < p.changes_count; k++)
			assert_int_equal(p.changes[k].end.reason,
					 cases[i].uid ? END_RELEASED : END_FORCED);
	}
}

/* One reservation, and nothing else that its account holds. */
static void test_release_reservation(void **state)
{
	static const struct {
		uid_t uid;
		int gpu; /* of the reservation; -1: an id that is not there */
		int result;
		size_t released;
	} cases[] = {
		{1, 0, 0, 2},        {1, 3, 0, 1},       {1, 4, -EPERM, 0}, {0, 4, 0, 1},
		{1, -1, -ENOENT, 0}, {1, 5, -ENOENT, 0}, /* collected for a request that waits */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		const struct plan_actor actor = {.uid = cases[i].uid, .account = "actor"};
		const char *id = "none";
		struct err e = {0};

		world_init(&w, 8);
		world_add(&w, 1, RESERVATION_MANUAL, 0, 2);
		world_add(&w, 1, RESERVATION_MANUAL, 2, 1);
		world_add(&w, 1, RESERVATION_RUN, 3, 1);
		world_add(&w, 2, RESERVATION_MANUAL, 4, 1);
		world_add(&w, 1, RESERVATION_MANUAL, 5, 1)->queue_id = mem_strdup("q");
		if (cases[i].gpu >= 0)
			id = w.state.slots[cases[i].gpu].reservation->id;
		assert_int_equal(plan_release_id(&w.state, &w.facts, &actor, id, &p, &e),
				 cases[i].result);
		assert_int_equal(p.affected_gpus_count, cases[i].released);
		if (cases[i].released)
			assert_true(plan_ends_any(&p, w.state.slots[cases[i].gpu].reservation));
	}
}

/* The cleanup renews what has a silent supervisor; that is no reason not to release it. */
static void test_release_what_was_renewed(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor me = {.uid = 1, .account = "u1"};
	const int id = 1;
	struct err e = {0};

	(void)state;
	world_init(&w, 2);
	world_add(&w, 1, RESERVATION_RUN, 0, 2)->heartbeat_ns = NOW - 3 * MINUTE;
	assert_int_equal(plan_release(&w.state, &w.facts, &me, &id, 1, &p, &e), 0);
	assert_int_equal(p.affected_gpus_count, 1);
	assert_int_equal(p.changes_count, 2);
	assert_int_equal(p.changes[0].kind, CHANGE_RENEW);
	assert_int_equal(p.changes[1].kind, CHANGE_END);
	assert_int_equal(p.changes[1].end.gpus_count, 1);
}

/* What a waiting request of the other program has collected is neither stale nor expired, nor mine
   to release, as long as that request shows life. */
static void test_collected_for_who_waits(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan none = {0}, some = {0}, later = {0};
	const struct plan_actor me = {.uid = 1, .account = "u1"};
	struct plan_request one = request_for(2, 1);
	struct queue_entry *q;
	struct err e = {0};
	const int id = 0;

	(void)state;
	world_init(&w, 2);
	world_add(&w, 1, RESERVATION_RUN, 0, 1)->heartbeat_ns = TIME_NONE;
	world_add(&w, 1, RESERVATION_MANUAL, 1, 1)->expiry_ns = NOW - MINUTE;
	w.life[0] = HOLDER_OUT_OF_SIGHT;
	w.state.reservations[0]->queue_id = mem_strdup("waits");
	w.state.reservations[1]->queue_id = mem_strdup("waits");
	q = pool_state_add_waiter(&w.state);
	snprintf(q->id, sizeof(q->id), "waits");
	q->requested_count = 2;
	q->enqueued_ns = NOW - 60 * MINUTE;
	q->heartbeat_ns = NOW - 2 * MINUTE;
	assert_granted(&w, &one, "-");
	assert_int_equal(plan_release(&w.state, &w.facts, &me, NULL, 0, &none, &e), 0);
	assert_int_equal(none.changes_count, 0);
	assert_int_equal(plan_release(&w.state, &w.facts, &me, &id, 1, &some, &e), -EBUSY);
	/* Silent for more than two minutes, and out of sight: dead. Nothing of that was used. */
	q->heartbeat_ns -= 1;
	plan_cleanup(&w.state, &w.facts, &later);
	assert_int_equal(later.changes_count, 3);
	assert_true(later.changes[0].end.unrecorded && later.changes[1].end.unrecorded);
	assert_int_equal(later.changes[2].kind, CHANGE_DROP);
}

static void test_owner_by_uid_then_account(void **state)
{
	const struct plan_actor me = {.uid = 7, .account = "me"};
	char account[] = "me", other[] = "other";
	struct reservation r = {.uid = quantity_of(7), .account = other};

	(void)state;
	assert_true(plan_owns(&me, &r));
	r.uid.value = 8;
	r.account = account; /* the same name, another uid: not mine */
	assert_false(plan_owns(&me, &r));
	r.uid.known = false;
	assert_true(plan_owns(&me, &r));
}

/* ---- init ---- */

static void test_init_ends_everything(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor root = {.uid = 0, .account = "root"};

	(void)state;
	world_init(&w, 4);
	world_add(&w, 1, RESERVATION_MANUAL, 0, 2);
	world_add(&w, 2, RESERVATION_MANUAL, 2, 1)->expiry_ns = NOW - MINUTE;
	pool_state_add_waiter(&w.state);
	plan_init(&w.state, &w.facts, &root, "fake", NULL, 8, &p);
	assert_int_equal(p.changes_count, 4);
	assert_int_equal(p.changes[0].end.reason, END_FORCED);
	assert_string_equal(p.changes[0].end.actor, "root");
	assert_int_equal(p.changes[1].end.reason, END_EXPIRED);
	assert_int_equal(p.changes[2].kind, CHANGE_DROP);
	assert_int_equal(p.changes[3].kind, CHANGE_INIT);
	assert_int_equal(p.changes[3].init.gpus_count, 8);
}

/* Like the cleanup: another program, which gives no ids, leaves the mark of a request that it has
   served. */
static void test_init_records_what_was_used(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	const struct plan_actor root = {.uid = 0, .account = "root"};
	struct reservation *theirs, *left;

	(void)state;
	world_init(&w, 2);
	theirs = world_add(&w, 1, RESERVATION_MANUAL, 0, 1);
	*theirs->id = '\0';
	theirs->queue_id = mem_strdup("gone");
	left = world_add(&w, 1, RESERVATION_MANUAL, 1, 1);
	left->queue_id = mem_strdup("gone");
	plan_init(&w.state, &w.facts, &root, "fake", NULL, 2, &p);
	assert_ptr_equal(p.changes[0].end.reservation, theirs);
	assert_false(p.changes[0].end.unrecorded);
	assert_ptr_equal(p.changes[1].end.reservation, left);
	assert_true(p.changes[1].end.unrecorded);
}

static void test_use(void **state)
{
	struct process process = {.pid = 1};
	struct gpu gpu = {.processes_known = true};

	(void)state;
	assert_int_equal(plan_gpu_use(NULL, 1024), USE_UNKNOWN);
	assert_int_equal(plan_gpu_use(&gpu, 1024), USE_UNKNOWN);
	gpu.processes = &process;
	gpu.processes_count = 1;
	assert_int_equal(plan_gpu_use(&gpu, 1024), USE_BUSY);
	gpu.memory_used_mb = quantity_of(1024);
	assert_int_equal(plan_gpu_use(&gpu, 1024), USE_IDLE);
	gpu.memory_used_mb = quantity_of(1025);
	assert_int_equal(plan_gpu_use(&gpu, 1024), USE_BUSY);
	gpu.memory_used_mb = quantity_of(0);
	assert_int_equal(plan_gpu_use(&gpu, 0), USE_IDLE);
	gpu.health = HEALTH_WARNING;
	assert_int_equal(plan_gpu_use(&gpu, 0), USE_IDLE);
	gpu.health = HEALTH_FAULTY;
	assert_int_equal(plan_gpu_use(&gpu, 0), USE_FAULTY);
}

/* What an administrator has said not to count, with a threshold of 1000 MB. */
static void test_ignored(void **state)
{
	static const struct {
		const char *what;
		int64_t used_mb, then_mb, now_mb; /* used_mb < 0: unknown; now_mb < 0: unknown */
		bool is_alive, another;           /* another: there is one more process */
		enum gpu_use use;
	} cases[] = {
		{"as it was", 1612, 1600, 1600, true, false, USE_IDLE},
		{"it has ended, and the pid is another's", 1612, 1600, 1600, false, false,
		 USE_BUSY},
		{"it has grown a little", 2500, 1600, 2490, true, false, USE_IDLE},
		{"it has grown by more than the threshold", 2700, 1600, 2690, true, false,
		 USE_BUSY},
		{"it has shrunk: no more is forgiven than it has", 1612, 1600, 600, true, false,
		 USE_BUSY},
		{"somebody else is there, too", 3000, 1600, 1600, true, true, USE_BUSY},
		{"somebody else, with little", 1700, 1600, 1600, true, true, USE_IDLE},
		{"the driver no longer tells what it has", 1612, 1600, -1, true, false, USE_BUSY},
		{"unknown use, and nobody else", -1, 1600, 1600, true, false, USE_UNKNOWN},
		{"unknown use, and somebody else", -1, 1600, 1600, true, true, USE_BUSY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct process processes[] = {{.pid = 7}, {.pid = 8}};
		struct gpu gpu = {.processes_known = true,
				  .processes = processes,
				  .processes_count = cases[i].another ? 2 : 1};
		struct ignored_process ignored = {.holder.command = {.pid = 7, .start_ticks = 5},
						  .ignored_by = (char[]){"root"},
						  .memory_mb = cases[i].then_mb};
		enum gpu_use use;

		if (cases[i].used_mb >= 0)
			gpu.memory_used_mb = quantity_of(cases[i].used_mb);
		if (cases[i].now_mb >= 0)
			processes[0].memory_mb = quantity_of(cases[i].now_mb);
		plan_forgive(&gpu, &ignored, &cases[i].is_alive, 1);
		use = plan_gpu_use(&gpu, 1000);
		assert_null(processes[1].ignored_by);
		process_clear(&processes[0]);
		if (use != cases[i].use)
			fail_msg("%s: %d", cases[i].what, (int)use);
	}
}

/* A process that the driver lists twice had what it had only once. */
static void test_ignored_twice(void **state)
{
	struct process processes[] = {{.pid = 7, .memory_mb = quantity_of(1600)},
				      {.pid = 7, .memory_mb = quantity_of(1600)}};
	struct gpu gpu = {.processes_known = true,
			  .processes = processes,
			  .processes_count = 2,
			  .memory_used_mb = quantity_of(3000)};
	const struct ignored_process ignored = {.holder.command = {.pid = 7, .start_ticks = 5},
						.memory_mb = 1600};
	const bool is_alive = true;

	(void)state;
	plan_forgive(&gpu, &ignored, &is_alive, 1);
	assert_int_equal(plan_gpu_use(&gpu, 1000), USE_BUSY);
	process_clear(&processes[0]);
	process_clear(&processes[1]);
}

/* The list: what is added and removed, and what has ended goes with it. */
static void test_ignore(void **state)
{
	struct ignored_process list[] = {{.holder.command = {7, 70}}, {.holder.command = {8, 80}}};
	const struct ignored_process added = {.holder.command = {9, 90}};
	const bool is_alive[] = {true, false};
	struct pool_state pool = {.initialized = true, .ignored = list, .ignored_count = 2};
	AUTO(plan_clear) struct plan add = {0};
	AUTO(plan_clear) struct plan back = {0};
	AUTO(plan_clear) struct plan none = {0};

	(void)state;
	assert_int_equal(plan_ignore(&pool, is_alive, &added, &add, NULL), 0);
	assert_int_equal(add.changes_count, 2);
	assert_ptr_equal(add.changes[0].ignore.process, &list[1]);
	assert_true(add.changes[0].ignore.drop);
	assert_ptr_equal(add.changes[1].ignore.process, &added);
	assert_false(add.changes[1].ignore.drop);
	assert_int_equal(plan_count_again(&pool, is_alive, 7, &back, NULL), 0);
	assert_int_equal(back.changes_count, 2);
	assert_ptr_equal(back.changes[0].ignore.process, &list[0]);
	assert_true(back.changes[0].ignore.drop);
	assert_int_equal(plan_count_again(&pool, is_alive, 8, &none, NULL), -ENOENT);
	assert_int_equal(none.changes_count, 0);
	pool.initialized = false;
	assert_int_equal(plan_ignore(&pool, is_alive, &added, &none, NULL), -ENOENT);
}

/* ---- at random ---- */

/* A world of random size, reservations and use. */
static void world_random(struct world *w)
{
	size_t gpus = 1 + (size_t)rand() % GPUS_MAX;

	world_init(w, gpus);
	for (size_t i = 0; i < gpus; i++) {
		w->use[i] = (enum gpu_use)(rand() % 4);
		if (rand() % 3)
			w->use[i] = USE_IDLE;
		w->last_use_ns[i] = rand() % 2 ? NOW - rand() : TIME_NONE;
		w->state.slots[i].last_released_ns = rand() % 2 ? NOW - rand() : TIME_NONE;
	}
	for (size_t at = 0; at < gpus;) {
		int count = 1 + rand() % 3;
		struct reservation *r;

		if (rand() % 2 || at + (size_t)count > gpus) {
			at++;
			continue;
		}
		r = world_add(w, (uid_t)(rand() % 3),
			      rand() % 2 ? RESERVATION_RUN : RESERVATION_MANUAL, (int)at, count);
		r->expiry_ns += (rand() % 3 - 1) * 60 * MINUTE;
		r->heartbeat_ns -= (rand() % 2) * 10 * MINUTE;
		w->life[w->state.reservations_count - 1] = (enum holder_life)(rand() % 5);
		at += (size_t)count;
	}
}

/* Whether slot i may be given away: an independent statement of the rule. */
static bool may_be_granted(const struct world *w, size_t i)
{
	const struct reservation *r = w->state.slots[i].reservation;
	size_t k = 0;

	if (w->use[i] != USE_IDLE)
		return false;
	if (!r)
		return true;
	if (r->type == RESERVATION_MANUAL)
		return r->expiry_ns <= NOW;
	while (w->state.reservations[k] != r)
		k++;
	return w->life[k] == HOLDER_GONE || w->life[k] == HOLDER_STOPPED ||
	       (w->life[k] == HOLDER_ENDING && NOW - r->heartbeat_ns > MINUTE) ||
	       (w->life[k] == HOLDER_OUT_OF_SIGHT && NOW - r->heartbeat_ns > 5 * MINUTE);
}

static void check_random_plan(const struct world *w, const struct plan *p, int wanted)
{
	bool owned[GPUS_MAX] = {0};

	for (size_t i = 0; i < w->state.slots_count; i++)
		owned[i] = w->state.slots[i].reservation != NULL;
	/* Replays the changes: an end frees what is owned, a grant takes what is free. */
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];
		bool end = c->kind == CHANGE_END;
		size_t count;
		const int *gpus = change_gpus(c, &count);

		if (c->kind == CHANGE_RENEW)
			continue;
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(owned[gpus[k]], end);
			owned[gpus[k]] = !end;
			if (!end)
				assert_true(may_be_granted(w, (size_t)gpus[k]));
			if (!end && k)
				assert_true(gpus[k] > gpus[k - 1]);
		}
	}
	if (p->granted)
		assert_int_equal(p->granted->gpus_count, wanted);
}

static void test_random(void **state)
{
	int grants = 0, refusals = 0;

	(void)state;
	srand(20251120);
	for (int round = 0; round < 20000; round++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		struct plan_request request;
		struct err e = {0};
		int possible = 0, r;

		world_random(&w);
		request = request_for((uid_t)(rand() % 3), 1 + rand() % 4);
		if ((size_t)request.count > w.state.slots_count)
			request.count = (int)w.state.slots_count;
		for (size_t i = 0; i < w.state.slots_count; i++)
			possible += may_be_granted(&w, i);
		r = plan_reserve(&w.state, &w.facts, &request, &p, &e);
		/* Granted exactly when enough GPUs may be given away, and the number said is true.
		 */
		assert_int_equal(r, possible >= request.count ? 0 : -EBUSY);
		if (r < 0) {
			int said = -1;

			assert_non_null(strstr(e.text, "Available: "));
			said = atoi(strstr(e.text, "Available: ") + strlen("Available: "));
			assert_int_equal(said, possible);
		}
		check_random_plan(&w, &p, request.count);
		r == 0 ? grants++ : refusals++;
	}
	assert_true(grants > 1000);
	assert_true(refusals > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefers_own_then_longest_free),
		cmocka_unit_test(test_never_busy_or_unknown),
		cmocka_unit_test(test_unreadable_slot_is_not_handed_out),
		cmocka_unit_test(test_faulty_is_not_handed_out),
		cmocka_unit_test(test_force_takes_busy_after_idle),
		cmocka_unit_test(test_force_does_not_take_what_others_wait_for),
		cmocka_unit_test(test_impossible_is_refused_as_such),
		cmocka_unit_test(test_over),
		cmocka_unit_test(test_over_is_ended_and_granted_again),
		cmocka_unit_test(test_refusal_still_cleans_up),
		cmocka_unit_test(test_cleanup_renews_for_a_silent_supervisor),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_release_mine_only),
		cmocka_unit_test(test_release_by_id),
		cmocka_unit_test(test_release_reservation),
		cmocka_unit_test(test_release_what_was_renewed),
		cmocka_unit_test(test_collected_for_who_waits),
		cmocka_unit_test(test_owner_by_uid_then_account),
		cmocka_unit_test(test_init_ends_everything),
		cmocka_unit_test(test_init_records_what_was_used),
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_ignored_twice),
		cmocka_unit_test(test_ignored),
		cmocka_unit_test(test_ignore),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
