/* Who may lengthen, adopt and cancel what: plan/extend.c, plan/adopt.c, and plan/cancel.c. */
#include "plan_world.h"
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/parse.h"
#include "plan/plan.h"

#define GPUS 6
#define NEW_ID "11111111-1111-1111-1111-111111111111"

/* A pool of six GPUs, what runs on them, reservations, and a line. */
struct world {
	struct pool_state state;
	enum gpu_use use[GPUS];
	enum adopted_use adopted[GPUS];
	enum holder_life life[GPUS], waiting[GPUS];
	struct plan_facts facts;
};

static void world_init(struct world *w)
{
	*w = (struct world){0};
	w->state.initialized = true;
	pool_state_make_slots(&w->state, GPUS);
	w->facts = (struct plan_facts){
		.now_ns = NOW, .use = w->use, .life = w->life, .waiting = w->waiting};
}

static void world_clear(struct world *w)
{
	pool_state_clear(&w->state);
}

/* Adds a reservation of GPUs first..first+count-1 by account "u<uid>", whose command lives. */
static struct reservation *add_hold(struct world *w, uid_t uid, enum reservation_type type,
				    int first, int count)
{
	w->life[w->state.reservations_count] = HOLDER_ALIVE;
	return world_hold(&w->state, uid, type, first, count);
}

/* Adds a request that waits: for GPU `gpu`, or for any one (-1). */
static struct queue_entry *world_wait(struct world *w, uid_t uid, int gpu)
{
	struct queue_entry *q = pool_state_add_waiter(&w->state);

	snprintf(q->id, sizeof(q->id), "aaaaaaa%zu-0000-0000-0000-000000000000",
		 w->state.queue_count);
	q->account = mem_printf("u%d", (int)uid);
	q->user = mem_strdup(q->account);
	q->uid = quantity_of(uid);
	q->type = RESERVATION_RUN;
	q->requested_count = 1;
	if (gpu >= 0) {
		q->requested_ids = mem_alloc(1, sizeof(int));
		q->requested_ids[0] = gpu;
		q->requested_ids_count = 1;
	}
	q->enqueued_ns = q->heartbeat_ns = NOW - MINUTE / 2;
	q->holder.host = mem_strdup("here");
	w->waiting[w->state.queue_count - 1] = HOLDER_ALIVE;
	return q;
}

/* ---- extend ---- */

/* "0,1:120 2:90": GPUs and how many minutes they have now, of a plan. The caller frees it. */
static char *describe(const struct plan *p)
{
	char *text = mem_strdup("");

	for (size_t i = 0; i < p->extended_count; i++) {
		const struct reservation *r = p->extended[i];
		char *longer;

		for (size_t k = 0; k < r->gpus_count; k++) {
			longer = mem_printf("%s%s%d", text, k ? "," : (i ? " " : ""), r->gpus[k]);
			free(text);
			text = longer;
		}
		longer = mem_printf("%s:%d", text, (int)((r->expiry_ns - NOW) / MINUTE));
		free(text);
		text = longer;
	}
	return text;
}

struct extend_case {
	uid_t uid;
	const char *ids; /* "0,1" or NULL */
	int64_t duration_ns;
	bool force;
	const char *expected; /* see describe, or the beginning of the error */
	int r;
};

static bool drops_expiring(const struct plan *p, const char *id)
{
	for (size_t i = 0; i < p->changes_count; i++) {
		const struct change *c = &p->changes[i];

		if (c->kind == CHANGE_MARK && c->mark.drop &&
		    !strcmp(c->mark.mark->key + strlen(PLAN_EXPIRING), id))
			return true;
	}
	return false;
}

static void check_extend(struct world *w, const struct extend_case *c)
{
	AUTO(plan_clear) struct plan p = {0};
	AUTO_FREE char *account = mem_printf("u%d", (int)c->uid);
	AUTO_FREE char *got = NULL;
	AUTO_FREE int *ids = NULL;
	struct err e = {0};
	struct plan_extension x = {
		.actor = {.uid = c->uid, .account = account},
		.duration_ns = c->duration_ns,
		.force = c->force,
	};
	int r;

	if (c->ids)
		assert_int_equal(parse_id_list(c->ids, &ids, &x.ids_count, NULL), 0);
	x.ids = ids;
	for (size_t i = 0; i < w->state.reservations_count; i++) {
		AUTO_FREE char *key = mem_printf(PLAN_EXPIRING "%s", w->state.reservations[i]->id);
		const struct mark told = {.key = key, .warned_ns = NOW};

		pool_state_put_mark(&w->state, &told, false);
	}
	r = plan_extend(&w->state, &w->facts, &x, &p, &e);
	/* Whoever was told of the end is told of the new one. */
	for (size_t i = 0; r == 0 && i < p.extended_count; i++)
		assert_true(drops_expiring(&p, p.extended[i]->id));
	got = r < 0 ? mem_strdup(e.text) : describe(&p);
	if (r != c->r || strncmp(got, c->expected, strlen(c->expected)) != 0 ||
	    (r == 0 && strcmp(got, c->expected) != 0))
		fail_msg("uid %d, ids %s: %d '%s', expected '%s'", (int)c->uid,
			 c->ids ? c->ids : "-", r, got, c->expected);
	/* Others have set their clocks by the old end: they must hear of it. */
	for (size_t i = 0; r == 0 && i < p.changes_count; i++) {
		if (p.changes[i].kind == CHANGE_RENEW)
			assert_false(p.changes[i].quiet);
	}
}

static void test_extend(void **state)
{
	static const struct extend_case cases[] = {
		/* What is added counts from the old end. */
		{1, NULL, 30 * MINUTE, false, "0,1:90", 0},
		{1, "0,1", 60 * MINUTE, false, "0,1:120", 0},
		{2, NULL, MINUTE, false, "2:61 3:61", 0},
		{2, "3", MINUTE, false, "3:61", 0},
		/* One reservation, one end. */
		{1, "1", MINUTE, false, "GPU 1 is reserved together with others", -EINVAL},
		/* Whose it is. */
		{2, "0,1", MINUTE, false, "GPU 0 is reserved by u1, not by you", -EPERM},
		{0, "0,1", MINUTE, false, "0,1:61", 0},
		{0, NULL, MINUTE, false, "you hold no manually reserved GPUs", -ENOENT},
		/* What has no end, and what is not there. */
		{1, "4", MINUTE, false, "GPU 4 is held by a run", -EINVAL},
		{1, "5", MINUTE, false, "GPU 5 is not reserved", -ENOENT},
		{1, "6", MINUTE, false, "GPU ID 6 does not exist", -ERANGE},
		/* How long at most: an hour is over already. */
		{2, "2", PARSE_DURATION_MAX_NS - 61 * MINUTE, false, "2:5255999", 0},
		{2, "2", PARSE_DURATION_MAX_NS - 59 * MINUTE, false, "GPU 2 cannot be extended",
		 -ERANGE},
	};
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w);
	add_hold(&w, 1, RESERVATION_MANUAL, 0, 2);
	add_hold(&w, 2, RESERVATION_MANUAL, 2, 1);
	add_hold(&w, 2, RESERVATION_MANUAL, 3, 1);
	add_hold(&w, 1, RESERVATION_RUN, 4, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_extend(&w, &cases[i]);
}

static void test_extend_after_the_end(void **state)
{
	static const struct extend_case over = {1,      "0", MINUTE, false, "GPU 0 is not reserved",
						-ENOENT};
	static const struct extend_case none = {
		1, NULL, MINUTE, false, "you hold no manually reserved GPUs", -ENOENT};
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w);
	add_hold(&w, 1, RESERVATION_MANUAL, 0, 1)->expiry_ns = NOW;
	check_extend(&w, &over);
	check_extend(&w, &none);
}

static void test_extend_what_others_wait_for(void **state)
{
	static const struct extend_case cases[] = {
		{1, NULL, MINUTE, false, "GPU 1 cannot be extended: u3 is waiting for it", -EBUSY},
		{1, "1", MINUTE, false, "GPU 1 cannot be extended: u3 is waiting for it", -EBUSY},
		{1, "1", MINUTE, true, "GPU 1 cannot be extended: u3 is waiting for it", -EBUSY},
		{0, "1", MINUTE, false, "GPU 1 cannot be extended: u3 is waiting for it", -EBUSY},
		{0, "1", MINUTE, true, "1:61", 0},
		{1, "0", MINUTE, false, "0:61", 0},
	};
	static const struct extend_case free_again = {1, NULL, MINUTE, false, "0:61 1:61", 0};
	static const struct extend_case collected = {
		3, NULL, MINUTE, false, "you hold no manually reserved GPUs", -ENOENT};
	static const struct extend_case collected_id = {
		3, "2", MINUTE, false, "GPU 2 is collected for a waiting request of u3", -EBUSY};
	AUTO(world_clear) struct world w;
	struct queue_entry *q;

	(void)state;
	world_init(&w);
	add_hold(&w, 1, RESERVATION_MANUAL, 0, 1);
	add_hold(&w, 1, RESERVATION_MANUAL, 1, 1);
	q = world_wait(&w, 3, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_extend(&w, &cases[i]);
	add_hold(&w, 3, RESERVATION_MANUAL, 2, 1)->queue_id = mem_strdup(q->id);
	check_extend(&w, &collected);
	check_extend(&w, &collected_id);
	/* Nothing is kept for one that is not there. */
	w.waiting[0] = HOLDER_GONE;
	check_extend(&w, &free_again);
}

/* ---- adopt ---- */

struct adopt_case {
	const char *ids;
	int count;
	bool force;
	const char *expected; /* "0,1", or the beginning of the error */
	int r;
};

static void check_adopt(struct world *w, const struct adopt_case *c)
{
	AUTO(plan_clear) struct plan p = {0};
	AUTO_FREE char *got = mem_strdup("");
	AUTO_FREE int *ids = NULL;
	struct err e = {0};
	struct plan_request request = {
		.actor = {.uid = 1, .account = "u1"},
		.type = RESERVATION_RUN,
		.count = c->count,
		.force = c->force,
		.id = NEW_ID,
	};
	int r;

	if (c->ids)
		assert_int_equal(parse_id_list(c->ids, &ids, &request.ids_count, NULL), 0);
	request.ids = ids;
	r = plan_adopt(&w->state, &w->facts, &request, w->adopted, &p, &e);
	if (r < 0)
		mem_replace(&got, e.text);
	for (size_t i = 0; r == 0 && i < p.granted->gpus_count; i++) {
		AUTO_FREE char *longer =
			mem_printf("%s%s%d", got, i ? "," : "", p.granted->gpus[i]);

		mem_replace(&got, longer);
	}
	if (r != c->r || strncmp(got, c->expected, strlen(c->expected)) != 0 ||
	    (r == 0 && strcmp(got, c->expected) != 0))
		fail_msg("ids %s: %d '%s', expected '%s'", c->ids ? c->ids : "-", r, got,
			 c->expected);
	assert_int_equal(r == 0, p.granted != NULL);
}

static void test_adopt(void **state)
{
	static const struct adopt_case cases[] = {
		/* What they use alone, busy or not. */
		{NULL, 0, false, "somebody else is also using GPU 2", -EBUSY},
		{NULL, 0, true, "0,1,2", 0},
		{"0,1", 0, false, "0,1", 0},
		{"0", 1, false, "0", 0},
		{"2", 0, true, "2", 0},
		{NULL, 2, true, "the processes use 3 GPU(s), not 2", -EINVAL},
		{NULL, 3, true, "0,1,2", 0},
		/* What they do not use: only what is idle, unless forced. */
		{"3", 0, false, "3", 0},
		{"4", 0, false, "GPU 4 is in use, but not by these processes", -EBUSY},
		{"4", 0, true, "4", 0},
		{"5", 0, false, "GPU 5 is not available: its use is unknown", -EBUSY},
		{"5", 0, true, "5", 0},
		{"6", 0, true, "GPU ID 6 does not exist", -ERANGE},
	};
	static const struct adopt_case none = {NULL, 0, true,
					       "the driver does not show these processes", -ENOENT};
	/* Its number means no card; what they use is theirs, whatever the driver says of it. */
	static const struct adopt_case missing = {
		"4", 0, true, "GPU 4 is not available: its use is unknown", -EBUSY};
	static const struct adopt_case faulty = {"0", 0, false, "0", 0};
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w);
	w.use[0] = w.use[2] = w.use[4] = USE_BUSY;
	w.use[5] = USE_UNKNOWN;
	w.adopted[0] = w.adopted[1] = ADOPTED_ALONE;
	w.adopted[2] = ADOPTED_SHARED;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_adopt(&w, &cases[i]);
	w.use[4] = USE_MISSING;
	check_adopt(&w, &missing);
	w.use[0] = USE_FAULTY;
	check_adopt(&w, &faulty);
	memset(w.adopted, 0, sizeof(w.adopted));
	check_adopt(&w, &none);
}

static void test_adopt_what_is_reserved(void **state)
{
	static const struct adopt_case cases[] = {
		{"0", 0, true, "GPU 0 is not available: reserved by u2 (manual)", -EBUSY},
		{"1", 0, true, "GPU 1 is not available: reserved by u1 (run)", -EBUSY},
		{"2", 0, false, "2", 0}, /* one's own by hand */
		{"2,3", 0, false, "2,3", 0},
		{"4", 0, true, "GPU 4 is not available: collected for your own waiting request",
		 -EBUSY},
	};
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request request = {
		.actor = {.uid = 1, .account = "u1"}, .type = RESERVATION_RUN, .id = NEW_ID};
	struct queue_entry *q;
	const int id = 2;

	(void)state;
	world_init(&w);
	for (int i = 0; i < GPUS; i++) {
		w.use[i] = USE_BUSY;
		w.adopted[i] = ADOPTED_ALONE;
	}
	add_hold(&w, 2, RESERVATION_MANUAL, 0, 1);
	add_hold(&w, 1, RESERVATION_RUN, 1, 1);
	add_hold(&w, 1, RESERVATION_MANUAL, 2, 2);
	q = world_wait(&w, 1, 4);
	add_hold(&w, 1, RESERVATION_MANUAL, 4, 1)->queue_id = mem_strdup(q->id);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_adopt(&w, &cases[i]);
	/* Of one's own, the other GPUs go on as they were. */
	request.ids = &id;
	request.ids_count = 1;
	assert_int_equal(plan_adopt(&w.state, &w.facts, &request, w.adopted, &p, NULL), 0);
	assert_int_equal(p.changes_count, 2);
	assert_int_equal(p.changes[0].kind, CHANGE_END);
	assert_int_equal(p.changes[0].end.gpus_count, 1);
	assert_int_equal(p.changes[0].end.gpus[0], 2);
	assert_int_equal(p.changes[0].end.reason, END_RELEASED);
	assert_false(p.changes[0].end.unrecorded);
	assert_int_equal(p.changes[1].kind, CHANGE_GRANT);
}

static void test_adopt_what_others_wait_for(void **state)
{
	static const struct adopt_case cases[] = {
		/* Kept busy by these processes: nobody could have it now. */
		{"0", 0, false, "0", 0},
		/* In use by them, but so little that it is to be had; not in use; by others. */
		{"1", 0, true, "GPU 1 is not available: u2 is waiting for it", -EBUSY},
		{"2", 0, true, "GPU 2 is not available: u2 is waiting for it", -EBUSY},
		{"3", 0, true, "GPU 3 is not available: u2 is waiting for it", -EBUSY},
		/* One's own by hand would be theirs next. */
		{"4", 0, true, "GPU 4 is not available: u2 is waiting for it", -EBUSY},
	};
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w);
	w.use[0] = w.use[3] = USE_BUSY;
	w.adopted[0] = w.adopted[1] = ADOPTED_ALONE;
	add_hold(&w, 1, RESERVATION_MANUAL, 4, 1);
	world_wait(&w, 2, -1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_adopt(&w, &cases[i]);
}

/* One that could not take a GPU can have it again after its next holder, as after a run. */
static void test_adopt_ends_aside(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request request = {
		.actor = {.uid = 1, .account = "u1"}, .type = RESERVATION_RUN, .id = NEW_ID};
	struct queue_entry *q;
	const int id = 0;

	(void)state;
	world_init(&w);
	q = world_wait(&w, 2, 0);
	q->offer.made_ns = OFFER_NONE;
	q->offer.aside = mem_strdup("GPU 0 uses 300 MB");
	q->offer.aside_gpus = mem_alloc(1, sizeof(int));
	q->offer.aside_gpus_count = 1;
	w.adopted[0] = ADOPTED_ALONE;
	request.ids = &id;
	request.ids_count = 1;
	assert_int_equal(plan_adopt(&w.state, &w.facts, &request, w.adopted, &p, NULL), 0);
	assert_int_equal(p.changes_count, 2);
	assert_int_equal(p.changes[0].kind, CHANGE_PUT);
	assert_null(p.changes[0].put.entry->offer.aside);
	assert_int_equal(p.changes[0].put.entry->offer.aside_gpus_count, 0);
	assert_int_equal(p.changes[1].kind, CHANGE_GRANT);
}

/* ---- cancel ---- */

static int cancel(struct world *w, uid_t uid, const char *id, struct plan *p, struct err *e)
{
	const struct queue_entry *entry = NULL;
	struct plan_actor actor = {.uid = uid, .account = "me"};

	err_clear(e);
	return plan_cancel(&w->state, &w->facts, &actor, id, p, &entry, e);
}

static void test_cancel(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct err e = {0};

	(void)state;
	world_init(&w);
	world_wait(&w, 1, 0);
	world_wait(&w, 2, 0);
	world_wait(&w, 1, 0);
	w.waiting[2] = HOLDER_GONE;
	assert_int_equal(cancel(&w, 1, "aaaaaaa", &p, &e), -EINVAL);
	assert_string_equal(e.text, "more than one waiting request begins with 'aaaaaaa'");
	assert_int_equal(cancel(&w, 1, "", &p, &e), -ENOENT);
	assert_int_equal(cancel(&w, 1, "aaaaaaa4", &p, &e), -ENOENT);
	assert_int_equal(cancel(&w, 1, "aaaaaaa2", &p, &e), -EPERM);
	assert_int_equal(p.changes_count, 0);
	/* One that is there is told so; one that is gone is taken out. */
	assert_int_equal(cancel(&w, 1, "aaaaaaa1", &p, &e), 0);
	assert_int_equal(p.changes[0].kind, CHANGE_PUT);
	assert_true(p.changes[0].put.entry->cancelled);
	assert_false(p.changes[0].quiet);
	assert_int_equal(cancel(&w, 0, "aaaaaaa3", &p, &e), 0);
	assert_int_equal(p.changes[1].kind, CHANGE_DROP);
	assert_int_equal(cancel(&w, 1, "aaaaaaa1-", &p, &e), -EINVAL);
	assert_string_equal(e.text, "request aaaaaaa1 is named twice");
	assert_int_equal(p.changes_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_extend),
		cmocka_unit_test(test_extend_after_the_end),
		cmocka_unit_test(test_extend_what_others_wait_for),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_what_is_reserved),
		cmocka_unit_test(test_adopt_what_others_wait_for),
		cmocka_unit_test(test_adopt_ends_aside),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
