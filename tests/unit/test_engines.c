/* The table of engines: every command says what an engine does with it, and each refusal is one
 * line. */
#include "source.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cmd/engine.h"
#include "cmd/slurm/request.h"

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

static const char *refusal_of(const struct command *command, const char *option)
{
	for (const struct engine_option *o = engine_at(1)->options; o->command; o++) {
		if (o->command == command && !strcmp(o->option, option))
			return o->refusal;
	}
	return NULL;
}

/* What Slurm follows of the options of a command that it answers. Any other is refused: one that
   has no effect would be a wrong answer. (--host of the other commands goes elsewhere before.) */
static void test_followed(void **state)
{
	static const struct {
		const struct command *command;
		const char *options;
	} followed[] = {
		{&cmd_cancel, " host "},
		{&cmd_queue, " all json explain "},
		{&cmd_release, " user host "},
		{&cmd_reserve, " gpus type duration wait nonblock note slurm host short export "},
		{&cmd_run, " gpus type timeout wait nonblock note slurm host signal-before "},
		{&cmd_status, " all json mine summary fresh watch "},
	};
	size_t answered = 0;

	(void)state;
	for (const struct engine_row *row = engine_at(1)->rows; row->command; row++)
		answered += row->run != NULL;
	assert_int_equal(answered, ARRAY_SIZE(followed));
	for (size_t i = 0; i < ARRAY_SIZE(followed); i++) {
		const struct command *command = followed[i].command;

		for (const struct option_spec *o = command->options; o && o->name; o++) {
			AUTO_FREE char *word = mem_printf(" %s ", o->name);
			bool is_followed = strstr(followed[i].options, word) != NULL;

			/* What is in files alone may be there for pools. */
			if (o->not_on_command_line)
				continue;
			if (is_followed == (refusal_of(command, o->name) != NULL))
				fail_msg("%s --%s: %s", command->name, o->name,
					 is_followed ? "refused" : "neither followed nor refused");
		}
	}
}

/* The first table of docs/slurm.md has what is answered, the second what is refused. */
static void test_document(void **state)
{
	AUTO_FREE char *document = read_source("../docs/slurm.md");
	char *answered = strstr(document, "## What a command is");
	char *differs = strstr(document, "## What differs");
	char *refused = strstr(document, "## What is refused"), *end = strstr(document, "## Five");

	(void)state;
	assert_true(answered && differs && refused && end);
	*differs = *end = '\0';
	for (const struct engine_row *row = engine_at(1)->rows; row->command; row++) {
		AUTO_FREE char *word = mem_printf("`%s", row->command->name);

		if (!row->command->hidden && !strstr(row->refusal ? refused : answered, word))
			fail_msg("docs/slurm.md: no row for %s", row->command->name);
	}
	for (const struct engine_option *o = engine_at(1)->options; o->command; o++) {
		AUTO_FREE char *word = mem_printf("--%s", o->option);

		if (!strstr(refused, word))
			fail_msg("docs/slurm.md: no row for %s --%s", o->command->name, o->option);
	}
}

/* ---- what srun and salloc are asked for ---- */

static void test_requests(void **state)
{
	static const struct {
		const struct command *command;
		const char *settings[4][2];
		int64_t limit_s;
		bool in_allocation;
		const char *words; /* NULL: refused */
	} cases[] = {
		{&cmd_run, {{0}}, 0, false, "--gres=gpu:1 --nodes=1 --immediate=5"},
		{&cmd_run,
		 {{"run.gpus", "2"}, {"run.type", "a100"}, {"run.wait", "forever"}},
		 0,
		 false,
		 "--gres=gpu:a100:2 --nodes=1"},
		{&cmd_run, {{"run.type", "a100,b"}}, 0, false, NULL},
		{&cmd_run,
		 {{"run.note", "of us"}, {"run.wait", "30m"}},
		 0,
		 false,
		 "--gres=gpu:1 --nodes=1 --comment=of us"},
		{&cmd_run,
		 {{"run.wait", "30m"}, {"run.nonblock", "true"}},
		 0,
		 false,
		 "--gres=gpu:1 --nodes=1 --immediate=5"},
		/* Whole minutes, never less than was asked for. */
		{&cmd_reserve,
		 {{"reserve.wait", "forever"}},
		 61,
		 false,
		 "--gres=gpu:1 --nodes=1 --time=2"},
		/* What is typed comes last, and counts. */
		{&cmd_run,
		 {{"slurm.args", "-p gpu --mem=1G"}, {"run.slurm", "--mem='2 G'"}},
		 0,
		 false,
		 "--gres=gpu:1 --nodes=1 --immediate=5 -p gpu --mem=1G --mem=2 G"},
		{&cmd_run,
		 {{"slurm.args", "-p gpu"}, {"run.slurm", "-c 2"}, {"run.note", "x"}},
		 60,
		 true,
		 "--gres=gpu:1 -c 2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(settings_freep) struct settings *s = settings_new();
		struct invocation in = {.command = cases[i].command, .settings = s};
		AUTO(slurm_names_clear) struct slurm_names words = {0};
		AUTO(str_clear) struct str all = {0};
		struct err e = {0};
		int r;

		commands_declare(s);
		for (size_t k = 0; k < 4 && cases[i].settings[k][0]; k++)
			assert_int_equal(settings_set(s, cases[i].settings[k][0],
						      cases[i].settings[k][1], "--option", &e),
					 0);
		r = slurm_request(&in, cases[i].limit_s * NS_PER_SECOND, cases[i].in_allocation,
				  &words, &e);
		if (!cases[i].words) {
			assert_int_equal(e.exit_status, EXIT_STATUS_USAGE);
			continue;
		}
		assert_int_equal(r, 0);
		for (size_t n = 0; n < words.count; n++)
			str_addf(&all, "%s%s", n ? " " : "", words.items[n]);
		assert_string_equal(str_text(&all), cases[i].words);
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
		cmocka_unit_test(test_rows),     cmocka_unit_test(test_options),
		cmocka_unit_test(test_followed), cmocka_unit_test(test_document),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_requests),
	};

	return cmocka_run_group_tests_name("engines", tests, NULL, NULL);
}
