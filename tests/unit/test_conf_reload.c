/* Settings that change while a command goes on: what is believed, what is told, and what is read
 * again. */
#include "test_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "conf/reload.h"
#include "conf/sources.h"

static void test_decisions(void **state)
{
	static const struct {
		const char *what;
		bool lost;
		int at_s;
		bool believed;
	} beliefs[] = {
		{"a change", false, 100, true},
		{"it vanishes", true, 101, false},
		{"still", true, 105, false},
		{"it is there again", false, 105, true},
		{"it vanishes again", true, 106, false},
		{"still", true, 110, false},
		{"it has gone", true, 111, true},
		{"for good", true, 200, true},
	};
	static const struct {
		const char *what;
		bool good, is_new;
		enum reload_news news;
	} ends[] = {
		{"all is well", true, true, RELOAD_NOTHING},
		{"a mistake", false, true, RELOAD_BROKEN},
		{"the same, looked at again", false, false, RELOAD_NOTHING},
		{"another mistake", false, true, RELOAD_BROKEN},
		{"mended", true, true, RELOAD_MENDED},
		{"a good change", true, true, RELOAD_NOTHING},
		{"the mistake of before", false, false, RELOAD_BROKEN},
		{"mended again", true, true, RELOAD_MENDED},
	};
	struct reload_state s = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(beliefs); i++) {
		if (reload_believes(&s, beliefs[i].lost, beliefs[i].at_s * NS_PER_SECOND) !=
		    beliefs[i].believed)
			fail_msg("%zu: %s", i, beliefs[i].what);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (reload_conclude(&s, ends[i].good, ends[i].is_new) != ends[i].news)
			fail_msg("%zu: %s", i, ends[i].what);
	}
}

/* Replaces a file as most editors do: another one takes its name. */
static void replace_file(const char *name, const char *text)
{
	write_file("new", text);
	assert_int_equal(rename("new", name), 0);
}

/* One look. *ret_line is what is told; the result that of reload_read, or of the command. */
static int check(struct reload *r, int64_t now_s, int refuse, int ret_gpus[1], char **ret_line)
{
	const struct settings *fresh;
	struct err e = {0};
	int result = reload_read(r, now_s * NS_PER_SECOND, &fresh, &e);

	*ret_line = NULL;
	if (result == 0)
		return 0;
	if (result > 0 && refuse)
		err_set(&e, refuse, "the command cannot use it");
	if (result > 0)
		*ret_gpus = (int)settings_int(fresh, "run.gpus");
	*ret_line = reload_settle(r, result > 0 ? -refuse : result, &e);
	return result > 0 ? 1 - 2 * (refuse != 0) : result;
}

struct fixture {
	struct settings *s;
	struct reload *r;
};

static int begin(void **state)
{
	static struct fixture f;

	if (access(SETTINGS_SYSTEM_FILE, F_OK) == 0)
		skip(); /* this host's own settings would be read, too */
	f.s = new_settings();
	write_file("c.yaml", "run: {gpus: 2, note: a}\n");
	assert_int_equal(settings_set(f.s, "config", "c.yaml", "--config", NULL), 0);
	assert_int_equal(settings_set(f.s, "run.note", "flag", "--note", NULL), 0);
	assert_int_equal(settings_load_file(f.s, "c.yaml", NULL), 0);
	f.r = reload_new(f.s);
	*state = &f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	f->r = reload_free(f->r);
	f->s = settings_free(f->s);
	return 0;
}

#define CHECK(at_s, refuse, expected, text)                                              \
	do {                                                                             \
		AUTO_FREE char *line = NULL;                                             \
		assert_int_equal(check(f->r, at_s, refuse, &gpus, &line), expected);     \
		if (!!line != !!(text) || (line && !strstr(line, (text) ? (text) : ""))) \
			fail_msg("told: %s", line);                                      \
	} while (0)

/* Looked at again, or not: that depends on how long ago it was written. */
#define CHECK_SILENT(at_s, refuse)                             \
	do {                                                   \
		AUTO_FREE char *line = NULL;                   \
		(void)check(f->r, at_s, refuse, &gpus, &line); \
		assert_null(line);                             \
	} while (0)

static void test_changes(void **state)
{
	struct fixture *f = *state;
	int gpus = 0;

	CHECK(1, 0, 0, NULL);
	replace_file("c.yaml", "run: {gpus: 3}\n");
	CHECK(2, 0, 1, NULL);
	assert_int_equal(gpus, 3);
	/* Flags stay what they were. */
	CHECK(3, 0, 0, NULL);
	/* In place, in the same moment, with the same size. */
	write_file("c.yaml", "run: {gpus: 4}\n");
	CHECK(4, 0, 1, NULL);
	assert_int_equal(gpus, 4);
	/* The same again is no change. */
	replace_file("c.yaml", "run: {gpus: 4}\n");
	CHECK(5, 0, 0, NULL);
}

static void test_mistakes(void **state)
{
	struct fixture *f = *state;
	int gpus = 0;

	replace_file("c.yaml", "run: {gpus: many}\n");
	CHECK(1, 0, -EINVAL,
	      "c.yaml:1:13: run.gpus: 'many' is not a whole number; going on with the "
	      "settings of ");
	CHECK_SILENT(2, 0);
	replace_file("c.yaml", "run: [\n");
	CHECK(3, 0, -EINVAL, "c.yaml:2:1: ");
	unlink("c.yaml");
	CHECK(4, 0, -ENOENT, "cannot read the configuration file 'c.yaml'");
	replace_file("c.yaml", "run: {gpus: 2, note: a}\n");
	CHECK(5, 0, 1, "valid again");
	assert_int_equal(gpus, 2);
	CHECK(6, 0, 0, NULL);
	/* A mistake that only the command finds. */
	replace_file("c.yaml", "run: {gpus: 9}\n");
	CHECK(7, EDOM, -1, "Warning: the command cannot use it; going on with");
	CHECK_SILENT(8, EDOM);
	replace_file("c.yaml", "run: {gpus: 8}\n");
	CHECK(9, 0, 1, "valid again");
}

static void test_emptied(void **state)
{
	struct fixture *f = *state;
	int gpus = 0;

	replace_file("c.yaml", "");
	CHECK(1, 0, 0, NULL);
	CHECK(5, 0, 0, NULL);
	write_file("c.yaml", "run: {gpus: 5}\n");
	CHECK(5, 0, 1, NULL);
	assert_int_equal(gpus, 5);
	replace_file("c.yaml", "");
	CHECK(7, 0, 0, NULL);
	CHECK(12, 0, 1, NULL);
	assert_int_equal(gpus, 1);
	CHECK(13, 0, 0, NULL);
	unlink("c.yaml");
}

/* What a look sees of a file: its identity, its times, its mode; and one that is not there. */
static void test_sources(void **state)
{
	struct fixture *f = *state;
	struct sources before, now;

	sources_look(f->s, &before);
	assert_int_equal(before.count, 3); /* the host's file and directory, and the named one */
	sources_look(f->s, &now);
	assert_true(sources_are_same(&before, &now));
	assert_false(sources_are_lost(f->s));
	replace_file("c.yaml", "run: {gpus: 2, note: a}\n");
	sources_look(f->s, &now);
	assert_false(sources_are_same(&before, &now));
	unlink("c.yaml");
	sources_look(f->s, &before);
	assert_false(sources_are_same(&before, &now));
	assert_true(sources_are_lost(f->s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test_setup_teardown(test_changes, begin, end),
		cmocka_unit_test_setup_teardown(test_mistakes, begin, end),
		cmocka_unit_test_setup_teardown(test_emptied, begin, end),
		cmocka_unit_test_setup_teardown(test_sources, begin, end),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
