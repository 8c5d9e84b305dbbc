/* The completion script for bash: tables as case statements, and a walk over the words so far. */
#include "conf/complete/shell.h"

static const char head[] =
	"# bash completion for canhazgpu and chg: written by `canhazgpu completion bash`\n\n";

/*
 * Words are walked from the left, so that an option's value is never taken for a command. bash
 * splits --option=value into three words, and values at colons too.
 */
static const char body[] =
	"# Completes the value of an option, of the kind that _canhazgpu_kind told.\n"
	"_canhazgpu_value() {\n"
	"	local given ids\n"
	"	case $kind in\n"
	"	path)\n"
	"		compopt -o filenames\n"
	"		mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"		;;\n"
	"	ids)\n"
	"		given=${cur%\"${cur##*,}\"}\n"
	"		ids=$(canhazgpu __complete gpu-ids 2>/dev/null)\n"
	"		ids=${ids//[!0-9A-Za-z[:space:]\\/-]/}\n"
	"		mapfile -t COMPREPLY < <(compgen -P \"$given\" -W \"$ids\" -- \"${cur##*,}\")\n"
	"		;;\n"
	"	duration)\n"
	"		if [[ $cur =~ ^[0-9]+$ ]]; then\n"
	"			COMPREPLY=(\"${cur}m\" \"${cur}h\" \"${cur}d\")\n"
	"		else\n"
	"			mapfile -t COMPREPLY < <(compgen -W '30m 1h 2h 4h 8h 1d' -- \"$cur\")\n"
	"		fi\n"
	"		;;\n"
	"	list*)\n"
	"		ids=$(canhazgpu __complete \"${kind#list }\" 2>/dev/null)\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"${ids//[!0-9a-z[:space:]]/}\" -- \"$cur\")\n"
	"		;;\n"
	"	words*)\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"${kind#words}\" -- \"$cur\")\n"
	"		;;\n"
	"	esac\n"
	"}\n\n"
	"# Completes somebody else's command line, which begins at word $1.\n"
	"_canhazgpu_command_line() {\n"
	"	if declare -F _comp_command_offset >/dev/null; then\n"
	"		_comp_command_offset \"$1\"\n"
	"	elif declare -F _command_offset >/dev/null; then\n"
	"		_command_offset \"$1\"\n"
	"	elif (($1 == COMP_CWORD)); then\n"
	"		mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
	"	else\n"
	"		compopt -o default\n"
	"	fi\n"
	"}\n\n"
	"_canhazgpu() {\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} command= kind= words= options= runs= list= files= i count=0\n"
	"	COMPREPLY=()\n"
	"	_canhazgpu_table\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		case ${COMP_WORDS[i]} in\n"
	"		--)\n"
	"			[[ -z $runs ]] || _canhazgpu_command_line $((i + 1))\n"
	"			return\n"
	"			;;\n"
	"		-*)\n"
	"			_canhazgpu_kind \"$command ${COMP_WORDS[i]}\"\n"
	"			if [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
	"				((i += 2))\n"
	"				((i > COMP_CWORD)) && cur=\n"
	"			elif [[ $kind && $kind != optional* ]]; then\n"
	"				((i++))\n"
	"			else\n"
	"				continue\n"
	"			fi\n"
	"			kind=${kind#optional }\n"
	"			if ((i >= COMP_CWORD)); then\n"
	"				_canhazgpu_value\n"
	"				return\n"
	"			fi\n"
	"			while [[ ${COMP_WORDS[i + 1]} == : ]]; do\n"
	"				((i += 2))\n"
	"			done\n"
	"			((i < COMP_CWORD)) || return\n"
	"			;;\n"
	"		*)\n"
	"			if [[ -z $command ]]; then\n"
	"				command=${COMP_WORDS[i]}\n"
	"				_canhazgpu_table\n"
	"			elif [[ $runs ]]; then\n"
	"				_canhazgpu_command_line \"$i\"\n"
	"				return\n"
	"			else\n"
	"				((count++))\n"
	"			fi\n"
	"			;;\n"
	"		esac\n"
	"	done\n"
	"	if [[ $cur == -* ]]; then\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\")\n"
	"	elif [[ $runs ]]; then\n"
	"		_canhazgpu_command_line \"$COMP_CWORD\"\n"
	"	elif [[ $list ]]; then\n"
	"		kind=\"list $list\"\n"
	"		_canhazgpu_value\n"
	"	elif [[ $files ]] && ((count == 0)); then\n"
	"		kind=path\n"
	"		_canhazgpu_value\n"
	"	elif ((count == 0)); then\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"	fi\n"
	"}\n\n"
	"complete -F _canhazgpu canhazgpu chg\n";

/* What _canhazgpu_value makes of an option: "ids", "optional none", "words a b", "list requests".
 */
static void add_kind(struct str *out, const struct option_spec *spec)
{
	if (spec->argument_optional)
		str_add(out, "optional ");
	switch (spec->type) {
	case OPTION_IDS:
	case OPTION_GPUS:
		str_add(out, "ids");
		return;
	case OPTION_DURATION:
		str_add(out, "duration");
		return;
	case OPTION_PATH:
		str_add(out, "path");
		return;
	case OPTION_CHOICE:
		str_add(out, "words ");
		complete_add_words(out, option_choices(spec));
		return;
	case OPTION_TEXT:
		if (!spec->list)
			break;
		str_addf(out, "list %s", spec->list);
		return;
	case OPTION_FLAG:
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DATE:
	case OPTION_REMOTES:
	case OPTION_NAMES:
		break;
	}
	str_add(out, "none");
}

/* The cases of _canhazgpu_kind for one table. `name` is the command, "*" for the global options. */
static void add_kind_cases(struct str *out, const char *name, const struct option_spec *table)
{
	for (; table && table->name; table++) {
		if (table->not_on_command_line || table->type == OPTION_FLAG)
			continue;
		str_addf(out, "\t%s' --%s'", name, table->name);
		if (table->letter)
			str_addf(out, " | %s' -%c'", name, table->letter);
		str_add(out, ") kind='");
		add_kind(out, table);
		str_add(out, "' ;;\n");
	}
}

/* The case of _canhazgpu_table for one command, or for none. */
static void add_table_case(struct str *out, const struct complete_input *input,
			   const struct complete_command *command)
{
	const struct option_spec *spec;

	str_addf(out, "\t%s)\n\t\toptions='", command ? command->name : "''");
	for (size_t i = 0; (spec = complete_option(input, command, i)); i++) {
		str_addf(out, "%s--%s", i ? " " : "", spec->name);
		if (spec->letter)
			str_addf(out, " -%c", spec->letter);
	}
	str_add(out, "'\n\t\twords='");
	if (command && command->words)
		complete_add_words(out, command->words);
	for (size_t i = 0; !command && i < input->commands_count; i++)
		str_addf(out, "%s%s", i ? " " : "", input->commands[i].name);
	str_addf(out, "'\n\t\truns=%s\n\t\tlist=%s\n\t\tfiles=%s\n\t\t;;\n",
		 command && command->runs_command ? "yes" : "",
		 command && command->list ? command->list : "",
		 command && command->takes_file ? "yes" : "");
}

void complete_bash(const struct complete_input *input, struct str *out)
{
	str_add(out, head);
	str_add(out, "# Sets options, words, runs, list and files for $command.\n"
		     "_canhazgpu_table() {\n\tcase $command in\n");
	add_table_case(out, input, NULL);
	for (size_t i = 0; i < input->commands_count; i++)
		add_table_case(out, input, &input->commands[i]);
	str_add(out, "\t*)\n\t\toptions= words= runs= list= files=\n\t\t;;\n\tesac\n}\n\n"
		     "# Sets kind to what the value of an option is; $1 is \"COMMAND OPTION\".\n"
		     "_canhazgpu_kind() {\n\tkind=\n\tcase $1 in\n");
	for (size_t i = 0; i < input->commands_count; i++)
		add_kind_cases(out, input->commands[i].name, input->commands[i].options);
	add_kind_cases(out, "*", input->global);
	str_add(out, "\tesac\n}\n\n");
	str_add(out, body);
}
