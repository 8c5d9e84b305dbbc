/* Arguments that are no options; see words.h. Called by src/main.c and run_exec.c. */
#include "cmd/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

char *words_option(const struct option_spec *table, const char *word)
{
	for (; table && table->name; table++) {
		bool any = table->type == OPTION_TEXT || table->type == OPTION_PATH;

		if (table->type != OPTION_FLAG && !any && !table->not_on_command_line &&
		    option_accepts(table, word))
			return mem_printf("--%s %s", table->name, word);
	}
	return NULL;
}

static int refuse(const struct command *command, const char *what, const char *word, struct err *e)
{
	AUTO_FREE char *meant = words_option(command->options, word);

	return err_usage(e, "%s%s%.80s%s (see 'canhazgpu %s --help')", what,
			 meant ? ", did you mean '" : "", meant ? meant : "", meant ? "'?" : "",
			 command->name);
}

const char *words_valueless(const struct command *command, const struct settings *s)
{
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++) {
		AUTO_FREE char *key = mem_printf("%s.%s", command->name, spec->name);
		const char *value = settings_text(s, key);

		if (spec->argument_optional && value && spec->implied &&
		    settings_origin(s, key) == ORIGIN_FLAG && !strcmp(value, spec->implied))
			return spec->name;
	}
	return NULL;
}

static int check_count(const struct command *command, const struct settings *s,
		       const struct args_result *args, struct err *e)
{
	if (command->words_max >= 0 && args->words_count > command->words_max) {
		const char *word = args->words[command->words_max];
		const char *valueless = words_valueless(command, s);
		AUTO_FREE char *what = mem_printf("unexpected argument '%.60s'%s%s", word,
						  valueless ? ", which is no value of --" : "",
						  valueless ? valueless : "");

		return refuse(command, what, word, e);
	}
	if (args->words_count < command->words_min)
		return err_usage(e, "missing argument: canhazgpu %s %s", command->name,
				 command->usage);
	return 0;
}

/* The first word that is none of the option's, or one too many: only ids can be several words. */
static int check_words(const struct command *command, const struct args_result *args, struct err *e)
{
	const struct option_spec *spec = command->options;

	while (strcmp(spec->name, command->word_option) != 0)
		spec++;
	for (int i = 0; i < args->words_count; i++) {
		const char *word = args->words[i];
		AUTO_FREE char *what = NULL;

		if (i > 0 && spec->type != OPTION_GPUS)
			what = mem_printf("unexpected argument '%.60s'", word);
		else if (!option_accepts(spec, word))
			what = mem_printf("'%.60s' is no value of --%s", word, spec->name);
		if (what)
			return refuse(command, what, word, e);
	}
	return 0;
}

int words_take(const struct command *command, struct settings *s, struct args_result *args,
	       struct err *e)
{
	AUTO_FREE char *key = NULL, *option = NULL;
	AUTO(str_clear) struct str value = {0};
	int r;

	if (!command->word_option)
		return check_count(command, s, args, e);
	if (!args->words_count)
		return 0;
	key = mem_printf("%s.%s", command->name, command->word_option);
	option = mem_printf("--%s", command->word_option);
	if (settings_origin(s, key) == ORIGIN_FLAG)
		return err_usage(e, "'%.60s' and %s: only one of them at a time", args->words[0],
				 option);
	r = check_words(command, args, e);
	if (r < 0)
		return r;
	for (int i = 0; i < args->words_count; i++)
		str_addf(&value, "%s%s", i ? "," : "", args->words[i]);
	args->words_count = 0;
	args->words[0] = NULL;
	return settings_set(s, key, str_text(&value), option, e);
}

/* Whether it begins as a shell's assignment does. */
static bool is_assignment(const char *word)
{
	size_t length = strspn(word, PARSE_ALPHANUMERIC "_");

	return length && word[length] == '=' && !strchr("0123456789", *word);
}

/* What only a shell knows, because it changes the shell itself, or is a function of it. */
static bool is_of_shell(const char *word)
{
	static const char *const known[] = {".",      "source", "cd",     "export", "alias",
					    "module", "ml",     "ulimit", "umask",  "eval"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!strcmp(known[i], word))
			return true;
	}
	return false;
}

/* "--wait 10 -- true": the word stands where an option's value would. */
static char *value_hint(const struct option_spec *table, const char *valueless, const char *word)
{
	AUTO_FREE char *meant = NULL;

	if (valueless)
		return mem_printf("it is no value of --%s; the command comes after '--'",
				  valueless);
	meant = words_option(table, word);
	if (meant)
		return mem_printf("did you mean '%s'?", meant);
	return mem_strdup("the command comes after '--'");
}

char *words_run_hint(const struct option_spec *table, const char *valueless, char *const *words)
{
	const char *word = words[0];

	if (words[1] && !strcmp(words[1], "--"))
		return value_hint(table, valueless, word);
	if (is_assignment(word))
		return mem_strdup("to set a variable for the command, use 'env NAME=VALUE COMMAND'"
				  " or set it before canhazgpu");
	if (strpbrk(word, " \t\n"))
		return mem_strdup("this is one word: leave out the quotes around the command, or "
				  "use sh -c '...'");
	if (*word == '-')
		return mem_strdup("options of canhazgpu come before '--'");
	if (is_of_shell(word))
		return mem_strdup("only a shell knows it: use bash -lc '...'");
	return NULL;
}
