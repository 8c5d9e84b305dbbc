/* What every store promises about the queue and the usage records (src/store/store.h). */
#include "store_fixture.h"

#include <errno.h>

#include "base/mem.h"

static void put(struct fixture *f, const struct queue_entry *entry)
{
	struct change change = {.kind = CHANGE_PUT, .put.entry = entry};

	fixture_commit(f, &change, 1);
}

static struct queue_entry entry_of(char *account, int *requested, size_t requested_count)
{
	struct queue_entry w = {
		.user = account,
		.account = account,
		.uid = quantity_of(1234),
		.type = RESERVATION_MANUAL,
		.requested_count = 3,
		.account_limit = 5,
		.requested_ids = requested,
		.requested_ids_count = requested_count,
		.duration_ns = 2 * NS_PER_HOUR,
		.enqueued_ns = T0,
		.heartbeat_ns = T0 + NS_PER_SECOND,
		.give_up_ns = T0 + NS_PER_HOUR,
		.holder.command = {42, 43},
		.doubt = {T0 + NS_PER_SECOND, T0 + 987654321, 1234567, "a boot"},
	};

	id_new(w.id);
	return w;
}

static void test_queue_put(void **state)
{
	struct fixture *f = *state;
	char name[] = "alice", note[] = "größer", host[] = "host1";
	int requested[] = {1, 2, 5}, collected[] = {2, 5};
	struct queue_entry w = entry_of(name, requested, 3);
	const struct queue_entry *q;

	w.note = note;
	w.holder.host = host;
	w.collected = collected;
	w.collected_count = 2;
	fixture_init(f, 8);
	put(f, &w);
	assert_int_equal(f->state.queue_count, 1);
	q = &f->state.queue[0];
	assert_string_equal(q->id, w.id);
	assert_string_equal(q->user, "alice");
	assert_string_equal(q->account, "alice");
	assert_int_equal(q->uid.value, 1234);
	assert_int_equal(q->type, RESERVATION_MANUAL);
	assert_int_equal(q->requested_count, 3);
	assert_int_equal(q->account_limit, 5);
	assert_int_equal(q->requested_ids_count, 3);
	assert_memory_equal(q->requested_ids, requested, sizeof(requested));
	assert_int_equal(q->collected_count, 2);
	assert_memory_equal(q->collected, collected, sizeof(collected));
	assert_int_equal(q->duration_ns, 2 * NS_PER_HOUR);
	assert_int_equal(q->enqueued_ns, T0);
	assert_int_equal(q->heartbeat_ns, T0 + NS_PER_SECOND);
	assert_int_equal(q->give_up_ns, T0 + NS_PER_HOUR);
	assert_string_equal(q->note, note);
	assert_string_equal(q->holder.host, "host1");
	assert_null(q->holder.boot_id);
	assert_int_equal(q->holder.command.pid, 42);
	assert_int_equal(q->holder.command.start_ticks, 43);
	assert_non_null(q->version);
}

/* A request for GPUs of a kind: also where none is of it any more, which is not the same as any. */
static void test_queue_kind(void **state)
{
	struct fixture *f = *state;
	char name[] = "alice", type[] = "h100 80gb";
	int eligible[] = {0, 7};
	struct queue_entry w = entry_of(name, NULL, 0);

	w.gpu_type = type;
	w.min_memory_mb = 38146;
	w.eligible = eligible;
	w.eligible_count = 2;
	fixture_init(f, 8);
	put(f, &w);
	assert_string_equal(f->state.queue[0].gpu_type, type);
	assert_int_equal(f->state.queue[0].min_memory_mb, 38146);
	assert_int_equal(f->state.queue[0].eligible_count, 2);
	assert_memory_equal(f->state.queue[0].eligible, eligible, sizeof(eligible));
	w.version = f->state.queue[0].version;
	w.eligible_count = 0;
	put(f, &w);
	assert_non_null(f->state.queue[0].eligible);
	assert_int_equal(f->state.queue[0].eligible_count, 0);
}

/* An entry that is altered keeps its place; one that is dropped leaves the others theirs. */
static void test_queue_order(void **state)
{
	struct fixture *f = *state;
	char name[] = "alice";
	int requested[] = {1}, collected[] = {1};
	struct queue_entry w[3];
	struct change change;

	fixture_init(f, 2);
	for (int i = 0; i < 3; i++) {
		w[i] = entry_of(name, requested, i == 0);
		w[i].enqueued_ns = T0 + i * NS_PER_SECOND;
		put(f, &w[i]);
	}
	w[0].version = f->state.queue[0].version;
	w[0].heartbeat_ns = T0 + 60 * NS_PER_SECOND;
	w[0].collected = collected;
	w[0].collected_count = 1;
	w[0].requested_ids_count = 0;
	put(f, &w[0]);
	for (int i = 0; i < 3; i++)
		assert_string_equal(f->state.queue[i].id, w[i].id);
	assert_int_equal(f->state.queue[0].heartbeat_ns, T0 + 60 * NS_PER_SECOND);
	assert_int_equal(f->state.queue[0].collected_count, 1);
	assert_int_equal(f->state.queue[0].requested_ids_count, 0);
	assert_null(f->state.queue[0].requested_ids);
	change = (struct change){.kind = CHANGE_DROP, .drop.entry = &f->state.queue[1]};
	fixture_commit(f, &change, 1);
	assert_int_equal(f->state.queue_count, 2);
	assert_string_equal(f->state.queue[0].id, w[0].id);
	assert_string_equal(f->state.queue[1].id, w[2].id);
}

static void test_queue_conflicts(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state old = {0};
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("bob", GPUS(0));
	char name[] = "alice";
	struct queue_entry w = entry_of(name, NULL, 0);
	struct change changes[2] = {{.kind = CHANGE_GRANT, .grant.reservation = r},
				    {.kind = CHANGE_DROP}};
	struct err e = {0};

	fixture_init(f, 1);
	put(f, &w);
	fixture_load(f->b, STORE_READ, &old);
	put(f, &f->state.queue[0]);
	/* Altered since it was loaded: neither the drop nor the grant beside it may happen. */
	changes[1].drop.entry = &old.queue[0];
	assert_int_equal(store_commit(f->b, &old, changes, 2, &e), -EAGAIN);
	changes[1] = (struct change){.kind = CHANGE_PUT, .put.entry = &old.queue[0]};
	assert_int_equal(store_commit(f->b, &old, changes, 2, &e), -EAGAIN);
	fixture_load(f->b, STORE_READ, &old);
	assert_int_equal(old.queue_count, 1);
	assert_int_equal(old.reservations_count, 0);
	changes[1] = (struct change){.kind = CHANGE_DROP, .drop.entry = &f->state.queue[0]};
	fixture_commit(f, changes + 1, 1);
	/* Dropped since. */
	changes[1].drop.entry = &old.queue[0];
	assert_int_equal(store_commit(f->b, &old, changes + 1, 1, &e), -EAGAIN);
}

/* Reserves one GPU from start and releases it at end. */
static void use(struct fixture *f, const char *account, struct quantity uid, int gpu,
		int64_t start_ns, int64_t end_ns)
{
	AUTO(reservation_freep) struct reservation *r = fixture_reservation(account, &gpu, 1);
	struct change change = {.kind = CHANGE_GRANT, .grant.reservation = r};

	r->start_ns = start_ns;
	r->uid = uid;
	fixture_commit(f, &change, 1);
	change = fixture_end(f->state.slots[gpu].reservation, end_ns);
	fixture_commit(f, &change, 1);
}

static void test_last_use(void **state)
{
	struct fixture *f = *state;
	const struct quantity unknown = {0}, bob = quantity_of(7);
	int64_t last[4] = {-1, -1, -1, -1};
	struct err e = {0};

	assert_int_equal(store_last_use(f->a, bob, "bob", last, 4, &e), 0);
	assert_int_equal(last[3], TIME_NONE);
	fixture_init(f, 4);
	use(f, "bob", bob, 0, T0, T0 + 300 * NS_PER_SECOND);
	use(f, "bob", bob, 0, T0, T0 + 200 * NS_PER_SECOND);
	use(f, "bob", unknown, 1, T0, T0 + 400 * NS_PER_SECOND);
	use(f, "renamed", bob, 2, T0, T0 + 500 * NS_PER_SECOND);
	use(f, "bob", quantity_of(8), 3, T0, T0 + 600 * NS_PER_SECOND);

	fixture_load(f->a, STORE_UPDATE, &f->state);
	assert_int_equal(store_last_use(f->a, bob, "bob", last, 4, &e), 0);
	store_abandon(f->a);
	assert_int_equal(last[0], T0 + 300 * NS_PER_SECOND);
	assert_int_equal(last[1], T0 + 400 * NS_PER_SECOND);
	assert_int_equal(last[2], T0 + 500 * NS_PER_SECOND);
	assert_int_equal(last[3], TIME_NONE); /* another account of that name */

	assert_int_equal(store_last_use(f->b, unknown, "bob", last, 4, &e), 0);
	assert_int_equal(last[0], T0 + 300 * NS_PER_SECOND);
	assert_int_equal(last[2], TIME_NONE);
	assert_int_equal(last[3], T0 + 600 * NS_PER_SECOND);
	assert_int_equal(store_last_use(f->b, unknown, NULL, last, 4, &e), 0);
	assert_int_equal(last[0], TIME_NONE);
}

static void test_record_keeps_every_member(void **state)
{
	struct fixture *f = *state;
	const struct reservation *r;
	const struct usage_record *u;
	struct err e = {0};
	struct change end;
	char id[ID_SIZE];

	fixture_init(f, 4);
	r = fixture_grant(f, "alice", GPUS(1, 2));
	memcpy(id, r->id, ID_SIZE);
	end = fixture_end(r, T0 + NS_PER_HOUR);
	end.end.reason = END_FORCED;
	end.end.actor = "root";
	fixture_commit(f, &end, 1);
	assert_int_equal(store_history_begin(f->a, T0, T0 + NS_PER_DAY, &e), 0);
	for (int gpu = 1; gpu <= 2; gpu++) {
		assert_int_equal(store_history_next(f->a, &u, &e), 1);
		assert_string_equal(u->reservation_id, id);
		assert_string_equal(u->user, "alice-laptop");
		assert_string_equal(u->account, "alice");
		assert_true(u->uid.known);
		assert_int_equal(u->uid.value, 1000 + 'a');
		assert_int_equal(u->type, RESERVATION_RUN);
		assert_int_equal(u->gpu, gpu);
		assert_int_equal(u->start_ns, T0);
		assert_int_equal(u->end_ns, T0 + NS_PER_HOUR);
		assert_int_equal(u->reason, END_FORCED);
		assert_string_equal(u->actor, "root");
	}
	assert_int_equal(store_history_next(f->a, &u, &e), 0);
	assert_int_equal(store_history_next(f->a, &u, &e), 0);
	store_history_end(f->a);
	store_history_end(f->a);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* A brief reading gives the same records but for reason and actor. */
static void expect_brief(struct store *s, int from_h, int to_h)
{
	const int64_t from_ns = T0 + from_h * NS_PER_HOUR, to_ns = T0 + to_h * NS_PER_HOUR;
	const struct usage_record *u;
	struct usage_record whole[16];
	struct err e = {0};
	size_t count = 0;
	int r;

	assert_int_equal(store_history_begin(s, from_ns, to_ns, &e), 0);
	while ((r = store_history_next(s, &u, &e)) > 0) {
		assert_true(count < ARRAY_SIZE(whole));
		whole[count] = *u;
		whole[count].user = mem_strdup(u->user);
		whole[count].actor = NULL;
		whole[count++].account = mem_strdup(u->account);
	}
	assert_int_equal(r, 0);
	assert_int_equal(store_history_begin_brief(s, from_ns, to_ns, &e), 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(store_history_next(s, &u, &e), 1);
		assert_string_equal(u->reservation_id, whole[i].reservation_id);
		assert_true(same_text(u->user, whole[i].user));
		assert_true(same_text(u->account, whole[i].account));
		assert_int_equal(u->uid.known, whole[i].uid.known);
		assert_int_equal(u->uid.value, whole[i].uid.value);
		assert_int_equal(u->type, whole[i].type);
		assert_int_equal(u->gpu, whole[i].gpu);
		assert_int_equal(u->start_ns, whole[i].start_ns);
		assert_int_equal(u->end_ns, whole[i].end_ns);
		usage_record_clear(&whole[i]);
	}
	assert_int_equal(store_history_next(s, &u, &e), 0);
	store_history_end(s);
}

/* The ends of the records of a period, in hours after T0, as text: "1 2 3". */
static void expect_period(struct store *s, int from_h, int to_h, const char *expected)
{
	const struct usage_record *u;
	struct err e = {0};
	char text[64] = "";
	int r;

	r = store_history_begin(s, T0 + from_h * NS_PER_HOUR, T0 + to_h * NS_PER_HOUR, &e);
	assert_int_equal(r, 0);
	while ((r = store_history_next(s, &u, &e)) > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", *text ? " " : "",
			 (int)((u->end_ns - T0) / NS_PER_HOUR));
	store_history_end(s);
	assert_int_equal(r, 0);
	assert_string_equal(text, expected);
	expect_brief(s, from_h, to_h);
}

static void test_history_periods_and_trim(void **state)
{
	struct fixture *f = *state;
	const struct quantity uid = quantity_of(7);
	struct err e = {0};

	expect_period(f->a, 0, 100, "");
	assert_int_equal(store_history_trim(f->a, T0, &e), 0);
	fixture_init(f, 1);
	expect_period(f->a, 0, 100, "");
	use(f, "bob", uid, 0, T0 + 4 * NS_PER_HOUR, T0 + 6 * NS_PER_HOUR);
	use(f, "bob", uid, 0, T0, T0 + 2 * NS_PER_HOUR); /* ends earlier than the one before */
	use(f, "bob", uid, 0, T0 + 2 * NS_PER_HOUR, T0 + 4 * NS_PER_HOUR);
	use(f, "bob", uid, 0, T0 + NS_PER_HOUR, T0 + 9 * NS_PER_HOUR);
	expect_period(f->a, 0, 100, "2 4 6 9");
	expect_period(f->a, 2, 4, "4 9");
	expect_period(f->a, 5, 7, "6 9");
	expect_period(f->a, 7, 8, "9");
	expect_period(f->a, 9, 10, "");
	assert_int_equal(store_history_trim(f->a, T0 + 4 * NS_PER_HOUR, &e), 0);
	expect_period(f->b, 0, 100, "4 6 9");
	assert_int_equal(store_history_trim(f->b, T0 + 100 * NS_PER_HOUR, &e), 0);
	expect_period(f->a, 0, 100, "");
}

/* The ends of the newest records as text: "9 6", in hours after T0. */
static void expect_newest(struct store *s, int from_h, size_t limit, const char *expected)
{
	const struct usage_record *u;
	struct err e = {0};
	char text[64] = "";
	int r = store_history_begin_newest(s, T0 + from_h * NS_PER_HOUR, limit, &e);

	assert_int_equal(r, 0);
	while ((r = store_history_next(s, &u, &e)) > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%d", *text ? " " : "",
			 (int)((u->end_ns - T0) / NS_PER_HOUR));
	store_history_end(s);
	assert_int_equal(r, 0);
	assert_string_equal(text, expected);
}

static void test_newest_records(void **state)
{
	struct fixture *f = *state;
	const struct quantity uid = quantity_of(7);

	expect_newest(f->a, 0, 10, "");
	fixture_init(f, 1);
	expect_newest(f->a, 0, 10, "");
	use(f, "bob", uid, 0, T0 + 4 * NS_PER_HOUR, T0 + 6 * NS_PER_HOUR);
	use(f, "bob", uid, 0, T0, T0 + 2 * NS_PER_HOUR);
	use(f, "bob", uid, 0, T0 + 2 * NS_PER_HOUR, T0 + 4 * NS_PER_HOUR);
	use(f, "bob", uid, 0, T0 + NS_PER_HOUR, T0 + 9 * NS_PER_HOUR);
	expect_newest(f->a, 0, STORE_NEWEST_MAX, "9 6 4 2");
	expect_newest(f->a, 0, 2, "9 6");
	expect_newest(f->a, 4, 4, "9 6"); /* what ended exactly then is not in it */
	expect_newest(f->a, 8, 1, "9");
	expect_newest(f->b, 9, 10, "");
	expect_period(f->a, 0, 100, "2 4 6 9"); /* and the other direction is as it was */
}

/* Records of another store: kept with every member, also where there is no pool yet. */
static void test_add_records(void **state)
{
	struct fixture *f = *state;
	char user[] = "größer", account[] = "bob", actor[] = "root";
	struct usage_record added[2] = {
		{.user = user,
		 .account = account,
		 .uid = quantity_of(0),
		 .type = RESERVATION_MANUAL,
		 .gpu = 1023,
		 .start_ns = T0,
		 .end_ns = T0 + 1,
		 .reason = END_STALE,
		 .actor = actor},
		{.account = account,
		 .gpu = 0,
		 .start_ns = T0,
		 .end_ns = T0 + 1,
		 .reason = END_RELEASED},
	};
	const struct usage_record *u;
	struct err e = {0};
	int found = 0;

	id_new(added[0].reservation_id);
	id_new(added[1].reservation_id);
	assert_int_equal(store_history_add(f->a, added, 0, &e), 0);
	assert_int_equal(store_history_add(f->a, added, 1, &e), 0);
	assert_int_equal(store_history_add(f->b, added + 1, 1, &e), 0);
	assert_int_equal(store_history_begin(f->a, T0, INT64_MAX, &e), 0);
	while (store_history_next(f->a, &u, &e) > 0) {
		const struct usage_record *x = &added[u->gpu ? 0 : 1];

		assert_string_equal(u->reservation_id, x->reservation_id);
		assert_string_equal(u->account, account);
		assert_int_equal(u->uid.known, x->uid.known);
		assert_int_equal(u->type, x->type);
		assert_int_equal(u->start_ns, T0);
		assert_int_equal(u->end_ns, T0 + 1);
		assert_int_equal(u->reason, x->reason);
		if (u->gpu) {
			assert_string_equal(u->user, user);
			assert_string_equal(u->actor, actor);
		}
		found++;
	}
	store_history_end(f->a);
	assert_int_equal(found, 2);
	fixture_load(f->a, STORE_READ, &f->state);
	assert_false(f->state.initialized);
	fixture_init(f, 1);
	use(f, "bob", quantity_of(7), 0, T0, T0 + NS_PER_HOUR);
	expect_period(f->b, 0, 100, "0 0 1");
}

/* A clock that was set back while somebody computed must not make a release impossible. */
static void test_end_before_start(void **state)
{
	struct fixture *f = *state;

	fixture_init(f, 1);
	use(f, "bob", quantity_of(7), 0, T0 + NS_PER_HOUR, T0);
	assert_null(f->state.slots[0].reservation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_put),
		cmocka_unit_test(test_queue_kind),
		cmocka_unit_test(test_queue_order),
		cmocka_unit_test(test_queue_conflicts),
		cmocka_unit_test(test_last_use),
		cmocka_unit_test(test_record_keeps_every_member),
		cmocka_unit_test(test_history_periods_and_trim),
		cmocka_unit_test(test_newest_records),
		cmocka_unit_test(test_end_before_start),
		cmocka_unit_test(test_add_records),
	};

	return fixture_run("store history", tests, ARRAY_SIZE(tests));
}
