/* A request that does not take what is free for it does not keep it from others: tables for
   src/plan/offer.h. */
#include "queue_world.h"

#include <errno.h>

#include "base/mem.h"

#define HERE "boot-1"
#define ELSEWHERE "boot-2"

/* The first in the queue, whose program knows offers. */
static struct queue_entry *first_wants(struct world *w, const char *wish)
{
	struct queue_entry *q = world_queue(w, wish);

	q->offer.made_ns = OFFER_NONE;
	w->waiting[w->store.state.queue_count - 1] = HOLDER_ALIVE;
	return q;
}

static void set_ids(int **ids, size_t *count, const char *list)
{
	free(*ids);
	*count = list ? strlen(list) : 0;
	*ids = list ? mem_alloc(*count, sizeof(int)) : NULL;
	for (size_t i = 0; i < *count; i++)
		(*ids)[i] = list[i] - '0';
}

static void offer(struct queue_entry *q, int64_t ago_ns, const char *gpus)
{
	q->offer.made_ns = MONOTONIC - ago_ns;
	set_ids(&q->offer.gpus, &q->offer.gpus_count, gpus);
}

static void put_aside(struct queue_entry *q, const char *why, const char *gpus)
{
	mem_replace(&q->offer.aside, why);
	set_ids(&q->offer.aside_gpus, &q->offer.aside_gpus_count, gpus);
}

/* "01"; "-": none. */
static const char *ids_text(const int *ids, size_t count)
{
	static char text[2][16];
	static int turn;
	char *out = text[turn ^= 1];

	strcpy(out, ids ? "" : "-");
	for (size_t i = 0; i < count; i++)
		sprintf(out + i, "%d", ids[i]);
	return out;
}

/* The world's own request becomes the entry at that place, whose turn it is. */
static void turn_of(struct world *w, size_t place, const char *wish)
{
	static char id[ID_SIZE];
	const struct queue_entry *q = &w->store.state.queue[place];

	memcpy(id, q->id, ID_SIZE);
	w->wait.entry_id = id;
	w->wait.enqueued_ns = q->enqueued_ns;
	w->wait.part_id = place ? PART : "cccccccc-0000-4000-8000-000000000000";
	world_wish(w, wish);
}

/* ---- who is behind ---- */

static const struct offer_case {
	const char *title;
	const char *wish; /* of the first; the other one wants GPU 0 of two */
	enum holder_life life;
	int64_t offered_ns; /* ago; or one of OFFER_... with `raw` */
	const char *aside;  /* GPUs; "all" */
	enum gpu_use use;
	bool raw;
	bool granted, offers;
	const char *clock; /* of the offer; NULL: it names none */
	bool silent;       /* no heartbeat for 130 s */
} offer_cases[] = {
	{"nothing offered yet", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .offers = true},
	{"offered", "2", HOLDER_ALIVE, 4 * SECOND - 1},
	{"offered just now", "2", HOLDER_ALIVE, 0},
	{"has not reacted", "2", HOLDER_ALIVE, 4 * SECOND, .granted = true},
	{"offered before a reboot", "2", HOLDER_ALIVE, -1, .offers = true},
	{"offered by this clock", "2", HOLDER_ALIVE, 4 * SECOND - 1, .clock = HERE},
	{"has not reacted, by this clock", "2", HOLDER_ALIVE, 4 * SECOND, .clock = HERE,
	 .granted = true},
	/* Another host, or a time namespace: that time says nothing, in whichever direction. */
	{"offered by another clock", "2", HOLDER_ALIVE, 900 * SECOND, .clock = ELSEWHERE},
	{"offered by another clock that is ahead", "2", HOLDER_ALIVE, -900 * SECOND,
	 .clock = ELSEWHERE},
	{"offered by another clock, and silent", "2", HOLDER_ALIVE, 0, .clock = ELSEWHERE,
	 .silent = true, .granted = true},
	{"silent, but was offered nothing", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true,
	 .silent = true, .offers = true},
	{"cannot be seen", "2", HOLDER_OUT_OF_SIGHT, 120 * SECOND - 1},
	{"cannot be seen, for too long", "2", HOLDER_OUT_OF_SIGHT, 120 * SECOND, .granted = true},
	{"is stopped", "2", HOLDER_STOPPED, OFFER_NONE, .raw = true, .granted = true},
	{"was offered, and is stopped", "2", HOLDER_STOPPED, 0, .granted = true},
	{"its program knows no offers", "2", HOLDER_ALIVE, OFFER_UNKNOWN, .raw = true},
	{"wants another one", "#1", HOLDER_ALIVE, OFFER_NONE, .raw = true, .granted = true},
	{"busy", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .use = USE_BUSY},
	{"unknown", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .use = USE_UNKNOWN},
	{"is aside for it", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .aside = "0",
	 .granted = true},
	{"is aside for the other one", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .aside = "1",
	 .offers = true},
	{"is aside for all", "2", HOLDER_ALIVE, OFFER_NONE, .raw = true, .aside = "all",
	 .granted = true},
};

static void prepare(struct world *w, const struct offer_case *c)
{
	struct queue_entry *q;

	world_init(w, 2);
	q = first_wants(w, c->wish);
	w->waiting[0] = c->life;
	w->use[0] = c->use;
	if (c->raw)
		q->offer.made_ns = c->offered_ns;
	else
		offer(q, c->offered_ns, "0");
	if (c->clock)
		strcpy(q->offer.clock, c->clock);
	if (c->silent)
		q->heartbeat_ns = q->enqueued_ns = NOW - 130 * SECOND;
	w->facts.clock = HERE;
	if (c->aside)
		put_aside(q, "some reason", strcmp(c->aside, "all") ? c->aside : NULL);
	world_wish(w, "#0");
}

static void check(struct world *w, const struct offer_case *c, const char *who, int r)
{
	const struct change *put = NULL;

	for (size_t i = 0; i < w->plan.changes_count; i++) {
		if (w->plan.changes[i].kind == CHANGE_PUT &&
		    !strcmp(w->plan.changes[i].put.entry->id, world_entry_id(w, 0)))
			put = &w->plan.changes[i];
	}
	if (!w->plan.granted == c->granted)
		fail_msg("%s, %s: %d %s", who, c->title, r, w->e.text);
	/* What is aside for a GPU that has a new holder comes first for it again after that. */
	if (!c->granted && !put == c->offers)
		fail_msg("%s, %s: offers %d", who, c->title, put != NULL);
	if (!c->offers)
		return;
	assert_false(put->quiet);
	assert_int_equal(put->put.entry->offer.made_ns, MONOTONIC);
	assert_string_equal(put->put.entry->offer.clock, HERE);
	assert_string_equal(ids_text(put->put.entry->offer.gpus, put->put.entry->offer.gpus_count),
			    "0");
}

/* Whatever the wall clock was set to meanwhile. */
static void test_offers(void **state)
{
	static const int64_t steps_ns[] = {0, 3600 * SECOND, -3600 * SECOND};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(offer_cases); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(steps_ns); k++) {
			const struct offer_case *c = &offer_cases[i];
			AUTO(world_clear) struct world w;
			int r;

			if (k && (c->life == HOLDER_OUT_OF_SIGHT || c->clock || c->silent))
				continue; /* of which nothing is known but the heartbeat */
			prepare(&w, c);
			w.facts.now_ns += steps_ns[k];
			r = world_decide(&w);
			check(&w, c, "who waits", r);
			r = plan_reserve(world_load(&w), &w.facts, &w.request, &w.plan, &w.e);
			if (r != (c->granted ? 0 : -EBUSY))
				fail_msg("%s: %d", c->title, r);
			check(&w, c, "who does not wait", r);
		}
	}
}

/* Without a scan nobody knows that it is free. */
static void test_no_offer_without_a_scan(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 2);
	first_wants(&w, "2");
	memcpy(world_queue(&w, "1")->id, ME, ID_SIZE);
	world_wish(&w, "1");
	w.facts.use = NULL;
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(w.plan.changes_count, 0);
	assert_true(plan_wait_could_offer(&w.store.state, &w.facts, &w.request, &w.wait));
	offer(&w.store.state.queue[0], SECOND, "0");
	assert_true(plan_wait_could_offer(&w.store.state, &w.facts, &w.request, &w.wait));
	offer(&w.store.state.queue[0], SECOND, "01");
	assert_false(plan_wait_could_offer(&w.store.state, &w.facts, &w.request, &w.wait));
	offer(&w.store.state.queue[0], 4 * SECOND, "01");
	assert_false(plan_wait_could_offer(&w.store.state, &w.facts, &w.request, &w.wait));
}

/* A second GPU joins the offer, whose time goes on. */
static void test_offers_add_up(void **state)
{
	AUTO(world_clear) struct world w;
	const struct queue_entry *put;

	(void)state;
	world_init(&w, 3);
	offer(first_wants(&w, "3"), SECOND, "1");
	world_wish(&w, "#0,1");
	assert_int_equal(plan_reserve(&w.store.state, &w.facts, &w.request, &w.plan, &w.e), -EBUSY);
	put = world_only(&w, CHANGE_PUT)->put.entry;
	assert_int_equal(put->offer.made_ns, MONOTONIC - SECOND);
	assert_string_equal(ids_text(put->offer.gpus, put->offer.gpus_count), "01");
}

/* ---- the one to whom it is offered ---- */

static void test_answers(void **state)
{
	static const char *const reasons[] = {"uses 500 MB, more than it may", NULL};
	static const struct {
		const char *title, *wish, *use; /* per GPU: i, b, u; "": no scan */
		const char *held;            /* per GPU: m mine, r reserved, c collected behind */
		const char *offered, *aside; /* before */
		const char *outcome;
		const char *after; /* aside */
	} cases[] = {
		{"takes it", "1", "ib", "..", "0", NULL, "granted 0", NULL},
		{"takes one of two", "2", "ib", "..", "0", NULL, "collects 0", NULL},
		{"cannot use it", "1", "bb", "..", "0", NULL, "waits", "0"},
		{"cannot read it", "1", "ub", "..", "0", NULL, "waits", "0"},
		{"only what was offered", "1", "bb", "..", "1", NULL, "waits", "1"},
		{"it was taken since", "1", "bb", "r.", "0", NULL, "waits", NULL},
		{"has not looked yet", "1", "", "..", "0", NULL, "waits", NULL},
		{"has as many as it needs", "2", "bbi", "mm.", "2", NULL, "waits", "2"},
		{"still cannot", "1", "bb", "..", NULL, "0", "waits", "0"},
		{"still cannot, one more", "1", "bb", "..", "1", "0", "waits", "01"},
		{"can again", "1", "ib", "..", NULL, "0", "granted 0", NULL},
		{"has a holder", "1", "bb", "r.", NULL, "0", "waits", NULL},
		{"collected by one behind", "2", "bb", "c.", NULL, "0", "waits", "0"},
		{"collected by one behind, and idle", "2", "ib", "c.", NULL, "0", "waits", NULL},
		{"nobody has looked since", "1", "", "..", NULL, "0", "waits", "0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		struct queue_entry *q;
		const char *aside;

		world_init(&w, strlen(cases[i].held));
		first_wants(&w, cases[i].wish);
		first_wants(&w, "2");
		q = &w.store.state.queue[0];
		if (cases[i].offered)
			offer(q, SECOND, cases[i].offered);
		if (cases[i].aside)
			put_aside(q, "GPU 0 something", cases[i].aside);
		for (int gpu = 0; cases[i].held[gpu]; gpu++) {
			char held = cases[i].held[gpu],
			     use = cases[i].use[0] ? cases[i].use[gpu] : 0;

			w.use[gpu] = use == 'b' ? USE_BUSY : use == 'u' ? USE_UNKNOWN : USE_IDLE;
			if (held != '.')
				world_hold(&w, gpu,
					   held == 'm'   ? world_entry_id(&w, 0)
					   : held == 'c' ? world_entry_id(&w, 1)
							 : NULL);
		}
		set_ids(&w.store.state.queue[1].collected, &w.store.state.queue[1].collected_count,
			cases[i].held[0] == 'c' ? "0" : NULL);
		set_ids(&w.store.state.queue[0].collected, &w.store.state.queue[0].collected_count,
			cases[i].held[0] == 'm' ? "01" : NULL);
		if (!*cases[i].use)
			w.facts.use = NULL;
		w.facts.reasons = *cases[i].use && strlen(cases[i].held) == 2 ? reasons : NULL;
		turn_of(&w, 0, cases[i].wish);
		{
			const char *got = world_outcome(&w);

			if (strcmp(got, cases[i].outcome) != 0)
				fail_msg("%s: %s", cases[i].title, got);
		}
		q = &w.store.state.queue[0];
		if (!strncmp(cases[i].outcome, "granted", 7))
			continue;
		aside = q->offer.aside ? ids_text(q->offer.aside_gpus, q->offer.aside_gpus_count)
				       : NULL;
		if (!aside != !cases[i].after || (aside && strcmp(aside, cases[i].after) != 0))
			fail_msg("%s: aside for %s", cases[i].title, aside ? aside : "none");
		if ((q->offer.made_ns == OFFER_NONE) != (*cases[i].use || !cases[i].offered))
			fail_msg("%s: offered at %lld", cases[i].title,
				 (long long)q->offer.made_ns);
		if (aside && !strcmp(aside, "0") && *cases[i].use && !cases[i].aside)
			assert_string_equal(q->offer.aside, "GPU 0 uses 500 MB, more than it may");
	}
}

/* Numbers that change are no news: else each scan would wake everybody. */
static void test_another_reason_is_no_news(void **state)
{
	static const char *const reasons[] = {"uses 501 MB"};
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 1);
	put_aside(first_wants(&w, "1"), "GPU 0 uses 500 MB", "0");
	w.use[0] = USE_BUSY;
	w.facts.reasons = reasons;
	turn_of(&w, 0, "1");
	assert_int_equal(world_decide(&w), 0);
	assert_int_equal(w.plan.changes_count, 0);
	w.wait.heartbeat = true;
	assert_int_equal(world_decide(&w), 0);
	assert_true(world_only(&w, CHANGE_PUT)->quiet);
	assert_string_equal(world_only(&w, CHANGE_PUT)->put.entry->offer.aside,
			    "GPU 0 uses 501 MB");
}

/* At its limit of GPUs until a supervisor has released some: the GPUs go to the next. */
static void test_limit_of_gpus(void **state)
{
	struct plan_policy policy = {.max_gpus = 1};
	AUTO(world_clear) struct world w;
	struct reservation *ending;
	const struct queue_entry *q;

	(void)state;
	world_init(&w, 2);
	w.facts.policy = &policy;
	ending = world_hold(&w, 1, NULL);
	ending->uid = quantity_of(7);
	mem_replace(&ending->account, "me");
	w.life[0] = HOLDER_ENDING;
	q = first_wants(&w, "1");
	w.store.state.queue[0].uid = quantity_of(7);
	turn_of(&w, 0, "1");
	assert_string_equal(world_outcome(&w), "waits");
	assert_null(w.store.state.slots[0].reservation);
	offer(&w.store.state.queue[0], SECOND, "0");
	assert_string_equal(world_outcome(&w), "waits");
	q = &w.store.state.queue[0];
	assert_null(q->offer.aside);
	assert_int_equal(q->account_limit, 1);
	assert_int_equal(q->offer.made_ns, OFFER_NONE);
	assert_int_equal(plan_waiter_state(&w.store.state, &w.facts, 0), WAITER_ABSENT);
	assert_false(plan_wait_has_prospects(&w.store.state, &w.facts, &w.request, &w.wait));
	w.facts.policy = NULL;
	assert_string_equal(world_outcome(&w), "granted 0");
}

/* ---- what follows ---- */

/* It is first for a GPU again when that had a holder since. */
static void test_a_new_holder_ends_what_was_declined(void **state)
{
	AUTO(world_clear) struct world w;
	const struct queue_entry *q;

	(void)state;
	world_init(&w, 3);
	put_aside(first_wants(&w, "3"), "GPU 0 something", "01");
	world_wish(&w, "#0");
	assert_string_equal(world_outcome(&w), "granted 0");
	q = &w.store.state.queue[0];
	assert_string_equal(ids_text(q->offer.aside_gpus, q->offer.aside_gpus_count), "1");
	w.request.id = "88888888-0000-4000-8000-000000000000";
	world_wish(&w, "#1");
	assert_int_equal(plan_reserve(world_load(&w), &w.facts, &w.request, &w.plan, &w.e), 0);
	world_commit(&w);
	assert_null(w.store.state.queue[0].offer.aside);
}

/* Who did not react loses what it had, comes back to its place, and has it again. */
static void test_back_in_its_place(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 3);
	w.use[2] = USE_BUSY;
	first_wants(&w, "3");
	first_wants(&w, "3");
	turn_of(&w, 0, "3");
	assert_string_equal(world_outcome(&w), "collects 0,1");
	w.use[2] = USE_IDLE;
	offer(&w.store.state.queue[0], 4 * SECOND, "2");
	w.use[1] = USE_BUSY;
	turn_of(&w, 1, "3");
	assert_string_equal(world_outcome(&w), "collects 0,2");
	assert_int_equal(w.store.state.queue[0].collected_count, 0);
	assert_string_equal(world_outcome(&w), "waits");
	/* It answers, and then takes what it is first for. */
	w.use[1] = USE_IDLE;
	turn_of(&w, 0, "3");
	w.wait.part_id = "dddddddd-0000-4000-8000-000000000000";
	assert_string_equal(world_outcome(&w), "collects 1");
	assert_int_equal(w.store.state.queue[0].offer.made_ns, OFFER_NONE);
	assert_string_equal(world_outcome(&w), "granted 0,1,2");
	assert_int_equal(w.store.state.queue[0].collected_count, 0);
}

/* The other program's requests are told nothing: they have two minutes. */
static void test_other_program(void **state)
{
	static const struct {
		int64_t waits_ns, free_ns; /* it waits, and the GPU is free, so long */
		int64_t watched_ns; /* 0: the decider has not seen it idle; -1: has not watched */
		bool passed;
	} cases[] = {
		{120 * SECOND, 120 * SECOND, -1, true},
		{120 * SECOND, 120 * SECOND, 120 * SECOND, true},
		{120 * SECOND - 1, 600 * SECOND, -1, false},
		{600 * SECOND, 120 * SECOND - 1, -1, false},
		{600 * SECOND, 600 * SECOND, 120 * SECOND - 1, false},
		{600 * SECOND, 600 * SECOND, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(world_clear) struct world w;
		int64_t idle_since_ns[1];
		struct queue_entry *q;
		const char *got;

		world_init(&w, 1);
		q = world_queue(&w, "1");
		holder_clear(&q->holder);
		q->enqueued_ns = NOW - cases[i].waits_ns;
		w.waiting[0] = HOLDER_OUT_OF_SIGHT;
		w.store.state.slots[0].last_released_ns = NOW - cases[i].free_ns;
		idle_since_ns[0] = cases[i].watched_ns ? MONOTONIC - cases[i].watched_ns : 0;
		if (cases[i].watched_ns >= 0)
			w.facts.idle_since_ns = idle_since_ns;
		world_wish(&w, "1");
		got = world_outcome(&w);
		if (strcmp(got, cases[i].passed ? "granted 0" : "waits") != 0)
			fail_msg("case %zu: %s", i, got);
		/* It is neither stored anew nor dropped. */
		assert_string_equal(w.store.state.queue[0].version, "1");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_no_offer_without_a_scan),
		cmocka_unit_test(test_offers_add_up),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_another_reason_is_no_news),
		cmocka_unit_test(test_limit_of_gpus),
		cmocka_unit_test(test_a_new_holder_ends_what_was_declined),
		cmocka_unit_test(test_back_in_its_place),
		cmocka_unit_test(test_other_program),
	};

	return cmocka_run_group_tests_name("plan_offer", tests, NULL, NULL);
}
