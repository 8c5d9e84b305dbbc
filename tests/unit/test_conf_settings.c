/* Settings: defaults, precedence, the environment. Files are in test_conf_files.c. */
#include "test_conf.h"

#include "base/clock.h"

#include <errno.h>

static const char *where_of(const struct settings *s, const char *key)
{
	struct setting_view view;

	for (size_t i = 0; settings_view(s, i, &view); i++) {
		if (!strcmp(view.key, key))
			return view.where;
	}
	return NULL;
}

static void test_defaults(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct setting_view view;
	size_t count = 1;

	assert_string_equal(settings_text(s, "redis.host"), "localhost");
	assert_int_equal(settings_int(s, "redis.port"), 6379);
	assert_null(settings_text(s, "store"));
	assert_int_equal(settings_duration_ns(s, "run.timeout"), 0);
	assert_null(settings_ids(s, "run.gpu-ids", &count));
	assert_int_equal(count, 0);
	assert_false(settings_flag(s, "run.short"));
	assert_false(settings_is_set(s, "redis.port"));
	assert_true(settings_view(s, 0, &view));
	assert_string_equal(view.key, "config");
	assert_string_equal(view.where, "default");
	assert_null(view.value);
	assert_false(settings_view(s, 12, &view));
	assert_true(settings_view(s, 9, &view));
	assert_string_equal(view.key, "run.short");
	assert_string_equal(view.value, "false");
}

static void test_precedence(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	/* The strongest first: what is weaker must not replace it, in whatever order they come. */
	assert_int_equal(settings_set(s, "run.gpus", "4", "--gpus", &e), 0);
	setenv("CANHAZGPU_RUN_GPUS", "3", 1);
	setenv("CANHAZGPU_REDIS_PORT", "3333", 1);
	setenv("CANHAZGPU_RUN_NOTE", "", 1);
	setenv("CANHAZGPU_CONFIG", "ignored", 1);
	setenv("CANHAZGPU_RUN_SHORT", "YES", 1);
	setenv("CANHAZGPU_RUN_GPU_IDS", "0-2", 1);
	assert_int_equal(settings_load_environment(s, &e), 0);
	assert_int_equal(load(s, "a.yaml",
			      "run: {gpus: 2, note: from file}\n"
			      "redis: {port: 2222, host: h}\n",
			      &e),
			 0);
	unsetenv("CANHAZGPU_RUN_GPUS");
	unsetenv("CANHAZGPU_REDIS_PORT");
	unsetenv("CANHAZGPU_RUN_NOTE");
	unsetenv("CANHAZGPU_CONFIG");
	unsetenv("CANHAZGPU_RUN_SHORT");
	unsetenv("CANHAZGPU_RUN_GPU_IDS");

	assert_int_equal(settings_int(s, "run.gpus"), 4);
	assert_string_equal(where_of(s, "run.gpus"), "flag --gpus");
	assert_int_equal(settings_int(s, "redis.port"), 3333);
	assert_string_equal(where_of(s, "redis.port"), "environment CANHAZGPU_REDIS_PORT");
	assert_string_equal(settings_text(s, "run.note"), "from file");
	assert_string_equal(where_of(s, "run.note"), "a.yaml:1:22");
	assert_string_equal(settings_text(s, "redis.host"), "h");
	assert_string_equal(where_of(s, "memory.threshold"), "default");
	assert_string_equal(settings_text(s, "run.short"), "true");
	assert_string_equal(settings_text(s, "run.gpu-ids"), "0-2");
	assert_int_equal(settings_origin(s, "config"), ORIGIN_DEFAULT);
	assert_int_equal(settings_origin(s, "run.note"), ORIGIN_FILE);
}

static void test_bad_environment(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	setenv("CANHAZGPU_RUN_GPUS", "two", 1);
	assert_int_not_equal(settings_load_environment(s, &e), 0);
	unsetenv("CANHAZGPU_RUN_GPUS");
	assert_string_equal(e.text, "environment variable CANHAZGPU_RUN_GPUS: 'two' is not a "
				    "whole number");
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
}

/* A bad value is an error also where a stronger one hides it. */
static void test_hidden_value_is_checked(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	assert_int_equal(settings_set(s, "run.gpus", "4", "--gpus", &e), 0);
	assert_int_not_equal(load(s, "a.yaml", "run.gpus: 0\n", &e), 0);
	assert_string_equal(e.text, "a.yaml:1:11: run.gpus: 0 is out of range (1 to 1024)");
}

/* What only the host's administrator decides, on the ways that users have. */
static const struct option_spec host_table[] = {
	{.name = "policy-max",
	 .key = "policy.max",
	 .type = OPTION_INT,
	 .fallback = "3",
	 .not_on_command_line = true,
	 .system_only = true},
	{0},
};

static void test_system_only(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	struct err e = {0};

	settings_declare(s, NULL, host_table);
	setenv("CANHAZGPU_POLICY_MAX", "9", 1);
	assert_int_equal(settings_load_environment(s, &e), -EINVAL);
	assert_string_equal(e.text, "environment variable CANHAZGPU_POLICY_MAX: policy.max counts "
				    "only in /etc/canhazgpu/config.yaml, where root sets it");
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	setenv("CANHAZGPU_POLICY_MAX", "", 1);
	assert_int_equal(settings_load_environment(s, &e), 0);
	unsetenv("CANHAZGPU_POLICY_MAX");
	write_file("host.yaml", "run.gpus: 2\npolicy:\n  max: 9\n");
	assert_int_equal(settings_load_file(s, "host.yaml", &e), -EINVAL);
	assert_string_equal(e.text, "host.yaml:3:3: policy.max counts only in "
				    "/etc/canhazgpu/config.yaml, where root sets it");
	unlink("host.yaml");
	assert_int_equal(settings_int(s, "policy.max"), 3);
}

/* Names are looked at whole: what is none of these is nobody's. */
static void test_host_files(void **state)
{
	static const struct {
		const char *path;
		bool is_one;
	} rows[] = {
		{"/etc/canhazgpu/config.yaml", true},
		{"/etc/canhazgpu/config.yml", false},
		{"/etc/canhazgpu/config.yaml.old", false},
		{"/etc/canhazgpu/config.d", false},
		{"/etc/canhazgpu/config.d/", false},
		{"/etc/canhazgpu/config.d/10-lab.yaml", true},
		{"/etc/canhazgpu/config.d/a.yml", true},
		{"/etc/canhazgpu/config.d/a.json", true},
		{"/etc/canhazgpu/config.d/a.toml", true},
		{"/etc/canhazgpu/config.d/.yaml", false},
		{"/etc/canhazgpu/config.d/.hidden.yaml", false},
		{"/etc/canhazgpu/config.d/a.yaml~", false},
		{"/etc/canhazgpu/config.d/a.yaml.dpkg-old", false},
		{"/etc/canhazgpu/config.d/README", false},
		{"/etc/canhazgpu/config.d/../../x.yaml", false},
		{"/etc/canhazgpu/config.d/below/x.yaml", false},
		{"etc/canhazgpu/config.yaml", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (host_files_have(rows[i].path, strlen(rows[i].path)) != rows[i].is_one)
			fail_msg("%s", rows[i].path);
	}
}

static const struct option_spec group_table[] = {
	{.name = "limit-most",
	 .key = "limit.most",
	 .type = OPTION_INT,
	 .min = 1,
	 .max = 9,
	 .per_group = true},
	{.name = "limit-note", .key = "limit.note", .type = OPTION_TEXT},
	{.name = "limit-time", .key = "limit.time", .type = OPTION_DURATION, .per_group = true},
	{0},
};

/* Each group that a file names has settings of its own. */
static void test_groups(void **state)
{
	AUTO(settings_freep) struct settings *s = new_settings();
	AUTO_FREE char *key = settings_group_key("limit.most", "a b");
	struct setting_view view;
	struct err e = {0};
	char **names;
	size_t count, last = 0;

	(void)state;
	settings_declare(s, NULL, group_table);
	names = settings_groups(s, &count);
	assert_int_equal(count, 0);
	assert_int_equal(load(s, "a.yaml",
			      "limit:\n  most: 4\n  groups:\n    students: {most: 2, time: 1h}\n"
			      "    a b: {most: 3}\n    lab.x:\n      most: 5\n    empty:\n",
			      &e),
			 0);
	assert_int_equal(load(s, "b.yaml", "limit.groups.students.most: 1\n", &e), 0);
	names = settings_groups(s, &count);
	assert_int_equal(count, 3);
	assert_string_equal(names[0], "students");
	assert_string_equal(names[1], "a b");
	assert_string_equal(names[2], "lab.x");
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	assert_string_equal(key, "limit.groups.a b.most");
	assert_int_equal(settings_int(s, key), 3);
	assert_int_equal(settings_int(s, "limit.most"), 4);
	assert_int_equal(settings_int(s, "limit.groups.students.most"), 1);
	assert_int_equal(settings_duration_ns(s, "limit.groups.students.time"), NS_PER_HOUR);
	assert_true(settings_has(s, "limit.groups.lab.x.most"));
	assert_false(settings_has(s, "limit.groups.lab.x.time"));
	while (settings_view(s, last, &view))
		last++;
	settings_view(s, last - 1, &view);
	assert_string_equal(view.key, "limit.groups.lab.x.most");
	assert_string_equal(view.where, "a.yaml:7:13");
}

static void test_mistakes_in_groups(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"limit: {groups: {students: {mots: 2}}}\n",
		 "a.yaml:1:29: 'limit.groups.students.mots' is not a setting: a group can have most, time"},
		{"limit: {groups: {students: {note: x}}}\n",
		 "a.yaml:1:29: 'limit.groups.students.note' is not a setting: a group can have most, time"},
		{"limit: {groups: {students: 2}}\n",
		 "a.yaml:1:18: 'limit.groups.students' is not a setting: a group can have most, time"},
		{"limit: {groups: 2}\n",
		 "a.yaml:1:9: 'limit.groups' is not a setting: a group can have most, time"},
		{"limit: {groups: {s: {most: 10}}}\n",
		 "a.yaml:1:28: limit.groups.s.most: 10 is out of range (1 to 9)"},
		{"limit: {groups: {s: {time: 3}}}\n",
		 "a.yaml:1:28: limit.groups.s.time needs a unit: \"3s\", \"3m\" or \"3h\""},
		{"limit: {groups: {s: {most: 1}}, groups.s.most: 2}\n",
		 "a.yaml:1:33: limit.groups.s.most is set twice (first on line 1)"},
		{"limit.groups.most: 2\n",
		 "a.yaml:1:1: 'limit.groups.most' is not a setting: a group can have most, time"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(settings_freep) struct settings *s = new_settings();
		struct err e = {0};

		settings_declare(s, NULL, group_table);
		assert_int_not_equal(load(s, "a.yaml", rows[i].text, &e), 0);
		assert_string_equal(e.text, rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_bad_environment),
		cmocka_unit_test(test_hidden_value_is_checked),
		cmocka_unit_test(test_system_only),
		cmocka_unit_test(test_host_files),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_mistakes_in_groups),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
