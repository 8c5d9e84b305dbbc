/* The completion script for zsh: one call of _arguments per command. */
#include "conf/complete/shell.h"

static const char head[] =
	"#compdef canhazgpu chg\n"
	"# zsh completion for canhazgpu and chg: written by `canhazgpu completion zsh`\n\n"
	"_canhazgpu_ids() {\n"
	"	local -a ids\n"
	"	ids=(${(f)\"$(canhazgpu __complete gpu-ids 2>/dev/null)\"})\n"
	"	_values -s , 'GPU id' $ids\n"
	"}\n\n"
	"_canhazgpu_list() {\n"
	"	local -a ids\n"
	"	ids=(${(f)\"$(canhazgpu __complete $1 2>/dev/null)\"})\n"
	"	compadd -a ids\n"
	"}\n\n"
	"# Somebody else's command line; a -- may still stand before it.\n"
	"_canhazgpu_command_line() {\n"
	"	if [[ $words[1] == -- ]]; then\n"
	"		shift words\n"
	"		(( CURRENT-- ))\n"
	"	fi\n"
	"	if (( CURRENT == 1 )); then\n"
	"		_command_names -e\n"
	"	else\n"
	"		_normal\n"
	"	fi\n"
	"}\n\n"
	"_canhazgpu_duration() {\n"
	"	if [[ $PREFIX == <-> ]]; then\n"
	"		compadd -- ${PREFIX}m ${PREFIX}h ${PREFIX}d\n"
	"	else\n"
	"		compadd -- 30m 1h 2h 4h 8h 1d\n"
	"	fi\n"
	"}\n\n";

static const char tail[] = "if [[ $funcstack[1] == _canhazgpu ]]; then\n"
			   "	_canhazgpu \"$@\"\n"
			   "else\n"
			   "	compdef _canhazgpu canhazgpu chg\n"
			   "fi\n";

/* Adds text for use inside a single-quoted word in which `special` are escaped by a backslash. */
static void add_escaped(struct str *out, const char *text, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'') {
			str_add(out, "'\\''");
			continue;
		}
		for (const char *p = special; *p; p++) {
			if (*p == *text)
				str_add(out, "\\");
		}
		str_add_bytes(out, text, 1);
	}
}

/* ":N:action", what _arguments completes the value with. */
static void add_action(struct str *out, const struct option_spec *spec)
{
	str_addf(out, "%s", spec->argument_optional ? "::" : ":");
	add_escaped(out, spec->argument ? spec->argument : spec->name, ":\\");
	str_add(out, ":");
	switch (spec->type) {
	case OPTION_IDS:
	case OPTION_GPUS:
		str_add(out, "_canhazgpu_ids");
		break;
	case OPTION_DURATION:
		str_add(out, "_canhazgpu_duration");
		break;
	case OPTION_PATH:
		str_add(out, "_files");
		break;
	case OPTION_CHOICE:
		str_add(out, "(");
		complete_add_words(out, option_choices(spec));
		str_add(out, ")");
		break;
	case OPTION_TEXT:
		/* The blank: called with these words, and no more. */
		if (spec->list)
			str_addf(out, " _canhazgpu_list %s", spec->list);
		else
			str_add(out, " ");
		break;
	case OPTION_FLAG:
	case OPTION_INT:
	case OPTION_SIZE:
	case OPTION_DATE:
	case OPTION_REMOTES:
	case OPTION_NAMES:
		str_add(out, " ");
		break;
	}
}

/* '(-j --json)'{-j,--json}'[help]:value:action' */
static void add_option(struct str *out, const struct option_spec *spec)
{
	const char *equals = spec->type == OPTION_FLAG ? "" : spec->argument_optional ? "=-" : "=";

	if (spec->letter)
		str_addf(out, "\t\t'(-%c --%s)'{-%c%s,--%s%s}'[", spec->letter, spec->name,
			 spec->letter, *equals ? (spec->argument_optional ? "-" : "+") : "",
			 spec->name, equals);
	else
		str_addf(out, "\t\t'--%s%s[", spec->name, equals);
	add_escaped(out, spec->help ? spec->help : "", "[]:\\");
	str_add(out, "]");
	if (*equals)
		add_action(out, spec);
	str_add(out, "' \\\n");
}

static void add_command(struct str *out, const struct complete_input *input,
			const struct complete_command *command)
{
	const struct option_spec *spec;

	str_addf(out, "_canhazgpu_%s() {\n\t_arguments -s -S%s : \\\n", command->name,
		 command->runs_command ? " -A '-*'" : "");
	for (size_t i = 0; (spec = complete_option(input, command, i)); i++)
		add_option(out, spec);
	if (command->runs_command) {
		str_add(out, "\t\t'*:::command line:_canhazgpu_command_line'\n");
	} else if (command->takes_file) {
		str_add(out, "\t\t'1:file:_files'\n");
	} else if (command->list) {
		str_addf(out, "\t\t'*:ID: _canhazgpu_list %s'\n", command->list);
	} else if (command->words) {
		str_add(out, "\t\t'1:word:(");
		complete_add_words(out, command->words);
		str_add(out, ")'\n");
	} else {
		str_add(out, "\t\t&& return\n");
	}
	str_add(out, "}\n\n");
}

/* The entry: global options, then the command, whose function sees only what follows it. */
static void add_entry(struct str *out, const struct complete_input *input)
{
	const struct option_spec *spec;

	str_add(out, "_canhazgpu() {\n"
		     "\tlocal curcontext=$curcontext state line\n"
		     "\tlocal -a subcommands\n"
		     "\ttypeset -A opt_args\n"
		     "\tsubcommands=(\n");
	for (size_t i = 0; i < input->commands_count; i++) {
		str_addf(out, "\t\t'%s:", input->commands[i].name);
		add_escaped(out, input->commands[i].summary, ":\\");
		str_add(out, "'\n");
	}
	str_add(out, "\t)\n\t_arguments -C -s -S -A '-*' : \\\n");
	for (size_t i = 0; (spec = complete_option(input, NULL, i)); i++)
		add_option(out, spec);
	str_add(out, "\t\t'(-)1: :->command' \\\n"
		     "\t\t'*:: :->arguments' && return\n"
		     "\tcase $state in\n"
		     "\tcommand)\n"
		     "\t\t_describe -t commands 'command' subcommands\n"
		     "\t\t;;\n"
		     "\targuments)\n"
		     "\t\tcurcontext=${curcontext%:*:*}:canhazgpu-$line[1]:\n"
		     "\t\t(( $+functions[_canhazgpu_$line[1]] )) && _canhazgpu_$line[1]\n"
		     "\t\t;;\n"
		     "\tesac\n"
		     "}\n\n");
}

void complete_zsh(const struct complete_input *input, struct str *out)
{
	str_add(out, head);
	for (size_t i = 0; i < input->commands_count; i++)
		add_command(out, input, &input->commands[i]);
	add_entry(out, input);
	str_add(out, tail);
}
