/* The command line: src/conf/args.c, and "did you mean". */
#include "test.h"

#include "base/mem.h"
#include "base/str.h"
#include "conf/args.h"
#include "conf/help.h"
#include "conf/nearest.h"

static const struct option_spec global_table[] = {
	{.name = "config", .type = OPTION_PATH, .argument = "FILE", .not_configurable = true},
	{.name = "memory-threshold",
	 .key = "memory.threshold",
	 .type = OPTION_INT,
	 .argument = "MB",
	 .fallback = "1024",
	 .max = 1000000,
	 .help = "Memory threshold in MB to consider a GPU as \"in use\""},
	{.name = "note", .type = OPTION_TEXT, .argument = "TEXT"},
	{.name = "history-days", .type = OPTION_INT, .not_on_command_line = true},
	{.name = "policy-max",
	 .key = "policy.max",
	 .type = OPTION_INT,
	 .not_on_command_line = true,
	 .system_only = true},
	{0},
};

static const struct option_spec run_table[] = {
	{.name = "gpus",
	 .type = OPTION_INT,
	 .argument = "N",
	 .fallback = "1",
	 .min = 1,
	 .max = 1024,
	 .help = "Number of GPUs to reserve"},
	{.name = "gpu-ids", .letter = 'G', .type = OPTION_IDS, .argument = "IDS", .help = "IDs"},
	{.name = "timeout", .type = OPTION_DURATION, .argument = "D"},
	{.name = "json",
	 .letter = 'j',
	 .type = OPTION_FLAG,
	 .help = "Output status as JSON array instead of table format"},
	{.name = "watch",
	 .letter = 'w',
	 .type = OPTION_INT,
	 .argument = "SECONDS",
	 .argument_optional = true,
	 .implied = "2",
	 .min = 1,
	 .max = 60},
	{.name = "provider",
	 .type = OPTION_CHOICE,
	 .argument = "NAME",
	 .choices = "nvidia|amd|fake",
	 .help = "Kind of GPUs"},
	{0},
};

/* One parse of a command line that is given as one text. */
struct call {
	char *line, *argv[32], *before[32];
	int argc;
	struct settings *settings;
	struct args_result result;
	struct err e;
	int r;
};

static void call_clear(struct call *c)
{
	free(c->line);
	settings_free(c->settings);
}

static void call_parse(struct call *c, const char *line, const struct option_spec *command,
		       bool stop_at_word)
{
	const struct args_request request = {
		.global = global_table,
		.command = command,
		.command_name = command ? "run" : NULL,
		.stop_at_word = stop_at_word,
	};

	*c = (struct call){.line = mem_strdup(line), .settings = settings_new()};
	settings_declare(c->settings, NULL, global_table);
	settings_declare(c->settings, "run", run_table);
	for (char *word = strtok(c->line, " "); word; word = strtok(NULL, " "))
		c->argv[c->argc++] = strcmp(word, "''") ? word : word + 2;
	memcpy(c->before, c->argv, sizeof(c->before));
	c->r = args_parse(&request, c->argc, c->argv, c->settings, &c->result, &c->e);
}

static void assert_words(const struct call *c, const char *expected)
{
	AUTO(str_clear) struct str words = {0};

	if (c->r)
		fail_msg("%s", c->e.text);
	for (int i = 0; i < c->result.words_count; i++)
		str_addf(&words, "%s%s", i ? " " : "", c->result.words[i]);
	assert_string_equal(str_text(&words), expected);
	assert_null(c->result.words[c->result.words_count]);
	/* Nothing is lost from argv, and nothing is in it twice. */
	for (int i = 0; i < c->argc; i++) {
		int found = 0;

		for (int j = 0; j < c->argc; j++)
			found += c->argv[j] == c->before[i];
		assert_int_equal(found, 1);
	}
}

static void test_before_the_command(void **state)
{
	AUTO(call_clear) struct call c = {0};

	call_parse(&c, "canhazgpu --memory-threshold=512 run --gpus 2 -- x", NULL, true);
	assert_words(&c, "run --gpus 2 -- x");
	assert_int_equal(settings_int(c.settings, "memory.threshold"), 512);
	assert_false(settings_is_set(c.settings, "run.gpus"));
	assert_int_equal(settings_int(c.settings, "run.gpus"), 1);
}

static void test_own_command_line_survives(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{"run --gpus 2 -- train --gpus 9 -j", "train --gpus 9 -j"},
		{"run --gpus 2 train --gpus 9 -j", "train --gpus 9 -j"},
		{"run --gpus 2 train -- -j", "train -- -j"},
		{"run --gpus 2 -- -- train", "-- train"},
		{"run --gpus 2 -- --help", "--help"},
		{"run --gpus=2 --", ""},
		{"run --gpus=2 - x", "- x"},
		{"run --gpus 2", ""},
		/* Here "--" is the value of an option. */
		{"run --gpus 2 --note=-- train", "train"},
		{"run --gpus 2 --note=x -- train", "train"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(call_clear) struct call c = {0};

		call_parse(&c, cases[i].line, run_table, true);
		assert_words(&c, cases[i].words);
		assert_int_equal(settings_int(c.settings, "run.gpus"), 2);
		assert_false(settings_flag(c.settings, "run.json"));
		assert_false(c.result.help);
	}
}

/* Options and words in any order, whatever POSIXLY_CORRECT says. */
static void test_mixed(void **state)
{
	for (int posix = 0; posix < 2; posix++) {
		AUTO(call_clear) struct call c = {0};

		if (posix)
			setenv("POSIXLY_CORRECT", "1", 1);
		call_parse(&c, "status one -j two --gpus 3 --note x - -- -j three", run_table,
			   false);
		unsetenv("POSIXLY_CORRECT");
		assert_words(&c, "one two - -j three");
		assert_true(settings_flag(c.settings, "run.json"));
		assert_int_equal(settings_int(c.settings, "run.gpus"), 3);
		assert_string_equal(settings_text(c.settings, "note"), "x");
	}
}

static void test_forms(void **state)
{
	static const struct {
		const char *line, *key, *value;
	} cases[] = {
		{"run -G 1,3", "run.gpu-ids", "1,3"},
		{"run -G1,3", "run.gpu-ids", "1,3"},
		{"run -jG1,3", "run.gpu-ids", "1,3"},
		{"run --gpu-ids=1,3", "run.gpu-ids", "1,3"},
		{"run --json", "run.json", "true"},
		{"run --json=no", "run.json", "false"},
		{"run -j --json=false", "run.json", "false"},
		{"run --gpus 1 --gpus 2", "run.gpus", "2"},
		{"run --watch", "run.watch", "2"},
		{"run --watch=5", "run.watch", "5"},
		{"run --watch 5", "run.watch", "5"},
		{"run -w 5", "run.watch", "5"},
		{"run -w5", "run.watch", "5"},
		{"run --watch five", "run.watch", "2"},
		{"run --watch 61", "run.watch", "2"},
		{"run --note ''", "note", ""},
		{"run --note=", "note", ""},
		{"run --note=a=b", "note", "a=b"},
		{"run --note -j", "note", "-j"},
		{"run --provider amd", "run.provider", "amd"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(call_clear) struct call c = {0};
		struct setting_view view;

		call_parse(&c, cases[i].line, run_table, false);
		if (c.r)
			fail_msg("%s: %s", cases[i].line, c.e.text);
		assert_string_equal(settings_text(c.settings, cases[i].key), cases[i].value);
		assert_int_equal(settings_origin(c.settings, cases[i].key), ORIGIN_FLAG);
		for (size_t j = 0; settings_view(c.settings, j, &view); j++) {
			if (!strcmp(view.key, cases[i].key))
				assert_int_equal(strncmp(view.where, "flag --", 7), 0);
		}
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *text;
	} cases[] = {
		{"run --gpu 2", "unknown option '--gpu', did you mean '--gpus'?"},
		{"run --gpu=2", "unknown option '--gpu', did you mean '--gpus'?"},
		{"run --policy-max=2",
		 "policy.max counts only in /etc/canhazgpu/config.yaml, where root sets it"},
		{"run --tim", "unknown option '--tim', did you mean '--timeout'?"},
		{"run --time-out 5m", "unknown option '--time-out', did you mean '--timeout'?"},
		/* Another word for it, rather than the nearest one. */
		{"run --duration 2h", "unknown option '--duration', did you mean '--timeout'?"},
		{"run --ids=2", "unknown option '--ids', did you mean '--gpu-ids'?"},
		{"run --wathc=1", "unknown option '--wathc', did you mean '--watch'?"},
		{"run --memory-treshold 5",
		 "unknown option '--memory-treshold', did you mean '--memory-threshold'?"},
		{"run --frobnicate", "unknown option '--frobnicate'"},
		{"run --history-days 5", "unknown option '--history-days'"},
		{"run --version", "unknown option '--version'"},
		{"run -x", "unknown option '-x'"},
		{"run -jx", "unknown option '-x'"},
		{"run --gpus", "option '--gpus' needs a value"},
		{"run -G", "option '-G' needs a value"},
		{"run -jG", "option '-G' needs a value"},
		{"run --gpus -- train",
		 "option '--gpus' needs a value before '--' (or write --gpus=--)"},
		{"run --note --gpus 2",
		 "option '--note' needs a value before '--gpus' (or write --note=--gpus)"},
		{"run -G --note x",
		 "option '-G' needs a value before '--note' (or write --gpu-ids=--note)"},
		{"run --gpus two", "--gpus: 'two' is not a whole number"},
		{"run --gpus ''", "--gpus: '' is not a whole number"},
		{"run --gpus -1", "--gpus: -1 is out of range (1 to 1024)"},
		{"run --gpus 0", "--gpus: 0 is out of range (1 to 1024)"},
		{"run --gpus 99999999999999999999",
		 "--gpus: 99999999999999999999 is out of range (1 to 1024)"},
		{"run --json=perhaps", "--json: 'perhaps' is neither true nor false"},
		{"run --gpu-ids 1,1", "--gpu-ids: GPU id 1 is given twice"},
		{"run --timeout 30",
		 "--timeout: invalid duration '30' (use forms like 30s, 30m, 2h, 1d, 0.5h or 1h30m)"},
		{"run --watch=61", "--watch: 61 is out of range (1 to 60)"},
		{"run --provider intel", "--provider: 'intel' is not one of nvidia|amd|fake"},
		{"run --provider ''", "--provider: '' is not one of nvidia|amd|fake"},
		{"run --provider nvidia|amd",
		 "--provider: 'nvidia|amd' is not one of nvidia|amd|fake"},
		{"run --config ''", "--config: an empty file name"},
		{"run --help=yes", "option '--help' takes no value"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(call_clear) struct call c = {0};
		AUTO_FREE char *text = mem_printf("%s (see 'canhazgpu run --help')", cases[i].text);

		call_parse(&c, cases[i].line, run_table, false);
		if (!c.r)
			fail_msg("'%s' was accepted", cases[i].line);
		assert_string_equal(c.e.text, text);
		assert_int_equal(c.e.exit_status, EXIT_STATUS_USAGE);
	}
}

static void test_refused_before_the_command(void **state)
{
	AUTO(call_clear) struct call a = {0}, b = {0};

	call_parse(&a, "canhazgpu --gpus 2 run", NULL, true);
	assert_string_equal(a.e.text, "option '--gpus' must come after the command (see "
				      "'canhazgpu --help')");
	call_parse(&b, "canhazgpu --confg x run", NULL, true);
	assert_string_equal(b.e.text, "unknown option '--confg', did you mean '--config'? "
				      "(see 'canhazgpu --help')");
}

static void test_help_and_version(void **state)
{
	static const char *const lines[] = {"run --help --bogus", "run -h", "run -jh --gpus two"};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO(call_clear) struct call c = {0};

		call_parse(&c, lines[i], run_table, false);
		assert_int_equal(c.r, 0);
		assert_true(c.result.help);
	}
	for (int i = 0; i < 2; i++) {
		AUTO(call_clear) struct call c = {0};

		call_parse(&c, i ? "canhazgpu --version" : "canhazgpu --help run", NULL, true);
		assert_int_equal(c.r, 0);
		assert_int_equal(c.result.version, i);
		assert_int_equal(c.result.help, !i);
	}
}

static void test_empty_argv(void **state)
{
	AUTO(call_clear) struct call c = {0};

	call_parse(&c, "", run_table, false);
	assert_words(&c, "");
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"admin", "release", "report", "reserve",
					    "run",   "status",  "web",    "run.gpus"};
	static const struct {
		const char *word, *best;
	} cases[] = {
		{"stauts", "status"}, {"stat", "status"},      {"reprot", "report"}, {"rnu", "run"},
		{"we", "web"},        {"gpus", "run.gpus"},    {"xyzzy", NULL},      {"", NULL},
		{"r", NULL},          {"run.gpu", "run.gpus"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nearest n = {.word = cases[i].word};

		for (size_t j = 0; j < ARRAY_SIZE(words); j++)
			nearest_offer(&n, words[j]);
		if (!cases[i].best != !n.best || (n.best && strcmp(n.best, cases[i].best) != 0))
			fail_msg("%s: %s", cases[i].word, n.best ? n.best : "nothing");
	}
}

static void test_help_text(void **state)
{
	AUTO(str_clear) struct str text = {0};

	help_options(&text, run_table);
	help_options_wrapped(&text, global_table, 60);
	assert_string_equal(
		str_text(&text),
		"      --gpus N             Number of GPUs to reserve (default: 1)\n"
		"  -G, --gpu-ids IDS        IDs\n"
		"      --timeout D          \n"
		"  -j, --json               Output status as JSON array instead of table format\n"
		"  -w, --watch [SECONDS]    \n"
		"      --provider NAME      Kind of GPUs (nvidia|amd|fake)\n"
		"      --config FILE        \n"
		"      --memory-threshold MB\n"
		"                           Memory threshold in MB to\n"
		"                           consider a GPU as \"in use\"\n"
		"                           (default: 1024)\n"
		"      --note TEXT          \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_the_command),
		cmocka_unit_test(test_own_command_line_survives),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_before_the_command),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_empty_argv),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_help_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
