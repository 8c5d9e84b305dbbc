/* Tables: every line within the width, columns under each other, in any locale. */
#include "test.h"

#include <locale.h>

#include "base/mem.h"
#include "base/table.h"
#include "base/text.h"

static const struct table_column columns[] = {
	{.name = "ID", .right = true},
	{.name = "NAME", .trunc = true, .floor = 6},
	{.name = "TYPE", .drop = 2},
	{.name = "EMPTY", .drop = 1},
	{.name = "DETAILS", .trunc = true, .floor = 10},
};

/* What is printed, for a width (0: as wide as it is). The caller frees it. */
static char *print(size_t width, bool color)
{
	AUTO(table_freep) struct table *t = table_new(columns, ARRAY_SIZE(columns));
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	table_add(t, (const char *[]){"0", "J\xc3\xb6rg", "RUN", NULL, "expires in 3h 15m 45s"});
	table_add(t, (const char *[]){"10", "\xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89",
				      NULL, NULL, "evil\x1b[31m\ntext"});
	table_color(t, 1, TABLE_RED);
	table_set_width(t, width);
	table_print(t, out, color);
	fclose(out);
	return text;
}

static void check(size_t width, const char *expected)
{
	AUTO_FREE char *text = print(width, false);

	assert_string_equal(text, expected);
}

static void test_widths(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	check(0, "ID  NAME      TYPE  EMPTY  DETAILS\n"
		 "--  ----      ----  -----  -------\n"
		 " 0  J\xc3\xb6rg      RUN   -      expires in 3h 15m 45s\n"
		 "10  \xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89  -     -      "
		 "evil\\x1b[31m\\x0atext\n");
	/* First the empty column goes, then long cells are cut, then other columns go. */
	check(40, "ID  NAME      TYPE  DETAILS\n"
		  "--  ----      ----  -------\n"
		  " 0  J\xc3\xb6rg      RUN   expires in 3h 15m 4\xe2\x80\xa6\n"
		  "10  \xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89  -     "
		  "evil\\x1b[31m\\x0atext\n");
	check(30, "ID  NAME      TYPE  DETAILS\n"
		  "--  ----      ----  -------\n"
		  " 0  J\xc3\xb6rg      RUN   expires i\xe2\x80\xa6\n"
		  "10  \xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89  -     "
		  "evil\\x1b[\xe2\x80\xa6\n");
	check(24, "ID  NAME      DETAILS\n"
		  "--  ----      -------\n"
		  " 0  J\xc3\xb6rg      expires i\xe2\x80\xa6\n"
		  "10  \xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89  evil\\x1b[\xe2\x80\xa6\n");
	check(14, "ID  NAME  DET\xe2\x80\xa6\n"
		  "--  ----  ----\n"
		  " 0  J\xc3\xb6rg  exp\xe2\x80\xa6\n"
		  "10  \xe5\xbc\xa0\xe2\x80\xa6   evi\xe2\x80\xa6\n");
}

/* Every line fits, down to what two columns need at the least. */
static void test_every_width(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (size_t width = 12; width < 70; width++) {
		AUTO_FREE char *text = print(width, false);
		int lines = 0;

		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
			if (text_width(line) > width)
				fail_msg("width %zu: '%s'", width, line);
		}
		assert_int_equal(lines, 4);
	}
}

/* One row at a width, without the header. The caller frees it. */
static char *row_with_kept(size_t width, const char *const *cells, const char *const *kept)
{
	AUTO(table_freep) struct table *t = table_new(columns, ARRAY_SIZE(columns));
	char *text = NULL, *row;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	table_add(t, cells);
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		table_keep(t, i, kept[i]);
	table_set_width(t, width);
	table_print(t, out, false);
	fclose(out);
	row = strchr(strchr(text, '\n') + 1, '\n') + 1;
	memmove(text, row, strlen(row) + 1);
	return text;
}

/* What must not be lost stands below the row, if the row does not show it. */
static void test_kept(void **state)
{
	static const char *const cells[] = {"7", "alice", "RUN", "busy", "ends in 3h [a note]"};
	static const char *const whole[] = {NULL, "alice", "run", "busy", "[a note]"};
	static const char *const split[] = {NULL, NULL, NULL, NULL,
					    "one two three four five six seven eight nine ten "
					    "eleven twelve thirteen fourteen"};
	static const char *const hostile[] = {NULL, NULL, NULL, NULL,
					      "without-a-space-to-end-a-line\x1b[2J"};
	static const struct {
		size_t width;
		const char *const *kept;
		const char *expected;
	} cases[] = {
		{0, whole, " 7  alice  RUN   busy   ends in 3h [a note]\n"},
		{43, whole, " 7  alice  RUN   busy   ends in 3h [a note]\n"},
		/* Cut, left out, and several of them. */
		{36, whole, " 7  alice  RUN   busy   ends in 3h \xe2\x80\xa6\n    [a note]\n"},
		{32, whole, " 7  alice  busy   ends in 3h [a\xe2\x80\xa6\n    run; [a note]\n"},
		{24, whole, " 7  alice  ends in 3h [\xe2\x80\xa6\n    run; busy; [a note]\n"},
		/* Each begins a line where one is not enough. */
		{22, whole, " 7  alice  ends in 3h\xe2\x80\xa6\n    run\n    busy\n    [a note]\n"},
		/* Lines end between words, if there are any, and not all fit. */
		{24, split,
		 " 7  alice  ends in 3h [\xe2\x80\xa6\n    one two three four\n    five six seven eight\n"
		 "    nine ten eleven\n    twelve thirteen fou\xe2\x80\xa6\n"},
		{24, hostile,
		 " 7  alice  ends in 3h [\xe2\x80\xa6\n    without-a-space-to-e\n"
		 "    nd-a-line\\x1b[2J\n"},
	};

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = row_with_kept(cases[i].width, cells, cases[i].kept);

		assert_string_equal(text, cases[i].expected);
	}
}

/* A cell that flows goes on below its row, between words, and nothing is shown twice. */
static void test_flow(void **state)
{
	static const struct table_column some[] = {{.name = "TIME"},
						   {.name = "WHAT", .trunc = true, .flow = true}};
	static const struct {
		size_t width;
		const char *expected;
	} cases[] = {
		{0, "12:00  alice released GPUs 0-3, all of them\n"},
		{43, "12:00  alice released GPUs 0-3, all of them\n"},
		{42, "12:00  alice released GPUs 0-3, all of\n       them\n"},
		{24, "12:00  alice released\n      GPUs 0-3, all of\n      them\n"},
		/* The first word stays whole. */
		{11, "12:00  \n  alice\n  released\n  GPUs 0-3,\n  all of t\xe2\x80\xa6\n"},
	};

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(table_freep) struct table *t = table_new(some, ARRAY_SIZE(some));
		AUTO_FREE char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		table_add(t, (const char *[]){"12:00", "alice released GPUs 0-3, all of them"});
		table_set_width(t, cases[i].width);
		table_print(t, out, false);
		fclose(out);
		assert_string_equal(strchr(strchr(text, '\n') + 1, '\n') + 1, cases[i].expected);
	}
}

/* Zeros say as little as nothing. A narrow column stays where a wide one went after it. */
static void test_dropped(void **state)
{
	static const struct table_column some[] = {
		{.name = "A"},
		{.name = "ZERO", .drop = 1},
		{.name = "NARROW", .drop = 3},
		{.name = "WIDE", .drop = 2},
	};
	static const struct {
		size_t width;
		const char *header;
	} cases[] = {
		{34, "A  ZERO  NARROW  WIDE\n"},
		{33, "A  NARROW  WIDE\n"},
		{27, "A  WIDE\n"},
		{19, "A  NARROW\n"},
		{8, "A\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(table_freep) struct table *t = table_new(some, ARRAY_SIZE(some));
		AUTO_FREE char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		table_add(t, (const char *[]){"1", "0", "x", "a cell of 17 wide"});
		table_set_width(t, cases[i].width);
		table_print(t, out, false);
		fclose(out);
		if (strncmp(text, cases[i].header, strlen(cases[i].header)) != 0)
			fail_msg("at %zu: %s", cases[i].width, text);
	}
}

/* Where there is no terminal, COLUMNS counts if it is a number. */
static void test_environment(void **state)
{
	static const struct {
		const char *columns;
		bool cut;
	} cases[] = {{"40", true},  {NULL, false},  {"", false},   {"0", false},
		     {"-5", false}, {"40x", false}, {"400", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *text = NULL;

		if (cases[i].columns)
			setenv("COLUMNS", cases[i].columns, 1);
		else
			unsetenv("COLUMNS");
		text = print(0, false);
		assert_int_equal(!strstr(text, "EMPTY"), cases[i].cut);
	}
	unsetenv("COLUMNS");
}

static void test_c_locale(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	setlocale(LC_CTYPE, "C");
	text = print(36, false);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	assert_non_null(strstr(text, " 0  J?rg      RUN"));
	assert_non_null(strstr(text, "10  ????????  -  "));
	assert_non_null(strstr(text, "~\n"));
}

static void test_color(void **state)
{
	AUTO_FREE char *with = print(0, true), *without = print(0, false);

	(void)state;
	assert_non_null(strstr(with, "10  \x1b[31m"));
	assert_non_null(strstr(with, "\x1b[0m  -"));
	assert_null(strchr(without, '\x1b'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),   cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_kept),     cmocka_unit_test(test_flow),
		cmocka_unit_test(test_dropped),  cmocka_unit_test(test_environment),
		cmocka_unit_test(test_c_locale), cmocka_unit_test(test_color),
	};

	unsetenv("COLUMNS");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
