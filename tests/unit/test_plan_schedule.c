/* The line seen ahead: plan/schedule.h by tables, plan/backfill.c by tables and at random. */
#include "test.h"

#include <errno.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"

#define NOW (INT64_C(1800000000) * NS_PER_SECOND)
#define HOUR NS_PER_HOUR
#define GPUS_MAX 8
#define ENTRIES_MAX 8
#define HOLDERS_MAX (2 * GPUS_MAX)

/* A pool with holders and a line. Times are hours from now. */
struct world {
	struct pool_state state;
	enum gpu_use use[GPUS_MAX];
	enum holder_life life[HOLDERS_MAX], waiting[ENTRIES_MAX];
	int64_t ends_ns[HOLDERS_MAX], lengths_ns[ENTRIES_MAX];
	struct plan_facts facts;
	struct plan_outlook outlook;
};

static void world_init(struct world *w, size_t gpus)
{
	*w = (struct world){0};
	w->state.initialized = true;
	pool_state_make_slots(&w->state, gpus);
	w->facts = (struct plan_facts){
		.now_ns = NOW, .use = w->use, .life = w->life, .waiting = w->waiting};
	w->outlook = (struct plan_outlook){.ends_ns = w->ends_ns, .lengths_ns = w->lengths_ns};
}

static void world_clear(struct world *w)
{
	pool_state_clear(&w->state);
}

/* A reservation of one GPU; hours 0: a run that has announced no end. */
static struct reservation *hold(struct world *w, int gpu, int hours)
{
	struct reservation *r = reservation_new();
	size_t i = w->state.reservations_count;

	snprintf(r->id, sizeof(r->id), "aaaaaaaa-0000-0000-0000-%012zu", i);
	r->user = mem_strdup("holder");
	r->account = mem_strdup("holder");
	r->type = hours ? RESERVATION_MANUAL : RESERVATION_RUN;
	r->start_ns = r->heartbeat_ns = NOW - HOUR;
	r->expiry_ns = hours ? NOW + hours * HOUR : TIME_NONE;
	r->gpus = mem_alloc(1, sizeof(int));
	r->gpus[0] = gpu;
	r->gpus_count = 1;
	w->ends_ns[i] = r->expiry_ns;
	w->life[i] = HOLDER_ALIVE;
	pool_state_add(&w->state, r);
	return r;
}

/* An entry of the line for `count` GPUs, or where ids is not NULL for those: "0,2". */
static struct queue_entry *wait_for(struct world *w, int count, const char *ids, int hours)
{
	size_t i = w->state.queue_count;
	struct queue_entry *q = pool_state_add_waiter(&w->state);

	snprintf(q->id, sizeof(q->id), "%08zu-0000-0000-0000-000000000000", i + 1);
	q->user = mem_printf("w%zu", i);
	q->account = mem_strdup(q->user);
	q->type = hours ? RESERVATION_MANUAL : RESERVATION_RUN;
	q->requested_count = count;
	q->enqueued_ns = NOW - HOUR + (int64_t)i;
	q->heartbeat_ns = NOW;
	q->duration_ns = hours * HOUR;
	q->holder.host = mem_strdup("host");
	for (const char *p = ids; p && *p; p += p[1] ? 2 : 1) {
		q->requested_ids = mem_resize(q->requested_ids, q->requested_ids_count + 1,
					      sizeof(*q->requested_ids));
		q->requested_ids[q->requested_ids_count++] = *p - '0';
		q->requested_count = (int)q->requested_ids_count;
	}
	w->lengths_ns[i] = hours * HOUR;
	w->waiting[i] = HOLDER_ALIVE;
	return q;
}

/* The GPU is collected for the i-th entry. */
static void collect(struct world *w, size_t i, int gpu)
{
	struct queue_entry *q = &w->state.queue[i];
	struct reservation *r = hold(w, gpu, 0);

	r->queue_id = mem_strdup(q->id);
	q->collected = mem_resize(q->collected, q->collected_count + 1, sizeof(int));
	q->collected[q->collected_count++] = gpu;
}

/* The starts in hours from now: "0 3 -" ("-": unknown). */
static void assert_starts(const struct world *w, const char *expected)
{
	int64_t starts_ns[ENTRIES_MAX];
	AUTO(str_clear) struct str got = {0};

	plan_schedule(&w->state, &w->facts, &w->outlook, w->state.queue_count, starts_ns);
	for (size_t i = 0; i < w->state.queue_count; i++) {
		str_add(&got, i ? " " : "");
		if (starts_ns[i] == TIME_NONE)
			str_add(&got, "-");
		else
			str_addf(&got, "%d", (int)((starts_ns[i] - NOW) / HOUR));
	}
	assert_string_equal(str_text(&got), expected);
}

/* ---- when they start ---- */

static void test_any(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 3);
	hold(&w, 0, 4);
	hold(&w, 1, 2);
	wait_for(&w, 2, NULL, 5); /* 2 is free, 1 is next */
	wait_for(&w, 1, NULL, 1); /* 0, once the one before it has started */
	wait_for(&w, 3, NULL, 1); /* all: when the first is done */
	assert_starts(&w, "2 4 7");
}

static void test_ids(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 4);
	hold(&w, 0, 4);
	hold(&w, 2, 1);
	wait_for(&w, 0, "0,1", 1); /* 1 is free and waits for 0 */
	wait_for(&w, 0, "2", 6);
	wait_for(&w, 1, NULL, 1); /* 3 at last, behind both: they could not use it */
	wait_for(&w, 0, "1", 1);
	assert_starts(&w, "4 1 0 5");
}

static void test_unknown(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 3);
	hold(&w, 0, 0);
	hold(&w, 1, 3);
	w.use[2] = USE_BUSY;
	wait_for(&w, 0, "0", 1);
	wait_for(&w, 0, "2", 1);
	wait_for(&w, 0, "1", 0);
	wait_for(&w, 0, "1", 1); /* how long the one before it takes, nobody knows */
	assert_starts(&w, "- - 3 -");
	w.facts.use = NULL; /* nobody has looked: as if it were free */
	assert_starts(&w, "- 0 3 -");
	w.life[0] = HOLDER_ENDING;
	assert_starts(&w, "0 0 3 -");
}

static void test_not_active(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 2);
	hold(&w, 0, 2);
	wait_for(&w, 2, NULL, 1)->heartbeat_ns = NOW - HOUR;
	w.waiting[0] = HOLDER_STOPPED;
	wait_for(&w, 0, "0", 2);
	collect(&w, 0, 1); /* goes back to the others */
	wait_for(&w, 0, "1", 2);
	assert_starts(&w, "- 2 0");
}

static void test_collected_and_giving_up(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 3);
	hold(&w, 0, 6);
	wait_for(&w, 2, NULL, 1);
	collect(&w, 0, 1);
	w.use[2] = USE_BUSY;
	wait_for(&w, 0, "1", 1);
	assert_starts(&w, "6 7");
	w.state.queue[0].give_up_ns = NOW + 2 * HOUR; /* then what it has goes on */
	assert_starts(&w, "6 -");
	w.use[2] = USE_IDLE;
	assert_starts(&w, "0 1");
}

static void test_overdue(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 1);
	hold(&w, 0, -1);
	wait_for(&w, 1, NULL, 2);
	wait_for(&w, 1, NULL, 2);
	assert_starts(&w, "0 2");
}

/* ---- who is next ---- */

/* "w0:1/0 w1:1/2,3": entry, how many, of which. */
static void assert_successors(const struct world *w, const int *gpus, size_t count,
			      const char *expected)
{
	struct plan_next_in_line *successors = NULL;
	size_t successors_count = plan_next_in_line(&w->state, &w->facts, gpus, count, &successors);
	AUTO(str_clear) struct str got = {0};

	for (size_t i = 0; i < successors_count; i++) {
		str_addf(&got, "%s%s:%zu/", i ? " " : "", successors[i].entry->user,
			 successors[i].count);
		for (size_t k = 0; k < successors[i].gpus_count; k++)
			str_addf(&got, "%s%d", k ? "," : "", successors[i].gpus[k]);
	}
	plan_next_in_line_free(successors, successors_count);
	assert_string_equal(str_text(&got), expected);
}

#define GPUS(...) (const int[]){__VA_ARGS__}, ARRAY_SIZE(((const int[]){__VA_ARGS__}))

static void test_successors(void **state)
{
	AUTO(world_clear) struct world w;

	(void)state;
	world_init(&w, 6);
	assert_successors(&w, GPUS(0, 1), "");
	for (int i = 0; i < 5; i++)
		hold(&w, i, 0);
	wait_for(&w, 0, "3", 0);
	wait_for(&w, 2, NULL, 0);
	wait_for(&w, 1, NULL, 0);
	assert_successors(&w, GPUS(0), "w1:1/0");
	assert_successors(&w, GPUS(3), "w0:1/3");
	assert_successors(&w, GPUS(0, 3), "w0:1/3 w1:1/0");
	assert_successors(&w, GPUS(0, 1, 3), "w0:1/3 w1:2/0,1");
	/* Which of them is open until somebody picks. */
	assert_successors(&w, GPUS(0, 1, 2), "w1:2/0,1,2 w2:1/0,1,2");
	collect(&w, 1, 5);
	assert_successors(&w, GPUS(0, 1), "w1:1/0,1 w2:1/0,1");
	assert_successors(&w, GPUS(0, 1, 2, 4), "w1:1/0,1,2,4 w2:1/0,1,2,4");
	wait_for(&w, 3, NULL, 0);
	assert_successors(&w, GPUS(0, 1, 2), "w1:1/0,1,2 w2:1/0,1,2 w3:1/0,1,2");
	w.waiting[1] = HOLDER_GONE;
	assert_successors(&w, GPUS(0), "w2:1/0");
}

/* ---- backfill ---- */

static struct plan_request request_for(int count, int hours)
{
	return (struct plan_request){
		.actor = {.uid = 1, .account = "me"},
		.type = RESERVATION_MANUAL,
		.count = count,
		.duration_ns = hours * HOUR - NS_PER_HOUR / 2,
		.backfill = true,
		.id = "11111111-1111-1111-1111-111111111111",
	};
}

/* What plan_reserve grants: "0,2", or "-". */
static void assert_granted(const struct world *w, const struct plan_request *request,
			   const char *expected)
{
	AUTO(plan_clear) struct plan p = {0};
	AUTO(str_clear) struct str got = {0};
	struct err e = {0};

	if (plan_reserve(&w->state, &w->facts, request, &p, &e) < 0)
		str_add(&got, "-");
	for (size_t i = 0; p.granted && i < p.granted->gpus_count; i++)
		str_addf(&got, "%s%d", i ? "," : "", p.granted->gpus[i]);
	if (strcmp(str_text(&got), expected) != 0)
		fail_msg("granted %s (%s), expected %s", str_text(&got), e.text, expected);
}

/* The head has 2 and wants two more; 0 and 1 come back in 4 and 6 hours. */
static void world_of_head(struct world *w)
{
	world_init(w, 4);
	hold(w, 0, 4);
	hold(w, 1, 6);
	wait_for(w, 4, NULL, 1);
	collect(w, 0, 2);
}

static void test_backfill(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request request = request_for(1, 6);
	int two = 2;

	(void)state;
	world_of_head(&w);
	assert_granted(&w, &request, "3"); /* free, and over when the head can start */
	request.count = 2;
	assert_granted(&w, &request, "2,3"); /* also what the head has collected */
	request.count = 3;
	assert_granted(&w, &request, "-");
	request = request_for(1, 7);
	assert_granted(&w, &request, "-"); /* too long */
	request = request_for(1, 6);
	request.backfill = false;
	assert_granted(&w, &request, "-");
	request = request_for(1, 6);
	request.ids = &two;
	request.ids_count = 1;
	assert_granted(&w, &request, "2");
	w.use[2] = USE_BUSY;
	request.force = true; /* is no way to what others have */
	assert_granted(&w, &request, "-");
}

/* A GPU of which nobody knows whether it is of the kind is waited for, not taken. */
static void test_backfill_by_kind(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request request = request_for(1, 6);
	const struct plan_wait wait = {
		.entry_id = "22222222-2222-2222-2222-222222222222",
		.part_id = "33333333-3333-3333-3333-333333333333",
	};
	char name[] = "NVIDIA H100";
	struct gpu unnamed = {.name = NULL};
	struct gpu *gpus[] = {&unnamed, &unnamed, &unnamed, &unnamed};

	(void)state;
	world_of_head(&w);
	w.facts.gpus = gpus;
	request.gpu_type = "h100";
	assert_int_equal(plan_wait(&w.state, &w.facts, &request, &wait, &p, NULL), 0);
	assert_null(p.granted);
	plan_clear(&p);
	unnamed.name = name;
	assert_int_equal(plan_wait(&w.state, &w.facts, &request, &wait, &p, NULL), 0);
	assert_non_null(p.granted);
	assert_int_equal(p.granted->gpus[0], 3);
}

static void test_backfill_of_a_run(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request request = request_for(1, 6);

	(void)state;
	world_of_head(&w);
	request.type = RESERVATION_RUN;
	assert_granted(&w, &request, "3");
	request.grace_ns = HOUR / 2; /* does not end in time */
	assert_granted(&w, &request, "-");
	request.grace_ns = 0;
	request.duration_ns = 0; /* nobody knows when it ends */
	assert_granted(&w, &request, "-");
}

static void test_backfill_needs_announced_ends(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request request = request_for(1, 1);
	struct reservation *r;

	(void)state;
	world_init(&w, 2);
	r = hold(&w, 0, 0); /* may end at any moment */
	wait_for(&w, 2, NULL, 1);
	assert_granted(&w, &request, "-");
	r->deadline_ns = NOW + HOUR;
	assert_granted(&w, &request, "1");
	w.life[0] = HOLDER_ENDING;
	assert_granted(&w, &request, "-");
}

/* A short one behind a long one must not be held up either, nor one that asks for ids. */
static void test_backfill_looks_at_all_ahead(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request request = request_for(1, 3);

	(void)state;
	world_of_head(&w);
	wait_for(&w, 1, NULL, 1); /* after the head: cannot start before either */
	assert_granted(&w, &request, "3");
	w.state.queue[0].give_up_ns = NOW + 2 * HOUR; /* then it could */
	assert_granted(&w, &request, "-");
	w.state.queue[0].give_up_ns = TIME_NONE;
	w.waiting[0] = HOLDER_GONE;
	assert_granted(&w, &request, "-");
}

static void test_backfill_takes_a_part(void **state)
{
	AUTO(world_clear) struct world w;
	AUTO(plan_clear) struct plan p = {0};
	struct plan_request request = request_for(1, 6);
	struct err e = {0};
	struct reservation *part;

	(void)state;
	world_of_head(&w);
	/* One reservation of two GPUs, of which one is lent. */
	part = w.state.reservations[2];
	part->gpus = mem_resize(part->gpus, 2, sizeof(int));
	part->gpus[part->gpus_count++] = 3;
	w.state.slots[3].reservation = part;
	w.state.queue[0].collected = mem_resize(w.state.queue[0].collected, 2, sizeof(int));
	w.state.queue[0].collected[w.state.queue[0].collected_count++] = 3;
	w.state.slots[2].last_released_ns = NOW - HOUR; /* 3 was free for longer */
	assert_int_equal(plan_reserve(&w.state, &w.facts, &request, &p, &e), 0);
	assert_int_equal(p.changes_count, 3);
	assert_int_equal(p.changes[0].kind, CHANGE_END);
	assert_true(p.changes[0].end.unrecorded);
	assert_ptr_equal(p.changes[0].end.reservation, part);
	assert_int_equal(p.changes[0].end.gpus_count, 1);
	assert_int_equal(p.changes[0].end.gpus[0], 3);
	assert_int_equal(p.changes[1].kind, CHANGE_PUT);
	assert_int_equal(p.changes[1].put.entry->collected_count, 1);
	assert_int_equal(p.changes[1].put.entry->collected[0], 2);
	assert_int_equal(p.changes[2].kind, CHANGE_GRANT);
	/* Another program does not know that it can lose what it has. */
	free(w.state.queue[0].holder.host);
	w.state.queue[0].holder.host = NULL;
	w.waiting[0] = HOLDER_OUT_OF_SIGHT;
	assert_granted(&w, &request, "-");
}

/* The head was stopped for a while and has to get back what the one behind it has collected: that
   one does not lose more in the same commit, which stores each entry once. */
static void test_backfill_beside_giving_way(void **state)
{
	AUTO(world_clear) struct world w;
	struct plan_request request = request_for(1, 1);

	(void)state;
	world_init(&w, 4);
	hold(&w, 0, 4);
	hold(&w, 1, 4);
	wait_for(&w, 0, "0,3", 1);
	wait_for(&w, 3, NULL, 1);
	collect(&w, 1, 2);
	assert_granted(&w, &request, "3");
	w.use[3] = USE_BUSY;
	assert_granted(&w, &request, "2");
	w.use[3] = USE_IDLE;
	collect(&w, 1, 3);
	assert_granted(&w, &request, "3");
	w.use[3] = USE_BUSY;
	assert_granted(&w, &request, "-");
}

/* ---- backfill at random: with it and without it, those ahead start at the same moments ---- */

static uint64_t seed;

static int draw(int limit)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
	return (int)((seed >> 33) % (uint64_t)limit);
}

/* What really happens: when each GPU comes back, and when each entry is done. */
struct story {
	int64_t back_ns[GPUS_MAX];
	int owner[GPUS_MAX]; /* entry; -1: nobody or not one of the line */
	size_t has[ENTRIES_MAX];
	int64_t start_ns[ENTRIES_MAX];
};

/* Whether somebody ahead who has not started could use it. */
static bool is_awaited(const struct world *w, const struct story *s, size_t place, int gpu)
{
	for (size_t i = 0; i < place; i++) {
		if (s->start_ns[i] == TIME_NONE && plan_entry_wants(&w->state.queue[i], gpu))
			return true;
	}
	return false;
}

/* Lets everybody collect at one moment. */
static void story_collect(const struct world *w, struct story *s, int64_t time_ns)
{
	for (size_t i = 0; i < w->state.queue_count; i++) {
		const struct queue_entry *q = &w->state.queue[i];

		for (int g = 0; g < (int)w->state.slots_count && s->start_ns[i] == TIME_NONE; g++) {
			if (s->owner[g] < 0 && s->back_ns[g] <= time_ns && plan_entry_wants(q, g) &&
			    !is_awaited(w, s, i, g)) {
				s->owner[g] = (int)i;
				s->has[i]++;
			}
			if (s->has[i] == plan_entry_count(q))
				s->start_ns[i] = time_ns;
		}
		for (int g = 0; s->start_ns[i] == time_ns && g < (int)w->state.slots_count; g++) {
			if (s->owner[g] != (int)i)
				continue;
			s->owner[g] = -1;
			s->back_ns[g] = time_ns + w->lengths_ns[i];
		}
	}
}

static void story_tell(const struct world *w, struct story *s)
{
	int64_t time_ns = NOW;

	do {
		int64_t next_ns = INT64_MAX;

		story_collect(w, s, time_ns);
		for (size_t g = 0; g < w->state.slots_count; g++) {
			if (s->back_ns[g] > time_ns && s->back_ns[g] < next_ns)
				next_ns = s->back_ns[g];
		}
		time_ns = next_ns;
	} while (time_ns != INT64_MAX);
}

static void story_init(const struct world *w, const int64_t *back_ns, struct story *s)
{
	*s = (struct story){0};
	for (size_t g = 0; g < w->state.slots_count; g++) {
		const struct reservation *r = w->state.slots[g].reservation;

		s->back_ns[g] = back_ns[g];
		s->owner[g] = -1;
		if (r && r->queue_id) {
			s->owner[g] = (int)plan_queue_find(&w->state, r->queue_id);
			s->has[s->owner[g]]++;
		}
	}
}

static void draw_world(struct world *w, int64_t *back_ns)
{
	char ids[16];

	world_init(w, 2 + (size_t)draw(GPUS_MAX - 1));
	for (int g = 0; g < (int)w->state.slots_count; g++) {
		int hours = draw(4) ? 1 + draw(8) : 0;

		back_ns[g] = NOW;
		if (!draw(3))
			continue;
		hold(w, g, hours);
		back_ns[g] = NOW + (hours ? hours : draw(6)) * HOUR;
	}
	for (int i = 1 + draw(4); i > 0; i--) {
		int a = draw((int)w->state.slots_count), b = draw((int)w->state.slots_count);

		snprintf(ids, sizeof(ids), a < b ? "%d,%d" : "%d", a, b);
		wait_for(w, 1 + draw((int)w->state.slots_count), draw(3) ? NULL : ids, 1 + draw(5));
	}
	/* What is free is collected by whom it belongs to, mostly. */
	for (int g = 0; g < (int)w->state.slots_count; g++) {
		const struct queue_entry *q =
			plan_first_for(&w->state, &w->facts, g, w->state.queue_count);

		if (q && !w->state.slots[g].reservation && draw(4) &&
		    q->collected_count + 1 < plan_entry_count(q))
			collect(w, (size_t)(q - w->state.queue), g);
	}
}

static void test_backfill_delays_nobody(void **state)
{
	int granted = 0, lent = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		AUTO(world_clear) struct world w;
		AUTO(plan_clear) struct plan p = {0};
		struct plan_request request = request_for(1 + draw(3), 1 + draw(6));
		int64_t back_ns[GPUS_MAX];
		struct story without, with;
		uint64_t from = seed;

		draw_world(&w, back_ns);
		if (plan_reserve(&w.state, &w.facts, &request, &p, NULL) < 0)
			continue;
		story_init(&w, back_ns, &without);
		with = without;
		for (size_t i = 0; i < p.granted->gpus_count; i++) {
			int gpu = p.granted->gpus[i];

			lent += with.owner[gpu] >= 0;
			if (with.owner[gpu] >= 0)
				with.has[with.owner[gpu]]--;
			with.owner[gpu] = -1;
			with.back_ns[gpu] = p.granted->expiry_ns;
		}
		story_tell(&w, &without);
		story_tell(&w, &with);
		granted++;
		for (size_t i = 0; i < w.state.queue_count; i++) {
			if (with.start_ns[i] != without.start_ns[i])
				fail_msg("seed %llu: entry %zu starts at %d instead of %d",
					 (unsigned long long)from, i,
					 (int)((with.start_ns[i] - NOW) / HOUR),
					 (int)((without.start_ns[i] - NOW) / HOUR));
		}
	}
	/* The worlds are such that it matters. */
	assert_true(granted > 500);
	assert_true(lent > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_not_active),
		cmocka_unit_test(test_collected_and_giving_up),
		cmocka_unit_test(test_overdue),
		cmocka_unit_test(test_successors),
		cmocka_unit_test(test_backfill),
		cmocka_unit_test(test_backfill_by_kind),
		cmocka_unit_test(test_backfill_of_a_run),
		cmocka_unit_test(test_backfill_needs_announced_ends),
		cmocka_unit_test(test_backfill_looks_at_all_ahead),
		cmocka_unit_test(test_backfill_takes_a_part),
		cmocka_unit_test(test_backfill_beside_giving_way),
		cmocka_unit_test(test_backfill_delays_nobody),
	};

	return cmocka_run_group_tests_name("plan schedule", tests, NULL, NULL);
}
