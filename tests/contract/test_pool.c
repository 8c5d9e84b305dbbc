/* What the pool makes of what a store holds, or does not hold any more. On every store. */
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"
#include "pool/forecast.h"
#include "pool/pool.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_restore_without_a_pool),
		cmocka_unit_test(test_forecast_by_runs_of_centuries),
	};

	return fixture_run("pool", tests, ARRAY_SIZE(tests));
}
