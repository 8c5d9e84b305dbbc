/* What every store promises about the pool and its reservations (src/store/store.h). */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"

/* Commits with what `seen` holds; the result is the errno that the store gave, positive. */
static int try_commit(struct store *s, const struct pool_state *seen, const struct change *changes,
		      size_t count)
{
	struct err e = {0};
	int r = store_commit(s, seen, changes, count, &e);

	if (r < 0)
		assert_int_not_equal(e.text[0], '\0');
	return -r;
}

static void test_empty_store_is_not_initialized(void **state)
{
	struct fixture *f = *state;

	fixture_load(f->a, STORE_READ, &f->state);
	assert_false(f->state.initialized);
	assert_int_equal(f->state.slots_count, 0);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_false(f->state.initialized);
	store_abandon(f->a);
}

static void test_init(void **state)
{
	struct fixture *f = *state;
	static char uuid0[] = "GPU-0", uuid2[] = "GPU-2";
	const struct slot units[] = {{.uuid = uuid0}, {.id = 1}, {.uuid = uuid2}};
	const struct change init[] = {
		{.kind = CHANGE_INIT, .init = {.provider = "nvidia", .gpus_count = 3}},
		{.kind = CHANGE_UNITS, .units = {units, 3}},
	};

	fixture_load(f->a, STORE_UPDATE, &f->state);
	fixture_commit(f, init, 2);
	assert_true(f->state.initialized);
	assert_string_equal(f->state.provider, "nvidia");
	assert_int_equal(f->state.slots_count, 3);
	assert_int_equal(f->state.reservations_count, 0);
	assert_int_equal(f->state.queue_count, 0);
	assert_string_equal(f->state.slots[0].uuid, "GPU-0");
	assert_null(f->state.slots[1].uuid);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(f->state.slots[i].id, i);
		assert_null(f->state.slots[i].reservation);
		assert_null(f->state.slots[i].problem);
		assert_non_null(f->state.slots[i].version);
		assert_int_equal(f->state.slots[i].last_released_ns, TIME_NONE);
	}
}

/* A pool that comes from another store brings along when its GPUs were released. */
static void test_init_with_releases(void **state)
{
	struct fixture *f = *state;
	const struct slot released[] = {{.last_released_ns = T0 + 1},
					{.last_released_ns = TIME_NONE},
					{.last_released_ns = T0 + 123456789,
					 .released_base = {"a boot/time:[1]", T0 - 12345}}};
	struct change init = {.kind = CHANGE_INIT,
			      .init = {.provider = "fake", .gpus_count = 3, .released = released}};

	for (int round = 0; round < 2; round++) {
		fixture_load(f->a, STORE_UPDATE, &f->state);
		fixture_commit(f, &init, 1);
		for (int i = 0; i < 3; i++)
			assert_int_equal(f->state.slots[i].last_released_ns,
					 released[i].last_released_ns);
		assert_string_equal(f->state.slots[0].released_base.clock, "");
		assert_string_equal(f->state.slots[2].released_base.clock, "a boot/time:[1]");
		assert_int_equal(f->state.slots[2].released_base.offset_ns, T0 - 12345);
	}
	init.init.released = NULL;
	fixture_commit(f, &init, 1);
	assert_int_equal(f->state.slots[0].last_released_ns, TIME_NONE);
}

static void test_changes_need_a_pool(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};

	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_int_equal(try_commit(f->a, &f->state, &grant, 1), EINVAL);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_false(f->state.initialized);
}

static void test_two_inits_at_once(void **state)
{
	struct fixture *f = *state;
	struct change four = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 4}};
	struct change eight = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 8}};

	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(try_commit(f->b, &f->state, &four, 1), 0);
	assert_int_equal(try_commit(f->a, &f->state, &eight, 1), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.slots_count, 4);
	/* Both saw four GPUs: the marks differ although the number does not. */
	assert_int_equal(try_commit(f->b, &f->state, &four, 1), 0);
	assert_int_equal(try_commit(f->a, &f->state, &eight, 1), EAGAIN);
}

static void test_grant_keeps_every_member(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *run = fixture_reservation("alice", GPUS(1, 3));
	AUTO(reservation_freep) struct reservation *manual = fixture_reservation("bob", GPUS(0));
	struct change grants[] = {{.kind = CHANGE_GRANT, .grant.reservation = run},
				  {.kind = CHANGE_GRANT, .grant.reservation = manual}};

	manual->type = RESERVATION_MANUAL;
	manual->heartbeat_ns = manual->deadline_ns = TIME_NONE;
	manual->expiry_ns = T0 + 2 * NS_PER_HOUR;
	manual->uid = (struct quantity){0};
	mem_replace(&manual->note, NULL);
	mem_replace(&manual->queue_id, "5c7f0000-0000-4000-8000-000000000002");
	holder_clear(&manual->holder);
	fixture_init(f, 4);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	fixture_commit(f, grants, 2);

	assert_int_equal(f->state.reservations_count, 2);
	fixture_same_reservation(pool_state_find(&f->state, run->id), run);
	fixture_same_reservation(pool_state_find(&f->state, manual->id), manual);
	assert_ptr_equal(f->state.slots[1].reservation, pool_state_find(&f->state, run->id));
	assert_ptr_equal(f->state.slots[3].reservation, f->state.slots[1].reservation);
	assert_ptr_equal(f->state.slots[0].reservation, pool_state_find(&f->state, manual->id));
	assert_null(f->state.slots[2].reservation);
}

static void test_hostile_texts(void **state)
{
	static const char *const notes[] = {
		"",
		"größer 测试 🚀",
		"'; DROP TABLE gpus; --",
		"\x1b]0;owned\x07\x1b[2J\r\n\t",
		"\"quoted\" {\"json\": 1} \\",
		"\u202egnp.exe",
		"%s%n%d",
	};
	struct fixture *f = *state;

	fixture_init(f, 1);
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("alice", GPUS(0));
		struct change c = {.kind = CHANGE_GRANT, .grant.reservation = r};

		mem_replace(&r->note, notes[i]);
		mem_replace(&r->user, notes[i]);
		fixture_commit(f, &c, 1);
		fixture_same_reservation(f->state.slots[0].reservation, r);
		c = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
		fixture_commit(f, &c, 1);
	}
}

/* GPU 1 is given to somebody, and comes back, without a name of a clock. */
static void released_without_clock(struct fixture *f)
{
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(1));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r}, end;

	r->base = (struct time_base){0};
	fixture_commit(f, &grant, 1);
	end = fixture_end(pool_state_find(&f->state, r->id), T0 + 2 * NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	assert_string_equal(f->state.slots[1].released_base.clock, "");
}

static void test_end(void **state)
{
	struct fixture *f = *state;
	const struct reservation *r;
	struct change end;

	fixture_init(f, 2);
	r = fixture_grant(f, "alice", GPUS(1));
	end = fixture_end(r, T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	assert_int_equal(f->state.reservations_count, 0);
	assert_null(f->state.slots[1].reservation);
	assert_int_equal(f->state.slots[1].last_released_ns, T0 + NS_PER_HOUR);
	assert_string_equal(f->state.slots[1].released_base.clock, "a boot/time:[1]");
	assert_int_equal(f->state.slots[1].released_base.offset_ns, T0 - 123456789);
	assert_int_equal(f->state.slots[0].last_released_ns, TIME_NONE);
	assert_string_equal(f->state.slots[0].released_base.clock, "");
	/* One of another program says nothing of clocks, also where the one before it did. */
	released_without_clock(f);
}

static void test_partial_end(void **state)
{
	struct fixture *f = *state;
	const struct reservation *r;
	const int middle = 1;
	struct change end;
	char id[ID_SIZE];

	fixture_init(f, 4);
	r = fixture_grant(f, "alice", GPUS(0, 1, 2));
	memcpy(id, r->id, ID_SIZE);
	end = fixture_end(r, T0 + NS_PER_HOUR);
	end.end.gpus = &middle;
	end.end.gpus_count = 1;
	fixture_commit(f, &end, 1);
	r = pool_state_find(&f->state, id);
	assert_non_null(r);
	assert_int_equal(r->gpus_count, 2);
	assert_int_equal(r->gpus[0], 0);
	assert_int_equal(r->gpus[1], 2);
	assert_null(f->state.slots[1].reservation);
	end = fixture_end(r, T0 + 2 * NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	assert_int_equal(f->state.reservations_count, 0);
}

static void test_renew(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *altered = NULL;
	struct change renew = {.kind = CHANGE_RENEW};

	fixture_init(f, 4);
	altered = reservation_copy(fixture_grant(f, "alice", GPUS(2, 3)));
	altered->heartbeat_ns = T0 + 120 * NS_PER_SECOND;
	altered->deadline_ns = T0 + 5 * NS_PER_HOUR;
	mem_replace(&altered->note, "another");
	mem_replace(&altered->holder.host, "host2");
	altered->holder.supervisor = (struct process_ref){77, 78};
	/* The clock was set, and somebody doubts whether its holder lives. */
	altered->start_ns -= 11 * NS_PER_HOUR;
	altered->base.offset_ns -= 11 * NS_PER_HOUR;
	altered->doubt = (struct doubt){altered->heartbeat_ns, T0 + 321, 1234567, "another boot"};
	renew.renew.reservation = altered;
	fixture_commit(f, &renew, 1);
	fixture_same_reservation(pool_state_find(&f->state, altered->id), altered);
}

/* The record has the start as it was read: the clock may have been set since it was stored. */
static void test_end_of_what_has_moved(void **state)
{
	struct fixture *f = *state;
	struct reservation *moved;
	const struct usage_record *u;
	struct change end;
	struct err e = {0};

	fixture_init(f, 1);
	fixture_grant(f, "alice", GPUS(0));
	moved = f->state.reservations[0];
	moved->start_ns += NS_PER_HOUR;
	end = fixture_end(moved, T0 + NS_PER_HOUR + NS_PER_SECOND);
	fixture_commit(f, &end, 1);
	assert_int_equal(store_history_begin(f->b, 0, INT64_MAX, &e), 0);
	assert_int_equal(store_history_next(f->b, &u, &e), 1);
	assert_int_equal(u->start_ns, T0 + NS_PER_HOUR);
	assert_int_equal(u->end_ns - u->start_ns, NS_PER_SECOND);
	store_history_end(f->b);
}

/* As by a release of what the cleanup has renewed, since its supervisor is silent. */
static void test_renew_and_end_in_one_commit(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *altered = NULL;
	struct change changes[2] = {{.kind = CHANGE_RENEW}};
	const int part = 2;

	fixture_init(f, 4);
	altered = reservation_copy(fixture_grant(f, "alice", GPUS(0, 2)));
	altered->heartbeat_ns = T0 + NS_PER_HOUR;
	changes[0].renew.reservation = altered;
	changes[1] = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	changes[1].end.gpus = &part;
	changes[1].end.gpus_count = 1;
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.reservations_count, 1);
	assert_int_equal(f->state.reservations[0]->heartbeat_ns, T0 + NS_PER_HOUR);
	assert_int_equal(f->state.reservations[0]->gpus_count, 1);
	assert_int_equal(f->state.reservations[0]->gpus[0], 0);
	assert_null(f->state.slots[2].reservation);
	assert_int_equal(f->state.slots[2].last_released_ns, T0 + NS_PER_HOUR);
}

/* Two handles decide on the same state; the second to commit must not apply anything. */
static void test_conflict(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *first = fixture_reservation("alice", GPUS(1));
	AUTO(reservation_freep)
	struct reservation *second = fixture_reservation("bob", GPUS(0));
	AUTO(reservation_freep)
	struct reservation *third = fixture_reservation("bob", GPUS(1, 2));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = first};
	struct change both[] = {{.kind = CHANGE_GRANT, .grant.reservation = second},
				{.kind = CHANGE_GRANT, .grant.reservation = third}};
	AUTO(pool_state_clear) struct pool_state seen_b = {0};

	fixture_init(f, 4);
	fixture_load(f->b, STORE_READ, &seen_b);
	assert_int_equal(try_commit(f->a, &f->state, &grant, 1), 0);
	assert_int_equal(try_commit(f->b, &seen_b, both, 2), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 1);
	assert_string_equal(f->state.slots[1].reservation->id, first->id);
	/* What touches other GPUs is no conflict, though decided on the older state. */
	assert_int_equal(try_commit(f->b, &seen_b, both, 1), 0);
}

/* Whether the watch has word of a commit; waits for it as long as a loaded machine may need. */
static bool watch_has_word(struct store *s, int wait_ms)
{
	struct pollfd word = {.fd = store_watch(s), .events = POLLIN};

	assert_true(word.fd >= 0);
	return poll(&word, 1, wait_ms) > 0;
}

static void test_watch(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(1));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	AUTO(pool_state_clear) struct pool_state seen = {0};

	fixture_init(f, 2);
	assert_false(watch_has_word(f->a, 0));
	fixture_load(f->b, STORE_READ, &seen);
	assert_false(watch_has_word(f->a, 0)); /* who only looks gives no word */
	assert_int_equal(try_commit(f->b, &seen, &grant, 1), 0);
	assert_true(watch_has_word(f->a, 60000));
	store_watch_drain(f->a);
	assert_false(watch_has_word(f->a, 0));
	/* The watch does not get into the way of its own store. */
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 1);
}

/* A heartbeat that was decided before a release must not bring the reservation back. */
static void test_renew_after_end(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state seen_b = {0};
	struct change end, renew = {.kind = CHANGE_RENEW};

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0));
	fixture_load(f->b, STORE_READ, &seen_b);
	end = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	renew.renew.reservation = seen_b.reservations[0];
	assert_int_equal(try_commit(f->b, &seen_b, &renew, 1), EAGAIN);
	/* Nor when the slot is loaded anew but the reservation is the old one. */
	assert_int_equal(try_commit(f->a, &f->state, &renew, 1), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 0);
}

/* An old run's end must not free what the same account reserved later on the same GPU. */
static void test_end_of_another_reservation(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *old = NULL;
	struct change end;

	fixture_init(f, 1);
	old = reservation_copy(fixture_grant(f, "alice", GPUS(0)));
	end = fixture_end(old, T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	fixture_grant(f, "alice", GPUS(0));
	assert_int_equal(try_commit(f->a, &f->state, &end, 1), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 1);
}

static void test_one_owner_per_gpu(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0, 1));
	AUTO(reservation_freep) struct reservation *s = fixture_reservation("eve", GPUS(1));
	struct change grants[] = {{.kind = CHANGE_GRANT, .grant.reservation = s},
				  {.kind = CHANGE_GRANT, .grant.reservation = r}};

	fixture_init(f, 2);
	/* Twice in one commit. */
	assert_int_equal(try_commit(f->a, &f->state, grants, 2), EINVAL);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 0);
	/* And on one that was seen as taken. */
	fixture_grant(f, "alice", GPUS(0));
	assert_int_equal(try_commit(f->a, &f->state, grants + 1, 1), EINVAL);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 1);
	assert_null(f->state.slots[1].reservation);
	/* GPUs that the pool does not have. */
	r->gpus[1] = 2;
	assert_int_equal(try_commit(f->a, &f->state, grants + 1, 1), EINVAL);
	r->gpus[1] = -1;
	assert_int_equal(try_commit(f->a, &f->state, grants + 1, 1), EINVAL);
}

/* Expired and given to the next in one step. */
static void test_end_and_grant_in_one_commit(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *next = fixture_reservation("bob", GPUS(0));
	struct change changes[2] = {{0}, {.kind = CHANGE_GRANT, .grant.reservation = next}};

	fixture_init(f, 1);
	fixture_grant(f, "alice", GPUS(0));
	fixture_load(f->a, STORE_UPDATE, &f->state);
	changes[0] = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.reservations_count, 1);
	assert_string_equal(f->state.slots[0].reservation->account, "bob");
}

static void test_1024_gpus(void **state)
{
	struct fixture *f = *state;
	int all[POOL_GPUS_MAX];
	struct change end;

	for (int i = 0; i < POOL_GPUS_MAX; i++)
		all[i] = i;
	fixture_init(f, POOL_GPUS_MAX);
	assert_int_equal(f->state.slots_count, POOL_GPUS_MAX);
	fixture_grant(f, "alice", all, POOL_GPUS_MAX);
	assert_int_equal(f->state.reservations[0]->gpus_count, POOL_GPUS_MAX);
	assert_ptr_equal(f->state.slots[1023].reservation, f->state.reservations[0]);
	end = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	assert_int_equal(f->state.reservations_count, 0);
}

static void test_init_again(void **state)
{
	struct fixture *f = *state;
	struct change changes[2] = {
		{0}, {.kind = CHANGE_INIT, .init = {.provider = "amd", .gpus_count = 2}}};
	const struct usage_record *u;
	struct err e = {0};

	fixture_init(f, 4);
	changes[0] = fixture_end(fixture_grant(f, "alice", GPUS(3)), T0 + NS_PER_HOUR);
	/* What is not ended must not get lost. */
	assert_int_equal(try_commit(f->a, &f->state, changes + 1, 1), EINVAL);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.slots_count, 2);
	assert_string_equal(f->state.provider, "amd");
	assert_int_equal(f->state.reservations_count, 0);
	assert_int_equal(store_history_begin(f->a, 0, INT64_MAX, &e), 0);
	assert_int_equal(store_history_next(f->a, &u, &e), 1);
	assert_int_equal(u->gpu, 3);
	assert_int_equal(store_history_next(f->a, &u, &e), 0);
	store_history_end(f->a);
}

/* A pool that comes from another store appears with all that is agreed in it. */
static void test_init_and_fill_in_one_commit(void **state)
{
	struct fixture *f = *state;
	const struct slot released[] = {
		{.last_released_ns = T0}, {0}, {.last_released_ns = T0 + 1}};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(1, 2));
	char name[] = "carol";
	struct queue_entry waiting = {.user = name,
				      .account = name,
				      .type = RESERVATION_RUN,
				      .requested_count = 3,
				      .enqueued_ns = T0,
				      .heartbeat_ns = T0};
	struct change changes[] = {
		{.kind = CHANGE_INIT,
		 .init = {.provider = "fake", .gpus_count = 3, .released = released}},
		{.kind = CHANGE_GRANT, .grant.reservation = r},
		{.kind = CHANGE_PUT, .put.entry = &waiting}};

	id_new(waiting.id);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	fixture_commit(f, changes, 3);
	assert_int_equal(f->state.slots_count, 3);
	assert_int_equal(f->state.slots[0].last_released_ns, T0);
	fixture_same_reservation(f->state.slots[2].reservation, r);
	assert_int_equal(f->state.queue_count, 1);
	assert_string_equal(f->state.queue[0].id, waiting.id);
}

/* The slots of a grant are those of the new pool, not of the one before. */
static void test_init_and_grant_on_another_size(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(3));
	struct change changes[] = {
		{.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}},
		{.kind = CHANGE_GRANT, .grant.reservation = r},
		{.kind = CHANGE_GRANT, .grant.reservation = r}};

	fixture_init(f, 5);
	assert_int_equal(try_commit(f->a, &f->state, changes, 2), EINVAL);
	r->gpus[0] = 2;
	assert_int_equal(try_commit(f->a, &f->state, changes, 3), EINVAL);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.slots_count, 5);
	fixture_commit(f, changes, 2);
	changes[0].init.gpus_count = 6;
	r->gpus[0] = 5;
	assert_int_equal(try_commit(f->a, &f->state, changes, 2), EINVAL);
	changes[2] = changes[1];
	changes[1] = changes[0];
	changes[0] = fixture_end(f->state.reservations[0], T0 + NS_PER_HOUR);
	fixture_commit(f, changes, 3);
	assert_int_equal(f->state.slots_count, 6);
	assert_int_equal(f->state.reservations_count, 1);
	assert_string_equal(f->state.slots[5].reservation->id, r->id);
}

static void test_abandon_and_close(void **state)
{
	struct fixture *f = *state;
	struct store *third;

	fixture_init(f, 2);
	store_abandon(f->a);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	store_abandon(f->a);
	store_abandon(f->a);
	/* Closed in the middle: the next one must not have to wait. */
	third = fixture_open(f);
	fixture_load(third, STORE_UPDATE, &f->state);
	assert_null(store_close(third));
	fixture_load(f->b, STORE_UPDATE, &f->state);
	store_abandon(f->b);
	assert_null(store_close(NULL));
	/* A commit that fails, or that has nothing to do, ends the update as well. */
	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_int_equal(try_commit(f->a, &f->state, NULL, 0), 0);
	fixture_load(f->b, STORE_UPDATE, &f->state);
	store_abandon(f->b);
}

static void test_url(void **state)
{
	struct fixture *f = *state;
	struct store *s = NULL;
	struct err e = {0};

	assert_string_equal(store_url(f->a), f->url);
	assert_int_equal(store_open("nonsense", &s, &e), -EINVAL);
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	assert_int_equal(store_open("mysql://x/y", &s, &e), -EINVAL);
	assert_int_equal(store_open("sqlite:relative.db", &s, &e), -EINVAL);
	assert_int_equal(store_open("sqlite:", &s, &e), -EINVAL);
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	assert_null(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty_store_is_not_initialized),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_init_with_releases),
		cmocka_unit_test(test_changes_need_a_pool),
		cmocka_unit_test(test_two_inits_at_once),
		cmocka_unit_test(test_grant_keeps_every_member),
		cmocka_unit_test(test_hostile_texts),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_partial_end),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_end_of_what_has_moved),
		cmocka_unit_test(test_renew_and_end_in_one_commit),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_renew_after_end),
		cmocka_unit_test(test_end_of_another_reservation),
		cmocka_unit_test(test_one_owner_per_gpu),
		cmocka_unit_test(test_end_and_grant_in_one_commit),
		cmocka_unit_test(test_1024_gpus),
		cmocka_unit_test(test_init_again),
		cmocka_unit_test(test_init_and_fill_in_one_commit),
		cmocka_unit_test(test_init_and_grant_on_another_size),
		cmocka_unit_test(test_abandon_and_close),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_url),
	};

	return fixture_run("store", tests, ARRAY_SIZE(tests));
}
