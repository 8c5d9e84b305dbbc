/* Fresh pools for the contract tests, on every kind of store. See store_fixture.h. */
#include "store_fixture.h"

#include <ftw.h>
#include <unistd.h>

#include "base/mem.h"
#include "redis_server.h"

/* One server for all tests of the program: each has a database of its own. */
static struct redis_server redis;

static char *sqlite_url(const char *dir)
{
	return mem_printf("sqlite:%s/pool.db", dir);
}

static char *redis_url(const char *dir)
{
	static int databases;

	if (!databases)
		redis_server_start(&redis, false, NULL);
	return redis_server_url(&redis, databases++);
}

static const struct store_kind store_kinds[] = {
	{"sqlite", sqlite_url},
	{"redis", redis_url},
};

struct store *fixture_open(const struct fixture *f)
{
	struct store *s = NULL;
	struct err e = {0};

	if (store_open(f->url, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static int set_up(void **state)
{
	const struct store_kind *kind = *state;
	struct fixture *f = mem_alloc(1, sizeof(*f));

	f->kind = kind;
	snprintf(f->dir, sizeof(f->dir), "/tmp/canhazgpu-store-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->url = kind->url_in(f->dir);
	f->a = fixture_open(f);
	f->b = fixture_open(f);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	pool_state_clear(&f->state);
	store_close(f->a);
	store_close(f->b);
	nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f->url);
	free(f);
	return 0;
}

/* True for the store that was asked for; NULL: every one. */
static bool is_wanted(const struct store_kind *kind, const char *store)
{
	return !store || !strcmp(kind->name, store);
}

int fixture_run_on(const char *store, const char *group, const struct CMUnitTest *tests,
		   size_t count)
{
	size_t total = 0;
	AUTO_FREE struct CMUnitTest *all = mem_alloc(count * ARRAY_SIZE(store_kinds), sizeof(*all));
	int failed;

	for (size_t i = 0; i < count * ARRAY_SIZE(store_kinds); i++) {
		const struct store_kind *kind = &store_kinds[i / count];
		struct CMUnitTest *test = &all[total];

		if (!is_wanted(kind, store))
			continue;
		*test = tests[i % count];
		test->name = mem_printf("%s: %s", kind->name, tests[i % count].name);
		test->setup_func = set_up;
		test->teardown_func = tear_down;
		test->initial_state = (void *)(uintptr_t)kind;
		total++;
	}
	failed = _cmocka_run_group_tests(group, all, total, NULL, NULL);
	for (size_t i = 0; i < total; i++)
		free((char *)(uintptr_t)all[i].name);
	if (redis.pid)
		redis_server_stop(&redis);
	return failed;
}

int fixture_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
	return fixture_run_on(NULL, group, tests, count);
}

void fixture_load(struct store *s, enum store_intent intent, struct pool_state *state)
{
	struct err e = {0};

	pool_state_clear(state);
	if (store_load(s, intent, state, &e) < 0)
		fail_msg("load: %s", e.text);
}

int fixture_load_code(struct store *s, enum store_intent intent, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};

	err_clear(e);
	return -store_load(s, intent, &state, e);
}

void fixture_says(const struct err *e, const char *part)
{
	if (!strstr(e->text, part))
		fail_msg("'%s' does not say '%s'", e->text, part);
}

char *fixture_path(const struct fixture *f, const char *name)
{
	return mem_printf("%s/%s", f->dir, name);
}

static void same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void same_holder(const struct holder *a, const struct holder *b)
{
	same_text(a->host, b->host);
	same_text(a->boot_id, b->boot_id);
	assert_int_equal(a->command.pid, b->command.pid);
	assert_int_equal(a->command.start_ticks, b->command.start_ticks);
	assert_int_equal(a->supervisor.pid, b->supervisor.pid);
	assert_int_equal(a->supervisor.start_ticks, b->supervisor.start_ticks);
}

static void same_base(const struct time_base *a, const struct time_base *b)
{
	assert_string_equal(a->clock, b->clock);
	assert_int_equal(a->offset_ns, b->offset_ns);
}

static void same_doubt(const struct doubt *a, const struct doubt *b)
{
	assert_int_equal(a->heartbeat_ns, b->heartbeat_ns);
	assert_int_equal(a->wall_ns, b->wall_ns);
	assert_int_equal(a->monotonic_ns, b->monotonic_ns);
	assert_string_equal(a->clock, b->clock);
}

void fixture_same_reservation(const struct reservation *a, const struct reservation *b)
{
	assert_non_null(a);
	assert_non_null(b);
	same_text(a->id, b->id);
	same_text(a->user, b->user);
	same_text(a->account, b->account);
	assert_int_equal(a->uid.known, b->uid.known);
	assert_int_equal(a->uid.value, b->uid.value);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->start_ns, b->start_ns);
	assert_int_equal(a->heartbeat_ns, b->heartbeat_ns);
	assert_int_equal(a->expiry_ns, b->expiry_ns);
	assert_int_equal(a->deadline_ns, b->deadline_ns);
	same_text(a->note, b->note);
	same_text(a->queue_id, b->queue_id);
	same_holder(&a->holder, &b->holder);
	same_base(&a->base, &b->base);
	same_doubt(&a->doubt, &b->doubt);
	assert_int_equal(a->gpus_count, b->gpus_count);
	assert_memory_equal(a->gpus, b->gpus, a->gpus_count * sizeof(*a->gpus));
}

static void same_ids(const int *a, size_t a_count, const int *b, size_t b_count)
{
	assert_int_equal(a_count, b_count);
	assert_int_equal(a != NULL, b != NULL);
	for (size_t i = 0; i < a_count; i++)
		assert_int_equal(a[i], b[i]);
}

static void same_entry(const struct queue_entry *a, const struct queue_entry *b)
{
	same_text(a->id, b->id);
	same_text(a->user, b->user);
	same_text(a->account, b->account);
	assert_int_equal(a->uid.known, b->uid.known);
	assert_int_equal(a->uid.value, b->uid.value);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->requested_count, b->requested_count);
	assert_int_equal(a->requested_ids_count, b->requested_ids_count);
	for (size_t i = 0; i < a->requested_ids_count; i++)
		assert_int_equal(a->requested_ids[i], b->requested_ids[i]);
	same_text(a->gpu_type, b->gpu_type);
	assert_int_equal(a->min_memory_mb, b->min_memory_mb);
	assert_int_equal(!a->eligible, !b->eligible);
	assert_int_equal(a->eligible_count, b->eligible_count);
	for (size_t i = 0; i < a->eligible_count; i++)
		assert_int_equal(a->eligible[i], b->eligible[i]);
	assert_int_equal(a->collected_count, b->collected_count);
	for (size_t i = 0; i < a->collected_count; i++)
		assert_int_equal(a->collected[i], b->collected[i]);
	assert_int_equal(a->duration_ns, b->duration_ns);
	assert_int_equal(a->account_limit, b->account_limit);
	same_text(a->note, b->note);
	assert_int_equal(a->enqueued_ns, b->enqueued_ns);
	assert_int_equal(a->heartbeat_ns, b->heartbeat_ns);
	assert_int_equal(a->give_up_ns, b->give_up_ns);
	assert_int_equal(a->cancelled, b->cancelled);
	assert_int_equal(a->since_ns, b->since_ns);
	same_base(&a->base, &b->base);
	assert_int_equal(a->offer.made_ns, b->offer.made_ns);
	assert_string_equal(a->offer.clock, b->offer.clock);
	same_ids(a->offer.gpus, a->offer.gpus_count, b->offer.gpus, b->offer.gpus_count);
	same_text(a->offer.aside, b->offer.aside);
	same_ids(a->offer.aside_gpus, a->offer.aside_gpus_count, b->offer.aside_gpus,
		 b->offer.aside_gpus_count);
	same_holder(&a->holder, &b->holder);
	same_doubt(&a->doubt, &b->doubt);
}

static void same_ignored(const struct ignored_process *a, const struct ignored_process *b)
{
	assert_true(ignored_is_same(a, b));
	same_text(a->holder.host, b->holder.host);
	same_text(a->name, b->name);
	same_text(a->ignored_by, b->ignored_by);
	assert_int_equal(a->ignored_ns, b->ignored_ns);
	assert_int_equal(a->memory_mb, b->memory_mb);
}

static void same_quantity(struct quantity a, struct quantity b)
{
	assert_int_equal(a.known, b.known);
	assert_int_equal(a.value, b.value);
}

static void same_activity(const struct activity *a, const struct activity *b)
{
	assert_int_equal(a->seen_ns, b->seen_ns);
	assert_int_equal(a->last_active_ns, b->last_active_ns);
	assert_int_equal(a->idle_since_ns, b->idle_since_ns);
	assert_int_equal(a->active_ns, b->active_ns);
	assert_int_equal(a->idle_ns, b->idle_ns);
	assert_int_equal(a->told_idle, b->told_idle);
	same_quantity(a->memory_mb, b->memory_mb);
	same_quantity(a->power_mw, b->power_mw);
	same_quantity(a->energy_mj, b->energy_mj);
	assert_int_equal(a->card, b->card);
	same_base(&a->base, &b->base);
}

static void same_mark(const struct mark *a, const struct mark *b)
{
	same_text(a->key, b->key);
	assert_int_equal(a->since_ns, b->since_ns);
	assert_int_equal(a->seen_ns, b->seen_ns);
	assert_int_equal(a->warned_ns, b->warned_ns);
	assert_int_equal(a->acted_ns, b->acted_ns);
	same_text(a->text, b->text);
}

void fixture_same_state(const struct pool_state *a, const struct pool_state *b)
{
	assert_int_equal(a->initialized, b->initialized);
	same_text(a->provider, b->provider);
	same_text(a->host.id, b->host.id);
	same_text(a->host.boot_id, b->host.boot_id);
	same_text(a->host.name, b->host.name);
	assert_int_equal(a->slots_count, b->slots_count);
	for (size_t i = 0; i < a->slots_count; i++) {
		const struct slot *x = &a->slots[i], *y = &b->slots[i];

		assert_true(slot_is_same_unit(x, y));
		same_text(x->drained_by, y->drained_by);
		assert_int_equal(x->drained_ns, y->drained_ns);
		same_text(x->drained_note, y->drained_note);
		assert_int_equal(x->problem != NULL, y->problem != NULL);
		assert_int_equal(x->reservation != NULL, y->reservation != NULL);
		same_activity(&x->activity, &y->activity);
		/* What a slot was before it was reserved is of no use to anybody. */
		if (!x->reservation) {
			assert_int_equal(x->last_released_ns, y->last_released_ns);
			same_base(&x->released_base, &y->released_base);
		} else {
			fixture_same_reservation(x->reservation, y->reservation);
		}
	}
	assert_int_equal(a->reservations_count, b->reservations_count);
	assert_int_equal(a->queue_count, b->queue_count);
	for (size_t i = 0; i < a->queue_count; i++)
		same_entry(&a->queue[i], &b->queue[i]);
	same_text(a->topology, b->topology);
	assert_int_equal(a->ignored_count, b->ignored_count);
	for (size_t i = 0; i < a->ignored_count; i++)
		same_ignored(&a->ignored[i], &b->ignored[i]);
	assert_int_equal(a->marks_count, b->marks_count);
	for (size_t i = 0; i < a->marks_count; i++)
		same_mark(&a->marks[i], &b->marks[i]);
}

/* Applies the changes to a copy of the state that they were decided on. */
static void apply(const struct pool_state *seen, const struct change *changes, size_t count,
		  struct pool_state *ret_state)
{
	struct err e = {0};

	pool_state_copy(ret_state, seen);
	for (size_t i = 0; i < count; i++) {
		if (change_apply(ret_state, &changes[i], &e) < 0)
			fail_msg("change_apply: %s", e.text);
	}
}

void fixture_commit(struct fixture *f, const struct change *changes, size_t count)
{
	AUTO(pool_state_clear) struct pool_state expected = {0};
	struct err e = {0};

	apply(&f->state, changes, count, &expected);
	if (store_commit(f->a, &f->state, changes, count, &e) < 0)
		fail_msg("commit: %s", e.text);
	fixture_load(f->a, STORE_READ, &f->state);
	fixture_same_state(&expected, &f->state);
}

void fixture_init(struct fixture *f, size_t gpus_count)
{
	struct change init = {.kind = CHANGE_INIT,
			      .init = {.provider = "fake", .gpus_count = gpus_count}};

	fixture_load(f->a, STORE_READ, &f->state);
	fixture_commit(f, &init, 1);
}

struct reservation *fixture_reservation(const char *account, const int *gpus, size_t count)
{
	struct reservation *r = reservation_new();

	id_new(r->id);
	r->user = mem_printf("%s-laptop", account);
	r->account = mem_strdup(account);
	r->uid = quantity_of(1000 + account[0]);
	r->type = RESERVATION_RUN;
	r->start_ns = T0;
	r->heartbeat_ns = T0 + NS_PER_SECOND;
	r->deadline_ns = T0 + NS_PER_HOUR;
	r->note = mem_strdup("a note");
	r->holder.host = mem_strdup("host1");
	r->holder.boot_id = mem_strdup("2b1d2f5e-0000-4000-8000-000000000001");
	r->holder.command = (struct process_ref){4242, UINT64_C(123456789012)};
	r->holder.supervisor = (struct process_ref){4243, UINT64_C(123456789013)};
	r->base = (struct time_base){"a boot/time:[1]", T0 - 123456789};
	r->gpus = mem_alloc(count, sizeof(*r->gpus));
	memcpy(r->gpus, gpus, count * sizeof(*r->gpus));
	r->gpus_count = count;
	return r;
}

const struct reservation *fixture_grant(struct fixture *f, const char *account, const int *gpus,
					size_t count)
{
	AUTO(reservation_freep)
	struct reservation *r = fixture_reservation(account, gpus, count);
	struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};

	fixture_commit(f, &grant, 1);
	return pool_state_find(&f->state, r->id);
}

struct change fixture_end(const struct reservation *r, int64_t time_ns)
{
	struct change c = {.kind = CHANGE_END};

	c.end = (struct change_end){
		.reservation = r,
		.gpus = r->gpus,
		.gpus_count = r->gpus_count,
		.end_ns = time_ns,
		.reason = END_RELEASED,
	};
	return c;
}
