/* Moving a pool between stores: nothing is lost in any direction, and two pools are never merged.
 */
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"
#include "pool/migrate.h"
#include "redis_server.h"

static struct redis_server server;
static int database;
static const struct plan_actor me = {.administrator = true};

/* What happens while a pool is copied, at the calls of the store that the linker leads here. */
static struct {
	void (*with_history)(struct store *to); /* behind each part of the history */
	void (*with_commit)(struct store *to);  /* behind each commit that is done */
	int changed;                            /* so many commits find something changed */
	int commits;
} meanwhile;

int __real_store_history_add(struct store *s, const struct usage_record *records, size_t count,
			     struct err *e);
int __wrap_store_history_add(struct store *s, const struct usage_record *records, size_t count,
			     struct err *e);
int __real_store_commit(struct store *s, const struct pool_state *seen,
			const struct change *changes, size_t count, struct err *e);
int __wrap_store_commit(struct store *s, const struct pool_state *seen,
			const struct change *changes, size_t count, struct err *e);

int __wrap_store_history_add(struct store *s, const struct usage_record *records, size_t count,
			     struct err *e)
{
	int r = __real_store_history_add(s, records, count, e);

	if (r == 0 && meanwhile.with_history)
		meanwhile.with_history(s);
	return r;
}

int __wrap_store_commit(struct store *s, const struct pool_state *seen,
			const struct change *changes, size_t count, struct err *e)
{
	int r;

	if (meanwhile.changed > 0) {
		meanwhile.changed--;
		store_abandon(s);
		return err_set(e, EAGAIN, "changed meanwhile");
	}
	r = __real_store_commit(s, seen, changes, count, e);
	meanwhile.commits++;
	if (r == 0 && meanwhile.with_commit)
		meanwhile.with_commit(s);
	return r;
}

struct world {
	char dir[64];
	char *sqlite, *redis;
};

static int set_up(void **state)
{
	struct world *w = mem_alloc(1, sizeof(*w));

	memset(&meanwhile, 0, sizeof(meanwhile));
	snprintf(w->dir, sizeof(w->dir), "/tmp/canhazgpu-migrate-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	w->sqlite = mem_printf("sqlite:%s/pool.db", w->dir);
	w->redis = redis_server_url(&server, ++database);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	AUTO_FREE char *remove = mem_printf("rm -rf %s", w->dir);
	int r = system(remove);

	free(w->sqlite);
	free(w->redis);
	free(w);
	return r;
}

static struct store *must_open(const char *url)
{
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static void must_commit(struct store *s, struct pool_state *state, const struct change *changes,
			size_t count)
{
	struct err e = {0};

	fixture_load(s, STORE_UPDATE, state);
	for (size_t i = 0; i < count; i++) {
		struct change one = changes[i];

		/* An end names the reservation as it was loaded. */
		if (store_commit(s, state, &one, 1, &e) < 0)
			fail_msg("%s", e.text);
		fixture_load(s, STORE_UPDATE, state);
	}
	store_abandon(s);
}

/* A pool with something of everything, in `url`. */
static void make_source(const char *url)
{
	static char uuid0[] = "GPU-0", uuid2[] = "MIG-2", parent[] = "GPU-9", profile[] = "1g.10gb";
	static const struct slot units[] = {
		{.uuid = uuid0},
		{.id = 1},
		{.uuid = uuid2, .profile = profile, .parent = parent, .parent_index = 3},
		{.uuid = uuid2 + 1, .retired_ns = T0 + 6},
	};
	AUTO(store_closep) struct store *s = must_open(url);
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(reservation_freep) struct reservation *run = fixture_reservation("alice", GPUS(1, 3));
	AUTO(reservation_freep) struct reservation *manual = fixture_reservation("bob", GPUS(0));
	AUTO(reservation_freep) struct reservation *over = fixture_reservation("eve", GPUS(2));
	char name[] = "carol", note[] = "größer";
	int wanted[] = {0, 1}, collected[] = {0};
	struct queue_entry waiting = {.user = name,
				      .account = name,
				      .uid = quantity_of(9),
				      .type = RESERVATION_MANUAL,
				      .requested_count = 2,
				      .requested_ids = wanted,
				      .requested_ids_count = 2,
				      .collected = collected,
				      .collected_count = 1,
				      .duration_ns = 123456789,
				      .note = note,
				      .enqueued_ns = T0 + 1,
				      .heartbeat_ns = T0 + 2,
				      .give_up_ns = T0 + 3,
				      .holder.command = {42, 43}};
	const struct ignored_process ignored = {.holder = {.boot_id = note, .command = {7, 8}},
						.ignored_by = name,
						.memory_mb = 600};
	struct mark mark = {.key = name, .since_ns = T0, .seen_ns = T0 + 1, .warned_ns = T0 + 2};
	const struct activity activity = {.seen_ns = T0 + 7, .active_ns = 7};
	struct event first = {.kind = EVENT_GRANTED, .time_ns = T0 + 3, .account = name};
	struct event second = {.kind = EVENT_SICK, .time_ns = T0 + 2, .reason = name};
	struct change changes[] = {
		{.kind = CHANGE_INIT, .init = {.provider = "nvidia", .gpus_count = 4}},
		{.kind = CHANGE_UNITS, .units = {units, 4}},
		{.kind = CHANGE_GRANT, .grant.reservation = run},
		{.kind = CHANGE_GRANT, .grant.reservation = manual},
		{.kind = CHANGE_GRANT, .grant.reservation = over},
		fixture_end(over, T0 + 123456789),
		{.kind = CHANGE_PUT, .put.entry = &waiting},
		{.kind = CHANGE_DRAIN,
		 .drain = {.gpus = (const int[]){2, 3},
			   .gpus_count = 2,
			   .actor = "root",
			   .time_ns = T0 + 5}},
		{.kind = CHANGE_IGNORE, .ignore.process = &ignored},
		{.kind = CHANGE_MARK, .mark.mark = &mark},
		{.kind = CHANGE_ACTIVITY, .activity = {run->id, run->gpus[0], activity}},
		{.kind = CHANGE_EVENT, .event.event = &first},
		{.kind = CHANGE_EVENT, .event.event = &second},
	};

	id_new(waiting.id);
	run->start_ns = T0 + 987654321;
	manual->type = RESERVATION_MANUAL;
	manual->heartbeat_ns = manual->deadline_ns = TIME_NONE;
	manual->expiry_ns = T0 + NS_PER_HOUR + 1;
	mem_replace(&manual->queue_id, waiting.id);
	must_commit(s, &state, changes, ARRAY_SIZE(changes));
}

static void same_text(const char *a, const char *b)
{
	assert_string_equal(a ? a : "(none)", b ? b : "(none)");
}

static void same_history(struct store *a, struct store *b)
{
	const struct usage_record *x, *y;
	struct err e = {0};
	int more;

	assert_int_equal(store_history_begin(a, 0, INT64_MAX, &e), 0);
	assert_int_equal(store_history_begin(b, 0, INT64_MAX, &e), 0);
	while ((more = store_history_next(a, &x, &e)) > 0) {
		assert_int_equal(store_history_next(b, &y, &e), 1);
		assert_string_equal(x->reservation_id, y->reservation_id);
		same_text(x->user, y->user);
		same_text(x->account, y->account);
		assert_int_equal(x->gpu, y->gpu);
		assert_int_equal(x->start_ns, y->start_ns);
		assert_int_equal(x->end_ns, y->end_ns);
		assert_int_equal(x->reason, y->reason);
	}
	assert_int_equal(more, 0);
	assert_int_equal(store_history_next(b, &y, &e), 0);
	store_history_end(a);
	store_history_end(b);
}

/* The copy may have one more: that it was copied. */
static void same_events(struct store *a, struct store *b)
{
	const struct event *x, *y;
	struct err e = {0};
	size_t count = 0;

	assert_int_equal(store_events_begin(a, &(struct event_range){0}, &e), 0);
	assert_int_equal(store_events_begin(b, &(struct event_range){0}, &e), 0);
	for (; store_events_next(a, &x, &e) > 0; count++) {
		assert_int_equal(store_events_next(b, &y, &e), 1);
		assert_int_equal(x->kind, y->kind);
		assert_int_equal(x->time_ns, y->time_ns);
		same_text(x->account, y->account);
		same_text(x->reason, y->reason);
	}
	assert_true(count >= 2);
	store_events_end(a);
	store_events_end(b);
}

static void expect_same(const char *from, const char *to)
{
	AUTO(store_closep) struct store *a = must_open(from);
	AUTO(store_closep) struct store *b = must_open(to);
	AUTO(pool_state_clear) struct pool_state x = {0};
	AUTO(pool_state_clear) struct pool_state y = {0};

	fixture_load(a, STORE_READ, &x);
	fixture_load(b, STORE_READ, &y);
	assert_true(y.initialized);
	assert_string_equal(x.slots[2].drained_by, "root");
	fixture_same_state(&x, &y);
	same_history(a, b);
	same_events(a, b);
}

static void migrate(const char *from, const char *to, bool dry)
{
	AUTO(migration_clear) struct migration m = {0};
	struct err e = {0};

	if (pool_migrate(from, to, &me, dry, &m, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(m.gpus, 4);
	assert_int_equal(m.reservations, 2);
	assert_int_equal(m.running, 1);
	assert_int_equal(m.waiting, 1);
	assert_int_equal(m.records, 1);
}

static void test_sqlite_to_redis_and_back(void **state)
{
	struct world *w = *state;
	AUTO_FREE char *third = mem_printf("sqlite:%s/back.db", w->dir);

	make_source(w->sqlite);
	migrate(w->sqlite, w->redis, false);
	expect_same(w->sqlite, w->redis);
	migrate(w->redis, third, false);
	expect_same(w->sqlite, third);
}

static void test_redis_to_sqlite_and_back(void **state)
{
	struct world *w = *state;
	AUTO_FREE char *third = redis_server_url(&server, ++database);

	make_source(w->redis);
	migrate(w->redis, w->sqlite, false);
	expect_same(w->redis, w->sqlite);
	migrate(w->sqlite, third, false);
	expect_same(w->redis, third);
}

/* What is released while the pool is copied is held in the copy, and its end not recorded there; an
   end that was recorded before the copy began stays, also of a reservation that was taken back
   since. */
static void test_released_meanwhile(void **state)
{
	struct world *w = *state;
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(store_closep) struct store *from = NULL;
	struct usage_record records[2] = {{.gpu = 1, .end_ns = T0 + 5}, {.gpu = 1}};
	struct err e = {0};

	make_source(w->redis);
	from = must_open(w->redis);
	fixture_load(from, STORE_READ, &seen);
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		memcpy(records[i].reservation_id, seen.slots[1].reservation->id, ID_SIZE);
		records[i].start_ns = T0;
	}
	/* As if that came between the state and the history. */
	records[1].end_ns = clock_now_ns() + NS_PER_HOUR;
	assert_int_equal(store_history_add(from, records, 2, &e), 0);
	{
		AUTO(migration_clear) struct migration m = {0};

		assert_int_equal(pool_migrate(w->redis, w->sqlite, &me, false, &m, &e), 0);
		assert_int_equal(m.records, 2); /* make_source has one */
		assert_int_equal(m.reservations, 2);
	}
}

/* More records than are written at once, many of one moment. */
static void test_long_history(void **state)
{
	struct world *w = *state;
	AUTO(migration_clear) struct migration m = {0};
	AUTO_FREE struct usage_record *records = mem_alloc(25000, sizeof(*records));
	char account[] = "alice";
	struct store *s;
	struct err e = {0};

	make_source(w->redis);
	s = must_open(w->redis);
	for (int i = 0; i < 25000; i++) {
		records[i] = (struct usage_record){.user = account,
						   .account = account,
						   .gpu = i % 4,
						   .start_ns = T0 + i,
						   .end_ns = T0 + NS_PER_HOUR +
							     i / 10000 * NS_PER_SECOND};
		id_new(records[i].reservation_id);
	}
	assert_int_equal(store_history_add(s, records, 25000, &e), 0);
	store_close(s);
	assert_int_equal(pool_migrate(w->redis, w->sqlite, &me, false, &m, &e), 0);
	assert_int_equal(m.records, 25001);
	s = must_open(w->sqlite);
	assert_int_equal(store_history_begin(s, 0, INT64_MAX, &e), 0);
	{
		const struct usage_record *u;
		int count = 0;

		while (store_history_next(s, &u, &e) > 0)
			count++;
		assert_int_equal(count, 25001);
	}
	store_close(s);
}

static void expect_refused(const char *from, const char *to, int code, const char *text)
{
	AUTO(migration_clear) struct migration m = {0};
	struct err e = {0};

	assert_int_equal(pool_migrate(from, to, &me, false, &m, &e), -code);
	if (!strstr(e.text, text))
		fail_msg("'%s' does not hold '%s'", e.text, text);
}

static void test_refused(void **state)
{
	struct world *w = *state;
	AUTO_FREE char *full = redis_server_url(&server, ++database);

	expect_refused(w->sqlite, w->redis, ENOENT, "holds no pool");
	make_source(w->sqlite);
	make_source(full);
	expect_refused(w->sqlite, full, EEXIST, "two pools are not merged");
	expect_refused(w->sqlite, w->sqlite, EEXIST, "two pools are not merged");
	expect_refused(w->sqlite, "nonsense", EINVAL, "unknown store");
	/* A history without a pool: it would be mixed up. */
	REDIS_CLI(&server, database, "DEL", "canhazgpu:gpu_count");
	expect_refused(w->sqlite, full, EEXIST, "already holds usage records");
	REDIS_CLI(&server, database, "SET", "canhazgpu:gpu_count", "4");
	REDIS_CLI(&server, database, "SET", "canhazgpu:gpu:2", "{");
	expect_refused(full, w->redis, EBADMSG, "GPU 2");
	migrate(w->sqlite, w->redis, true);
	assert_string_equal(REDIS_CLI(&server, database - 1, "DBSIZE"), "0");
}

static void make_small_pool(struct store *to)
{
	AUTO(pool_state_clear) struct pool_state seen = {0};
	struct change init = {.kind = CHANGE_INIT, .init = {.provider = "fake", .gpus_count = 1}};
	struct err e = {0};

	fixture_load(to, STORE_UPDATE, &seen);
	assert_int_equal(__real_store_commit(to, &seen, &init, 1, &e), 0);
}

/* A pool that somebody makes while the history is copied stays as it is. */
static void test_pool_made_meanwhile(void **state)
{
	struct world *w = *state;
	const char *targets[] = {w->redis, w->sqlite};
	AUTO_FREE char *source = redis_server_url(&server, ++database);

	make_source(source);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		AUTO(pool_state_clear) struct pool_state seen = {0};
		AUTO(store_closep) struct store *s = must_open(targets[i]);

		meanwhile.with_history = make_small_pool;
		expect_refused(source, targets[i], EEXIST, "two pools are not merged");
		fixture_load(s, STORE_READ, &seen);
		assert_int_equal(seen.slots_count, 1);
		assert_int_equal(seen.reservations_count, 0);
	}
}

static void expect_whole(struct store *to)
{
	AUTO(pool_state_clear) struct pool_state seen = {0};

	fixture_load(to, STORE_READ, &seen);
	assert_int_equal(seen.reservations_count, 2);
	assert_int_equal(seen.queue_count, 1);
}

/* Whenever the pool can be seen, all of it can: else its GPUs were free for anybody. What only was
   changed meanwhile is tried again. */
static void test_pool_appears_whole(void **state)
{
	struct world *w = *state;
	AUTO_FREE char *source = redis_server_url(&server, ++database);

	make_source(source);
	meanwhile.commits = 0;
	meanwhile.with_commit = expect_whole;
	meanwhile.changed = 3;
	migrate(source, w->redis, false);
	meanwhile.changed = 3;
	migrate(source, w->sqlite, false);
	assert_int_equal(meanwhile.commits, 2);
	expect_same(source, w->redis);
}

/* What nobody can read is not copied, and counted. */
static void test_unreadable_parts(void **state)
{
	struct world *w = *state;
	AUTO(migration_clear) struct migration m = {0};
	struct err e = {0};

	make_source(w->redis);
	REDIS_CLI(&server, database, "ZADD", "canhazgpu:usage_history_sorted", "1795164250",
		  "no JSON at all");
	REDIS_CLI(&server, database, "ZADD", "canhazgpu:queue", "1", "gone", "2", "broken", "3",
		  "");
	REDIS_CLI(&server, database, "SET", "canhazgpu:queue:entry:broken", "{");
	REDIS_CLI(&server, database, "SET",
		  "canhazgpu:queue:entry:", "{\"user\":\"a\",\"requested_count\":1}");
	if (pool_migrate(w->redis, w->sqlite, &me, false, &m, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(m.records, 1);
	assert_int_equal(m.waiting, 1);
	assert_int_equal(m.unreadable, 3);
}

/* What another program has written gets ids of ours, one reservation per GPU. */
static void test_reservations_without_ids(void **state)
{
	struct world *w = *state;
	AUTO(migration_clear) struct migration m = {0};
	AUTO(pool_state_clear) struct pool_state seen = {0};
	AUTO(store_closep) struct store *s = NULL;
	struct err e = {0};

	REDIS_CLI(&server, database, "SET", "canhazgpu:gpu_count", "2");
	for (int i = 0; i < 2; i++) {
		AUTO_FREE char *key = mem_printf("canhazgpu:gpu:%d", i);

		/* A uid that there cannot be is as good as none. */
		REDIS_CLI(&server, database, "SET", key,
			  "{\"user\":\"al\",\"actual_user\":\"alice\",\"type\":\"manual\","
			  "\"uid\":4294967296,"
			  "\"start_time\":1795164186,\"expiry_time\":1795169586}");
	}
	if (pool_migrate(w->redis, w->sqlite, &me, false, &m, &e) < 0)
		fail_msg("%s", e.text);
	s = must_open(w->sqlite);
	fixture_load(s, STORE_READ, &seen);
	assert_int_equal(seen.reservations_count, 2);
	assert_string_not_equal(seen.slots[0].reservation->id, "");
	assert_string_equal(seen.slots[1].reservation->account, "alice");
	assert_string_equal(seen.provider, "nvidia");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sqlite_to_redis_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_redis_to_sqlite_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_released_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_history, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pool_made_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pool_appears_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable_parts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reservations_without_ids, set_up, tear_down),
	};
	int failed;

	redis_server_start(&server, false, NULL);
	failed = cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
	redis_server_stop(&server);
	return failed;
}
