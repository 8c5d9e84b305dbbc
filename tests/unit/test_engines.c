/* The table of engines: every command says what an engine does with it, and each refusal is one
 * line. */
#include "test.h"

#include "base/mem.h"
#include "cmd/engine.h"

static const struct engine_row *find_row(const struct engine *engine, const struct command *command)
{
	for (const struct engine_row *row = engine->rows; row->command; row++) {
		if (row->command == command)
			return row;
	}
	return NULL;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; engine_at(i); i++) {
		for (size_t k = 0; engine_at(i)->rows && commands[k]; k++) {
			const struct engine_row *row = find_row(engine_at(i), commands[k]);

			if (!row)
				fail_msg("%s has no row for %s", engine_at(i)->name,
					 commands[k]->name);
			/* One of the three. */
			assert_int_equal(1, (row->run != NULL) + row->as_ever +
						    (row->refusal != NULL));
		}
	}
}

static void test_options(void **state)
{
	(void)state;
	for (size_t i = 0; engine_at(i); i++) {
		for (const struct engine_option *o = engine_at(i)->options; o && o->command; o++) {
			const struct option_spec *spec = o->command->options;
			const struct engine_row *row = find_row(engine_at(i), o->command);

			while (spec->name && strcmp(spec->name, o->option) != 0)
				spec++;
			if (!spec->name)
				fail_msg("%s has no option %s", o->command->name, o->option);
			assert_null(row->refusal);
			assert_true(strlen(o->refusal) < 160);
			assert_null(strchr(o->refusal, '\n'));
		}
	}
}

/* run ARGS: what the engine answers. */
static int run(const struct command *command, const char *key, enum setting_origin origin,
	       struct err *e)
{
	AUTO(settings_freep) struct settings *s = settings_new();
	struct invocation in = {.command = command, .settings = s};

	commands_declare(s);
	assert_int_equal(settings_set(s, "engine", "slurm", "--engine", e), 0);
	if (key && origin == ORIGIN_FLAG)
		assert_int_equal(settings_set(s, key, "1", "--option", e), 0);
	return engine_run(&in, e);
}

static void test_refusals(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_not_equal(run(&cmd_extend, NULL, ORIGIN_DEFAULT, &e), 0);
	assert_non_null(strstr(e.text, "'extend' does not work with Slurm: only an administrator"));
	assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
	assert_int_not_equal(run(&cmd_reserve, "reserve.gpu-ids", ORIGIN_FLAG, &e), 0);
	assert_non_null(strstr(e.text, "--gpu-ids does not work with Slurm: Slurm picks the GPUs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("engines", tests, NULL, NULL);
}
