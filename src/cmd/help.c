/* The help texts, and canhazgpu help. */
#include "cmd/command.h"
#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/help.h"

/* How wide the names of the commands are. */
static int names_width(void)
{
	size_t width = 0;

	for (size_t i = 0; commands[i]; i++) {
		size_t length = strlen(commands[i]->name);

		if (!commands[i]->hidden && length > width)
			width = length;
	}
	return (int)width;
}

char *help_program(void)
{
	int width = names_width();
	struct str out = {0};

	str_add(&out, "Usage: canhazgpu [OPTIONS] COMMAND [ARGS]...\n\n"
		      "Reserve the GPUs of a shared host, and see who has what.\n\n"
		      "Commands:\n");
	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->hidden)
			str_addf(&out, "  %-*s  %s\n", width, commands[i]->name,
				 commands[i]->summary);
	}
	str_add(&out, "\nOptions:\n");
	help_options(&out, global_options);
	str_add(&out, "  -h, --help               Show this help\n"
		      "      --version            Show the version\n\n"
		      "Run 'canhazgpu COMMAND --help' for help on a command.\n");
	return str_steal(&out);
}

/* Their names are enough here: "canhazgpu --help" explains them. */
static void add_global_names(struct str *out)
{
	str_add(out, "\nGlobal options, which 'canhazgpu --help' explains:\n ");
	for (const struct option_spec *spec = global_options; spec->name; spec++) {
		if (!spec->not_on_command_line)
			str_addf(out, " --%s", spec->name);
	}
	str_add(out, "\n");
}

char *help_command(const struct command *command)
{
	struct str out = {0};

	str_addf(&out, "Usage: canhazgpu %s%s%s\n\n%s.\n", command->name,
		 *command->usage ? " " : "", command->usage, command->summary);
	if (command->description)
		str_addf(&out, "\n%s\n", command->description);
	if (command->more_help) {
		AUTO_FREE char *more = command->more_help();

		str_addf(&out, "\n%s", more);
	}
	str_add(&out, "\nOptions:\n");
	help_options(&out, command->options);
	str_add(&out, "  -h, --help               Show this help\n");
	if (command->examples)
		str_addf(&out, "\nExamples:\n%s\n", command->examples);
	add_global_names(&out);
	return str_steal(&out);
}

static int help_run(const struct invocation *in, struct err *e)
{
	AUTO_FREE char *text = NULL;
	const struct command *command = NULL;
	int r = in->words_count ? command_find(in->words[0], &command, e) : 0;

	if (r < 0)
		return r;
	text = command ? help_command(command) : help_program();
	return print_text(text, e);
}

const struct command cmd_help = {
	.name = "help",
	.summary = "Show the help of a command",
	.usage = "[COMMAND]",
	.examples = "  canhazgpu help run\n"
		    "  canhazgpu help",
	.words_max = 1,
	.run = help_run,
};
