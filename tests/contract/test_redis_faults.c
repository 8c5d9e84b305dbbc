/*
 * A connection that breaks at every command of a reservation and of its release, in every way: what
 * was acknowledged is there, exactly once, and nothing else is. And a server that is killed, or
 * stands still.
 */
#include "redis_proxy.h"
#include "redis_server.h"
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"

static struct redis_server server;
static struct redis_proxy proxy;
static int database;

static struct store *open_through_proxy(const char *query)
{
	AUTO_FREE char *url = mem_printf("unix://%s?db=%d%s", proxy.socket, database, query);
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static struct store *open_directly(void)
{
	AUTO_FREE char *url = redis_server_url(&server, database);
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static void make_pool(void)
{
	AUTO(store_closep) struct store *s = NULL;
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 2}};
	struct err e = {0};

	proxy.control->at = 0;
	database++;
	/* When this is answered, the proxy is done with what came before. */
	s = open_through_proxy("&timeout=60s");
	fixture_load(s, STORE_UPDATE, &seen);
	if (store_commit(s, &seen, &init, 1, &e) < 0)
		fail_msg("%s", e.text);
}

static void cut_at(int request, int kind)
{
	proxy.control->hit = false;
	proxy.control->kind = kind;
	proxy.control->at = request;
}

/* Each commit below carries an event. */
static const struct event happened = {.kind = EVENT_GRANTED, .time_ns = T0};

static const struct change event_change = {
	.kind = CHANGE_EVENT, .quiet = true, .event.event = &happened};

/* Loads and grants, like the commands do: again where somebody was faster. */
static int reserve(struct store *s, const struct reservation *r, struct err *e)
{
	struct change changes[] = {{.kind = CHANGE_GRANT, .grant.reservation = r}, event_change};
	int result;

	do {
		AUTO(pool_state_clear) struct pool_state seen = {0};

		result = store_load(s, STORE_UPDATE, &seen, e);
		if (result == 0)
			result = store_commit(s, &seen, changes, 2, e);
	} while (result == -EAGAIN);
	return result;
}

static int release(struct store *s, const char *id, struct err *e)
{
	int result;

	do {
		AUTO(pool_state_clear) struct pool_state seen = {0};
		const struct reservation *r;
		struct change changes[] = {{.kind = CHANGE_END}, event_change};

		result = store_load(s, STORE_UPDATE, &seen, e);
		r = result == 0 ? pool_state_find(&seen, id) : NULL;
		if (!r)
			return result;
		changes[0] = fixture_end(r, T0 + NS_PER_HOUR);
		result = store_commit(s, &seen, changes, 2, e);
	} while (result == -EAGAIN);
	return result;
}

/* A commit that leaves nothing but an event. */
static int note(struct store *s, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state seen = {0};
	int r = store_load(s, STORE_UPDATE, &seen, e);

	return r < 0 ? r : store_commit(s, &seen, &event_change, 1, e);
}

static void expect_events(int events)
{
	AUTO(store_closep) struct store *s = open_directly();
	const struct event *event;
	struct err e = {0};
	int found = 0;

	assert_int_equal(store_events_begin(s, &(struct event_range){0}, &e), 0);
	while (store_events_next(s, &event, &e) > 0)
		found++;
	assert_int_equal(found, events);
}

static void expect(int reservations, int records)
{
	AUTO(store_closep) struct store *s = open_directly();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct usage_record *u;
	struct err e = {0};
	int found = 0;

	fixture_load(s, STORE_READ, &seen);
	assert_int_equal(seen.reservations_count, reservations);
	assert_int_equal(store_history_begin(s, 1, INT64_MAX, &e), 0);
	while (store_history_next(s, &u, &e) > 0)
		found++;
	assert_int_equal(found, records);
}

/* One reservation and its release with one cut; false if the request was never reached. */
static bool with_cut(int request, int kind)
{
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0, 1));
	AUTO(store_closep) struct store *s = NULL;
	struct err e = {0};

	make_pool();
	/* However long a busy machine needs: only the cuts are to be seen. */
	s = open_through_proxy("&timeout=60s");
	cut_at(request, kind);
	if (reserve(s, r, &e) < 0)
		fail_msg("request %d, cut %d: %s", request, kind, e.text);
	expect(1, 0);
	if (release(s, r->id, &e) < 0)
		fail_msg("request %d, cut %d: %s", request, kind, e.text);
	expect(0, 2);
	expect_events(2);
	if (note(s, &e) < 0)
		fail_msg("request %d, cut %d: %s", request, kind, e.text);
	expect_events(3);
	return proxy.control->hit;
}

static void test_cut_at_every_request(void **state)
{
	for (int kind = 0; kind < STALL_REPLY; kind++) {
		int request = 1;

		while (with_cut(request, kind))
			request++;
		/* SELECT, load, commit, load, commit at least. */
		assert_true(request > 5);
	}
}

/* One reservation, given up where its answers stop at a request; false if that was never reached.
 * What the machine was too slow for before it came to that begins again, with more time. */
static bool with_stall(int request)
{
	for (int timeout_ms = 100;; timeout_ms *= 2) {
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("alice", GPUS(0, 1));
		AUTO_FREE char *query = mem_printf("&timeout=%dms", timeout_ms);
		AUTO_FREE char *limit =
			mem_printf("does not answer within %.1f s", timeout_ms / 1e3);
		AUTO(store_closep) struct store *s = NULL;
		AUTO(store_closep) struct store *direct = NULL;
		struct err e = {0};
		int result;

		make_pool();
		direct = open_directly();
		s = open_through_proxy(query);
		cut_at(request, STALL_REPLY);
		result = reserve(s, r, &e);
		if (result == 0)
			return false;
		assert_int_equal(result, -ETIMEDOUT);
		if (!proxy.control->hit)
			continue;
		fixture_says(&e, limit);
		/* It was carried out where the message says that this is not known. */
		if (strstr(e.text, "is unknown")) {
			expect(1, 0);
			assert_int_equal(release(direct, r->id, &e), 0);
		} else {
			expect(0, 0);
		}
		return true;
	}
}

/* What stands still is given up in time, and the message does not claim what nobody knows. */
static void test_stall_at_every_request(void **state)
{
	int request = 1;

	while (with_stall(request))
		request++;
	/* SELECT, load, commit at least. */
	assert_true(request > 3);
}

/* Killed between two calls, and in the middle of one: the next one finds it again. */
static void test_killed_server(void **state)
{
	static const char *const options[] = {"--appendonly", "yes", "--appendfsync", "always",
					      NULL};
	struct redis_server durable;
	AUTO_FREE char *url = NULL;
	struct store *s = NULL;
	struct err e = {0};

	redis_server_start(&durable, false, options);
	url = redis_server_url(&durable, 0);
	assert_int_equal(store_open(url, &s, &e), 0);
	{
		AUTO(pool_state_clear) struct pool_state seen = {0};
		struct change init = {.kind = CHANGE_INIT,
				      .init = {.provider = "fake", .gpus_count = 2}};

		fixture_load(s, STORE_UPDATE, &seen);
		assert_int_equal(store_commit(s, &seen, &init, 1, &e), 0);
	}
	for (int round = 0; round < 10; round++) {
		AUTO(reservation_freep)
		struct reservation *r = fixture_reservation("alice", GPUS(0, 1));
		AUTO(pool_state_clear) struct pool_state seen = {0};

		assert_int_equal(reserve(s, r, &e), 0);
		redis_server_kill(&durable);
		assert_true(store_load(s, STORE_READ, &seen, &e) < 0);
		assert_non_null(strstr(e.text, "cannot be reached"));
		redis_server_again(&durable);
		fixture_load(s, STORE_READ, &seen);
		assert_non_null(pool_state_find(&seen, r->id));
		assert_int_equal(release(s, r->id, &e), 0);
	}
	store_close(s);
	redis_server_stop(&durable);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_at_every_request),
		cmocka_unit_test(test_stall_at_every_request),
		cmocka_unit_test(test_killed_server),
	};
	int failed;

	redis_server_start(&server, false, NULL);
	redis_proxy_start(&proxy, server.dir, server.socket);
	failed = cmocka_run_group_tests_name("redis faults", tests, NULL, NULL);
	redis_proxy_stop(&proxy);
	redis_server_stop(&server);
	return failed;
}
