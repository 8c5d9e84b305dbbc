/* What every store promises about events, marks and activity (src/base/change.h). */
#include "store_fixture.h"

#include <errno.h>
#include <poll.h>

#include "base/mem.h"

static char alice[] = "alice", label[] = "größer \"x\"", root[] = "root",
	    sentence[] = "alice got GPUs 0 and 2", json[] = "{\"exit_status\": 1}",
	    before[] = "free 0-1\nheld 2 run 1234 bob\n";

static struct event event_at(int64_t time_ns)
{
	return (struct event){.kind = EVENT_GRANTED, .time_ns = time_ns, .account = alice};
}

static struct change store_event(const struct event *event, int64_t forget_ns)
{
	return (struct change){
		.kind = CHANGE_EVENT,
		.quiet = true,
		.event = {.event = event, .forget_ns = forget_ns},
	};
}

static void add(struct fixture *f, const struct event *event, int64_t forget_ns)
{
	struct change change = store_event(event, forget_ns);

	fixture_commit(f, &change, 1);
}

/* How many events are in the range; the times of the first and last of them. */
static size_t count(struct store *s, const struct event_range *range, int64_t *ret_first_ns,
		    int64_t *ret_last_ns)
{
	const struct event *event;
	struct err e = {0};
	size_t found = 0;
	int r;

	assert_int_equal(store_events_begin(s, range, &e), 0);
	while ((r = store_events_next(s, &event, &e)) > 0) {
		if (!found++)
			*ret_first_ns = event->time_ns;
		*ret_last_ns = event->time_ns;
	}
	assert_int_equal(r, 0);
	assert_int_equal(store_events_next(s, &event, &e), 0);
	store_events_end(s);
	return found;
}

static size_t count_since(struct store *s, int64_t since_ns)
{
	int64_t first_ns, last_ns;

	return count(s, &(struct event_range){.since_ns = since_ns}, &first_ns, &last_ns);
}

static void same_event(const struct event *a, const struct event *b)
{
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->kind, b->kind);
	assert_string_equal(a->account, b->account);
	assert_string_equal(a->user, b->user);
	assert_int_equal(a->uid.value, b->uid.value);
	assert_string_equal(a->actor, b->actor);
	assert_int_equal(a->gpus_count, b->gpus_count);
	assert_memory_equal(a->gpus, b->gpus, a->gpus_count * sizeof(*a->gpus));
	assert_string_equal(a->reservation_id, b->reservation_id);
	assert_string_equal(a->queue_id, b->queue_id);
	assert_string_equal(a->reason, b->reason);
	assert_string_equal(a->details, b->details);
	assert_string_equal(a->before, b->before);
}

/* Every member comes back, by reading and by id; another handle adds and reads, too. */
static void test_all_members(void **state)
{
	struct fixture *f = *state;
	struct event event = event_at(T0 + 123456789), found = {0}, *whole;
	char reservation[] = "3f1d2f5e-0000-4000-8000-000000000001", entry[] = "an entry";
	int gpus[] = {0, 2};
	const struct event *read;
	struct err e = {0};

	event.kind = EVENT_RELEASED;
	event.user = label;
	event.uid = quantity_of(1234);
	event.actor = root;
	event.gpus = gpus;
	event.gpus_count = 2;
	event.reservation_id = reservation;
	event.queue_id = entry;
	event.reason = sentence;
	event.details = json;
	event.before = before;
	whole = &event;
	fixture_init(f, 4);
	add(f, whole, TIME_NONE);
	assert_int_equal(store_events_begin(f->b, &(struct event_range){0}, &e), 0);
	assert_int_equal(store_events_next(f->b, &read, &e), 1);
	same_event(read, whole);
	assert_int_equal(store_event_find(f->b, read->id, &found, &e), 1);
	same_event(&found, whole);
	assert_string_equal(found.id, read->id);
	store_events_end(f->b);
	event_clear(&found);
	assert_int_equal(store_event_find(f->a, "1", &found, &e), 0);
	assert_int_equal(store_event_find(f->a, "x", &found, &e), 0);
	/* One with hardly any. */
	*whole = (struct event){.kind = EVENT_ADMIN, .time_ns = T0 + NS_PER_SECOND};
	add(f, whole, TIME_NONE);
	assert_int_equal(store_events_begin(f->a, &(struct event_range){.newest_first = true}, &e),
			 0);
	assert_int_equal(store_events_next(f->a, &read, &e), 1);
	assert_int_equal(read->kind, EVENT_ADMIN);
	assert_null(read->account);
	assert_null(read->reason);
	assert_int_equal(read->gpus_count, 0);
	assert_false(read->uid.known);
	store_events_end(f->a);
}

/* Many, in both directions, since a time and after an id; more than one chunk. */
static void test_ranges(void **state)
{
	enum { EVENTS = 1500 };
	struct fixture *f = *state;
	struct event *events = mem_alloc(EVENTS, sizeof(*events));
	int64_t first_ns = 0, last_ns = 0;
	struct event_range range = {.since_ns = T0};
	const struct event *event;
	char after[EVENT_ID_SIZE];
	struct err e = {0};

	fixture_init(f, 1);
	assert_int_equal(count_since(f->a, 0), 0);
	for (int i = 0; i < EVENTS; i++)
		events[i] = event_at(T0 + i * NS_PER_SECOND);
	assert_int_equal(store_events_add(f->a, events, EVENTS, &e), 0);
	free(events);
	assert_int_equal(count(f->b, &range, &first_ns, &last_ns), EVENTS);
	assert_int_equal(first_ns, T0);
	assert_int_equal(last_ns, T0 + (EVENTS - 1) * NS_PER_SECOND);
	range.newest_first = true;
	range.since_ns = T0 + 10 * NS_PER_SECOND;
	assert_int_equal(count(f->b, &range, &first_ns, &last_ns), EVENTS - 10);
	assert_int_equal(last_ns, T0 + 10 * NS_PER_SECOND);
	assert_int_equal(first_ns, T0 + (EVENTS - 1) * NS_PER_SECOND);
	assert_int_equal(store_events_begin(f->a, &range, &e), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(store_events_next(f->a, &event, &e), 1);
	snprintf(after, sizeof(after), "%s", event->id);
	store_events_end(f->a);
	range = (struct event_range){.after = after};
	assert_int_equal(count(f->b, &range, &first_ns, &last_ns), 99);
	range.newest_first = true;
	assert_int_equal(count(f->b, &range, &first_ns, &last_ns), 99);
	range.since_ns = INT64_MAX;
	assert_int_equal(count(f->b, &range, &first_ns, &last_ns), 0);
	range.after = "nonsense";
	assert_int_equal(store_events_begin(f->a, &range, &e), -EINVAL);
}

/* A clock that is set back: the order stays that of the commits, and the times are right. */
static void test_clock_set_back(void **state)
{
	struct fixture *f = *state;
	struct event late = event_at(T0 + NS_PER_HOUR), early = event_at(T0);
	struct change both[2] = {store_event(&early, TIME_NONE), store_event(&early, TIME_NONE)};
	int64_t first_ns = 0, last_ns = 0;

	fixture_init(f, 1);
	add(f, &late, TIME_NONE);
	add(f, &early, TIME_NONE);
	fixture_commit(f, both, 2);
	assert_int_equal(count(f->a, &(struct event_range){0}, &first_ns, &last_ns), 4);
	assert_int_equal(first_ns, late.time_ns);
	assert_int_equal(last_ns, early.time_ns);
	assert_int_equal(count_since(f->a, T0 + 1), 1);
}

/* All or nothing: a commit that does not apply leaves no event. A commit of events wakes nobody. */
static void test_with_a_commit(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *r = fixture_reservation("alice", GPUS(0));
	AUTO(pool_state_clear) struct pool_state old = {0};
	struct event event = event_at(T0);
	struct change changes[2] = {{.kind = CHANGE_GRANT, .grant.reservation = r},
				    store_event(&event, TIME_NONE)};
	struct pollfd watch = {.events = POLLIN};
	struct err e = {0};

	fixture_init(f, 1);
	fixture_load(f->b, STORE_READ, &old);
	fixture_commit(f, changes, 2);
	assert_int_equal(count_since(f->b, 0), 1);
	assert_int_equal(store_commit(f->b, &old, changes, 2, &e), -EAGAIN);
	assert_int_equal(count_since(f->b, 0), 1);
	watch.fd = store_watch(f->b);
	assert_int_equal(poll(&watch, 1, 0), 0);
	add(f, &event, TIME_NONE);
	assert_int_equal(count_since(f->b, 0), 2);
	assert_int_equal(poll(&watch, 1, 20), 0);
}

/* What was noticed is stored once: of two who did, one commits. */
static void test_marks(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state old = {0};
	char key[] = "unreserved 3 4711:889", other[] = "sick 3", text[] = "größer\n\"x\"";
	struct mark mark = {.key = key,
			    .since_ns = T0,
			    .seen_ns = T0 + 1,
			    .text = text,
			    .base = {.clock = "boot 1", .offset_ns = 77}};
	struct mark second = {
		.key = other, .since_ns = T0 + 2, .warned_ns = T0 + 3, .acted_ns = T0 + 4};
	struct change changes[2] = {
		{.kind = CHANGE_MARK, .quiet = true, .mark = {.mark = &mark}},
		{.kind = CHANGE_MARK, .quiet = true, .mark = {.mark = &second}}};
	struct mark altered;
	struct err e = {0};

	fixture_init(f, 4);
	assert_int_equal(f->state.marks_count, 0);
	fixture_load(f->b, STORE_READ, &old);
	fixture_commit(f, changes, 2);
	assert_int_equal(f->state.marks_count, 2);
	assert_string_equal(f->state.marks[0].key, other);
	assert_int_equal(f->state.marks[0].warned_ns, T0 + 3);
	assert_string_equal(f->state.marks[0].base.clock, "");
	assert_string_equal(pool_state_mark(&f->state, key)->base.clock, "boot 1");
	assert_int_equal(pool_state_mark(&f->state, key)->base.offset_ns, 77);
	assert_null(pool_state_mark(&f->state, "sick"));
	assert_non_null(pool_state_mark(&f->state, key)->version);
	/* The other one has seen none. */
	assert_int_equal(store_commit(f->b, &old, changes, 1, &e), -EAGAIN);
	fixture_load(f->b, STORE_READ, &old);
	altered = *pool_state_mark(&old, key);
	altered.warned_ns = T0 + 5;
	changes[0].mark.mark = &altered;
	fixture_commit(f, changes, 1);
	assert_int_equal(store_commit(f->b, &old, changes, 1, &e), -EAGAIN);
	/* Altered since: it is not dropped either. */
	changes[0].mark = (struct change_mark){pool_state_mark(&old, key), .drop = true};
	assert_int_equal(store_commit(f->b, &old, changes, 1, &e), -EAGAIN);
	changes[0].mark.mark = pool_state_mark(&f->state, key);
	fixture_commit(f, changes, 1);
	assert_int_equal(f->state.marks_count, 1);
	/* Dropped since. */
	fixture_load(f->b, STORE_READ, &old);
	changes[0].mark.mark = pool_state_mark(&f->state, other);
	fixture_commit(f, changes, 1);
	changes[0].mark.mark = pool_state_mark(&old, other);
	assert_int_equal(store_commit(f->b, &old, changes, 1, &e), -EAGAIN);
	assert_int_equal(f->state.marks_count, 0);
}

static struct change do_something(const char *id, int gpu, int64_t active_ns)
{
	return (struct change){
		.kind = CHANGE_ACTIVITY,
		.quiet = true,
		.activity = {.reservation_id = id,
			     .gpu = gpu,
			     .activity = {.seen_ns = T0 + 3,
					  .last_active_ns = T0 + 2,
					  .idle_since_ns = T0 + 1,
					  .active_ns = active_ns,
					  .idle_ns = 5,
					  .told_idle = true,
					  .memory_mb = quantity_of(0),
					  .energy_mj = quantity_of(INT64_C(1) << 60),
					  .card = -(INT64_C(1) << 60),
					  .base = {"a boot/time:[1]", T0 - 7}}},
	};
}

/* The newest usage record of that GPU. */
static struct usage_record newest_record(struct fixture *f, int gpu)
{
	const struct usage_record *u;
	struct usage_record found = {.gpu = -1};
	struct err e = {0};

	assert_int_equal(store_history_begin(f->b, 0, INT64_MAX, &e), 0);
	while (store_history_next(f->b, &u, &e) > 0) {
		if (u->gpu == gpu)
			found = (struct usage_record){
				.gpu = gpu, .active_ns = u->active_ns, .idle_ns = u->idle_ns};
	}
	store_history_end(f->b);
	return found;
}

/* What a reservation does goes with it, and into its record; it makes no other commit fail. */
static void test_activity(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state old = {0};
	char id[ID_SIZE];
	struct change change, two[2];
	struct usage_record u;
	struct err e = {0};

	fixture_init(f, 3);
	memcpy(id, fixture_grant(f, "alice", GPUS(0, 1))->id, ID_SIZE);
	assert_false(activity_is_known(&f->state.slots[0].activity));
	fixture_load(f->b, STORE_READ, &old);
	change = do_something(id, 0, 40);
	fixture_commit(f, &change, 1);
	assert_true(activity_is_known(&f->state.slots[0].activity));
	assert_false(activity_is_known(&f->state.slots[1].activity));
	/* Decided before it, and of another reservation: on a GPU of somebody else, of nobody. */
	two[0] = do_something("another", 0, 50);
	two[1] = do_something(id, 2, 50);
	assert_int_equal(store_commit(f->b, &old, two, 2, &e), 0);
	change = (struct change){.kind = CHANGE_CHECK, .check = {GPUS(0)}};
	assert_int_equal(store_commit(f->b, &old, &change, 1, &e), 0);
	fixture_load(f->b, STORE_READ, &old);
	assert_int_equal(old.slots[0].activity.active_ns, 40);
	assert_false(activity_is_known(&old.slots[2].activity));
	/* The end, with a last look in the same commit. */
	two[0] = do_something(id, 0, 60);
	two[1] = fixture_end(f->state.slots[0].reservation, T0 + NS_PER_HOUR);
	fixture_commit(f, two, 2);
	u = newest_record(f, 0);
	assert_int_equal(u.active_ns.value, 60);
	assert_int_equal(u.idle_ns.value, 5);
	assert_false(newest_record(f, 1).active_ns.known);
	/* The next one begins with nothing, and too late a look at the last one changes nothing. */
	fixture_grant(f, "bob", GPUS(0));
	assert_false(activity_is_known(&f->state.slots[0].activity));
	assert_int_equal(store_commit(f->b, &old, two, 1, &e), 0);
	fixture_load(f->b, STORE_READ, &old);
	assert_false(activity_is_known(&old.slots[0].activity));
	change = fixture_end(f->state.slots[0].reservation, T0 + 2 * NS_PER_HOUR);
	fixture_commit(f, &change, 1);
	assert_false(newest_record(f, 0).active_ns.known);
}

/* What is old goes, a few with each commit, and never what is not old. */
static void test_forgetting(void **state)
{
	enum { OLD = 100 };
	struct fixture *f = *state;
	struct event events[OLD], now = event_at(T0 + NS_PER_HOUR);
	struct err e = {0};
	size_t left, commits = 0;

	/* Redis bounds its stream itself, by a number. */
	if (strcmp(f->kind->name, "sqlite") != 0)
		return;
	fixture_init(f, 1);
	for (int i = 0; i < OLD; i++)
		events[i] = event_at(T0 + i);
	/* The clock was wrong once: the ids go on from there. */
	events[0].time_ns = T0 + 100000 * NS_PER_HOUR;
	assert_int_equal(store_events_add(f->a, events, OLD, &e), 0);
	add(f, &now, TIME_NONE);
	assert_int_equal(count_since(f->a, 0), OLD + 1);
	for (left = OLD; left > 31 && commits < 3 * 16; commits++) {
		size_t seen = left;

		add(f, &now, T0 + NS_PER_SECOND);
		left = count_since(f->a, 0) - count_since(f->a, T0 + NS_PER_SECOND);
		assert_true(left <= seen && seen - left <= 32);
	}
	assert_true(left < 32);
	assert_int_equal(count_since(f->a, T0 + NS_PER_SECOND), 1 + commits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_members),    cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_clock_set_back), cmocka_unit_test(test_with_a_commit),
		cmocka_unit_test(test_marks),          cmocka_unit_test(test_activity),
		cmocka_unit_test(test_forgetting),
	};

	return fixture_run("events", tests, ARRAY_SIZE(tests));
}
