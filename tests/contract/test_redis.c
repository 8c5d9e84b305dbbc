/* What is special to the Redis store: values of another program, its lock, and a server that does
   not do what is wanted. */
#include "redis_server.h"
#include "store_fixture.h"
#include "strict_scripts.h"

#include <errno.h>

#include "base/mem.h"
#include "store/redis/redis.h"

static struct redis_server server;
static int database;

/* A store of a database of its own, on the server of this program. */
static struct store *open_fresh(void)
{
	AUTO_FREE char *url = redis_server_url(&server, ++database);
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

#define CLI(...) REDIS_CLI(&server, database, __VA_ARGS__)

/* The server knows our scripts by the hashes that we say. */
static void test_hashes_of_the_scripts(void **state)
{
	assert_string_equal(CLI("SCRIPT", "LOAD", redis_script_load.text), redis_script_load.sha1);
	assert_string_equal(CLI("SCRIPT", "LOAD", redis_script_commit.text),
			    redis_script_commit.sha1);
}

/* A pool as another program makes it, with GPUs in each of its shapes. */
static void make_their_pool(void)
{
	CLI("SET", "canhazgpu:gpu_count", "6");
	CLI("SET", "canhazgpu:provider", "fake");
	CLI("SET", "canhazgpu:gpu:0",
	    "{\"start_time\":null,\"last_heartbeat\":null,\"expiry_time\":null,"
	    "\"last_released\":\"2026-11-20T08:44:09.822905664Z\"}");
	CLI("SET", "canhazgpu:gpu:1",
	    "{\"expiry_time\":1795169586,\"type\":\"manual\",\"user\":\"alice-laptop\","
	    "\"start_time\":1795164186,\"note\":\"debug kernels\",\"actual_user\":\"alice\"}");
	CLI("SET", "canhazgpu:gpu:2",
	    "{\"user\":\"alice\",\"actual_user\":\"alice\",\"start_time\":"
	    "\"2026-11-20T08:43:06Z\",\"last_heartbeat\":\"2026-11-20T08:44:06.323680978Z\","
	    "\"type\":\"run\",\"expiry_time\":null,\"last_released\":null,"
	    "\"note\":\"llama ft\"}");
	CLI("SET", "canhazgpu:gpu:3", "{\"user\":\"alice\",\"start_time\":\"yest");
	CLI("LPUSH", "canhazgpu:gpu:4", "not a string");
}

static void test_their_pool(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct reservation *r;

	make_their_pool();
	fixture_load(s, STORE_READ, &seen);
	assert_true(seen.initialized);
	assert_int_equal(seen.slots_count, 6);
	assert_string_equal(seen.provider, "fake");
	assert_int_equal(seen.reservations_count, 2);
	assert_null(seen.slots[0].reservation);
	assert_int_equal(seen.slots[0].last_released_ns, INT64_C(1795164249822905664));
	r = seen.slots[1].reservation;
	assert_string_equal(r->id, "");
	assert_string_equal(r->user, "alice-laptop");
	assert_string_equal(r->account, "alice");
	assert_int_equal(r->type, RESERVATION_MANUAL);
	assert_int_equal(r->expiry_ns, INT64_C(1795169586) * NS_PER_SECOND);
	assert_false(r->uid.known);
	assert_int_equal(seen.slots[2].reservation->type, RESERVATION_RUN);
	assert_int_equal(seen.slots[2].reservation->heartbeat_ns, INT64_C(1795164246323680978));
	/* Unreadable ones say why; the others work. */
	assert_non_null(strstr(seen.slots[3].problem, "canhazgpu:gpu:3"));
	assert_non_null(seen.slots[4].problem);
	assert_null(seen.slots[5].problem);
	assert_null(seen.slots[5].reservation);
}

/* Their reservations stay what they are on a GPU that we take out of service, but for the shape of
   times. What nobody can read stays as it is. */
static void test_drain_in_their_pool(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct change drain = {.kind = CHANGE_DRAIN,
				     .drain = {.gpus = (const int[]){0, 1, 2, 3, 4, 5},
					       .gpus_count = 6,
					       .actor = "root",
					       .time_ns = T0}};
	const struct reservation *r;
	struct err e = {0};

	make_their_pool();
	fixture_load(s, STORE_UPDATE, &seen);
	if (store_commit(s, &seen, &drain, 1, &e) < 0)
		fail_msg("%s", e.text);
	fixture_load(s, STORE_READ, &seen);
	for (int i = 0; i < 6; i++)
		assert_string_equal(seen.slots[i].drained_by, "root");
	assert_int_equal(seen.slots[0].last_released_ns, INT64_C(1795164249822905664));
	r = seen.slots[1].reservation;
	assert_string_equal(r->user, "alice-laptop");
	assert_string_equal(r->account, "alice");
	assert_int_equal(r->expiry_ns, INT64_C(1795169586) * NS_PER_SECOND);
	assert_string_equal(r->note, "debug kernels");
	assert_int_equal(seen.slots[2].reservation->type, RESERVATION_RUN);
	assert_string_equal(CLI("GET", "canhazgpu:gpu:3"),
			    "{\"user\":\"alice\",\"start_time\":\"yest");
	assert_non_null(seen.slots[4].problem);
	assert_string_equal(CLI("GET", "canhazgpu:gpu_drained:5"),
			    "{\"by\":\"root\",\"since\":\"2026-11-20T08:00:00Z\"}");
}

/* What may say that a GPU is out of service takes it out of service. */
static void test_strange_drains(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};

	CLI("SET", "canhazgpu:gpu_count", "4");
	CLI("SET", "canhazgpu:gpu_drained:0", "{\"by\":7}");
	CLI("SET", "canhazgpu:gpu_drained:1", "by root");
	CLI("LPUSH", "canhazgpu:gpu_drained:2", "x");
	fixture_load(s, STORE_READ, &seen);
	for (int i = 0; i < 3; i++)
		assert_string_equal(seen.slots[i].drained_by, "unknown");
	assert_null(seen.slots[3].drained_by);
}

/* What nobody can read ignores nothing, and is replaced. */
static void test_strange_ignored(void **state)
{
	static const char *const values[] = {"", "no JSON", "[]", "{\"processes\":7}",
					     "{\"processes\":[{\"memory_mb\":1}]}"};
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct ignored_process process = {.holder.command = {7, 8}};
	const struct change change = {.kind = CHANGE_IGNORE, .ignore.process = &process};

	CLI("SET", "canhazgpu:gpu_count", "1");
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		CLI("SET", "canhazgpu:ignored_processes", values[i]);
		fixture_load(s, STORE_UPDATE, &seen);
		assert_int_equal(seen.ignored_count, 0);
		assert_int_equal(store_commit(s, &seen, &change, 1, NULL), 0);
		fixture_load(s, STORE_READ, &seen);
		assert_int_equal(seen.ignored_count, 1);
	}
}

/* Their provider key came later than their first pools. */
static void test_very_old_pool(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	const struct usage_record *u;
	struct err e = {0};

	CLI("SET", "canhazgpu:gpu_count", "2");
	CLI("SET", "canhazgpu:usage_history:1795164249:bob:1",
	    "{\"user\":\"bob\",\"gpu_id\":1,\"start_time\":1795160000,\"end_time\":1795164249,"
	    "\"duration_seconds\":4249,\"reservation_type\":\"run\"}");
	CLI("SET", "canhazgpu:usage_history:1795160000:alice:0",
	    "{\"user\":\"alice\",\"gpu_id\":0,\"start_time\":1795150000,\"end_time\":1795160000,"
	    "\"duration_seconds\":10000,\"reservation_type\":\"manual\"}");
	fixture_load(s, STORE_READ, &seen);
	assert_string_equal(seen.provider, "nvidia");
	assert_int_equal(store_history_begin(s, 1, INT64_MAX, &e), 0);
	assert_int_equal(store_history_next(s, &u, &e), 1);
	assert_string_equal(u->account, "alice");
	assert_int_equal(store_history_next(s, &u, &e), 1);
	assert_string_equal(u->account, "bob");
	assert_int_equal(u->gpu, 1);
	assert_int_equal(store_history_next(s, &u, &e), 0);
	store_history_end(s);
}

static void make_pool(struct store *s, struct pool_state *seen, size_t gpus)
{
	struct change init = {.kind = CHANGE_INIT,
			      .init = {.provider = "fake", .gpus_count = gpus}};
	struct err e = {0};

	fixture_load(s, STORE_UPDATE, seen);
	if (store_commit(s, seen, &init, 1, &e) < 0)
		fail_msg("%s", e.text);
	fixture_load(s, STORE_UPDATE, seen);
}

/* Whatever another program writes between a load and its commit stays. */
static void test_their_write_in_between(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0, 1));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};

	make_pool(s, &seen, 2);
	CLI("SET", "canhazgpu:gpu:1", "{\"user\":\"alice\"}");
	assert_int_equal(store_commit(s, &seen, &grant, 1, &e), -EAGAIN);
	assert_string_equal(CLI("GET", "canhazgpu:gpu:1"), "{\"user\":\"alice\"}");
	assert_string_equal(CLI("EXISTS", "canhazgpu:gpu:0"), "0");
	/* Its `admin --force`: another number of GPUs. */
	CLI("DEL", "canhazgpu:gpu:1");
	CLI("SET", "canhazgpu:gpu_count", "4");
	assert_int_equal(store_commit(s, &seen, &grant, 1, &e), -EAGAIN);
	CLI("SET", "canhazgpu:gpu_count", "2");
	assert_int_equal(store_commit(s, &seen, &grant, 1, &e), 0);
}

/* Their lock is waited for, and never taken or deleted; what has changed meanwhile is found at
 * once. */
static void test_their_lock(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0));
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};

	make_pool(s, &seen, 1);
	CLI("SET", "canhazgpu:allocation_lock", "locked", "PX", "400");
	assert_int_equal(store_commit(s, &seen, &grant, 1, &e), 0);
	assert_string_equal(CLI("EXISTS", "canhazgpu:allocation_lock"), "0");
	CLI("SET", "canhazgpu:allocation_lock", "locked");
	assert_int_equal(store_commit(s, &seen, &grant, 1, &e), -EAGAIN);
	assert_string_equal(CLI("EXISTS", "canhazgpu:allocation_lock"), "1");
}

/* Parts that another program has rewritten without our id stand alone. */
static void test_part_without_its_id(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0, 1, 2));
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};

	make_pool(s, &seen, 3);
	assert_int_equal(store_commit(s, &seen, &change, 1, &e), 0);
	CLI("SET", "canhazgpu:gpu:1",
	    "{\"user\":\"bob\",\"actual_user\":\"bob\",\"type\":\"run\",\"start_time\":5}");
	fixture_load(s, STORE_UPDATE, &seen);
	assert_int_equal(seen.reservations_count, 2);
	assert_int_equal(pool_state_find(&seen, r->id)->gpus_count, 2);
	assert_string_equal(seen.slots[1].reservation->id, "");
	change = fixture_end(seen.slots[1].reservation, T0);
	assert_int_equal(store_commit(s, &seen, &change, 1, &e), 0);
	fixture_load(s, STORE_READ, &seen);
	assert_int_equal(seen.reservations_count, 1);
	assert_null(seen.slots[1].reservation);
}

/* Where an account was is found in records of either kind. */
static void test_last_use_in_their_records(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	int64_t last_ns[2];
	struct err e = {0};

	make_pool(s, &seen, 2);
	CLI("ZADD", "canhazgpu:usage_history_sorted", "1795164249",
	    "{\"user\":\"bob\",\"gpu_id\":1,\"start_time\":\"2026-11-20T08:43:06Z\",\"end_time\":"
	    "\"2026-11-20T08:44:09.5Z\",\"reservation_type\":\"run\"}");
	CLI("ZADD", "canhazgpu:usage_history_sorted", "1795164250", "no JSON at all");
	fixture_load(s, STORE_UPDATE, &seen);
	assert_int_equal(store_last_use(s, quantity_of(7), "bob", last_ns, 2, &e), 0);
	assert_int_equal(last_ns[0], TIME_NONE);
	assert_int_equal(last_ns[1], INT64_C(1795164249500000000));
}

/* Values that hold a NUL, and other types of keys, are problems of one GPU. */
static void test_strange_values(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0));
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};

	make_pool(s, &seen, 3);
	CLI("SETRANGE", "canhazgpu:gpu:0", "5", "{}");
	CLI("LPUSH", "canhazgpu:gpu:1", "x");
	fixture_load(s, STORE_UPDATE, &seen);
	assert_non_null(seen.slots[0].problem);
	assert_non_null(seen.slots[1].problem);
	assert_null(seen.slots[2].problem);
	assert_int_equal(store_commit(s, &seen, &change, 1, &e), -EINVAL);
	change =
		(struct change){.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	assert_int_equal(store_commit(s, &seen, &change, 1, &e), 0);
	fixture_load(s, STORE_READ, &seen);
	assert_null(seen.slots[0].problem);
	assert_null(seen.slots[1].problem);
}

/* Queue entries without a value, or with a strange one, are nobody's; a new pool has none. */
static void test_strange_queue(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 1}};
	struct err e = {0};

	make_pool(s, &seen, 1);
	CLI("ZADD", "canhazgpu:queue", "1", "gone", "2", "broken", "3", "good");
	CLI("SET", "canhazgpu:queue:entry:broken", "{");
	CLI("SET", "canhazgpu:queue:entry:good",
	    "{\"id\":\"good\",\"user\":\"bob\",\"requested_count\":1}");
	fixture_load(s, STORE_UPDATE, &seen);
	assert_int_equal(seen.queue_count, 1);
	assert_string_equal(seen.queue[0].id, "good");
	{
		struct change drop[] = {{.kind = CHANGE_DROP, .drop.entry = &seen.queue[0]}, init};

		assert_int_equal(store_commit(s, &seen, drop, 2, &e), 0);
	}
	assert_string_equal(CLI("KEYS", "canhazgpu:queue*"), "");
}

/* A pool whose number of GPUs is gone can be made again, whatever else of it is there. */
static void test_pool_without_its_count(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 3}};
	struct err e = {0};

	make_pool(s, &seen, 2);
	CLI("DEL", "canhazgpu:gpu_count");
	assert_string_equal(CLI("EXISTS", "canhazgpu:pool_id"), "1");
	fixture_load(s, STORE_UPDATE, &seen);
	assert_false(seen.initialized);
	/* Still nobody's who looked before somebody else made one. */
	CLI("SET", "canhazgpu:gpu_count", "4");
	assert_int_equal(store_commit(s, &seen, &init, 1, &e), -EAGAIN);
	CLI("DEL", "canhazgpu:gpu_count");
	if (store_commit(s, &seen, &init, 1, &e) < 0)
		fail_msg("%s", e.text);
	fixture_load(s, STORE_READ, &seen);
	assert_int_equal(seen.slots_count, 3);
}

/* ACL rules that lack a command: the first refusal comes before anything is changed. */
static void test_refused_commits_do_nothing(void **state)
{
	static const char *const rules[] = {"-zadd", "-set", "-persist"};
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0));
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};
	struct err e = {0};

	make_pool(s, &seen, 1);
	assert_int_equal(store_commit(s, &seen, &change, 1, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		bool matters = strcmp(rules[i], "-persist") != 0;
		AUTO_FREE char *before = mem_strdup(CLI("GET", "canhazgpu:gpu:0"));
		int result;

		fixture_load(s, STORE_UPDATE, &seen);
		change = fixture_end(seen.reservations[0], T0 + NS_PER_HOUR);
		CLI("ACL", "SETUSER", "default", "+@all", rules[i]);
		result = store_commit(s, &seen, &change, 1, &e);
		CLI("ACL", "SETUSER", "default", "+@all");
		if (!matters) {
			assert_int_equal(result, 0);
			continue;
		}
		assert_int_equal(result, -EACCES);
		assert_string_equal(CLI("GET", "canhazgpu:gpu:0"), before);
		assert_string_equal(CLI("ZCARD", "canhazgpu:usage_history_sorted"), "0");
	}
	assert_string_equal(CLI("ZCARD", "canhazgpu:usage_history_sorted"), "1");
}

/* Every commit is announced. */
static void test_commits_are_announced(void **state)
{
	AUTO(store_closep) struct store *s = open_fresh();
	AUTO(pool_state_clear) struct pool_state seen = {0};
	redisContext *listener = redisConnectUnix(server.socket);
	redisReply *reply = redisCommand(listener, "SUBSCRIBE " REDIS_CHANNEL);
	void *message = NULL;

	freeReplyObject(reply);
	make_pool(s, &seen, 1);
	assert_int_equal(redisGetReply(listener, &message), REDIS_OK);
	reply = message;
	assert_string_equal(reply->element[1]->str, REDIS_CHANNEL);
	freeReplyObject(reply);
	redisFree(listener);
}

/* Its keys would be on many nodes: the first call says so, as `doctor` does. */
static void test_cluster(void **state)
{
	char port[16];
	const char *const options[] = {"--cluster-enabled", "yes", "--cluster-port", port, NULL};
	AUTO(store_closep) struct store *s = NULL;
	AUTO_FREE char *url = NULL;
	struct redis_server node;
	struct err e = {0};

	/* By itself it takes one that is 10000 higher than the other, which may be too high. */
	snprintf(port, sizeof(port), "%d", redis_server_free_port());
	redis_server_start(&node, true, options);
	url = redis_server_url(&node, 0);
	assert_int_equal(store_open(url, &s, &e), 0);
	for (int with_slots = 0; with_slots < 2; with_slots++) {
		assert_int_equal(fixture_load_code(s, STORE_READ, &e), ENOTSUP);
		fixture_says(&e, "it is a node of a Redis cluster, which is not supported");
		REDIS_CLI(&node, 0, "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
	}
	redis_server_stop(&node);
}

/* Somebody joins the queue. */
static void add_entry(void)
{
	static int count;
	AUTO_FREE char *score = mem_printf("%d", ++count);
	AUTO_FREE char *id = mem_printf("e%d", count);
	AUTO_FREE char *key = mem_printf("canhazgpu:queue:entry:%s", id);

	CLI("SET", key, "{\"user\":\"bob\",\"requested_count\":1}");
	CLI("ZADD", "canhazgpu:queue", score, id);
}

/* A queue that is another one each time the script comes: no reason to fail where the server lets
   it read what is not named; else the caller is told. */
static void test_queue_that_grows_all_the_time(void **state)
{
	struct err e = {0};

	for (int strict = 0; strict <= 1; strict++) {
		AUTO(store_closep) struct store *s = open_fresh();
		AUTO(pool_state_clear) struct pool_state seen = {0};
		int r;

		make_their_pool();
		scripts_are_strict = strict;
		before_script = add_entry;
		r = store_load(s, STORE_READ, &seen, &e);
		before_script = NULL;
		scripts_are_strict = true;
		assert_int_equal(r, strict ? -EIO : 0);
		if (!strict)
			assert_int_equal(seen.queue_count + seen.queue_unreadable, 4);
	}
	fixture_says(&e, "the queue changes all the time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes_of_the_scripts),
		cmocka_unit_test(test_their_pool),
		cmocka_unit_test(test_drain_in_their_pool),
		cmocka_unit_test(test_strange_drains),
		cmocka_unit_test(test_strange_ignored),
		cmocka_unit_test(test_very_old_pool),
		cmocka_unit_test(test_their_write_in_between),
		cmocka_unit_test(test_their_lock),
		cmocka_unit_test(test_part_without_its_id),
		cmocka_unit_test(test_last_use_in_their_records),
		cmocka_unit_test(test_strange_values),
		cmocka_unit_test(test_strange_queue),
		cmocka_unit_test(test_pool_without_its_count),
		cmocka_unit_test(test_refused_commits_do_nothing),
		cmocka_unit_test(test_commits_are_announced),
		cmocka_unit_test(test_cluster),
		cmocka_unit_test(test_queue_that_grows_all_the_time),
	};
	int failed;

	redis_server_start(&server, false, NULL);
	failed = cmocka_run_group_tests_name("redis", tests, NULL, NULL);
	redis_server_stop(&server);
	return failed;
}
