/* Settings: defaults, precedence, the environment. Files are in test_conf_files.c. */
#include "test_conf.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_bad_environment),
		cmocka_unit_test(test_hidden_value_is_checked),
		cmocka_unit_test(test_system_only),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
