/*
 * Waiting in line on a store with troubles: the answer of the commit that grants gets lost (then
 * the request has its GPUs, and does not know it), or nothing answers. On every store.
 */
#include "store_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/process.h"
#include "pool/wait_private.h"

static char alice[] = "alice";

/* A request that waits for all GPUs, of which somebody holds the first by hand. */
struct waiter {
	struct pool *pool;
	struct pool_wait *wait;
	struct plan_request request;
	char id[ID_SIZE];
};

static void waiter_begin(struct fixture *f, struct waiter *w, int gpus)
{
	struct pool_config config = {.store_url = f->url};
	struct err e = {0};
	struct pool_grant grant = {0};
	AUTO(reservation_freep) struct reservation *held = fixture_reservation("bob", GPUS(0));
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = held};

	fixture_init(f, gpus);
	held->type = RESERVATION_MANUAL;
	held->expiry_ns = clock_now_ns() + NS_PER_HOUR;
	fixture_commit(f, &change, 1);
	id_new(w->id);
	w->request = (struct plan_request){
		.actor = {.uid = 1234, .account = alice},
		.type = RESERVATION_MANUAL,
		.count = gpus,
		.duration_ns = NS_PER_HOUR,
		.holder = {.host = pool_host_label(), .boot_id = host_boot_id()},
		.id = w->id,
	};
	assert_int_equal(host_process_ref(getpid(), &w->request.holder.command, &e), 0);
	assert_int_equal(pool_open(&config, &w->pool, &e), 0);
	pool_wait_begin(w->pool, &w->request, 0, &w->wait);
	assert_int_equal(pool_wait_step(w->wait, &grant, &e), 0);
	assert_true(pool_wait_standing(w->wait)->joined);
}

/* What the commit did of which the answer got lost. */
static void waiter_grant_unheard(struct fixture *f, const struct waiter *w)
{
	AUTO(reservation_freep) struct reservation *mine = fixture_reservation(alice, GPUS(0));
	struct change changes[3];

	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.queue_count, 1);
	memcpy(mine->id, w->id, ID_SIZE);
	mine->type = RESERVATION_MANUAL;
	mine->uid = quantity_of(1234);
	mine->expiry_ns = clock_now_ns() + NS_PER_HOUR;
	changes[0] = fixture_end(f->state.reservations[0], clock_now_ns());
	changes[1] = (struct change){.kind = CHANGE_DROP, .drop.entry = &f->state.queue[0]};
	changes[2] = (struct change){.kind = CHANGE_GRANT, .grant.reservation = mine};
	fixture_commit(f, changes, ARRAY_SIZE(changes));
}

static void waiter_end(struct waiter *w)
{
	pool_wait_end(w->wait);
	pool_close(w->pool);
	holder_clear(&w->request.holder);
}

/* A store that was away for long makes a sign of life due, too. */
static void found_out(struct fixture *f, bool heartbeat_is_due)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	struct err e = {0};
	struct waiter w;

	waiter_begin(f, &w, 1);
	waiter_grant_unheard(f, &w);
	if (heartbeat_is_due)
		w.wait->heartbeat_ns = 0;
	assert_int_equal(pool_wait_step(w.wait, &grant, &e), 1);
	assert_string_equal(grant.reservation->id, w.id);
	waiter_end(&w);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_non_null(pool_state_find(&f->state, w.id));
}

static void test_found_out_at_the_next_step(void **state)
{
	found_out(*state, false);
}

static void test_found_out_with_a_sign_of_life(void **state)
{
	found_out(*state, true);
}

static void test_given_back_by_who_leaves(void **state)
{
	struct fixture *f = *state;
	struct waiter w;

	waiter_begin(f, &w, 1);
	waiter_grant_unheard(f, &w);
	waiter_end(&w);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_int_equal(f->state.reservations_count, 0);
	assert_int_equal(f->state.queue_count, 0);
}

/* Where the store does not answer the pauses become long, but not longer than the limit. */
static void test_limit_without_an_answer(void **state)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	struct fixture *f = *state;
	AUTO_FREE char *url = mem_printf("sqlite:%s/nothing.db", f->dir);
	struct err e = {0};
	struct store *there;
	struct waiter w;
	int r;

	waiter_begin(f, &w, 1);
	there = w.pool->store;
	assert_int_equal(store_open(url, &w.pool->store, &e), 0);
	w.wait->failures = 6;
	/* The pause would be 2 s. Where the machine lets a second pass before the step, again. */
	do {
		w.wait->deadline_ns = clock_monotonic_ns() + NS_PER_SECOND;
		r = pool_wait_step(w.wait, &grant, &e);
	} while (r == -ETIME);
	assert_int_equal(r, 0);
	assert_non_null(pool_wait_standing(w.wait)->trouble);
	assert_int_equal(w.wait->alarm.due_ns, w.wait->deadline_ns);
	store_close(w.pool->store);
	w.pool->store = there;
	waiter_end(&w);
}

/* Who has collected a part, and cannot get more at present, sleeps until something happens. */
static void test_sleeps_with_a_part(void **state)
{
	struct fixture *f = *state;
	struct waiter w;

	waiter_begin(f, &w, 2);
	assert_int_equal(pool_wait_standing(w.wait)->collected_count, 1);
	assert_true(w.wait->alarm.due_ns - w.wait->cache.taken_ns >= NS_PER_SECOND);
	waiter_end(&w);
}

/* Where the wall clock is put forward, the time that others see must not be over too early: nothing
   is kept for a request that is about to leave. */
static void test_limit_after_the_clock_was_set(void **state)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	struct fixture *f = *state;
	struct err e = {0};
	struct waiter w;
	int64_t now_ns;

	waiter_begin(f, &w, 1);
	w.wait->deadline_ns = clock_monotonic_ns() + NS_PER_HOUR;
	w.wait->give_up_ns = clock_now_ns() - NS_PER_HOUR;
	w.wait->heartbeat_ns = 0;
	now_ns = clock_now_ns();
	assert_int_equal(pool_wait_step(w.wait, &grant, &e), 0);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_true(f->state.queue[0].give_up_ns > now_ns);
	assert_true(f->state.queue[0].give_up_ns <= clock_now_ns() + NS_PER_HOUR);
	waiter_end(&w);
}

/* How long a timer has still to go, as the kernel tells. */
static int64_t seconds_left(int fd)
{
	AUTO_FREE char *path = mem_printf("/proc/self/fdinfo/%d", fd);
	FILE *file = fopen(path, "re");
	char line[256];
	long long seconds = -1;

	assert_non_null(file);
	while (seconds < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "it_value: (%lld,", &seconds);
	fclose(file);
	return seconds;
}

/* The timer that only hears of jumps of the clock must not be due, not even when 32 bits of seconds
   are over: it would wake the request all the time. */
static void test_nothing_due(void **state)
{
	AUTO(pool_grant_clear) struct pool_grant grant = {0};
	AUTO(reservation_freep) struct reservation *endless = NULL;
	struct fixture *f = *state;
	struct change change = {.kind = CHANGE_RENEW};
	struct err e = {0};
	struct waiter w;

	waiter_begin(f, &w, 1);
	fixture_load(f->a, STORE_READ, &f->state);
	endless = reservation_copy(f->state.reservations[0]);
	endless->expiry_ns = TIME_NONE;
	change.renew.reservation = endless;
	fixture_commit(f, &change, 1);
	assert_int_equal(pool_wait_step(w.wait, &grant, &e), 0);
	assert_true(seconds_left(w.wait->alarm.clock_fd) > 2 * (int64_t)INT32_MAX);
	waiter_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_out_at_the_next_step),
		cmocka_unit_test(test_found_out_with_a_sign_of_life),
		cmocka_unit_test(test_given_back_by_who_leaves),
		cmocka_unit_test(test_limit_without_an_answer),
		cmocka_unit_test(test_sleeps_with_a_part),
		cmocka_unit_test(test_limit_after_the_clock_was_set),
		cmocka_unit_test(test_nothing_due),
	};

	return fixture_run("wait", tests, ARRAY_SIZE(tests));
}
