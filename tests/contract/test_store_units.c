/* What every store promises about what the numbers of a pool mean (CHANGE_UNITS of
   src/base/change.h). */
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"

static char a[] = "GPU-a", b[] = "GPU-b", slice[] = "MIG-1", old_slice[] = "MIG-GPU-b/1/0",
	    profile[] = "1g.10gb+me";

static int try_commit(struct store *s, const struct pool_state *seen, const struct change *changes,
		      size_t count)
{
	return -store_commit(s, seen, changes, count, NULL);
}

static struct change units_of(const struct slot *slots, size_t count)
{
	return (struct change){.kind = CHANGE_UNITS, .units = {slots, count}};
}

/* fixture_commit compares each state with what change_apply makes. */
static void test_more_and_back(void **state)
{
	struct fixture *f = *state;
	struct slot slots[] = {
		{.id = 0, .uuid = a},
		{.id = 1, .uuid = b, .retired_ns = T0 + 123456789},
		{.id = 2, .uuid = slice, .profile = profile, .parent = b, .parent_index = 1},
		{.id = 3, .uuid = old_slice, .profile = profile, .parent = b, .parent_index = 1},
	};
	struct change change = units_of(slots, 4);

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0, 1));
	fixture_commit(f, &change, 1);
	assert_int_equal(f->state.slots_count, 4);
	assert_int_equal(f->state.slots[1].retired_ns, T0 + 123456789);
	assert_string_equal(f->state.slots[2].profile, profile);
	assert_string_equal(f->state.slots[3].uuid, old_slice);
	/* What is reserved stays so, and new numbers can be. */
	assert_string_equal(f->state.slots[1].reservation->account, "alice");
	assert_null(f->state.slots[3].reservation);
	assert_int_equal(f->state.slots[3].last_released_ns, TIME_NONE);
	fixture_grant(f, "bob", GPUS(2, 3));
	slots[1].retired_ns = TIME_NONE;
	slots[2].retired_ns = T0 + 1;
	fixture_commit(f, &change, 1);
	assert_int_equal(f->state.slots[1].retired_ns, TIME_NONE);
	assert_int_equal(f->state.slots[2].retired_ns, T0 + 1);
	assert_string_equal(f->state.slots[2].reservation->account, "bob");
	/* A pool that is made again remembers nothing of that. */
	fixture_load(f->a, STORE_UPDATE, &f->state);
	{
		const struct change again[] = {
			fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR),
			fixture_end(f->state.slots[2].reservation, T0 + NS_PER_HOUR),
			{.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}},
		};

		fixture_commit(f, again, 3);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_null(f->state.slots[i].uuid);
		assert_null(f->state.slots[i].profile);
		assert_int_equal(f->state.slots[i].retired_ns, TIME_NONE);
	}
}

/* Whatever was committed meanwhile, the numbers mean what one of the two has said. */
static void test_conflicts(void **state)
{
	struct fixture *f = *state;
	struct slot first[] = {{.id = 0, .uuid = a}, {.id = 1}, {.id = 2, .uuid = slice}};
	struct slot second[] = {{.id = 0}, {.id = 1, .uuid = a}, {.id = 2, .uuid = slice}};
	const struct change one = units_of(first, 3), other = units_of(second, 3),
			    fewer = units_of(second, 1);
	AUTO(pool_state_clear) struct pool_state stale = {0};

	fixture_init(f, 2);
	fixture_load(f->b, STORE_READ, &stale);
	fixture_commit(f, &one, 1);
	assert_int_equal(try_commit(f->b, &stale, &other, 1), EAGAIN);
	/* A grant that was decided when the number meant something else. */
	pool_state_clear(&stale);
	fixture_load(f->b, STORE_READ, &stale);
	first[0].uuid = b;
	fixture_commit(f, &one, 1);
	{
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("alice", GPUS(0));
		const struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};

		assert_int_equal(try_commit(f->b, &stale, &grant, 1), EAGAIN);
	}
	/* And the other way round: a slot that was touched. */
	fixture_load(f->a, STORE_READ, &f->state);
	pool_state_clear(&stale);
	fixture_load(f->b, STORE_READ, &stale);
	fixture_grant(f, "alice", GPUS(1));
	assert_int_equal(try_commit(f->b, &stale, &other, 1), EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(try_commit(f->a, &f->state, &fewer, 1), EINVAL);
	assert_string_equal(f->state.slots[0].uuid, b);
}

/* Whoever is granted a GPU records what the numbers mean in the same commit. */
static void test_with_grant(void **state)
{
	struct fixture *f = *state;
	struct slot slots[] = {{.id = 0, .uuid = a}, {.id = 1, .uuid = b}, {.id = 2}};

	fixture_init(f, 3);
	fixture_grant(f, "alice", GPUS(1));
	{
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("bob", GPUS(0));
		const struct change changes[] = {
			{.kind = CHANGE_GRANT, .grant.reservation = r},
			units_of(slots, 3),
		};

		fixture_commit(f, changes, 2);
	}
	assert_string_equal(f->state.slots[0].uuid, a);
	assert_string_equal(f->state.slots[0].reservation->account, "bob");
	assert_string_equal(f->state.slots[1].uuid, b);
	assert_string_equal(f->state.slots[1].reservation->account, "alice");
	assert_null(f->state.slots[2].uuid);
	/* The next change is like any other. */
	fixture_grant(f, "carol", GPUS(2));
	{
		const struct change end =
			fixture_end(f->state.slots[1].reservation, T0 + NS_PER_HOUR);

		fixture_commit(f, &end, 1);
	}
	assert_string_equal(f->state.slots[1].uuid, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_more_and_back),
		cmocka_unit_test(test_conflicts),
		cmocka_unit_test(test_with_grant),
	};

	return fixture_run("store units", tests, ARRAY_SIZE(tests));
}
