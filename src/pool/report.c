/* The report: history and running reservations, added up. See report.h. */
#include "pool/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "pool/private.h"

/* One running reservation, as if it ended at end_ns. */
static void add_running(struct usage *usage, const struct reservation *r, int64_t end_ns)
{
	struct usage_record record = {
		.user = r->user,
		.account = r->account,
		.uid = r->uid,
		.type = r->type,
		.start_ns = r->start_ns,
		.end_ns = end_ns,
	};

	memcpy(record.reservation_id, r->id, ID_SIZE);
	for (size_t i = 0; i < r->gpus_count; i++) {
		record.gpu = r->gpus[i];
		usage_add(usage, &record);
	}
}

/*
 * Adds what the state shows as reserved, billed until now; what is over only until it ended.
 * Returns whether anything is over.
 */
static bool add_state(struct pool *p, const struct pool_state *state, struct usage *usage)
{
	bool over = false;

	for (size_t i = 0; i < state->reservations_count; i++) {
		const struct reservation *r = state->reservations[i];
		int64_t end_ns = usage->to_ns;
		enum end_reason reason;

		/* Nobody uses what is only collected for a request that waits. */
		if (plan_is_collected(state, r))
			continue;
		over |= plan_has_ended(r, observe_life(&p->observer, r), usage->to_ns, &reason,
				       &end_ns);
		add_running(usage, r, end_ns);
	}
	return over;
}

/* True for the record of a reservation that the state showed as running: it ended since. */
static bool is_added(const struct pool_state *state, const struct usage_record *record)
{
	const struct reservation *r;

	if (record->gpu < 0 || (size_t)record->gpu >= state->slots_count)
		return false;
	r = state->slots[record->gpu].reservation;
	return r && r->start_ns == record->start_ns && !strcmp(r->id, record->reservation_id);
}

static int add_history(struct pool *p, const struct pool_state *state, struct usage *usage,
		       struct err *e)
{
	const struct usage_record *record = NULL;
	int r = store_history_begin_brief(p->store, usage->from_ns, usage->to_ns, e);

	if (r < 0)
		return r;
	while ((r = store_history_next(p->store, &record, e)) > 0) {
		if (!is_added(state, record))
			usage_add(usage, record);
	}
	store_history_end(p->store);
	return r;
}

int pool_report(struct pool *p, int days, enum usage_by by, struct report *ret_report,
		struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(report_clear) struct report report = {.days = days};
	struct err problem = {0};
	int64_t now_ns;
	int r = store_load(p->store, STORE_READ, &state, e);

	if (r == 0)
		r = plan_require(&state, e);
	if (r < 0)
		return r;
	now_ns = clock_now_ns();
	usage_init(&report.usage, by, now_ns - days * NS_PER_DAY, now_ns);
	usage_add_gpus(&report.usage, state.slots_count);
	/* The state before the history: what ends in between is in both, and told apart; the other
	   way round it would be in neither. */
	if (add_state(p, &state, &report.usage) && pool_cleanup(p, &problem) < 0)
		report.warning =
			mem_printf("what has ended could not be recorded: %s", problem.text);
	r = add_history(p, &state, &report.usage, e);
	if (r < 0)
		return r;
	usage_finish(&report.usage);
	*ret_report = report;
	report = (struct report){0};
	return 0;
}

void report_clear(struct report *r)
{
	usage_clear(&r->usage);
	free(r->warning);
	*r = (struct report){0};
}

/* Sums of many numbers end in digits that mean nothing. */
static json_t *rounded(double value, double digits)
{
	return json_real((double)(int64_t)(value * digits + 0.5) / digits);
}

static void add_member(json_t *row, const char *key, const char *text)
{
	char *valid = text_utf8(text);

	json_object_set_new(row, key, json_string(valid));
	free(valid);
}

static json_t *row_json(const struct usage *usage, const struct usage_row *row)
{
	AUTO_FREE char *name = usage_row_name(usage, row);
	json_t *object = json_object();

	if (usage->by == USAGE_BY_GPU)
		json_object_set_new(object, "gpu_id", json_integer(row->gpu));
	else
		add_member(object, usage->by == USAGE_BY_DAY ? "date" : "name",
			   usage->by == USAGE_BY_DAY ? name : row->label);
	if (usage->by == USAGE_BY_USER)
		add_member(object, "account", row->account);
	json_object_set_new(object, "gpu_hours", rounded(usage_hours(&row->total), 1e6));
	json_object_set_new(object, "percentage",
			    rounded(usage_percentage(usage, &row->total), 1e4));
	json_object_set_new(object, "run_count", json_integer(row->total.run_count));
	json_object_set_new(object, "manual_count", json_integer(row->total.manual_count));
	return object;
}

json_t *report_json(const struct report *r)
{
	static const char *const names[] = {
		[USAGE_BY_USER] = "users",
		[USAGE_BY_GPU] = "gpus",
		[USAGE_BY_DAY] = "dates",
	};
	const struct usage *usage = &r->usage;
	json_t *document = json_object(), *rows = json_array();
	char date[CLOCK_DATE_SIZE];

	for (size_t i = 0; i < usage->rows_count; i++)
		json_array_append_new(rows, row_json(usage, &usage->rows[i]));
	json_object_set_new(document, names[usage->by], rows);
	json_object_set_new(document, "total_gpu_hours", rounded(usage_hours(&usage->total), 1e6));
	json_object_set_new(document, "total_reservations",
			    json_integer(usage_reservations(&usage->total)));
	json_object_set_new(document, "unique_users",
			    json_integer((json_int_t)usage->accounts_count));
	add_member(document, "start_date", clock_local_date(usage->from_ns, date));
	add_member(document, "end_date", clock_local_date(usage->to_ns, date));
	json_object_set_new(document, "days", json_integer(r->days));
	return document;
}
