/* The totals of a report: a table of cases, and random histories against a computation that counts
 * every tick of every record. */
#include "test.h"

#include <time.h>

#include "base/mem.h"
#include "stats/usage.h"

#define MINUTE_NS (60 * NS_PER_SECOND)
/* 2025-03-24 12:00 UTC: a week later, clocks are put forward in Berlin. */
#define FROM_NS (INT64_C(1742817600) * NS_PER_SECOND)
#define BY_COUNT (USAGE_BY_USER_GPU + 1)
#define TO_NS (FROM_NS + 10 * NS_PER_DAY)

static int set_zone(void **state)
{
	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

/* A record of `id` by alice, unless the case says otherwise; times in hours from the period's
 * begin. */
struct input {
	const char *id, *user, *account;
	enum reservation_type type;
	int gpu;
	double start_h, end_h;
	int64_t uid; /* 0: unknown */
};

static void add(struct usage *u, const struct input *in)
{
	struct usage_record record = {
		.user = (char *)in->user,
		.account = (char *)in->account,
		.uid = in->uid ? quantity_of(in->uid) : (struct quantity){0},
		.type = in->type,
		.gpu = in->gpu,
		.start_ns = FROM_NS + (int64_t)(in->start_h * NS_PER_HOUR),
		.end_ns = FROM_NS + (int64_t)(in->end_h * NS_PER_HOUR),
	};

	snprintf(record.reservation_id, sizeof(record.reservation_id), "%s", in->id);
	usage_add(u, &record);
}

struct expected {
	const char *name; /* NULL: no more rows */
	double hours;
	int run, manual;
};

static void check_row(const char *what, const char *name, const struct usage_total *total,
		      const struct expected *expected)
{
	if (strcmp(name, expected->name) != 0 ||
	    total->gpu_us != (int64_t)(expected->hours * 3600e6) ||
	    total->run_count != expected->run || total->manual_count != expected->manual)
		fail_msg("%s: got %s %.4f h, %d run, %d manual; expected %s %.4f h, %d, %d", what,
			 name, usage_hours(total), (int)total->run_count, (int)total->manual_count,
			 expected->name, expected->hours, expected->run, expected->manual);
}

static const struct {
	const char *what;
	enum usage_by by;
	struct input in[8];
	struct expected rows[8], total;
	size_t accounts;
} cases[] = {
	{"nothing", USAGE_BY_USER, {{0}}, {{0}}, {"", 0, 0, 0}, 0},
	{"cut at both ends",
	 USAGE_BY_USER,
	 {{"a", "alice", "alice", RESERVATION_RUN, 0, -5, 1, 0},
	  {"b", "alice", "alice", RESERVATION_RUN, 0, 239, 250, 0},
	  {"c", "bob", "bob", RESERVATION_MANUAL, 1, -1000, 1000, 0}},
	 {{"bob", 240, 0, 1}, {"alice", 2, 2, 0}},
	 {"", 242, 2, 1},
	 2},
	{"what only touches the period is not in it",
	 USAGE_BY_USER,
	 {{"a", "alice", "alice", RESERVATION_RUN, 0, -2, 0, 0},
	  {"b", "alice", "alice", RESERVATION_RUN, 0, 240, 241, 0},
	  {"c", "bob", "bob", RESERVATION_RUN, 0, 100, 100, 0}},
	 {{"bob", 0, 1, 0}},
	 {"", 0, 1, 0},
	 1},
	{"two GPUs count once, their hours twice, also when released apart",
	 USAGE_BY_USER,
	 {{"a", "alice", "alice", RESERVATION_RUN, 0, 1, 3, 0},
	  {"b", "bob", "bob", RESERVATION_MANUAL, 2, 1, 4, 0},
	  {"a", "alice", "alice", RESERVATION_RUN, 1, 1, 5, 0}},
	 {{"alice", 6, 1, 0}, {"bob", 3, 0, 1}},
	 {"", 9, 1, 1},
	 2},
	{"without ids, a reservation is what began together",
	 USAGE_BY_USER,
	 {{"", "alice", "alice", RESERVATION_RUN, 0, 1, 2, 0},
	  {"", "alice", "alice", RESERVATION_RUN, 1, 1, 2, 0},
	  {"", "alice", "alice", RESERVATION_RUN, 2, 1.5, 2, 0},
	  {"", "alice", "alice", RESERVATION_MANUAL, 3, 1, 2, 0},
	  {"", "bob", "bob", RESERVATION_RUN, 4, 1, 2, 0}},
	 {{"alice", 3.5, 2, 1}, {"bob", 1, 1, 0}},
	 {"", 4.5, 3, 1},
	 2},
	{"one account is one row, under the name that it used last",
	 USAGE_BY_USER,
	 {{"a", "sweep", "alice", RESERVATION_RUN, 0, 1, 4, 1000},
	  {"b", "alice", "alice", RESERVATION_RUN, 0, 5, 6, 1000},
	  {"c", "bob", "mallory", RESERVATION_RUN, 1, 1, 2, 1001},
	  {"d", "bob", "bob", RESERVATION_RUN, 2, 1, 2.5, 1002},
	  {"e", "alice", "alice", RESERVATION_RUN, 0, 7, 8, 0}},
	 {{"alice", 5, 3, 0}, {"bob", 1.5, 1, 0}, {"bob (mallory)", 1, 1, 0}},
	 {"", 7.5, 5, 0},
	 3},
	{"an account is its uid, whatever the name service says",
	 USAGE_BY_USER,
	 {{"a", "uid 1000", "uid 1000", RESERVATION_RUN, 0, 1, 2, 1000},
	  {"b", "alice", "alice", RESERVATION_RUN, 0, 2, 3, 1000},
	  {"c", "uid 1000", "uid 1000", RESERVATION_RUN, 0, 3, 4, 1000},
	  {"d", "uid 1000", "uid 1000", RESERVATION_RUN, 0, 4, 5, 0},
	  {"e", "alice", "alice", RESERVATION_RUN, 0, 5, 6, 0},
	  {"f", "uid 1001", "uid 1001", RESERVATION_RUN, 1, 1, 4, 1001}},
	 {{"alice", 5, 5, 0}, {"uid 1001", 3, 1, 0}},
	 {"", 8, 6, 0},
	 2},
	{"an account that was renamed has its latest name, and one label",
	 USAGE_BY_USER,
	 {{"a", "sweep", "smith", RESERVATION_RUN, 0, 1, 2, 1000},
	  {"b", "jones", "jones", RESERVATION_RUN, 0, 3, 5, 1000},
	  {"c", "smith", "smith", RESERVATION_RUN, 0, 2, 3, 1000},
	  {"d", "smith", "smith", RESERVATION_RUN, 1, 2, 3, 1002}},
	 {{"jones", 4, 3, 0}, {"smith", 1, 1, 0}},
	 {"", 5, 4, 0},
	 2},
	{"records that name no account",
	 USAGE_BY_USER,
	 {{"a", "old", NULL, RESERVATION_RUN, 0, 1, 2, 0},
	  {"b", "old", NULL, RESERVATION_RUN, 0, 2, 4, 1234},
	  {"c", NULL, NULL, RESERVATION_RUN, 0, 4, 7, 0},
	  {"d", NULL, "alice", RESERVATION_RUN, 0, 4, 8, 0}},
	 {{"alice", 4, 1, 0}, {"unknown", 3, 1, 0}, {"old (uid 1234)", 2, 1, 0}, {"old", 1, 1, 0}},
	 {"", 10, 4, 0},
	 4},
	{"equal hours are in the order of the alphabet",
	 USAGE_BY_USER,
	 {{"a", "bob", "bob", RESERVATION_RUN, 0, 1, 2, 0},
	  {"b", "alice", "alice", RESERVATION_RUN, 0, 1, 2, 0}},
	 {{"alice", 1, 1, 0}, {"bob", 1, 1, 0}},
	 {"", 2, 2, 0},
	 2},
	{"by GPU a reservation is in each of its rows, and once in the total",
	 USAGE_BY_GPU,
	 {{"a", "alice", "alice", RESERVATION_RUN, 0, 1, 3, 0},
	  {"a", "alice", "alice", RESERVATION_RUN, 2, 1, 4, 0},
	  {"b", "bob", "bob", RESERVATION_MANUAL, 2, 5, 6, 0},
	  {"c", "bob", "bob", RESERVATION_MANUAL, 4096, 5, 6, 0}},
	 {{"0", 2, 1, 0}, {"1", 0, 0, 0}, {"2", 4, 1, 1}},
	 {"", 7, 1, 2},
	 2},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(usage_clear) struct usage u = {0};
		size_t rows = 0;

		usage_init(&u, cases[i].by, FROM_NS, TO_NS);
		usage_add_gpus(&u, 2);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].in) && cases[i].in[k].id; k++)
			add(&u, &cases[i].in[k]);
		usage_finish(&u);
		check_row(cases[i].what, "", &u.total, &cases[i].total);
		assert_int_equal(u.accounts_count, cases[i].accounts);
		for (; cases[i].rows[rows].name; rows++) {
			AUTO_FREE char *name = NULL;

			assert_true(rows < u.rows_count);
			name = usage_row_name(&u, &u.rows[rows]);
			check_row(cases[i].what, name, &u.rows[rows].total, &cases[i].rows[rows]);
		}
		assert_int_equal(u.rows_count, rows);
	}
}

static void test_parts_and_one_account(void **state)
{
	/* As in test_days: 2025-03-30 has 23 hours here. */
	static const struct input in[] = {
		{"a", "sweep", "alice", RESERVATION_RUN, 0, 129, 156, 1000},
		{"b", "bob", "bob", RESERVATION_MANUAL, 3, 130, 131, 1001},
		{"c", "alice", "alice", RESERVATION_RUN, 1, 200, 201, 0}, /* joins by its name */
		{"d", "alice", "carol", RESERVATION_RUN, 1, 200, 201, 1002},
	};
	static const char *const days[] = {"alice 2025-03-29 2", "alice 2025-03-30 23",
					   "alice 2025-03-31 2", "alice 2025-04-01 1",
					   "bob 2025-03-29 1",   "alice (carol) 2025-04-01 1"};
	static const char *const gpus[] = {"alice 0 27", "alice 1 1", "bob 3 1",
					   "alice (carol) 1 1"};
	static const char *const only[] = {"alice 0 27", "alice 1 1"};
	static const struct {
		enum usage_by by;
		const char *account;
		const char *const *rows;
		size_t count;
	} asked[] = {
		{USAGE_BY_USER_DAY, NULL, days, ARRAY_SIZE(days)},
		{USAGE_BY_USER_GPU, NULL, gpus, ARRAY_SIZE(gpus)},
		{USAGE_BY_USER_GPU, "alice", only, ARRAY_SIZE(only)},
		{USAGE_BY_USER_GPU, "nobody", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		AUTO(usage_clear) struct usage u = {0};

		usage_init(&u, asked[i].by, FROM_NS, TO_NS);
		u.only_account = asked[i].account;
		if (asked[i].account)
			u.only_uid = quantity_of(strcmp(asked[i].account, "alice") ? 7 : 1000);
		for (size_t k = 0; k < ARRAY_SIZE(in); k++)
			add(&u, &in[k]);
		usage_finish(&u);
		assert_int_equal(u.rows_count, asked[i].count);
		for (size_t k = 0; k < u.rows_count; k++) {
			AUTO_FREE char *name = usage_row_name(&u, &u.rows[k]);
			AUTO_FREE char *part = usage_row_part(&u, &u.rows[k]);
			AUTO_FREE char *row =
				mem_printf("%s %s %.0f", name, part, usage_hours(&u.rows[k].total));

			assert_string_equal(row, asked[i].rows[k]);
		}
	}
}

static void test_days(void **state)
{
	static const struct input in[] = {
		/* From 2025-03-29 22:00 to 2025-03-31 02:00 here; the day between has 23 hours. */
		{"a", "alice", "alice", RESERVATION_RUN, 0, 129, 156, 0},
		{"a", "alice", "alice", RESERVATION_RUN, 1, 129, 130, 0},
		/* Older than the period: counts on its first day. */
		{"b", "bob", "bob", RESERVATION_MANUAL, 0, -9, 1, 0},
	};
	static const struct expected rows[] = {
		{"2025-03-24", 1, 0, 1},  {"2025-03-25", 0, 0, 0}, {"2025-03-26", 0, 0, 0},
		{"2025-03-27", 0, 0, 0},  {"2025-03-28", 0, 0, 0}, {"2025-03-29", 3, 1, 0},
		{"2025-03-30", 23, 0, 0}, {"2025-03-31", 2, 0, 0}, {"2025-04-01", 0, 0, 0},
		{"2025-04-02", 0, 0, 0},  {"2025-04-03", 0, 0, 0},
	};
	AUTO(usage_clear) struct usage u = {0};

	(void)state;
	usage_init(&u, USAGE_BY_DAY, FROM_NS, TO_NS);
	for (size_t i = 0; i < ARRAY_SIZE(in); i++)
		add(&u, &in[i]);
	usage_finish(&u);
	assert_int_equal(u.rows_count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO_FREE char *name = usage_row_name(&u, &u.rows[i]);

		check_row("days", name, &u.rows[i].total, &rows[i]);
	}
}

static void test_nothing_is_no_division(void **state)
{
	AUTO(usage_clear) struct usage u = {0};

	(void)state;
	usage_init(&u, USAGE_BY_USER, FROM_NS, TO_NS);
	usage_finish(&u);
	assert_true(usage_percentage(&u, &u.total) == 0);
	assert_int_equal(usage_reservations(&u.total), 0);
	assert_int_equal(u.rows_count, 0);
}

/* ---- random histories ---- */

#define RESERVATIONS 60
#define ACCOUNTS 70
#define GPUS 5
#define DAYS 16

/* The same totals, by looking at every minute of every record. */
struct slow {
	int64_t account_us[ACCOUNTS], gpu_us[GPUS], day_us[DAYS], us;
	int account_runs[ACCOUNTS], gpu_runs[GPUS], day_runs[DAYS], runs;
	int account_manuals[ACCOUNTS];
};

static uint32_t seed;

static int random_below(int limit)
{
	seed = seed * 1664525 + 1013904223;
	return (int)((seed >> 8) % (uint32_t)limit);
}

/* Days since the first one of the period, by the calendar of the zone. */
static int day_of(int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / NS_PER_SECOND), first = FROM_NS / NS_PER_SECOND;
	struct tm a, b;

	localtime_r(&seconds, &a);
	localtime_r(&first, &b);
	return a.tm_yday - b.tm_yday;
}

static void slow_add(struct slow *s, int account, int gpu, int64_t start_ns, int64_t end_ns)
{
	for (int64_t t = start_ns; t < end_ns; t += MINUTE_NS) {
		if (t < FROM_NS || t >= TO_NS)
			continue;
		s->us += MINUTE_NS / 1000;
		s->account_us[account] += MINUTE_NS / 1000;
		s->gpu_us[gpu] += MINUTE_NS / 1000;
		s->day_us[day_of(t)] += MINUTE_NS / 1000;
	}
}

/* One reservation with some GPUs that end at different times, for all three kinds of report. */
static void random_reservation(struct slow *s, struct usage u[BY_COUNT], int number)
{
	int account = random_below(ACCOUNTS), gpus = 1 + random_below(GPUS);
	enum reservation_type type = random_below(2) ? RESERVATION_RUN : RESERVATION_MANUAL;
	int64_t start_ns = FROM_NS + (random_below(13 * 1440) - 1440) * MINUTE_NS;
	bool counted = false;
	struct usage_record record = {.type = type, .start_ns = start_ns};
	char name[16];

	snprintf(name, sizeof(name), "user%d", account);
	snprintf(record.reservation_id, sizeof(record.reservation_id), "%08d-%d", number, account);
	record.user = record.account = name;
	for (int gpu = 0; gpu < gpus; gpu++) {
		record.gpu = gpu;
		record.end_ns = start_ns + (1 + random_below(3000)) * MINUTE_NS;
		slow_add(s, account, gpu, start_ns, record.end_ns);
		for (int by = 0; by < BY_COUNT; by++)
			usage_add(&u[by], &record);
		if (record.end_ns <= FROM_NS || start_ns >= TO_NS)
			continue;
		s->gpu_runs[gpu] += type == RESERVATION_RUN;
		if (!counted) {
			int day = day_of(start_ns < FROM_NS ? FROM_NS : start_ns);

			s->runs += type == RESERVATION_RUN;
			s->day_runs[day] += type == RESERVATION_RUN;
			s->account_runs[account] += type == RESERVATION_RUN;
			s->account_manuals[account] += type == RESERVATION_MANUAL;
		}
		counted = true;
	}
}

static void compare(const struct slow *s, const struct usage u[BY_COUNT])
{
	for (int by = 0; by < BY_COUNT; by++) {
		assert_int_equal(u[by].total.gpu_us, s->us);
		assert_int_equal(u[by].total.run_count, s->runs);
	}
	for (size_t i = 0; i < u[0].rows_count; i++) {
		int account = atoi(u[0].rows[i].account + 4);

		assert_int_equal(u[0].rows[i].total.gpu_us, s->account_us[account]);
		assert_int_equal(u[0].rows[i].total.run_count, s->account_runs[account]);
		assert_int_equal(u[0].rows[i].total.manual_count, s->account_manuals[account]);
		assert_true(!i || u[0].rows[i - 1].total.gpu_us >= u[0].rows[i].total.gpu_us);
	}
	for (size_t i = 0; i < u[1].rows_count; i++) {
		assert_int_equal(u[1].rows[i].total.gpu_us, s->gpu_us[i]);
		assert_int_equal(u[1].rows[i].total.run_count, s->gpu_runs[i]);
	}
	for (size_t i = 0; i < u[2].rows_count; i++) {
		assert_int_equal(u[2].rows[i].total.gpu_us, s->day_us[i]);
		assert_int_equal(u[2].rows[i].total.run_count, s->day_runs[i]);
	}
}

/* The parts of users add up to the users, and those of all users to the days and GPUs. */
static void compare_parts(const struct slow *s, const struct usage *users,
			  const struct usage *parts)
{
	int64_t us[400] = {0}, runs[400] = {0}, sum_us = 0, sum_runs = 0;
	size_t user = 0;

	for (size_t i = 0; i < parts->rows_count; i++) {
		const struct usage_row *row = &parts->rows[i];
		int place = parts->by == USAGE_BY_USER_GPU ? row->gpu : day_of(row->begin_ns);

		if (i && strcmp(row->account, row[-1].account) != 0) {
			assert_int_equal(sum_us, users->rows[user].total.gpu_us);
			if (parts->by == USAGE_BY_USER_DAY)
				assert_int_equal(sum_runs, users->rows[user].total.run_count);
			sum_us = sum_runs = 0;
			user++;
		} else if (i) {
			assert_true(row->gpu > row[-1].gpu || row->begin_ns > row[-1].begin_ns);
		}
		assert_string_equal(row->account, users->rows[user].account);
		sum_us += row->total.gpu_us;
		sum_runs += row->total.run_count;
		us[place] += row->total.gpu_us;
		runs[place] += row->total.run_count;
	}
	assert_int_equal(user + 1, users->rows_count);
	for (int i = 0; i < (parts->by == USAGE_BY_USER_GPU ? GPUS : 11); i++) {
		assert_int_equal(us[i],
				 parts->by == USAGE_BY_USER_GPU ? s->gpu_us[i] : s->day_us[i]);
		assert_int_equal(runs[i],
				 parts->by == USAGE_BY_USER_GPU ? s->gpu_runs[i] : s->day_runs[i]);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (seed = 1; seed < 40; seed++) {
		uint32_t first = seed;
		struct slow s = {0};
		struct usage u[BY_COUNT];

		for (int by = 0; by < BY_COUNT; by++)
			usage_init(&u[by], (enum usage_by)by, FROM_NS, TO_NS);
		for (int i = 0; i < RESERVATIONS; i++)
			random_reservation(&s, u, i);
		for (int by = 0; by < BY_COUNT; by++)
			usage_finish(&u[by]);
		compare(&s, u);
		compare_parts(&s, &u[USAGE_BY_USER], &u[USAGE_BY_USER_DAY]);
		compare_parts(&s, &u[USAGE_BY_USER], &u[USAGE_BY_USER_GPU]);
		for (int by = 0; by < BY_COUNT; by++)
			usage_clear(&u[by]);
		seed = first;
	}
}

/* Many reservations, in an order that brings the records of one together only at the end. */
static void test_many(void **state)
{
	AUTO(usage_clear) struct usage u = {0};

	(void)state;
	usage_init(&u, USAGE_BY_USER, FROM_NS, TO_NS);
	for (int gpu = 0; gpu < 2; gpu++) {
		for (int i = 0; i < 100000; i++) {
			char id[ID_SIZE];

			snprintf(id, sizeof(id), "%08x-0000-4000-8000-%012x", i * 7, i);
			add(&u, &(struct input){id, "a", "a", RESERVATION_RUN, gpu, 1, 2, 0});
		}
	}
	usage_finish(&u);
	assert_int_equal(u.total.run_count, 100000);
	assert_int_equal(u.total.gpu_us, INT64_C(200000) * 3600 * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),  cmocka_unit_test(test_parts_and_one_account),
		cmocka_unit_test(test_days),   cmocka_unit_test(test_nothing_is_no_division),
		cmocka_unit_test(test_random), cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
