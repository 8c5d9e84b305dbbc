/* The completion script for fish: one `complete` line per command and option, with its condition.
 */
#include <string.h>

#include "base/mem.h"
#include "conf/complete/shell.h"

static const char body[] =
	"# The words before the cursor that are neither options nor values of options.\n"
	"function __canhazgpu_words\n"
	"    set -l tokens (commandline -opc)\n"
	"    set -e tokens[1]\n"
	"    set -l runs no\n"
	"    while set -q tokens[1]\n"
	"        set -l token $tokens[1]\n"
	"        set -e tokens[1]\n"
	"        if test \"$token\" = --\n"
	"            string join \\n -- $tokens\n"
	"            return\n"
	"        else if contains -- $token $__canhazgpu_valued\n"
	"            set -e tokens[1]\n"
	"        else if not string match -q -- '-*' $token\n"
	"            echo -- $token\n"
	"            # What stands behind somebody else's command is his.\n"
	"            if test $runs = yes\n"
	"                string join \\n -- $tokens\n"
	"                return\n"
	"            end\n"
	"            contains -- $token $__canhazgpu_runners; and set runs yes\n"
	"        end\n"
	"    end\n"
	"end\n\n"
	"# True as long as no command was named.\n"
	"function __canhazgpu_no_command\n"
	"    test (count (__canhazgpu_words)) -eq 0\n"
	"end\n\n"
	"# True behind one of the commands named, while its own options and words are typed.\n"
	"function __canhazgpu_in\n"
	"    set -l words (__canhazgpu_words)\n"
	"    set -q words[1]; and contains -- $words[1] $argv; or return 1\n"
	"    not contains -- $words[1] $__canhazgpu_runners; or not set -q words[2]\n"
	"end\n\n"
	"# True where the first word behind one of the commands named is typed.\n"
	"function __canhazgpu_first_word\n"
	"    set -l words (__canhazgpu_words)\n"
	"    test (count $words) -eq 1; and contains -- $words[1] $argv\n"
	"end\n\n"
	"# True where somebody else's command line is typed.\n"
	"function __canhazgpu_runs\n"
	"    set -l words (__canhazgpu_words)\n"
	"    set -q words[1]; and contains -- $words[1] $__canhazgpu_runners\n"
	"end\n\n"
	"function __canhazgpu_command_line\n"
	"    set -l words (__canhazgpu_words)\n"
	"    set -e words[1]\n"
	"    set -l line (string join -- ' ' (string escape -- $words) (commandline -ct))\n"
	"    string match -q -- '-*' $line; or complete --do-complete=\"$line\"\n"
	"end\n\n"
	"function __canhazgpu_ids\n"
	"    set -l token (commandline -ct | string replace -r '^-(-[^=]*=|[A-Za-z])' '')\n"
	"    set -l given (string match -r '^.*,' -- $token)\n"
	"    for id in (canhazgpu __complete gpu-ids 2>/dev/null)\n"
	"        echo \"$given$id\"\n"
	"    end\n"
	"end\n\n"
	"function __canhazgpu_durations\n"
	"    set -l token (commandline -ct | string replace -r '^--[^=]*=' '')\n"
	"    if string match -qr '^[0-9]+$' -- $token\n"
	"        string join \\n -- {$token}m {$token}h {$token}d\n"
	"    else\n"
	"        string join \\n 30m 1h 2h 4h 8h 1d\n"
	"    end\n"
	"end\n\n"
	"complete -c canhazgpu -f\n"
	"complete -c chg -w canhazgpu\n"
	"complete -c canhazgpu -n __canhazgpu_runs -a '(__canhazgpu_command_line)'\n";

static void add_quoted(struct str *out, const char *text)
{
	str_add(out, "'");
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			str_add(out, "\\");
		str_add_bytes(out, text, 1);
	}
	str_add(out, "'");
}

/* What the program lists. */
static void add_list(struct str *out, const char *list)
{
	str_addf(out, " -a '(canhazgpu __complete %s 2>/dev/null)'", list);
}

/* What completes the value of an option. */
static void add_values(struct str *out, const struct option_spec *spec)
{
	if (complete_takes_word(spec))
		str_add(out, spec->type == OPTION_PATH ? " -r -F" : " -x");
	switch (spec->type) {
	case OPTION_IDS:
	case OPTION_GPUS:
		str_add(out, " -a '(__canhazgpu_ids)'");
		break;
	case OPTION_DURATION:
		str_add(out, " -a '(__canhazgpu_durations)'");
		break;
	case OPTION_CHOICE:
		str_add(out, " -a '");
		complete_add_words(out, option_choices(spec));
		str_add(out, "'");
		break;
	case OPTION_TEXT:
		if (spec->list)
			add_list(out, spec->list);
		break;
	case OPTION_PATH:
	case OPTION_FLAG:
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DATE:
	case OPTION_REMOTES:
	case OPTION_NAMES:
		break;
	}
}

static void add_option(struct str *out, const char *condition, const struct option_spec *spec)
{
	str_addf(out, "complete -c canhazgpu -n '%s' -l %s", condition, spec->name);
	if (spec->letter)
		str_addf(out, " -s %c", spec->letter);
	add_values(out, spec);
	str_add(out, " -d ");
	add_quoted(out, spec->help ? spec->help : "");
	str_add(out, "\n");
}

static void add_command(struct str *out, const struct complete_input *input,
			const struct complete_command *command)
{
	AUTO_FREE char *condition = mem_printf("__canhazgpu_in %s", command->name);
	const struct option_spec *spec;

	str_addf(out, "\ncomplete -c canhazgpu -n __canhazgpu_no_command -a %s -d ", command->name);
	add_quoted(out, command->summary);
	str_add(out, "\n");
	for (size_t i = 0; (spec = complete_option(input, command, i)); i++)
		add_option(out, condition, spec);
	if (command->list) {
		str_addf(out, "complete -c canhazgpu -n '__canhazgpu_in %s'", command->name);
		add_list(out, command->list);
		str_add(out, "\n");
	}
	if (command->takes_file)
		str_addf(out, "complete -c canhazgpu -n '__canhazgpu_first_word %s' -F\n",
			 command->name);
	if (command->words) {
		str_addf(out, "complete -c canhazgpu -n '__canhazgpu_first_word %s' -a '",
			 command->name);
		complete_add_words(out, command->words);
		str_add(out, "'\n");
	}
}

/* Adds the options of a table whose value is a word of its own. */
static void add_valued(struct str *out, const struct option_spec *table)
{
	for (; table && table->name; table++) {
		if (table->not_on_command_line || !complete_takes_word(table))
			continue;
		str_addf(out, " --%s", table->name);
		if (table->letter)
			str_addf(out, " -%c", table->letter);
	}
}

void complete_fish(const struct complete_input *input, struct str *out)
{
	const struct option_spec *spec;

	str_add(out, "# fish completion for canhazgpu and chg: written by `canhazgpu completion "
		     "fish`\n\nset -g __canhazgpu_valued");
	add_valued(out, input->global);
	for (size_t i = 0; i < input->commands_count; i++)
		add_valued(out, input->commands[i].options);
	str_add(out, "\nset -g __canhazgpu_runners");
	for (size_t i = 0; i < input->commands_count; i++) {
		if (input->commands[i].runs_command)
			str_addf(out, " %s", input->commands[i].name);
	}
	str_add(out, "\n\n");
	str_add(out, body);
	str_add(out, "\n");
	for (size_t i = 0; (spec = complete_option(input, NULL, i)); i++)
		add_option(out, "__canhazgpu_no_command", spec);
	for (size_t i = 0; i < input->commands_count; i++)
		add_command(out, input, &input->commands[i]);
}
