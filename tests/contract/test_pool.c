/* What the pool makes of what a store holds, or does not hold any more. On every store. */
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"
#include "pool/forecast.h"
#include "pool/look.h"
#include "pool/pool.h"
#include "pool/snapshot.h"

static struct pool *open_pool(const struct fixture *f)
{
	struct pool_config config = {.store_url = f->url};
	struct err e = {0};
	struct pool *p;

	if (pool_open(&config, &p, &e) < 0)
		fail_msg("%s", e.text);
	return p;
}

/* That a store has no pool at present does not say that a reservation was ended. */
static void test_restore_without_a_pool(void **state)
{
	AUTO(reservation_freep) struct reservation *mine = fixture_reservation("alice", GPUS(0));
	struct fixture *f = *state;
	AUTO(pool_closep) struct pool *p = open_pool(f);
	struct pool_restored restored = {0};
	struct err e = {0};

	assert_int_equal(pool_restore(p, mine, &restored, &e), -ENOENT);
	fixture_init(f, 1);
	assert_int_equal(pool_restore(p, mine, &restored, &e), 0);
	assert_true(restored.restored && !restored.presumed && !restored.taker);
}

/* Records of another program may name any year: what cannot be told is unknown. */
static void test_forecast_by_runs_of_centuries(void **state)
{
	AUTO(reservation_freep) struct reservation *running = fixture_reservation("alice", GPUS(0));
	AUTO(forecast_clear) struct forecast forecast = {0};
	char name[] = "alice";
	struct fixture *f = *state;
	AUTO(pool_closep) struct pool *p = open_pool(f);
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = running};
	struct plan_facts facts = {.now_ns = clock_now_ns()};
	struct usage_record records[3];
	struct err e = {0};

	fixture_init(f, 1);
	running->deadline_ns = TIME_NONE;
	running->start_ns = running->heartbeat_ns = facts.now_ns;
	fixture_commit(f, &change, 1);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		records[i] = (struct usage_record){
			.account = name,
			.uid = running->uid,
			.type = RESERVATION_RUN,
			.start_ns = (int64_t)(i + 1) * NS_PER_SECOND,
			.end_ns = INT64_C(8900000000) * NS_PER_SECOND,
		};
		id_new(records[i].reservation_id);
	}
	assert_int_equal(store_history_add(f->a, records, ARRAY_SIZE(records), &e), 0);
	pool_forecast(p, &f->state, &facts, 0, &forecast);
	assert_int_equal(forecast.ends_ns[0], TIME_NONE);
	assert_int_equal(forecast.bases[0], END_BASIS_NONE);
}

/* The host that the fixture's pools are recorded as, and another one. */
static char id1[] = "0123456789abcdef0123456789abcdef",
	    boot1[] = "2b1d2f5e-0000-4000-8000-000000000001", name1[] = "größer \"host\"",
	    boot2[] = "b2", name2[] = "host2";
static const struct machine host1 = {.id = id1, .boot_id = boot1, .name = name1};
static const struct machine host2 = {.boot_id = boot2, .name = name2};

static void record_host(struct fixture *f, const struct machine *host)
{
	struct change change = {.kind = CHANGE_HOST, .quiet = true, .host.host = host};

	fixture_commit(f, &change, 1);
}

/* Of two hosts that find a pool without one, only the first gets it. */
static void test_two_hosts_adopt(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state before = {0};
	struct change adopt = {.kind = CHANGE_HOST, .quiet = true, .host.host = &host2};
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 1}};

	fixture_init(f, 2);
	fixture_load(f->b, STORE_READ, &before);
	record_host(f, &host1);
	assert_int_equal(store_commit(f->b, &before, &adopt, 1, NULL), -EAGAIN);
	fixture_load(f->b, STORE_READ, &before);
	assert_string_equal(before.host.name, host1.name);
	assert_int_equal(store_commit(f->b, &before, &adopt, 1, NULL), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_null(f->state.host.id);
	assert_string_equal(f->state.host.name, host2.name);
	/* A new pool is nobody's. */
	fixture_commit(f, &init, 1);
	assert_null(f->state.host.name);
	record_host(f, &host1);
}

static int reserve(struct pool *p, struct err *e)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	char id[ID_SIZE];
	const struct plan_request request = {.actor = {.uid = 1000, .account = "alice"},
					     .type = RESERVATION_MANUAL,
					     .count = 1,
					     .duration_ns = NS_PER_HOUR,
					     .id = id};

	id_new(id);
	return pool_reserve(p, &request, &grant, e);
}

static void test_first_writer_is_recorded(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_closep) struct pool *p = open_pool(f);
	struct err e = {0};

	fixture_init(f, 2);
	assert_int_equal(reserve(p, &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_non_null(f->state.host.name);
	assert_non_null(f->state.host.boot_id);
	assert_int_equal(reserve(p, &e), 0);
}

/* Nothing is handed out or ended but what this process has there, and looking changes nothing. */
static void test_another_host_is_refused(void **state)
{
	struct fixture *f = *state;
	const struct plan_actor root = {.account = "root", .administrator = true};
	const struct plan_actor alice = {.account = "alice", .uid = 1000 + 'a'};
	AUTO(pool_released_clear) struct pool_released released = {0};
	AUTO(pool_closep) struct pool *p = open_pool(f);
	AUTO(snapshot_clear) struct snapshot s = {0};
	const struct reservation *held;
	size_t gpus_count = 0;
	struct err e = {0};

	fixture_init(f, 2);
	record_host(f, &host1);
	/* Silent since 2023, which on its own host would be its end. */
	held = fixture_grant(f, "alice", GPUS(0));
	assert_int_equal(reserve(p, &e), -EREMOTE);
	fixture_says(&e, host1.name);
	fixture_says(&e, "--store");
	assert_int_equal(pool_release(p, &root, GPUS(0), &released, &e), -EREMOTE);
	assert_int_equal(pool_snapshot(p, &s, &e), 0);
	assert_non_null(strstr(s.warning, host1.name));
	assert_int_equal(s.views[0].status, GPU_IN_USE);
	assert_false(s.look_due);
	assert_int_equal(s.views[1].use, USE_UNKNOWN);
	fixture_load(f->b, STORE_READ, &f->state);
	assert_non_null(f->state.slots[0].reservation);
	held = f->state.slots[0].reservation;
	assert_int_equal(pool_heartbeat(p, &alice, held, NULL, &gpus_count, &e), 0);
	assert_int_equal(gpus_count, 1);
	assert_int_equal(pool_end(p, &alice, held->id, clock_boot_ns(), &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_null(f->state.slots[0].reservation);
	assert_string_equal(f->state.host.boot_id, host1.boot_id);
}

/* Who commits with a scan at hand records what it shows of the others; whoever looks else does so
   once a minute. */
static void test_looks(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_closep) struct pool *p = open_pool(f);
	AUTO(snapshot_clear) struct snapshot s = {0}, later = {0};
	struct err e = {0};
	int64_t seen_ns;

	fixture_init(f, 2);
	assert_int_equal(reserve(p, &e), 0);
	assert_int_equal(reserve(p, &e), 0);
	assert_int_equal(pool_snapshot(p, &s, &e), 0);
	assert_true(s.look_due);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_true(activity_is_known(&f->state.slots[0].activity));
	assert_false(activity_is_known(&f->state.slots[1].activity));
	seen_ns = f->state.slots[0].activity.seen_ns;
	assert_int_equal(pool_look_snapshot(p, &s, &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.slots[1].activity.seen_ns, s.seen.taken_ns);
	assert_int_equal(f->state.slots[0].activity.seen_ns, seen_ns);
	assert_int_equal(pool_snapshot(p, &later, &e), 0);
	assert_false(later.look_due);
	assert_int_equal(later.views[1].activity, ACTIVITY_IDLE);
	assert_int_equal(pool_look(p, &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.slots[1].activity.seen_ns, s.seen.taken_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restore_without_a_pool),
		cmocka_unit_test(test_forecast_by_runs_of_centuries),
		cmocka_unit_test(test_two_hosts_adopt),
		cmocka_unit_test(test_first_writer_is_recorded),
		cmocka_unit_test(test_another_host_is_refused),
		cmocka_unit_test(test_looks),
	};

	return fixture_run("pool", tests, ARRAY_SIZE(tests));
}
