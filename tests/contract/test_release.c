/*
 * The release before this one and this one on one SQLite database: what we have upgraded and
 * written means the same to the statements of 0.1.0, and what these write means the same to us.
 * (release-0.1.0 has its tables and statements; tests/upgrade has the programs themselves.)
 */
#include "store_fixture.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "base/str.h"

#define ALICE "11111111-0000-4000-8000-000000000001"
#define BOB "22222222-0000-4000-8000-000000000001"
#define CAROL "33333333-0000-4000-8000-000000000001"
#define DAVE "44444444-0000-4000-8000-000000000001"

/* One column after the other, each with a bar behind it; "~" is NULL. */
static void add_text(struct str *rows, const char *value)
{
	str_addf(rows, "%s|", value ? value : "~");
}

static void add_number(struct str *rows, int64_t value)
{
	str_addf(rows, "%" PRId64 "|", value);
}

/* Row keys are left out: SQLite chooses them. */
static int add_row(void *rows, int columns, char **values, char **names)
{
	for (int i = 0; i < columns; i++) {
		if (strcmp(names[i], "key") != 0)
			add_text(rows, values[i]);
	}
	str_addf(rows, "\n");
	return 0;
}

/* Runs a script of release-0.1.0; its answers, row by row. */
static void run_script(const struct fixture *f, const char *name, struct str *ret_rows)
{
	AUTO_FREE char *path =
		mem_printf("%s/contract/release-0.1.0/%s", getenv("CANHAZGPU_TEST_SOURCE"), name);
	AUTO_FREE char *database = fixture_path(f, "pool.db");
	AUTO_FREE char *text = NULL;
	FILE *file = fopen(path, "re");
	char *error = NULL;
	size_t size = 0;
	sqlite3 *db;

	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, add_row, ret_rows, &error) != SQLITE_OK)
		fail_msg("%s: %s", name, error);
	sqlite3_close(db);
}

/* ---- what a state is in its columns ---- */

static void add_holder(struct str *rows, const struct holder *h)
{
	add_text(rows, h->host);
	add_text(rows, h->boot_id);
	add_number(rows, h->command.pid);
	add_number(rows, (int64_t)h->command.start_ticks);
	add_number(rows, h->supervisor.pid);
	add_number(rows, (int64_t)h->supervisor.start_ticks);
	str_addf(rows, "\n");
}

static void add_reservation(struct str *rows, const struct reservation *r, int gpu)
{
	add_number(rows, gpu);
	add_text(rows, r->id);
	add_text(rows, r->user);
	add_text(rows, r->account);
	add_number(rows, r->uid.value);
	add_text(rows, reservation_type_name(r->type));
	add_number(rows, r->start_ns);
	add_number(rows, r->heartbeat_ns);
	add_number(rows, r->expiry_ns);
	add_number(rows, r->deadline_ns);
	add_text(rows, r->note);
	add_text(rows, r->queue_id);
	add_holder(rows, &r->holder);
}

static void add_entry(struct str *rows, const struct queue_entry *q)
{
	add_text(rows, q->id);
	add_text(rows, q->version);
	add_text(rows, q->user);
	add_text(rows, q->account);
	add_number(rows, q->uid.value);
	add_text(rows, reservation_type_name(q->type));
	add_number(rows, q->requested_count);
	add_number(rows, q->duration_ns);
	add_text(rows, q->note);
	add_number(rows, q->enqueued_ns);
	add_number(rows, q->heartbeat_ns);
	add_number(rows, q->cancelled ? 1 : q->give_up_ns);
	add_holder(rows, &q->holder);
}

static void add_lists(struct str *rows, const struct queue_entry *q)
{
	for (size_t i = 0; i < q->collected_count; i++)
		str_addf(rows, "%s|1|%d|\n", q->id, q->collected[i]);
	for (size_t i = 0; i < q->requested_ids_count; i++)
		str_addf(rows, "%s|0|%d|\n", q->id, q->requested_ids[i]);
}

static void add_history(struct str *rows, struct store *s)
{
	const struct usage_record *u;

	assert_int_equal(store_history_begin(s, 0, INT64_MAX, NULL), 0);
	while (store_history_next(s, &u, NULL) > 0) {
		add_number(rows, u->end_ns);
		add_text(rows, u->reservation_id);
		add_text(rows, u->user);
		add_text(rows, u->account);
		add_number(rows, u->uid.value);
		add_text(rows, reservation_type_name(u->type));
		add_number(rows, u->gpu);
		add_number(rows, u->start_ns);
		add_text(rows, end_reason_name(u->reason));
		add_text(rows, u->actor);
		str_addf(rows, "\n");
	}
	store_history_end(s);
}

/* The answers to reads.sql, as we would give them. */
static void expected_rows(struct store *s, const struct pool_state *state, struct str *rows)
{
	/* It refuses any other format. */
	str_addf(rows, "1667786608|\n2|\n");
	str_addf(rows, "%s|%zu|%d|\n", state->provider, state->slots_count, state->queue_count > 0);
	for (size_t i = 0; i < state->slots_count; i++) {
		const struct slot *slot = &state->slots[i];

		add_number(rows, slot->id);
		add_text(rows, slot->uuid);
		add_number(rows, slot->last_released_ns);
		add_text(rows, slot->version);
		add_text(rows, slot->drained_by);
		add_number(rows, slot->drained_ns);
		str_addf(rows, "\n");
	}
	for (size_t i = 0; i < state->reservations_count; i++) {
		for (size_t k = 0; k < state->reservations[i]->gpus_count; k++)
			add_reservation(rows, state->reservations[i],
					state->reservations[i]->gpus[k]);
	}
	for (size_t i = 0; i < state->queue_count; i++)
		add_entry(rows, &state->queue[i]);
	for (size_t i = 0; i < state->queue_count; i++)
		add_lists(rows, &state->queue[i]);
	add_history(rows, s);
}

static void check_its_view(struct fixture *f)
{
	AUTO(str_clear) struct str expected = {0}, found = {0};

	fixture_load(f->b, STORE_READ, &f->state);
	expected_rows(f->b, &f->state, &expected);
	run_script(f, "reads.sql", &found);
	if (strcmp(str_text(&found), str_text(&expected)) != 0)
		fail_msg("it sees\n%sand not\n%s", str_text(&found), str_text(&expected));
}

/* ---- what this release writes ---- */

/* A request of bob's that has collected nothing yet. The caller clears it. */
static struct queue_entry request_of_bob(void)
{
	return (struct queue_entry){
		.id = BOB,
		.user = mem_strdup("bob"),
		.account = mem_strdup("bob"),
		.uid = quantity_of(1002),
		.type = RESERVATION_RUN,
		.requested_count = 2,
		.enqueued_ns = T0,
		.heartbeat_ns = T0,
		.holder = {.host = mem_strdup("host1"), .command = {200, 20000}},
	};
}

static struct reservation *grant_to_alice(struct fixture *f)
{
	struct reservation *r = fixture_reservation("alice", GPUS(0, 1));
	const struct change grant = {.kind = CHANGE_GRANT, .grant.reservation = r};

	memcpy(r->id, ALICE, ID_SIZE);
	fixture_commit(f, &grant, 1);
	return r;
}

/* In a database of the release before: the pool, a run, a request, a drain, a usage record. */
static void write_ours(struct fixture *f)
{
	AUTO(str_clear) struct str none = {0};
	AUTO(queue_entry_clear) struct queue_entry bob = request_of_bob();
	AUTO(reservation_freep) struct reservation *alice = NULL;
	struct change changes[] = {
		{.kind = CHANGE_PUT, .put.entry = &bob},
		{.kind = CHANGE_DRAIN, .drain = {GPUS(2), .actor = "root", .time_ns = T0}},
	};
	struct change end;

	run_script(f, "schema.sql", &none);
	fixture_init(f, 4);
	fixture_grant(f, "eve", GPUS(3));
	end = fixture_end(f->state.slots[3].reservation, T0 + NS_PER_HOUR);
	fixture_commit(f, &end, 1);
	alice = grant_to_alice(f);
	fixture_commit(f, changes, ARRAY_SIZE(changes));
}

static void test_ours_as_it_sees_it(void **state)
{
	struct fixture *f = *state;
	AUTO(reservation_freep) struct reservation *renewed = NULL;
	char id[] = "0123456789abcdef0123456789abcdef", boot[] = "b1", name[] = "host1";
	const struct machine host = {.id = id, .boot_id = boot, .name = name};
	struct change changes[] = {
		{.kind = CHANGE_HOST, .host.host = &host},
		{.kind = CHANGE_RENEW},
	};

	write_ours(f);
	check_its_view(f);
	renewed = reservation_copy(f->state.slots[0].reservation);
	renewed->heartbeat_ns += (60 * NS_PER_SECOND);
	changes[1].renew.reservation = renewed;
	fixture_load(f->a, STORE_READ, &f->state);
	fixture_commit(f, changes, ARRAY_SIZE(changes));
	check_its_view(f);
}

/* ---- what the release before writes ---- */

static void check_written(const struct pool_state *s)
{
	const struct reservation *dave = s->slots[3].reservation;
	const struct reservation *collected = s->slots[0].reservation;

	assert_null(pool_state_find(s, ALICE));
	assert_null(s->slots[1].reservation);
	assert_int_equal(s->slots[1].last_released_ns, T0 + NS_PER_HOUR);
	assert_null(s->slots[2].drained_by);
	assert_string_equal(dave->id, DAVE);
	assert_int_equal(dave->heartbeat_ns, T0 + NS_PER_HOUR + (60 * NS_PER_SECOND));
	assert_int_equal(dave->holder.supervisor.pid, 402);
	assert_string_equal(collected->queue_id, BOB);
	assert_int_equal(s->queue_count, 1);
	assert_string_equal(s->queue[0].id, CAROL);
	assert_int_equal(s->queue[0].requested_ids[0], 2);
	assert_false(s->queue[0].cancelled);
}

static void test_its_as_we_see_it(void **state)
{
	struct fixture *f = *state;
	AUTO(pool_state_clear) struct pool_state before = {0};
	AUTO(str_clear) struct str rows = {0};
	AUTO(queue_entry_clear) struct queue_entry carol = {0};
	const struct change check = {.kind = CHANGE_CHECK, .check = {GPUS(0)}};
	struct change put = {.kind = CHANGE_PUT, .put.entry = &carol};

	write_ours(f);
	fixture_load(f->a, STORE_READ, &before);
	run_script(f, "writes.sql", &rows);
	fixture_load(f->b, STORE_READ, &f->state);
	check_written(&f->state);
	check_its_view(f);
	/* What we have decided on the state before does not apply any more. */
	assert_int_equal(store_commit(f->a, &before, &check, 1, NULL), -EAGAIN);
	fixture_load(f->a, STORE_READ, &f->state);
	queue_entry_copy(&carol, &f->state.queue[0]);
	carol.heartbeat_ns += (60 * NS_PER_SECOND);
	fixture_commit(f, &put, 1);
	check_its_view(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours_as_it_sees_it),
		cmocka_unit_test(test_its_as_we_see_it),
	};

	return fixture_run_on("sqlite", "the release before", tests, ARRAY_SIZE(tests));
}
