/* The readers and writers of src/base: durations, id lists, times, texts. */
#include "test.h"

#include <locale.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/nouns.h"
#include "base/parse.h"
#include "base/str.h"
#include "base/text.h"

static void test_duration_accepts(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"30s", 30 * NS_PER_SECOND},
		{"30m", 1800 * NS_PER_SECOND},
		{"2h", 2 * NS_PER_HOUR},
		{"1d", NS_PER_DAY},
		{"0.5h", NS_PER_HOUR / 2},
		{"1h30m", NS_PER_HOUR + NS_PER_HOUR / 2},
		{"1d12h", NS_PER_DAY + NS_PER_DAY / 2},
		{"1w", 7 * NS_PER_DAY},
		{"100ms", NS_PER_SECOND / 10},
		{".5s", NS_PER_SECOND / 2},
		{"1.s", NS_PER_SECOND},
		{"3650d", PARSE_DURATION_MAX_NS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		int64_t ns = -1;

		if (parse_duration(cases[i].text, &ns, &e))
			fail_msg("%s: %s", cases[i].text, e.text);
		if (ns != cases[i].ns)
			fail_msg("%s: %lld", cases[i].text, (long long)ns);
	}
}

static void test_duration_refuses(void **state)
{
	static const char *const cases[] = {
		"",
		"0",
		"0s",
		"30",
		"-30s",
		"+30s",
		"1x",
		"h",
		"1h1h",
		"1m1h",
		" 1h",
		"1h ",
		"1h 5m",
		"nan",
		"inf",
		"1e3s",
		"0x10s",
		"1..5h",
		"3651d",
		".s",
		"0.0h",
		"1h-30m",
		"99999999999999999999d",
		"3650d1s",
		"9223372036854775807ns9223372036854775807h",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = {0};
		int64_t ns = -1;

		if (parse_duration(cases[i], &ns, &e) == 0)
			fail_msg("'%s' was taken as %lld ns", cases[i], (long long)ns);
		assert_int_equal(ns, -1);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	}
}

static void test_id_list(void **state)
{
	static const char *const refused[] = {"",      ",",     "1,",  ",1",  "a",
					      "1,,2",  "-1",    "1-",  "3-1", "1,1",
					      "0-3,2", "99999", "1 2", "1;2", "1.5"};
	AUTO_FREE int *ids = NULL;
	size_t count = 0;
	struct err e = {0};

	(void)state;
	assert_int_equal(parse_id_list("5,1, 3", &ids, &count, &e), 0);
	assert_int_equal(count, 3);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 3);
	assert_int_equal(ids[2], 5);
	free(mem_steal(&ids));
	assert_int_equal(parse_id_list("0-3,7", &ids, &count, &e), 0);
	assert_int_equal(count, 5);
	assert_int_equal(ids[4], 7);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int *none = NULL;

		if (parse_id_list(refused[i], &none, &count, &e) == 0)
			fail_msg("'%s' was taken", refused[i]);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	}
}

static void test_gpu_list(void **state)
{
	static const char *const refused[] = {"",       "GPU",      "GPU-a,",
					      ",GPU-a", "GPU-a b",  "GPU-a;b",
					      "UUID-a", "GPU-a,,1", "1,GPU-a,1"};
	AUTO(gpu_list_clear) struct gpu_list list = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(parse_gpu_list("5, GPU-3f2a,1-2 ,mig-GPU-a/1/0", &list, &e), 0);
	assert_int_equal(list.ids_count, 3);
	assert_int_equal(list.ids[2], 5);
	assert_int_equal(list.names_count, 2);
	assert_string_equal(list.names[0], "GPU-3f2a");
	assert_string_equal(list.names[1], "mig-GPU-a/1/0");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct gpu_list none = {0};

		if (parse_gpu_list(refused[i], &none, &e) == 0)
			fail_msg("'%s' was taken", refused[i]);
		assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
		assert_null(none.names);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int64_t mb;
	} taken[] = {{"40G", 38146},  {"80GB", 76293}, {"40Gi", 40960}, {"512Mi", 512},
		     {"0.5gib", 512}, {"1T", 953674},  {"2000K", 1},    {"1.5Gi", 1536}};
	static const char *const refused[] = {"",     "40",  "G",         ".G",    "0G",
					      "1K",   "-1G", "1.2.3G",    "1 G",   "1Gx",
					      "1e3G", "nan", "99999999T", "40GiBB"};
	struct err e = {0};
	int64_t mb;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		if (parse_size_mb(taken[i].text, &mb, &e) < 0 || mb != taken[i].mb)
			fail_msg("'%s': %lld", taken[i].text, (long long)mb);
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (parse_size_mb(refused[i], &mb, &e) == 0)
			fail_msg("'%s' was taken", refused[i]);
	}
}

static void test_int_and_bool(void **state)
{
	static const char *const refused[] = {
		"", " 1", "1 ", "x", "1x", "11", "-1", "1e1", "99999999999999999999"};
	struct err e = {0};
	int64_t value = 0;
	bool flag = false;

	(void)state;
	assert_int_equal(parse_int("10", 0, 10, &value, &e), 0);
	assert_int_equal(value, 10);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_true(parse_int(refused[i], 0, 10, &value, &e) < 0);
	assert_int_equal(parse_bool("TRUE", &flag, &e), 0);
	assert_true(flag);
	assert_int_equal(parse_bool("off", &flag, &e), 0);
	assert_false(flag);
	assert_true(parse_bool("maybe", &flag, &e) < 0);
}

static void test_rfc3339(void **state)
{
	static const char *const refused[] = {
		"",
		"2025-07-07",
		"2025-07-07T18:24:56",
		"2025-13-07T18:24:56Z",
		"2025-07-07T18:24:56.Z",
		"2025-07-07T18:24:56+0200",
		"2025-07-07T18:24:56Zx",
		"0001-01-01T00:00:00Z",
	};
	char text[CLOCK_RFC3339_SIZE];
	struct err e = {0};
	int64_t ns = 0, other = 0;

	(void)state;
	assert_int_equal(clock_rfc3339_parse("2025-07-07T18:24:56.100193782Z", &ns, &e), 0);
	assert_string_equal(clock_rfc3339(ns, text), "2025-07-07T18:24:56.100193782Z");
	assert_int_equal(ns, INT64_C(1751912696100193782));
	assert_int_equal(clock_rfc3339_parse("2025-07-07T20:24:56.100193782+02:00", &other, &e), 0);
	assert_int_equal(ns, other);
	assert_string_equal(clock_rfc3339(INT64_C(1751912696) * NS_PER_SECOND, text),
			    "2025-07-07T18:24:56Z");
	assert_string_equal(clock_rfc3339(-1, text), "1969-12-31T23:59:59.999999999Z");
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (clock_rfc3339_parse(refused[i], &ns, &e) == 0)
			fail_msg("'%s' was taken", refused[i]);
	}
}

static void test_duration_text(void **state)
{
	char text[CLOCK_DURATION_SIZE];

	(void)state;
	assert_string_equal(clock_duration(1815 * NS_PER_SECOND, text), "0h 30m 15s");
	assert_string_equal(clock_duration(3 * NS_PER_DAY, text), "72h 0m 0s");
	assert_string_equal(clock_duration(-5, text), "0h 0m 0s");
	assert_string_equal(clock_duration(INT64_MAX, text), "2562047h 47m 16s");
}

/* The local day of a time, and when the next one begins, in a zone given as POSIX writes it. */
static void check_day(const char *zone, const char *time, const char *day, const char *next)
{
	char date[CLOCK_DATE_SIZE], begin[CLOCK_RFC3339_SIZE];
	int64_t ns = 0;

	setenv("TZ", zone, 1);
	tzset();
	assert_int_equal(clock_rfc3339_parse(time, &ns, NULL), 0);
	assert_string_equal(clock_local_date(ns, date), day);
	assert_string_equal(clock_rfc3339(clock_next_local_day_ns(ns), begin), next);
}

/* A time as it is told at 2025-07-07 20:26, Berlin. */
static void test_soon(void **state)
{
	static const struct {
		const char *time, *told;
	} cases[] = {
		{"2025-07-07T18:26:32Z", "20:26"},
		{"2025-07-07T18:30:00Z", "20:30"},
		{"2025-07-06T22:00:00Z", "00:00"}, /* earlier on that day */
		{"2025-07-06T21:59:59Z", "2025-07-06 23:59"},
		{"2025-07-08T00:10:00Z", "02:10"}, /* after midnight, and soon all the same */
		{"2025-07-08T06:26:31Z", "08:26"},
		{"2025-07-08T06:26:32Z", "2025-07-08 08:26"}, /* twelve hours later */
		{"2026-01-01T06:00:00Z", "2026-01-01 07:00"},
	};
	int64_t now_ns = 0, ns = 0;
	char text[CLOCK_MINUTE_SIZE];

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	assert_int_equal(clock_rfc3339_parse("2025-07-07T18:26:32Z", &now_ns, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(clock_rfc3339_parse(cases[i].time, &ns, NULL), 0);
		assert_string_equal(clock_local_soon(ns, now_ns, text), cases[i].told);
	}
	setenv("TZ", "UTC0", 1);
	tzset();
}

static void test_account_label(void **state)
{
	static const struct {
		const char *user, *account, *label;
	} cases[] = {
		{"alice", "alice", "alice"}, {"alice", "bob", "alice (bob)"},
		{"alice", NULL, "alice"},    {NULL, "bob", "bob"},
		{NULL, NULL, "unknown"},     {"Alice", "alice", "Alice (alice)"},
		{"", "bob", "bob"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *label = account_label(cases[i].user, cases[i].account);

		assert_string_equal(label, cases[i].label);
	}
}

static void test_local_days(void **state)
{
	static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
	static const char sao_paulo[] = "<-03>3<-02>,M11.1.0/0,M2.3.0/0";

	(void)state;
	check_day("UTC0", "2025-07-07T18:24:56Z", "2025-07-07", "2025-07-08T00:00:00Z");
	check_day("UTC0", "2025-07-08T00:00:00Z", "2025-07-08", "2025-07-09T00:00:00Z");
	check_day("UTC0", "2024-02-28T23:59:59.999Z", "2024-02-28", "2024-02-29T00:00:00Z");
	check_day("UTC0", "1969-12-31T23:59:59.5Z", "1969-12-31", "1970-01-01T00:00:00Z");
	check_day("UTC0", "1925-12-31T23:59:59.5Z", "1925-12-31", "1926-01-01T00:00:00Z");
	check_day(berlin, "2025-07-07T22:00:00Z", "2025-07-08", "2025-07-08T22:00:00Z");
	/* 23 and 25 hours long. */
	check_day(berlin, "2025-03-29T23:00:00Z", "2025-03-30", "2025-03-30T22:00:00Z");
	check_day(berlin, "2025-10-25T22:00:00Z", "2025-10-26", "2025-10-26T23:00:00Z");
	/* At midnight itself, forward (there is none) and back (the last hour comes twice). */
	check_day(sao_paulo, "2025-11-02T02:59:59Z", "2025-11-01", "2025-11-02T03:00:00Z");
	check_day(sao_paulo, "2025-11-01T12:00:00Z", "2025-11-01", "2025-11-02T03:00:00Z");
	check_day(sao_paulo, "2025-11-02T03:00:00Z", "2025-11-02", "2025-11-03T02:00:00Z");
	check_day(sao_paulo, "2025-02-15T12:00:00Z", "2025-02-15", "2025-02-16T03:00:00Z");
	check_day(sao_paulo, "2025-02-16T02:30:00Z", "2025-02-15", "2025-02-16T03:00:00Z");
	setenv("TZ", "UTC0", 1);
	tzset();
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("alice"), 5);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_int_equal(text_width("J\u00f6rg"), 4);
	assert_int_equal(text_width("\u5f20\u4e09"), 4);
	assert_int_equal(text_width("e\u0301"), 1);
	assert_int_equal(text_width("\xff!"), 2);
	setlocale(LC_CTYPE, "C");
	assert_int_equal(text_width("J\u00f6rg"), 4);
}

static void test_ascii(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain \\", "plain \\"},
		{"\x1b[31m\n", "\\x1b[31m\\x0a"},
		{"gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2", "gr\\xfc\\xdf \\u6f22"},
		{"\xf0\x9f\x98\x80\xff", "\\U0001f600\\xff"},
	};

	(void)state;
	assert_null(text_ascii(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = text_ascii(cases[i].in);

		assert_string_equal(text, cases[i].out);
	}
}

static void test_printable(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"\x1b[31mred\x07", "\\x1b[31mred\\x07"},
		{"two\nlines", "two\\x0alines"},
		{"gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2", "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2"},
		{"\xe2\x80\xaetxt.exe", "\\u202etxt.exe"},
		{"\xff\xc0\xaf", "\\xff\\xc0\\xaf"},
		{"\xc2\x9b"
		 "31m",
		 "\\x9b31m"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},
		{"\xe2\x82", "\\xe2\\x82"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *out = text_printable(cases[i].in);

		assert_string_equal(out, cases[i].out);
	}
	assert_null(text_printable(NULL));
}

static void test_utf8(void **state)
{
	AUTO_FREE char *out = text_utf8("a\xff"
					"b\x1b");

	(void)state;
	assert_string_equal(out, "a\xef\xbf\xbd"
				 "b\x1b");
}

static void test_str(void **state)
{
	AUTO(str_clear) struct str s = {0};
	AUTO_FREE char *taken = NULL;

	(void)state;
	assert_string_equal(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	assert_int_equal(s.length, 3890);
	taken = str_steal(&s);
	assert_int_equal(strlen(taken), 3890);
	assert_string_equal(str_text(&s), "");
}

static void test_err(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, 5, "x %d", 1), -5);
	assert_string_equal(e.text, "x 1");
	assert_int_equal(err_prefix(&e, "while %s", "testing"), -5);
	assert_string_equal(e.text, "while testing: x 1");
	assert_int_equal(err_append(&e, "; try 2"), -5);
	assert_string_equal(e.text, "while testing: x 1; try 2");
	assert_true(err_set(NULL, 0, "nobody listens") < 0);
	assert_int_equal(err_sys(&e, 2, "open '%s'", "f"), -2);
	assert_string_equal(e.text, "open 'f': No such file or directory");
}

/* Also where no descriptor is left: a request that waits makes ids while it holds several. */
static void test_ids(void **state)
{
	static const char shape[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
	char a[ID_SIZE], b[ID_SIZE];
	struct rlimit before, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	id_new(a);
	id_new(b);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(strlen(a), ID_SIZE - 1);
	for (size_t i = 0; shape[i]; i++)
		assert_non_null(shape[i] == 'x'    ? strchr("0123456789abcdef", a[i])
				: shape[i] == 'y'  ? strchr("89ab", a[i])
				: a[i] == shape[i] ? a
						   : NULL);
	assert_string_not_equal(a, b);
}

static void test_ranges(void **state)
{
	static const int ids[] = {0, 1, 2, 5, 7, 8};
	static const char *const expected[] = {"",      "0",       "0-1",      "0-2",
					       "0-2,5", "0-2,5,7", "0-2,5,7-8"};

	(void)state;
	for (size_t count = 0; count < ARRAY_SIZE(expected); count++) {
		AUTO_FREE char *text = str_join_ranges(ids, count);

		assert_string_equal(text, expected[count]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_accepts),
		cmocka_unit_test(test_duration_refuses),
		cmocka_unit_test(test_id_list),
		cmocka_unit_test(test_gpu_list),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_int_and_bool),
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_duration_text),
		cmocka_unit_test(test_local_days),
		cmocka_unit_test(test_soon),
		cmocka_unit_test(test_account_label),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
