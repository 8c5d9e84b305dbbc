/* What `report` shows: the table of the specification, the document, CSV; and the document of the
 * timeline. */
#include "test.h"

#include <locale.h>
#include <time.h>

#include "base/mem.h"
#include "view/report.h"

/* 2025-07-07T18:26:32Z */
#define NOW (INT64_C(1751912792) * NS_PER_SECOND)
#define DAYS 30

static int set_world(void **state)
{
	(void)state;
	/* It is the next day there already. */
	setenv("TZ", "XXX-10", 1);
	tzset();
	return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static void open_report(struct report *r, enum usage_by by, int days)
{
	*r = (struct report){.period = period_of_days(days, NOW)};
	usage_init(&r->usage, by, r->period.from_ns, r->period.to_ns);
}

/* A reservation of one GPU that ended so many seconds ago. */
static void add(struct report *r, const char *id, const char *user, const char *account,
		enum reservation_type type, int gpu, int64_t seconds, int64_t ago)
{
	struct usage_record record = {
		.user = (char *)user,
		.account = (char *)account,
		.type = type,
		.gpu = gpu,
		.start_ns = NOW - (ago + seconds) * NS_PER_SECOND,
		.end_ns = NOW - ago * NS_PER_SECOND,
	};

	snprintf(record.reservation_id, sizeof(record.reservation_id), "%s", id);
	usage_add(&r->usage, &record);
}

/* Reservations that add up to so many seconds. */
static void add_many(struct report *r, const char *name, int64_t seconds, int runs, int manuals)
{
	int count = runs + manuals;

	for (int i = 0; i < count; i++) {
		AUTO_FREE char *id = mem_printf("%s-%d", name, i);

		add(r, id, name, name, i < runs ? RESERVATION_RUN : RESERVATION_MANUAL, 0,
		    seconds / count + (i ? 0 : seconds % count), 100);
	}
}

/* The example of the specification. */
static void open_example(struct report *r)
{
	open_report(r, USAGE_BY_USER, DAYS);
	add_many(r, "alice", 88200, 12, 8);
	add_many(r, "bob", 54900, 6, 15);
	add_many(r, "charlie", 16560, 3, 2);
	usage_finish(&r->usage);
}

static void expect_text(const struct report *r, const char *expected)
{
	AUTO_FREE char *text = view_report_text(r);

	assert_string_equal(text, expected);
}

static void expect_csv(const struct report *r, const char *expected)
{
	AUTO_FREE char *text = view_report_csv(r);

	assert_string_equal(text, expected);
}

static void expect_document(json_t *document, const char *expected)
{
	AUTO_FREE char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(document);
	assert_string_equal(text, expected);
}

static void test_example(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_example(&r);
	expect_text(&r,
		    "=== GPU Reservation Report ===\n"
		    "Period: 2025-06-08 to 2025-07-08 (30 days)\n"
		    "User                       GPU Hours      Percentage        Run     Manual\n"
		    "---------------------------------------------------------------------------\n"
		    "alice                          24.50          55.2%         12          8\n"
		    "bob                            15.25          34.4%          6         15\n"
		    "charlie                         4.60          10.4%          3          2\n"
		    "---------------------------------------------------------------------------\n"
		    "TOTAL                          44.35         100.0%         21         25\n"
		    "Total reservations: 46\n"
		    "Unique users: 3\n");
}

/* How much of it was idle: of a record that is cut, its share; the rest is unknown. */
static void test_idle(void **state)
{
	AUTO(report_clear) struct report r;
	AUTO_FREE char *csv = NULL;
	struct usage_record record = {
		.user = (char *)"alice",
		.account = (char *)"alice",
		.start_ns = NOW - 10 * NS_PER_HOUR,
		.end_ns = NOW,
		.active_ns = quantity_of(6 * NS_PER_HOUR),
		.idle_ns = quantity_of(3 * NS_PER_HOUR),
	};

	(void)state;
	open_report(&r, USAGE_BY_USER, 1);
	r.idle = true;
	usage_add(&r.usage, &record);
	/* Half of it lies before. */
	record.start_ns = r.period.from_ns - 5 * NS_PER_HOUR;
	record.end_ns = r.period.from_ns + 5 * NS_PER_HOUR;
	usage_add(&r.usage, &record);
	record.account = record.user = (char *)"bob";
	record.active_ns.known = record.idle_ns.known = false;
	usage_add(&r.usage, &record);
	usage_finish(&r.usage);
	expect_text(&r,
		    "=== GPU Reservation Report ===\n"
		    "Period: 2025-07-07 to 2025-07-08 (1 days)\n"
		    "User                       GPU Hours          Active       Idle    Unknown\n"
		    "---------------------------------------------------------------------------\n"
		    "alice                          15.00            9.00       4.50       1.50\n"
		    "bob                             5.00            0.00       0.00       5.00\n"
		    "---------------------------------------------------------------------------\n"
		    "TOTAL                          20.00            9.00       4.50       6.50\n"
		    "Total reservations: 3\n"
		    "Unique users: 2\n");
	csv = view_report_csv(&r);
	assert_string_equal(csv, "user,gpu_hours,percentage,run_count,manual_count,account,"
				 "active_hours,idle_hours,unknown_hours\n"
				 "alice,15.000000,75.0000,2,0,alice,9.000000,4.500000,1.500000\n"
				 "bob,5.000000,25.0000,1,0,bob,0.000000,0.000000,5.000000\n");
	expect_document(view_report_json(&r),
			"{\"users\":["
			"{\"name\":\"alice\",\"account\":\"alice\",\"gpu_hours\":15.0,"
			"\"percentage\":75.0,\"run_count\":2,\"manual_count\":0,"
			"\"active_hours\":9.0,\"idle_hours\":4.5,\"unknown_hours\":1.5},"
			"{\"name\":\"bob\",\"account\":\"bob\",\"gpu_hours\":5.0,"
			"\"percentage\":25.0,\"run_count\":1,\"manual_count\":0,"
			"\"active_hours\":0.0,\"idle_hours\":0.0,\"unknown_hours\":5.0}],"
			"\"total_gpu_hours\":20.0,\"total_reservations\":3,\"unique_users\":2,"
			"\"start_date\":\"2025-07-07\",\"end_date\":\"2025-07-08\",\"days\":1,"
			"\"active_hours\":9.0,\"idle_hours\":4.5,\"unknown_hours\":6.5}");
}

static void test_example_json(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_example(&r);
	/* No digits that mean nothing. */
	expect_document(view_report_json(&r),
			"{\"users\":["
			"{\"name\":\"alice\",\"account\":\"alice\",\"gpu_hours\":24.5,"
			"\"percentage\":55.2424,\"run_count\":12,\"manual_count\":8},"
			"{\"name\":\"bob\",\"account\":\"bob\",\"gpu_hours\":15.25,"
			"\"percentage\":34.3856,\"run_count\":6,\"manual_count\":15},"
			"{\"name\":\"charlie\",\"account\":\"charlie\",\"gpu_hours\":4.6,"
			"\"percentage\":10.372,\"run_count\":3,\"manual_count\":2}],"
			"\"total_gpu_hours\":44.35,\"total_reservations\":46,\"unique_users\":3,"
			"\"start_date\":\"2025-06-08\",\"end_date\":\"2025-07-08\",\"days\":30}");
}

static void test_example_csv(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_example(&r);
	expect_csv(&r, "user,gpu_hours,percentage,run_count,manual_count,account\n"
		       "alice,24.500000,55.2424,12,8,alice\n"
		       "bob,15.250000,34.3856,6,15,bob\n"
		       "charlie,4.600000,10.3720,3,2,charlie\n");
}

static void test_nothing(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_report(&r, USAGE_BY_USER, 1);
	usage_finish(&r.usage);
	expect_text(&r,
		    "=== GPU Reservation Report ===\n"
		    "Period: 2025-07-07 to 2025-07-08 (1 days)\n"
		    "User                       GPU Hours      Percentage        Run     Manual\n"
		    "---------------------------------------------------------------------------\n"
		    "---------------------------------------------------------------------------\n"
		    "TOTAL                           0.00           0.0%          0          0\n"
		    "Total reservations: 0\n"
		    "Unique users: 0\n");
	expect_csv(&r, "user,gpu_hours,percentage,run_count,manual_count,account\n");
	expect_document(view_report_json(&r),
			"{\"users\":[],\"total_gpu_hours\":0.0,\"total_reservations\":0,"
			"\"unique_users\":0,\"start_date\":\"2025-07-07\","
			"\"end_date\":\"2025-07-08\",\"days\":1}");
}

/* A borrowed name does not make it somebody else's usage. */
static void test_borrowed_names(void **state)
{
	AUTO(report_clear) struct report r;
	AUTO_FREE char *text = NULL;

	(void)state;
	open_report(&r, USAGE_BY_USER, DAYS);
	add(&r, "a", "alice", "alice", RESERVATION_RUN, 0, 3600, 5400);
	add(&r, "b", "bob", "bob", RESERVATION_RUN, 0, 1800, 3200);
	add(&r, "c", "alice", "mallory", RESERVATION_RUN, 1, 900, 2100);
	add(&r, "d", "sweep", "bob", RESERVATION_RUN, 0, 100, 1000);
	usage_finish(&r.usage);
	text = view_report_text(&r);
	assert_non_null(strstr(text, "\nalice                           1.00 "));
	assert_non_null(strstr(text, "\nsweep (bob)                     0.53 "));
	assert_non_null(strstr(text, "\nalice (mallory)                 0.25 "));
	assert_non_null(strstr(text, "\nUnique users: 3\n"));
	expect_csv(&r, "user,gpu_hours,percentage,run_count,manual_count,account\n"
		       "alice,1.000000,56.2500,1,0,alice\n"
		       "sweep,0.527778,29.6875,2,0,bob\n"
		       "alice,0.250000,14.0625,1,0,mallory\n");
}

static void test_by_gpu(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_report(&r, USAGE_BY_GPU, DAYS);
	usage_add_gpus(&r.usage, 3);
	add(&r, "a", "alice", "alice", RESERVATION_RUN, 0, 3600, 3600);
	add(&r, "a", "alice", "alice", RESERVATION_RUN, 2, 3600, 3600);
	add(&r, "b", "bob", "bob", RESERVATION_MANUAL, 2, 1800, 1800);
	usage_finish(&r.usage);
	expect_text(&r,
		    "=== GPU Reservation Report ===\n"
		    "Period: 2025-06-08 to 2025-07-08 (30 days)\n"
		    "GPU                        GPU Hours      Percentage        Run     Manual\n"
		    "---------------------------------------------------------------------------\n"
		    "0                               1.00          40.0%          1          0\n"
		    "1                               0.00           0.0%          0          0\n"
		    "2                               1.50          60.0%          1          1\n"
		    "---------------------------------------------------------------------------\n"
		    "TOTAL                           2.50         100.0%          1          1\n"
		    "Total reservations: 2\n"
		    "Unique users: 2\n");
	expect_csv(&r, "gpu_id,gpu_hours,percentage,run_count,manual_count\n"
		       "0,1.000000,40.0000,1,0\n"
		       "1,0.000000,0.0000,0,0\n"
		       "2,1.500000,60.0000,1,1\n");
	expect_document(view_report_json(&r),
			"{\"gpus\":["
			"{\"account\":null,\"gpu_id\":0,\"gpu_hours\":1.0,\"percentage\":40.0,"
			"\"run_count\":1,\"manual_count\":0},"
			"{\"account\":null,\"gpu_id\":1,\"gpu_hours\":0.0,\"percentage\":0.0,"
			"\"run_count\":0,\"manual_count\":0},"
			"{\"account\":null,\"gpu_id\":2,\"gpu_hours\":1.5,\"percentage\":60.0,"
			"\"run_count\":1,\"manual_count\":1}],"
			"\"total_gpu_hours\":2.5,\"total_reservations\":2,\"unique_users\":2,"
			"\"start_date\":\"2025-06-08\",\"end_date\":\"2025-07-08\",\"days\":30}");
}

/* Midnight is 4h 26m 32s ago. */
static void test_by_day(void **state)
{
	AUTO(report_clear) struct report r;

	(void)state;
	open_report(&r, USAGE_BY_DAY, 1);
	add(&r, "a", "alice", "alice", RESERVATION_RUN, 0, 3601, 15991);
	usage_finish(&r.usage);
	expect_csv(&r, "date,gpu_hours,percentage,run_count,manual_count\n"
		       "2025-07-07,1.000000,99.9722,1,0\n"
		       "2025-07-08,0.000278,0.0278,0,0\n");
	expect_document(
		view_report_json(&r),
		"{\"dates\":["
		"{\"account\":null,\"date\":\"2025-07-07\",\"gpu_hours\":1.0,\"percentage\":99.9722,"
		"\"run_count\":1,\"manual_count\":0},"
		"{\"account\":null,\"date\":\"2025-07-08\",\"gpu_hours\":0.000278,\"percentage\":0.0278,"
		"\"run_count\":0,\"manual_count\":0}],"
		"\"total_gpu_hours\":1.000278,\"total_reservations\":1,\"unique_users\":1,"
		"\"start_date\":\"2025-07-07\",\"end_date\":\"2025-07-08\",\"days\":1}");
}

/* Names stay on their line and in their column. */
static void test_hostile(void **state)
{
	static const char eve[] = "eve\x1b[31m\nTOTAL", jorg[] = "J\xc3\xb6rg",
			  zhang[] = "\xe5\xbc\xa0\xe4\xb8\x89",
			  longer[] = "a-name-of-more-than-twenty-columns";
	AUTO(report_clear) struct report r;
	json_t *document;

	(void)state;
	open_report(&r, USAGE_BY_USER, DAYS);
	add(&r, "a", eve, eve, RESERVATION_RUN, 0, 3600, 3600);
	add(&r, "b", jorg, jorg, RESERVATION_RUN, 0, 1800, 3600);
	add(&r, "c", zhang, zhang, RESERVATION_RUN, 0, 900, 2700);
	add(&r, "d", longer, longer, RESERVATION_RUN, 0, 450, 450);
	usage_finish(&r.usage);
	expect_text(
		&r,
		"=== GPU Reservation Report ===\n"
		"Period: 2025-06-08 to 2025-07-08 (30 days)\n"
		"User                                     GPU Hours      Percentage        Run     "
		"Manual\n"
		"----------------------------------------------------------------------------------"
		"-------\n"
		"eve\\x1b[31m\\x0aTOTAL                          1.00          53.3%          1     "
		"     0\n"
		"J\xc3\xb6rg                                          0.50          26.7%          1"
		"          0\n"
		"\xe5\xbc\xa0\xe4\xb8\x89                                          0.25          "
		"13.3%          1          0\n"
		"a-name-of-more-than-twenty-columns            0.12           6.7%          1     "
		"     0\n"
		"----------------------------------------------------------------------------------"
		"-------\n"
		"TOTAL                                         1.88         100.0%          4     "
		"     0\n"
		"Total reservations: 4\n"
		"Unique users: 4\n");
	document = view_report_json(&r);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(document, "users"), 0), "name")),
			    eve);
	json_decref(document);
}

/* Fields are quoted where they need it, and no spreadsheet takes a name for a formula. */
static void test_csv_quotes(void **state)
{
	static const struct {
		const char *user, *account, *row;
	} cases[] = {
		{"alice", "alice", "alice,1.000000,100.0000,1,0,alice\n"},
		{"=cmd|calc!A1", "alice", "\"'=cmd|calc!A1\",1.000000,100.0000,1,0,alice\n"},
		{"b\"o,b", "bob", "\"b\"\"o,b\",1.000000,100.0000,1,0,bob\n"},
		{"two words", "x", "\"two words\",1.000000,100.0000,1,0,x\n"},
		{"+1", "-1", "\"'+1\",1.000000,100.0000,1,0,\"'-1\"\n"},
		{"@x", "x\ty\nz", "\"'@x\",1.000000,100.0000,1,0,x\\x09y\\x0az\n"},
		{"", "x", ",1.000000,100.0000,1,0,x\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(report_clear) struct report r;
		AUTO_FREE char *text = NULL;

		open_report(&r, USAGE_BY_USER, DAYS);
		add(&r, "a", cases[i].user, cases[i].account, RESERVATION_RUN, 0, 3600, 0);
		usage_finish(&r.usage);
		text = view_report_csv(&r);
		assert_string_equal(strchr(text, '\n') + 1, cases[i].row);
	}
}

/* ---- the timeline ---- */

static void test_timeline(void **state)
{
	AUTO(timeline_clear) struct timeline t = {0};
	char user[] = "J\xfcrg";
	int gpus[] = {0};
	struct reservation r = {
		.user = user,
		.type = RESERVATION_RUN,
		.start_ns = NOW - 60 * NS_PER_SECOND,
		.gpus = gpus,
		.gpus_count = 1,
	};
	struct usage_record record = {
		.type = RESERVATION_MANUAL,
		.gpu = 1,
		.start_ns = NOW - NS_PER_DAY,
		.end_ns = NOW - NS_PER_HOUR / 2,
	};

	(void)state;
	timeline_init(&t, NOW - NS_PER_HOUR, NOW, 2);
	timeline_add(&t, &record);
	timeline_add_running(&t, &r, NOW);
	expect_document(
		view_timeline_json(&t),
		"{\"from\":\"2025-07-07T17:26:32Z\",\"to\":\"2025-07-07T18:26:32Z\","
		"\"truncated\":false,\"gpus\":["
		"{\"gpu\":0,\"intervals\":[{\"start\":\"2025-07-07T18:25:32Z\",\"end\":null,"
		"\"user\":\"J\xef\xbf\xbdrg\",\"account\":null,\"type\":\"run\",\"state\":\"running\"}]},"
		"{\"gpu\":1,\"intervals\":[{\"start\":\"2025-07-07T17:26:32Z\","
		"\"end\":\"2025-07-07T17:56:32Z\",\"user\":\"unknown\",\"account\":null,\"type\":\"manual\","
		"\"state\":\"finished\"}]}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),         cmocka_unit_test(test_example),
		cmocka_unit_test(test_example_json), cmocka_unit_test(test_example_csv),
		cmocka_unit_test(test_nothing),      cmocka_unit_test(test_borrowed_names),
		cmocka_unit_test(test_by_gpu),       cmocka_unit_test(test_by_day),
		cmocka_unit_test(test_hostile),      cmocka_unit_test(test_csv_quotes),
		cmocka_unit_test(test_timeline),
	};

	return cmocka_run_group_tests(tests, set_world, NULL);
}
