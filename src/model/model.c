/*
 * Model detection (model/model.h): the recognisers of table.h over a command line. Programs
 * are found by their name, also behind launchers such as `python -m`, `uv run` or `sudo`; the
 * recogniser then says where the model stands: behind a word, behind an option, or in a list of
 * pairs.
 */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/name.h"
#include "model/table.h"

/* How far into a command line a program is looked for behind its launcher. */
#define PROGRAM_PLACE_MAX 64

void model_clear(struct model *m)
{
	free(m->provider);
	free(m->model);
	*m = (struct model){0};
}

/* One command line, looked at with one recogniser. */
struct line {
	const char *comm;
	const char *const *argv;
	size_t argc;
	bool launched; /* argv[0] is a launcher */
};

/* True if the argument names a program of the list: "/usr/bin/vllm", "lm_eval.py", "vllm.x.y". */
static bool names_program(const char *list, const char *argument)
{
	const char *slash = strrchr(argument, '/');
	const char *name = slash ? slash + 1 : argument;
	size_t length = strlen(name);

	if (strchr(argument, ' '))
		return false;
	if (length > 3 && strcmp(name + length - 3, ".py") == 0)
		length -= 3;
	return length && model_list_has(list, name, length, false);
}

static bool is_comm(const char *list, const struct line *l)
{
	return l->comm && *l->comm && model_list_has(list, l->comm, strlen(l->comm), true);
}

/* Where the arguments of one of these programs begin; 0: it is none of them. */
static size_t find_program(const char *programs, const struct line *l)
{
	bool by_comm;

	if (!programs || (l->argc && names_program(programs, l->argv[0])))
		return 1;
	by_comm = is_comm(programs, l);
	if (by_comm || l->launched)
		for (size_t i = 1; i < l->argc && i < PROGRAM_PLACE_MAX; i++)
			if (names_program(programs, l->argv[i]))
				return i + 1;
	return by_comm ? 1 : 0;
}

/* Compares the names of options; Python programs take "-" and "_" for the same. */
static bool same_option(const char *option, size_t length, const char *argument, size_t n)
{
	if (n != length || n < 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = (option[i] == '-' || option[i] == '_') &&
			    (argument[i] == '-' || argument[i] == '_') && i >= 2;

		if (option[i] != argument[i] && !dash)
			return false;
	}
	return true;
}

/*
 * The place of the last value given to an option (the last one counts in most programs), as
 * "--option value" or "--option=value"; 0: none. Where the next argument looks like an option too,
 * there is no value.
 */
static size_t find_option(const struct line *l, size_t from, const char *option, size_t length,
			  const char **ret_value)
{
	size_t place = 0;

	for (size_t i = from; i < l->argc; i++) {
		const char *argument = l->argv[i];
		size_t n = strcspn(argument, "=");

		if (argument[0] != '-' || !same_option(option, length, argument, n))
			continue;
		if (argument[n] == '=' && argument[1] == '-') {
			*ret_value = argument + n + 1;
			place = i;
		} else if (argument[n] == '\0' && i + 1 < l->argc && l->argv[i + 1][0] != '-') {
			*ret_value = l->argv[++i];
			place = i;
		}
	}
	return place;
}

static bool text_ends(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && memcmp(text + length - n, end, n) == 0;
}

/* Takes the model from the first of the options that has one. */
static bool take_option(const struct recogniser *r, const struct line *l, size_t from,
			struct model *ret_model)
{
	for (const char *option = r->options; *option;) {
		size_t n = strcspn(option, " ");
		const char *value = NULL;

		if (find_option(l, from, option, n, &value) &&
		    (!r->ending || text_ends(value, r->ending)) &&
		    model_name_read(value, strlen(value), ret_model))
			return true;
		option += n + strspn(option + n, " ");
	}
	return false;
}

/* Takes the model from "pretrained=org/name,dtype=auto", which may go on in further arguments. */
static bool take_pairs(const struct recogniser *r, const struct line *l, size_t from,
		       struct model *ret_model)
{
	for (const char *option = r->pairs; *option;) {
		size_t n = strcspn(option, " ");
		const char *value = NULL;
		size_t i = find_option(l, from, option, n, &value);

		while (value) {
			if (model_name_read_pairs(value, ret_model))
				return true;
			i++;
			value = i < l->argc && l->argv[i][0] != '-' ? l->argv[i] : NULL;
		}
		option += n + strspn(option + n, " ");
	}
	return false;
}

/* Options that are known to stand alone, so that what follows them is no value of theirs. */
static bool is_switch(const char *argument)
{
	return strchr(argument, '=') ||
	       model_list_has(
		       "--enable-* --disable-* --no-* --skip-* --trust-remote-code --trust_remote_code "
		       "--enforce-eager --headless --async-scheduling",
		       argument, strlen(argument), false);
}

/* Takes the first argument behind the word that is neither an option nor an option's value. */
static bool take_word(const struct recogniser *r, const struct line *l, size_t from,
		      struct model *ret_model)
{
	bool waiting = *r->word != '\0'; /* for the word */

	for (size_t i = from; i < l->argc; i++) {
		const char *argument = l->argv[i];

		if (waiting)
			waiting = strcmp(argument, r->word) != 0;
		else if (argument[0] != '-')
			return model_name_read(argument, strlen(argument), ret_model);
		else if (!is_switch(argument))
			i++;
	}
	return false;
}

bool model_recognise(const char *process_name, const char *const *argv, size_t argc,
		     struct model *ret_model)
{
	const struct line l = {
		process_name,
		argv,
		argc < MODEL_ARGUMENTS_MAX ? argc : MODEL_ARGUMENTS_MAX,
		argc && names_program(launchers, argv[0]),
	};

	if (is_comm(bystanders, &l) || (argc && names_program(bystanders, argv[0])))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(recognisers); i++) {
		const struct recogniser *r = &recognisers[i];
		size_t from = find_program(r->programs, &l);

		if (!from)
			continue;
		if ((r->word && take_word(r, &l, from, ret_model)) ||
		    (r->pairs && take_pairs(r, &l, from, ret_model)) ||
		    (r->options && take_option(r, &l, from, ret_model)))
			return true;
		if (r->final)
			return false;
	}
	return false;
}
