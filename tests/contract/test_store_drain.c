/* What every store promises about GPUs out of service, and about decisions that rest on more than
   they change (CHANGE_DRAIN and CHANGE_CHECK of src/store/store.h). */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"

static int try_commit(struct store *s, const struct pool_state *seen, const struct change *changes,
		      size_t count)
{
	return -store_commit(s, seen, changes, count, NULL);
}

/* The gpus are borrowed. */
static struct change drain_of(const int *gpus, size_t count, const char *actor)
{
	return (struct change){
		.kind = CHANGE_DRAIN,
		.drain = {.gpus = gpus, .gpus_count = count, .actor = actor, .time_ns = T0}};
}

static struct change check_of(const int *gpus, size_t count)
{
	return (struct change){
		.kind = CHANGE_CHECK, .quiet = true, .check = {.gpus = gpus, .gpus_count = count}};
}

static void assert_drained(const struct pool_state *state, int gpu, const char *by)
{
	const struct slot *slot = &state->slots[gpu];

	if (!by) {
		assert_null(slot->drained_by);
		assert_int_equal(slot->drained_ns, TIME_NONE);
		return;
	}
	assert_non_null(slot->drained_by);
	assert_string_equal(slot->drained_by, by);
	assert_int_equal(slot->drained_ns, T0);
}

static void test_drain_and_back(void **state)
{
	struct fixture *f = *state;
	const struct change drain = drain_of(GPUS(1, 2), "größer \"admin\"");
	const struct change again = drain_of(GPUS(2), "root");
	const struct change back = drain_of(GPUS(1, 2), NULL);
	struct change why = drain_of(GPUS(1), "root");

	why.drain.note = "the fan: \"überhitzt\"";
	fixture_init(f, 4);
	fixture_grant(f, "alice", GPUS(0, 1));
	fixture_commit(f, &drain, 1);
	assert_drained(&f->state, 0, NULL);
	assert_drained(&f->state, 1, "größer \"admin\"");
	assert_drained(&f->state, 2, "größer \"admin\"");
	/* What is there stays, with all its GPUs. */
	assert_int_equal(f->state.reservations_count, 1);
	assert_int_equal(f->state.reservations[0]->gpus_count, 2);
	assert_string_equal(f->state.slots[1].reservation->account, "alice");
	fixture_commit(f, &again, 1);
	assert_drained(&f->state, 1, "größer \"admin\"");
	assert_drained(&f->state, 2, "root");
	assert_null(f->state.slots[1].drained_note);
	fixture_commit(f, &why, 1);
	assert_string_equal(f->state.slots[1].drained_note, why.drain.note);
	assert_null(f->state.slots[2].drained_note);
	fixture_commit(f, &back, 1);
	for (int i = 0; i < 4; i++) {
		assert_drained(&f->state, i, NULL);
		assert_null(f->state.slots[i].drained_note);
	}
	assert_string_equal(f->state.slots[1].reservation->account, "alice");
}

static void test_drain_outlives_reservations(void **state)
{
	struct fixture *f = *state;
	const struct change drain = drain_of(GPUS(0, 1), "root");
	struct change end;

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0));
	fixture_commit(f, &drain, 1);
	end = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	assert_null(f->state.slots[0].reservation);
	assert_int_equal(f->state.slots[0].last_released_ns, T0 + NS_PER_HOUR);
	assert_drained(&f->state, 0, "root");
	assert_drained(&f->state, 1, "root");
}

static void test_no_such_gpu(void **state)
{
	struct fixture *f = *state;
	const struct change beyond = drain_of(GPUS(0, 2), "root"), none = drain_of(NULL, 0, "root");

	fixture_init(f, 2);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_int_equal(try_commit(f->a, &f->state, &beyond, 1), EINVAL);
	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_int_equal(try_commit(f->a, &f->state, &none, 1), EINVAL);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_drained(&f->state, 0, NULL);
}

/* Whoever has decided before a drain has to decide anew, whether the GPU was free or not. */
static void test_grant_that_did_not_see_the_drain(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO(reservation_freep) struct reservation *bob = fixture_reservation("bob", GPUS(0));
	const struct change drain = drain_of(GPUS(0), "root");
	struct change late[2] = {{0}, {.kind = CHANGE_GRANT, .grant.reservation = bob}};

	fixture_init(f, 1);
	fixture_load(f->b, STORE_READ, &before);
	fixture_commit(f, &drain, 1);
	assert_int_equal(try_commit(f->b, &before, &late[1], 1), EAGAIN);

	late[0] = drain_of(GPUS(0), NULL);
	fixture_commit(f, late, 1);
	fixture_grant(f, "alice", GPUS(0));
	fixture_load(f->b, STORE_READ, &before);
	late[0] = fixture_end(before.slots[0].reservation, T0 + NS_PER_HOUR);
	fixture_commit(f, &drain, 1);
	assert_int_equal(try_commit(f->b, &before, late, 2), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_string_equal(f->state.slots[0].reservation->account, "alice");
	assert_drained(&f->state, 0, "root");
}

static void test_two_drains_at_once(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct change zero = drain_of(GPUS(0), "alice"), one = drain_of(GPUS(1), "bob");

	fixture_init(f, 2);
	fixture_load(f->b, STORE_READ, &seen);
	fixture_commit(f, &zero, 1);
	assert_int_equal(try_commit(f->b, &seen, &one, 1), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_drained(&f->state, 0, "alice");
	assert_drained(&f->state, 1, "bob");
}

static void test_init_and_drain(void **state)
{
	struct fixture *f = *state;
	const struct change drain = drain_of(GPUS(0, 2), "root");
	struct change anew[2] = {
		{.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 5}},
		drain_of(GPUS(4), "root")};

	fixture_init(f, 3);
	fixture_commit(f, &drain, 1);
	/* A pool that is made anew is in service as a whole, but for what its maker drains. */
	fixture_commit(f, anew, 2);
	for (int i = 0; i < 4; i++)
		assert_drained(&f->state, i, NULL);
	assert_drained(&f->state, 4, "root");
	anew[0].init.gpus_count = 1;
	fixture_commit(f, anew, 1);
	anew[0].init.gpus_count = 5;
	fixture_commit(f, anew, 1);
	assert_drained(&f->state, 4, NULL);
}

static bool watch_has_word(struct store *s, int timeout_ms)
{
	struct pollfd fd = {.fd = store_watch(s), .events = POLLIN};

	return poll(&fd, 1, timeout_ms) > 0;
}

static void test_who_is_woken(void **state)
{
	struct fixture *f = *state;
	const struct change check = check_of(GPUS(0, 1)), drain = drain_of(GPUS(0), "root");

	fixture_init(f, 2);
	assert_false(watch_has_word(f->b, 0));
	fixture_commit(f, &check, 1);
	assert_false(watch_has_word(f->b, 100));
	fixture_commit(f, &drain, 1);
	assert_true(watch_has_word(f->b, 60000));
}

/* A decision about GPU 0 that rests on GPU 1. */
static void test_check_compares(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO(reservation_freep) struct reservation *bob = fixture_reservation("bob", GPUS(0));
	struct change late[2] = {check_of(GPUS(0, 1)),
				 {.kind = CHANGE_GRANT, .grant.reservation = bob}};

	fixture_init(f, 3);
	fixture_load(f->b, STORE_READ, &before);
	fixture_grant(f, "alice", GPUS(1));
	assert_int_equal(try_commit(f->b, &before, late, 2), EAGAIN);
	fixture_load(f->b, STORE_READ, &before);
	fixture_grant(f, "carol", GPUS(2)); /* not looked at */
	assert_int_equal(try_commit(f->b, &before, late, 2), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 3);
	assert_string_equal(f->state.slots[0].reservation->account, "bob");
	late[0] = check_of(GPUS(3));
	assert_int_equal(try_commit(f->a, &f->state, late, 1), EINVAL);
	late[0] = check_of(NULL, 0);
	assert_int_equal(try_commit(f->a, &f->state, late, 1), EINVAL);
}

/* It leaves no trace: nobody else has to decide anew because of it. */
static void test_check_changes_nothing(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO(reservation_freep) struct reservation *bob = fixture_reservation("bob", GPUS(0));
	const struct change check = check_of(GPUS(0, 1));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = bob};

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(1));
	fixture_load(f->b, STORE_READ, &before);
	fixture_commit(f, &check, 1);
	fixture_same_reservation(f->state.slots[1].reservation, before.slots[1].reservation);
	assert_int_equal(try_commit(f->b, &before, &grant, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain_and_back),
		cmocka_unit_test(test_drain_outlives_reservations),
		cmocka_unit_test(test_no_such_gpu),
		cmocka_unit_test(test_grant_that_did_not_see_the_drain),
		cmocka_unit_test(test_two_drains_at_once),
		cmocka_unit_test(test_init_and_drain),
		cmocka_unit_test(test_who_is_woken),
		cmocka_unit_test(test_check_compares),
		cmocka_unit_test(test_check_changes_nothing),
	};

	return fixture_run("store drain", tests, ARRAY_SIZE(tests));
}
