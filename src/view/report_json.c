/* The document of `report --json`; see report.h. */
#include "view/report.h"

#include "base/mem.h"
#include "view/json.h"

/* Sums of many numbers end in digits that mean nothing. */
static json_t *rounded(double value, double digits)
{
	return json_real((double)(int64_t)(value * digits + 0.5) / digits);
}

static void set_idle(json_t *object, const struct usage_total *total)
{
	json_object_set_new(object, "active_hours", rounded(usage_active_hours(total), 1e6));
	json_object_set_new(object, "idle_hours", rounded(usage_idle_hours(total), 1e6));
	json_object_set_new(object, "unknown_hours", rounded(usage_unknown_hours(total), 1e6));
}

static json_t *row_json(const struct usage *usage, const struct usage_row *row, bool idle)
{
	char date[CLOCK_DATE_SIZE];
	json_t *object = json_object();

	if (usage_is_by_user(usage))
		json_object_set_new(object, "name", view_json_text(row->label));
	json_object_set_new(object, "account",
			    view_json_text(usage_is_by_user(usage) ? row->account : NULL));
	if (usage->by == USAGE_BY_GPU || usage->by == USAGE_BY_USER_GPU)
		json_object_set_new(object, "gpu_id", json_integer(row->gpu));
	if (usage->by == USAGE_BY_DAY || usage->by == USAGE_BY_USER_DAY)
		json_object_set_new(object, "date",
				    view_json_text(clock_local_date(row->begin_ns, date)));
	json_object_set_new(object, "gpu_hours", rounded(usage_hours(&row->total), 1e6));
	json_object_set_new(object, "percentage",
			    rounded(usage_percentage(usage, &row->total), 1e4));
	json_object_set_new(object, "run_count", json_integer(row->total.run_count));
	json_object_set_new(object, "manual_count", json_integer(row->total.manual_count));
	if (idle)
		set_idle(object, &row->total);
	return object;
}

json_t *view_report_json(const struct report *r)
{
	static const char *const names[] = {
		[USAGE_BY_USER] = "users",          [USAGE_BY_GPU] = "gpus",
		[USAGE_BY_DAY] = "dates",           [USAGE_BY_USER_DAY] = "users_dates",
		[USAGE_BY_USER_GPU] = "users_gpus",
	};
	const struct usage *usage = &r->usage;
	json_t *document = json_object(), *rows = json_array();
	char date[CLOCK_DATE_SIZE];

	for (size_t i = 0; i < usage->rows_count; i++)
		json_array_append_new(rows, row_json(usage, &usage->rows[i], r->idle));
	json_object_set_new(document, names[usage->by], rows);
	json_object_set_new(document, "total_gpu_hours", rounded(usage_hours(&usage->total), 1e6));
	json_object_set_new(document, "total_reservations",
			    json_integer(usage_reservations(&usage->total)));
	json_object_set_new(document, "unique_users",
			    json_integer((json_int_t)usage->accounts_count));
	json_object_set_new(document, "start_date",
			    view_json_text(clock_local_date(usage->from_ns, date)));
	json_object_set_new(document, "end_date",
			    view_json_text(clock_local_date(period_last_ns(&r->period), date)));
	json_object_set_new(document, "days", json_integer(r->period.days));
	if (r->idle)
		set_idle(document, &usage->total);
	return document;
}
