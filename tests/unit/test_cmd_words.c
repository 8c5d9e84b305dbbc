/* Arguments that are no options: what they stand for, and what misplaced ones were meant to be. */
#include "test.h"

#include "base/mem.h"
#include "cmd/words.h"

struct option_case {
	const struct command *command;
	const char *word;
	const char *expected; /* NULL: no option takes it */
};

static const struct option_case option_cases[] = {
	{&cmd_reserve, "2", "--gpus 2"},
	{&cmd_reserve, "1,3", "--gpu-ids 1,3"},
	{&cmd_reserve, "2h", "--duration 2h"},
	{&cmd_reserve, "40G", "--min-memory 40G"},
	{&cmd_reserve, "alice", NULL}, /* good for --note, --user and --type, like any word */
	{&cmd_extend, "2", "--gpu-ids 2"},
	{&cmd_extend, "1h30m", "--duration 1h30m"},
	{&cmd_report, "7", "--days 7"},
	{&cmd_report, "csv", NULL}, /* a flag takes no value */
	{&cmd_cancel, "2", NULL},   /* has no options */
};

static void test_option_for_a_word(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(option_cases); i++) {
		const struct option_case *c = &option_cases[i];
		AUTO_FREE char *got = words_option(c->command->options, c->word);

		if (!got != !c->expected || (got && strcmp(got, c->expected) != 0))
			fail_msg("%s %s: got %s", c->command->name, c->word, got ? got : "nothing");
	}
}

struct hint_case {
	const char *valueless;
	const char *words[4];
	const char *expected; /* what the hint has; NULL: there is none */
};

static const struct hint_case hint_cases[] = {
	{"wait", {"soon", "--", "true"}, "no value of --wait"},
	{"linked", {"all", "--", "true"}, "no value of --linked"},
	{NULL, {"2", "--", "true"}, "'--gpus 2'"},
	{NULL, {"0,1", "--", "true"}, "'--gpu-ids 0,1'"},
	{NULL, {"train", "--", "true"}, "the command comes after '--'"},
	{NULL, {"A=1", "train"}, "env NAME=VALUE"},
	{NULL, {"_a2=", "train"}, "env NAME=VALUE"},
	{NULL, {"2a=1", "train"}, NULL},
	{NULL, {"./a=b"}, NULL},
	{NULL, {"python train.py"}, "quotes"},
	{NULL, {"python\ttrain.py"}, "quotes"},
	{NULL, {"--gpus", "2", "true"}, "before '--'"},
	{NULL, {"cd", "/tmp"}, "bash -lc"},
	{NULL, {"module", "load", "cuda"}, "bash -lc"},
	{NULL, {"pyhton", "train.py"}, NULL},
	{"wait", {"pyhton", "train.py"}, NULL},
};

static void test_hint_for_a_command(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(hint_cases); i++) {
		const struct hint_case *c = &hint_cases[i];
		AUTO_FREE char *got =
			words_run_hint(cmd_run.options, c->valueless, (char *const *)c->words);

		if (!got != !c->expected || (got && !strstr(got, c->expected)))
			fail_msg("%s: got %s", c->words[0], got ? got : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option_for_a_word),
		cmocka_unit_test(test_hint_for_a_command),
	};

	return cmocka_run_group_tests_name("cmd_words", tests, NULL, NULL);
}
