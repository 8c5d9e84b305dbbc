/* Completion scripts: which shell, and the walk over the options that all three share. */
#include "conf/complete/complete.h"

#include <string.h>

#include "base/mem.h"
#include "conf/args.h"
#include "conf/complete/shell.h"

/* True if the table has an option of this name that can be given on the command line. */
static bool has_option(const struct option_spec *table, const char *name)
{
	for (; table && table->name; table++) {
		if (!table->not_on_command_line && !strcmp(table->name, name))
			return true;
	}
	return false;
}

/* The *i-th usable row of table, without those that `shadow` has too; else *i less what was passed.
 */
static const struct option_spec *pick(const struct option_spec *table,
				      const struct option_spec *shadow, size_t *i)
{
	for (; table && table->name; table++) {
		if (table->not_on_command_line || has_option(shadow, table->name))
			continue;
		if (*i == 0)
			return table;
		(*i)--;
	}
	return NULL;
}

const struct option_spec *complete_option(const struct complete_input *input,
					  const struct complete_command *command, size_t i)
{
	const struct option_spec *own = command ? command->options : NULL, *found;

	found = pick(own, NULL, &i);
	if (!found)
		found = pick(input->global, own, &i);
	if (found)
		return found;
	/* A command has no --version. */
	return i < (command ? 1 : 2) ? &args_standard_options[i] : NULL;
}

bool complete_takes_word(const struct option_spec *spec)
{
	return spec->type != OPTION_FLAG && !spec->argument_optional;
}

void complete_add_words(struct str *out, const char *choices)
{
	for (const char *p = choices; *p; p++)
		str_add_bytes(out, *p == '|' ? " " : p, 1);
}

int complete_script(const struct complete_input *input, const char *shell, struct str *out,
		    struct err *e)
{
	static const struct {
		const char *name;
		void (*write)(const struct complete_input *input, struct str *out);
	} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (!strcmp(shell, shells[i].name)) {
			shells[i].write(input, out);
			return 0;
		}
	}
	return err_usage(e, "no completion for shell '%.60s' (choose bash, zsh or fish)", shell);
}
