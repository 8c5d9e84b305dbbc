/*
 * Prints what the option tables and the help texts say, as one JSON document, for pages.py:
 * {"help": "...", "options": [...], "commands": [{"name": ..., "usage": ..., "help": ...,
 * "options": [...]}]}.
 */
#include <jansson.h>

#include "base/mem.h"
#include "cmd/command.h"

static json_t *dump_options(const char *command, const struct option_spec *options)
{
	json_t *rows = json_array();

	for (; options && options->name; options++) {
		json_t *row = json_object();

		json_object_set_new(row, "name", json_string(options->name));
		if (options->key)
			json_object_set_new(row, "key", json_string(options->key));
		else if (command)
			json_object_set_new(row, "key",
					    json_sprintf("%s.%s", command, options->name));
		else
			json_object_set_new(row, "key", json_string(options->name));
		json_object_set_new(row, "per_group", json_boolean(options->per_group));
		json_object_set_new(row, "typed", json_boolean(!options->not_on_command_line));
		json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *dump_command(const struct command *command)
{
	AUTO_FREE char *help = help_command(command);
	json_t *row = json_object();

	json_object_set_new(row, "name", json_string(command->name));
	json_object_set_new(row, "usage", json_string(command->usage));
	json_object_set_new(row, "help", json_string(help));
	json_object_set_new(row, "options", dump_options(command->name, command->options));
	return row;
}

int main(void)
{
	AUTO_FREE char *help = help_program();
	json_t *document = json_object(), *rows = json_array();

	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->hidden)
			json_array_append_new(rows, dump_command(commands[i]));
	}
	json_object_set_new(document, "help", json_string(help));
	json_object_set_new(document, "options", dump_options(NULL, global_options));
	json_object_set_new(document, "commands", rows);
	if (json_dumpf(document, stdout, 0) < 0)
		return 1;
	json_decref(document);
	return 0;
}
