/* What every store promises about processes that are ignored (CHANGE_IGNORE of src/base/change.h).
 */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/mem.h"

static char boot[] = "2b1d2f5e-0000-4000-8000-000000000001";
static char root[] = "root", name[] = "größer \"x\"\n\x1b[1m", host[] = "host1";

static struct ignored_process process_of(pid_t pid)
{
	return (struct ignored_process){
		.holder = {.host = host,
			   .boot_id = boot,
			   .command = {.pid = pid, .start_ticks = UINT64_C(123456789012)}},
		.name = name,
		.ignored_by = root,
		.ignored_ns = T0 + 123456789,
		.memory_mb = 600,
	};
}

static struct change ignore(const struct ignored_process *process, bool drop)
{
	return (struct change){.kind = CHANGE_IGNORE, .ignore = {.process = process, .drop = drop}};
}

/* fixture_commit compares each state with what change_apply makes. */
static void test_list(void **state)
{
	struct fixture *f = *state;
	struct ignored_process one = process_of(7), two = process_of(8), later = process_of(7);
	struct change changes[2] = {ignore(&one, false), ignore(&two, false)};

	fixture_init(f, 2);
	assert_int_equal(f->state.ignored_count, 0);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.ignored_count, 2);
	assert_int_equal(f->state.ignored[0].holder.command.pid, 7);
	/* The same process again, and one of the same pid that is another. */
	later.memory_mb = 700;
	later.name = NULL;
	changes[0] = ignore(&later, false);
	fixture_commit(f, changes, 1);
	assert_int_equal(f->state.ignored_count, 2);
	later.holder.command.start_ticks++;
	fixture_commit(f, changes, 1);
	assert_int_equal(f->state.ignored_count, 3);
	changes[0] = ignore(&one, true);
	changes[1] = ignore(&two, true);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.ignored_count, 1);
	/* What is not there is not there afterwards. */
	fixture_commit(f, changes, 1);
	changes[0] = ignore(&later, true);
	fixture_commit(f, changes, 1);
	assert_int_equal(f->state.ignored_count, 0);
}

static struct change record(const char *text)
{
	return (struct change){.kind = CHANGE_TOPOLOGY, .topology.text = text};
}

/* How the GPUs are linked is kept as it is, and gone with the pool. */
static void test_topology(void **state)
{
	struct fixture *f = *state;
	struct change changes[2] = {record("GPU-a 0\nGPU-b 0 NV18\n")};

	fixture_init(f, 2);
	fixture_commit(f, changes, 1);
	assert_string_equal(f->state.topology, "GPU-a 0\nGPU-b 0 NV18\n");
	fixture_grant(f, "alice", GPUS(0));
	changes[0] = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
	changes[1] = record("GPU-a 0\nGPU-b 1 SYS\n");
	fixture_commit(f, changes, 2);
	assert_string_equal(f->state.topology, "GPU-a 0\nGPU-b 1 SYS\n");
	changes[0] =
		(struct change){.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	fixture_commit(f, changes, 1);
	assert_null(f->state.topology);
	fixture_commit(f, changes, 2);
	assert_non_null(f->state.topology);
	changes[0] = record(NULL);
	fixture_commit(f, changes, 1);
	assert_null(f->state.topology);
}

/* It stands beside what is reserved, and is gone with the pool. */
static void test_beside_the_rest(void **state)
{
	struct fixture *f = *state;
	struct ignored_process one = process_of(7), two = process_of(8);
	struct change changes[3] = {ignore(&one, false)};

	fixture_init(f, 2);
	fixture_grant(f, "alice", GPUS(0));
	fixture_commit(f, changes, 1);
	changes[0] = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
	changes[1] = ignore(&two, false);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.ignored_count, 2);
	fixture_grant(f, "bob", GPUS(1));
	assert_int_equal(f->state.ignored_count, 2);
	changes[0] = fixture_end(f->state.slots[1].reservation, T0 + NS_PER_HOUR);
	changes[1] =
		(struct change){.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.ignored_count, 0);
	/* Whoever makes a pool may say at once what does not count there. */
	changes[0] = changes[1];
	changes[1] = ignore(&one, false);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.ignored_count, 1);
}

/* Two administrators at once: both are heard, or the second one is asked to decide again. */
static void test_two_at_once(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct ignored_process one = process_of(7), two = process_of(8);
	struct change first = ignore(&one, false), second = ignore(&two, false);
	int r;

	fixture_init(f, 2);
	fixture_load(f->b, STORE_READ, &seen);
	fixture_commit(f, &first, 1);
	r = store_commit(f->b, &seen, &second, 1, NULL);
	if (r == -EAGAIN) {
		fixture_load(f->b, STORE_UPDATE, &seen);
		r = store_commit(f->b, &seen, &second, 1, NULL);
	}
	assert_int_equal(r, 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.ignored_count, 2);
}

/* Waiting requests look again. */
static void test_wakes(void **state)
{
	struct fixture *f = *state;
	struct ignored_process one = process_of(7);
	struct change change = ignore(&one, false);
	struct pollfd fd;

	fixture_init(f, 1);
	fd = (struct pollfd){.fd = store_watch(f->b), .events = POLLIN};
	fixture_commit(f, &change, 1);
	assert_int_equal(poll(&fd, 1, 60000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),     cmocka_unit_test(test_beside_the_rest),
		cmocka_unit_test(test_topology), cmocka_unit_test(test_two_at_once),
		cmocka_unit_test(test_wakes),
	};

	return fixture_run("store ignored", tests, ARRAY_SIZE(tests));
}
