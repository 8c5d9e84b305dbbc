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
	/* First long cells are cut, then columns go: the empty one first. */
	check(40, "ID  NAME      TYPE  EMPTY  DETAILS\n"
		  "--  ----      ----  -----  -------\n"
		  " 0  J\xc3\xb6rg      RUN   -      expires in 3\xe2\x80\xa6\n"
		  "10  \xe5\xbc\xa0\xe4\xb8\x89\xe5\xbc\xa0\xe4\xb8\x89  -     -      "
		  "evil\\x1b[31m\xe2\x80\xa6\n");
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

static void test_c_locale(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	setlocale(LC_CTYPE, "C");
	text = print(44, false);
	for (const char *p = text; *p; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	assert_non_null(strstr(text, " 0  J\\xf6rg"));
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
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_every_width),
		cmocka_unit_test(test_c_locale),
		cmocka_unit_test(test_color),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
