/* What the line of those who wait asks of every store (src/store/store.h): ends that are no use of
   a GPU, signs of life that wake nobody, and entries that outlive their pool. */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"

static char alice[] = "alice";

static struct queue_entry entry_of(int requested)
{
	struct queue_entry w = {
		.user = alice,
		.account = alice,
		.type = RESERVATION_RUN,
		.requested_count = requested,
		.enqueued_ns = T0,
		.heartbeat_ns = T0,
	};

	id_new(w.id);
	return w;
}

static void put(struct fixture *f, const struct queue_entry *entry)
{
	struct change change = {.kind = CHANGE_PUT, .put.entry = entry};

	fixture_commit(f, &change, 1);
}

/* What was collected for an entry, as loaded. */
static const struct reservation *collect(struct fixture *f, const char *entry_id, const int *gpus,
					 size_t count)
{
	AUTO(reservation_freep) struct reservation *r = fixture_reservation(alice, gpus, count);
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};

	r->queue_id = mem_strdup(entry_id);
	fixture_commit(f, &grant, 1);
	return pool_state_find(&f->state, r->id);
}

static size_t count_records(struct fixture *f)
{
	const struct usage_record *u;
	struct err e = {0};
	size_t count = 0;

	assert_int_equal(store_history_begin(f->b, 0, INT64_MAX, &e), 0);
	while (store_history_next(f->b, &u, &e) > 0)
		count++;
	store_history_end(f->b);
	return count;
}

/* ---- ends without a record ---- */

static void test_unrecorded_end(void **state)
{
	struct fixture *f = *state;
	struct change end;

	fixture_init(f, 2);
	end = fixture_end(collect(f, "waits", GPUS(0, 1)), T0 + NS_PER_HOUR);
	end.end.unrecorded = true;
	fixture_commit(f, &end, 1);
	assert_int_equal(f->state.reservations_count, 0);
	assert_int_equal(f->state.slots[1].last_released_ns, T0 + NS_PER_HOUR);
	assert_int_equal(count_records(f), 0);
	/* Beside one that is recorded. */
	fixture_grant(f, alice, GPUS(0));
	{
		const struct reservation *part = collect(f, "waits", GPUS(1));
		struct change both[2] = {fixture_end(f->state.slots[0].reservation, T0 + 1),
					 fixture_end(part, T0 + 1)};

		both[1].end.unrecorded = true;
		fixture_commit(f, both, 2);
	}
	assert_int_equal(count_records(f), 1);
}

/* A part of what was collected is given back, another part goes on. */
static void test_unrecorded_end_of_a_part(void **state)
{
	struct fixture *f = *state;
	const struct reservation *part;
	const int one = 1;
	struct change end;
	char id[ID_SIZE];

	fixture_init(f, 3);
	part = collect(f, "waits", GPUS(0, 1, 2));
	memcpy(id, part->id, ID_SIZE);
	end = fixture_end(part, T0 + NS_PER_HOUR);
	end.end.unrecorded = true;
	end.end.gpus = &one;
	end.end.gpus_count = 1;
	fixture_commit(f, &end, 1);
	part = pool_state_find(&f->state, id);
	assert_int_equal(part->gpus_count, 2);
	assert_string_equal(part->queue_id, "waits");
	assert_int_equal(count_records(f), 0);
}

/* The end of waiting: what was collected becomes the reservation, and the entry goes. */
static void test_collected_becomes_granted(void **state)
{
	struct fixture *f = *state;
	struct queue_entry w = entry_of(3);
	AUTO(reservation_freep) struct reservation *r = fixture_reservation(alice, GPUS(0, 1, 2));
	AUTO(pool_state_clear) struct pool_state old = {0};
	struct change changes[] = {
		{0}, {.kind = CHANGE_DROP}, {.kind = CHANGE_GRANT, .grant.reservation = r}};
	struct err e = {0};

	fixture_init(f, 3);
	put(f, &w);
	collect(f, w.id, GPUS(0, 2));
	fixture_load(f->b, STORE_READ, &old);
	changes[0] = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
	changes[0].end.unrecorded = true;
	changes[1].drop.entry = &f->state.queue[0];
	fixture_commit(f, changes, 3);
	assert_int_equal(f->state.queue_count, 0);
	assert_int_equal(f->state.reservations_count, 1);
	fixture_same_reservation(f->state.slots[2].reservation, r);
	assert_null(f->state.slots[2].reservation->queue_id);
	assert_int_equal(count_records(f), 0);
	/* Who decided the same on what was before comes too late. */
	changes[0] = fixture_end(old.slots[0].reservation, T0 + NS_PER_HOUR);
	changes[1].drop.entry = &old.queue[0];
	id_new(r->id);
	assert_int_equal(store_commit(f->b, &old, changes, 3, &e), -EAGAIN);
}

/* ---- signs of life ---- */

/* Waits for word as long as a loaded machine may need; `now`: only looks. */
static bool has_word(struct store *s, bool now)
{
	struct pollfd word = {.fd = store_watch(s), .events = POLLIN};

	assert_true(word.fd >= 0);
	return poll(&word, 1, now ? 0 : 60000) > 0;
}

/* A sign of life of the only reservation and of the only entry, by handle b. */
static void show_life(struct fixture *f, bool quiet)
{
	struct err e = {0};

	fixture_load(f->b, STORE_READ, &f->state);
	{
		const struct change changes[] = {
			{.kind = CHANGE_RENEW,
			 .quiet = true,
			 .renew.reservation = f->state.reservations[0]},
			{.kind = CHANGE_PUT, .quiet = quiet, .put.entry = &f->state.queue[0]}};

		if (store_commit(f->b, &f->state, changes, 2, &e) < 0)
			fail_msg("%s", e.text);
	}
}

static void test_quiet_commits(void **state)
{
	struct fixture *f = *state;
	struct queue_entry w = entry_of(1);

	fixture_init(f, 2);
	put(f, &w);
	fixture_grant(f, alice, GPUS(0));
	assert_false(has_word(f->a, true)); /* the watch begins here */
	show_life(f, true);
	assert_false(has_word(f->a, true));
	/* One that is no mere sign of life makes the whole commit news. */
	show_life(f, false);
	assert_true(has_word(f->a, false));
	store_watch_drain(f->a);
	/* Nor has the word of the quiet one been under way all the time. */
	show_life(f, true);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_false(has_word(f->a, true));
}

/* ---- a pool made anew ---- */

static void test_new_pool_keeps_altered_entries(void **state)
{
	struct fixture *f = *state;
	struct queue_entry first = entry_of(1), second = entry_of(2), third = entry_of(1);
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	struct err e = {0};

	second.enqueued_ns += NS_PER_SECOND;
	third.enqueued_ns += 2 * NS_PER_SECOND;
	fixture_init(f, 2);
	put(f, &first);
	put(f, &second);
	f->state.queue[1].cancelled = true;
	{
		struct change changes[] = {
			{.kind = CHANGE_PUT, .put.entry = &f->state.queue[1]},
			init,
			{.kind = CHANGE_DROP, .drop.entry = &f->state.queue[0]},
		};

		/* One that it does not know what to do with. */
		assert_int_equal(store_commit(f->a, &f->state, changes, 2, &e), -EINVAL);
		fixture_load(f->a, STORE_READ, &f->state);
		assert_int_equal(f->state.queue_count, 2);
		assert_int_equal(f->state.slots_count, 2);
		f->state.queue[1].cancelled = true;
		changes[0].put.entry = &f->state.queue[1];
		changes[2] = changes[1];
		changes[1] = (struct change){.kind = CHANGE_DROP, .drop.entry = &f->state.queue[0]};
		fixture_commit(f, changes, 3);
	}
	assert_int_equal(f->state.slots_count, 3);
	assert_int_equal(f->state.queue_count, 1);
	assert_string_equal(f->state.queue[0].id, second.id);
	assert_int_equal(f->state.queue[0].requested_count, 2);
	assert_int_equal(f->state.queue[0].enqueued_ns, second.enqueued_ns);
	assert_true(f->state.queue[0].cancelled);
	/* It can be altered and leave, as ever. */
	put(f, &f->state.queue[0]);
	{
		struct change drop = {.kind = CHANGE_DROP, .drop.entry = &f->state.queue[0]};

		fixture_commit(f, &drop, 1);
	}
	assert_int_equal(f->state.queue_count, 0);
}

/* Who has joined since is not forgotten. */
static void test_new_pool_and_a_new_entry(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state old = {0};
	struct queue_entry w = entry_of(1);
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	struct err e = {0};

	fixture_init(f, 2);
	fixture_load(f->b, STORE_READ, &old);
	put(f, &w);
	assert_int_equal(store_commit(f->b, &old, &init, 1, &e), -EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.slots_count, 2);
	assert_int_equal(f->state.queue_count, 1);
}

/* ---- what an entry keeps ---- */

static void test_lists_and_the_mark_of_a_cancelled_one(void **state)
{
	static const int64_t give_up_ns[] = {TIME_NONE, TIME_NONE, T0 + 123456789, TIME_NONE};
	struct fixture *f = *state;
	struct queue_entry w = entry_of(4);
	int lists[][4] = {{0}, {3}, {0, 1, 2, 3}, {1, 2}};
	const size_t counts[] = {0, 1, 4, 2};

	fixture_init(f, 4);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		const struct queue_entry *q;

		w.collected = lists[i];
		w.collected_count = counts[i];
		w.give_up_ns = give_up_ns[i];
		w.cancelled = i == 1;
		w.version = i ? f->state.queue[0].version : NULL;
		put(f, &w);
		q = &f->state.queue[0];
		assert_int_equal(f->state.queue_count, 1);
		assert_int_equal(q->give_up_ns, give_up_ns[i]);
		assert_int_equal(q->cancelled, i == 1);
		assert_int_equal(q->collected_count, counts[i]);
		for (size_t k = 0; k < counts[i]; k++)
			assert_int_equal(q->collected[k], lists[i][k]);
	}
}

/* By which clocks its times were taken, and since when it waits; not the order of the queue. */
static void test_clocks(void **state)
{
	static const struct {
		int64_t since_ns;
		struct time_base base;
	} cases[] = {
		{TIME_NONE, {"", 0}},
		{T0 + 1, {"a boot/time:[1]", T0 - 123456789}},
		{T0 - 9 * NS_PER_HOUR, {"a boot/time:[1]", T0 - 10 * NS_PER_HOUR}},
		{T0 + 2, {"", 0}},
	};
	struct fixture *f = *state;
	struct queue_entry w = entry_of(1), second = entry_of(1);

	fixture_init(f, 1);
	second.enqueued_ns += NS_PER_SECOND;
	put(f, &second);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct queue_entry *q = &f->state.queue[0];

		w.since_ns = cases[i].since_ns;
		w.base = cases[i].base;
		w.version = i ? q->version : NULL;
		put(f, &w);
		q = &f->state.queue[0];
		assert_string_equal(q->id, w.id);
		assert_int_equal(q->enqueued_ns, T0);
		assert_int_equal(q->since_ns, cases[i].since_ns);
		assert_string_equal(q->base.clock, cases[i].base.clock);
		assert_int_equal(q->base.offset_ns, cases[i].base.offset_ns);
	}
}

/* What was offered to it, and what it answers; in whatever order the ids come. */
static void test_offer_and_answer(void **state)
{
	static char first[] = "GPU 0 uses 500 MB, it\xe2\x80\x99s too much", second[] = "";
	struct fixture *f = *state;
	struct queue_entry w = entry_of(4);
	int ids[] = {0, 2, 3};
	const struct {
		int64_t offered_ns;
		size_t offered_count, aside_count;
		char *aside;
		const char *clock; /* NULL: "" */
	} cases[] = {
		{OFFER_UNKNOWN, 0, 0, NULL},
		{OFFER_NONE, 0, 0, NULL},
		{INT64_C(9007199254740993), 2, 0, NULL, "a boot/time:[1]"},
		{OFFER_NONE, 0, 3, first},
		{OFFER_NONE, 0, 0, second},
		{NS_PER_SECOND, 1, 1, first, "a boot"},
		{NS_PER_SECOND, 1, 1, first},
		{OFFER_NONE, 0, 0, NULL},
	};

	fixture_init(f, 4);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct queue_entry *q;

		w.offer.made_ns = cases[i].offered_ns;
		w.offer.gpus = cases[i].offered_count ? ids : NULL;
		w.offer.gpus_count = cases[i].offered_count;
		w.offer.aside = cases[i].aside;
		w.offer.aside_gpus = cases[i].aside_count ? ids : NULL;
		w.offer.aside_gpus_count = cases[i].aside_count;
		snprintf(w.offer.clock, sizeof(w.offer.clock), "%s",
			 cases[i].clock ? cases[i].clock : "");
		w.version = i ? f->state.queue[0].version : NULL;
		put(f, &w);
		q = &f->state.queue[0];
		assert_int_equal(q->offer.made_ns, cases[i].offered_ns);
		assert_string_equal(q->offer.clock, w.offer.clock);
		assert_int_equal(q->offer.gpus_count, cases[i].offered_count);
		assert_int_equal(!q->offer.aside, !cases[i].aside);
		if (q->offer.aside)
			assert_string_equal(q->offer.aside, cases[i].aside);
		assert_int_equal(!q->offer.aside_gpus, !cases[i].aside_count);
		assert_int_equal(q->offer.aside_gpus_count, cases[i].aside_count);
		for (size_t k = 0; k < cases[i].aside_count; k++)
			assert_int_equal(q->offer.aside_gpus[k], ids[k]);
	}
}

/* An entry that was lost with the store's data and comes back stands where it stood. */
static void test_lost_entry_comes_back_to_its_place(void **state)
{
	struct fixture *f = *state;
	struct queue_entry first = entry_of(1), second = entry_of(1);

	second.enqueued_ns += NS_PER_SECOND;
	fixture_init(f, 1);
	put(f, &second);
	put(f, &first);
	assert_string_equal(f->state.queue[0].id, first.id);
	assert_string_equal(f->state.queue[1].id, second.id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unrecorded_end),
		cmocka_unit_test(test_unrecorded_end_of_a_part),
		cmocka_unit_test(test_collected_becomes_granted),
		cmocka_unit_test(test_quiet_commits),
		cmocka_unit_test(test_new_pool_keeps_altered_entries),
		cmocka_unit_test(test_new_pool_and_a_new_entry),
		cmocka_unit_test(test_lists_and_the_mark_of_a_cancelled_one),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_offer_and_answer),
		cmocka_unit_test(test_lost_entry_comes_back_to_its_place),
	};

	return fixture_run("store queue", tests, ARRAY_SIZE(tests));
}
