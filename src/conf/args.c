/*
 * The command line: getopt_long driven by option tables. Called by src/main.c once for what
 * precedes the subcommand and once for what follows it.
 */
#include "conf/args.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "conf/nearest.h"
#include "conf/setting.h"

/* getopt returns ROW_BASE + index for a long option: above every short option's letter. */
#define ROW_BASE 512

const struct option_spec args_standard_options[] = {
	{.name = "help", .letter = 'h', .type = OPTION_FLAG, .help = "Show this help and exit"},
	{.name = "version",
	 .letter = 'v',
	 .type = OPTION_FLAG,
	 .help = "Show the version and exit"},
	{0},
};

struct row {
	const struct option_spec *spec;
	const char *prefix; /* of the configuration key; NULL: global */
};

struct parser {
	const struct args_request *request;
	struct settings *settings;
	int argc;
	char **argv;
	struct row *rows;
	size_t count;
	struct option *longs; /* longs[i] is rows[i] */
	struct str shorts;
	char **words, **options; /* argv[1..] sorted into two heaps */
	int words_count, options_count;
	struct err *e;
};

static void parser_clear(struct parser *p)
{
	free(p->rows);
	free(p->longs);
	free(p->words);
	free(p->options);
	str_clear(&p->shorts);
}

static void add_table(struct parser *p, const struct option_spec *table, const char *prefix)
{
	for (; table && table->name; table++) {
		if (table->not_on_command_line)
			continue;
		/* --version belongs to the program, not to its commands. */
		if (table == &args_standard_options[1] && p->request->command)
			continue;
		p->rows = mem_resize(p->rows, p->count + 1, sizeof(*p->rows));
		p->rows[p->count++] = (struct row){table, prefix};
	}
}

/* Makes getopt's two tables. Flags take "=false" in their long form only. */
static void make_getopt_tables(struct parser *p)
{
	/* "-" returns words in order, "+" stops at the first: POSIXLY_CORRECT changes neither. */
	str_add(&p->shorts, p->request->stop_at_word ? "+:" : "-:");
	p->longs = mem_alloc(p->count + 1, sizeof(*p->longs));
	for (size_t i = 0; i < p->count; i++) {
		const struct option_spec *spec = p->rows[i].spec;
		bool flag = spec->type == OPTION_FLAG;
		bool optional = flag || spec->argument_optional || spec->takes_rest;

		p->longs[i] = (struct option){
			.name = spec->name,
			.has_arg = optional ? optional_argument : required_argument,
			.val = ROW_BASE + (int)i,
		};
		if (spec->letter)
			str_addf(&p->shorts, "%c%s", spec->letter,
				 flag       ? ""
				 : optional ? "::"
					    : ":");
	}
}

/* A usage error that ends with where to read on. */
__attribute__((format(printf, 2, 3))) static int fail(struct parser *p, const char *format, ...)
{
	const char *name = p->request->command_name;
	char text[sizeof(p->e->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_usage(p->e, "%.900s (see 'canhazgpu%s%s --help')", text, name ? " " : "",
			 name ? name : "");
}

/* True if a command has an option of this name, for one that precedes the command. */
static bool is_option_of_a_command(const struct parser *p, const char *name)
{
	struct setting_view view;

	for (size_t i = 0; settings_view(p->settings, i, &view); i++) {
		if (!strcmp(view.spec->name, name) && !view.spec->not_on_command_line)
			return true;
	}
	return false;
}

/* The key of the setting of that name which only the host's administrator has; NULL: none. */
static const char *find_system_only(const struct parser *p, const char *name)
{
	struct setting_view view;

	for (size_t i = 0; settings_view(p->settings, i, &view); i++) {
		if (view.spec->system_only && !strcmp(view.spec->name, name))
			return view.key;
	}
	return NULL;
}

/* The error for --name, or for -x when name is the letter. */
static int fail_unknown(struct parser *p, const char *dashes, const char *name)
{
	struct nearest nearest = {.word = name};
	const char *system_only;

	if (name[1] == '\0')
		return fail(p, "unknown option '%s%s'%s", dashes, name,
			    *name == 'V' && !p->request->command ? ", did you mean '--version'?"
								 : "");
	system_only = find_system_only(p, name);
	if (system_only)
		return fail(p, SETTING_SYSTEM_ONLY, system_only);
	if (!p->request->command && is_option_of_a_command(p, name))
		return fail(p, "option '--%.60s' must come after the command", name);
	for (size_t i = 0; i < p->count; i++)
		nearest_offer(&nearest, p->rows[i].spec->name);
	for (size_t i = 0; i < p->count; i++) {
		if (nearest_is_meant(name, p->rows[i].spec->name))
			nearest.best = p->rows[i].spec->name;
	}
	if (nearest.best)
		return fail(p, "unknown option '--%.60s', did you mean '--%s'?", name,
			    nearest.best);
	return fail(p, "unknown option '--%.60s'", name);
}

/* The row of what getopt returned; NULL for an unknown option. */
static const struct row *find_row(const struct parser *p, int result)
{
	if (result >= ROW_BASE)
		return &p->rows[result - ROW_BASE];
	for (size_t i = 0; i < p->count; i++) {
		if (p->rows[i].spec->letter && p->rows[i].spec->letter == result)
			return &p->rows[i];
	}
	return NULL;
}

/* "--wait 10": a time without its unit would be taken for a word, and be another argument. */
static const char *half_a_value(const struct parser *p, const struct option_spec *spec)
{
	const char *next = optind < p->argc ? p->argv[optind] : NULL;

	if (!next || !*next || next[strspn(next, "0123456789.")] ||
	    (spec->type != OPTION_DURATION && spec->type != OPTION_DATE) ||
	    !setting_check(spec, next, NULL))
		return NULL;
	return next;
}

/*
 * The value of an option that getopt gave no argument: "true" for a flag; for an optional argument
 * the next word if it is a good value, else what the row implies.
 */
static const char *value_left_out(const struct parser *p, const struct option_spec *spec)
{
	const char *next = optind < p->argc ? p->argv[optind] : NULL;

	if (spec->type == OPTION_FLAG)
		return "true";
	/* Any word is a good text: such an option takes its value after "=" only. */
	if (next && spec->type != OPTION_TEXT && spec->type != OPTION_PATH &&
	    !setting_check(spec, next, NULL)) {
		optind++;
		return next;
	}
	return spec->implied ? spec->implied : "";
}

/* What follows up to "--", which stays; words as a shell would have them. The caller frees it. */
static char *take_rest(struct parser *p)
{
	struct str rest = {0};

	for (; optind < p->argc && strcmp(p->argv[optind], "--") != 0; optind++) {
		str_add(&rest, rest.length ? " " : "");
		str_add_shell_word(&rest, p->argv[optind]);
	}
	return str_steal(&rest);
}

static int take_option(struct parser *p, const struct row *row, const char *value)
{
	AUTO_FREE char *option = mem_printf("--%s", row->spec->name);
	AUTO_FREE char *key = setting_key(row->prefix, row->spec);
	const char *half = value ? NULL : half_a_value(p, row->spec);
	AUTO_FREE char *list = NULL;
	AUTO_FREE char *rest = !value && row->spec->takes_rest ? take_rest(p) : NULL;
	struct err e = {0};

	if (rest && !*rest)
		return fail(p, "option '%s' needs a value", option);
	if (rest)
		value = rest;
	if (half && row->spec->type == OPTION_DURATION)
		return fail(
			p,
			"option '%s' needs a time with its unit: did you mean '%s %.20sm' or '%s %.20sh'?",
			option, option, half, option, half);
	if (half)
		return fail(p, "option '%s' needs a date such as 2026-10, not '%.20s'", option,
			    half);
	if (value && row->spec->repeatable && settings_origin(p->settings, key) == ORIGIN_FLAG)
		value = list = mem_printf("%s,%s", settings_text(p->settings, key), value);
	if (settings_set(p->settings, key, value ? value : value_left_out(p, row->spec), option,
			 &e))
		return fail(p, "%s", e.text);
	return 0;
}

/* getopt_long takes the beginning of a long name for it; we do not: a later option could clash. */
static int check_long_name(struct parser *p, const char *argument)
{
	AUTO_FREE char *name = mem_strdup(argument + 2);

	name[strcspn(name, "=")] = '\0';
	for (size_t i = 0; i < p->count; i++) {
		if (!strcmp(p->rows[i].spec->name, name))
			return 0;
	}
	return fail_unknown(p, "--", name);
}

/* Handles one result of getopt for an option that begins in argv[at]. */
static int handle(struct parser *p, int result, int at, struct args_result *flags)
{
	const char *argument = p->argv[at];
	bool is_long = argument[0] == '-' && argument[1] == '-';
	const char letter[2] = {(char)optopt, '\0'};
	const struct row *row;
	int r;

	if (is_long && (r = check_long_name(p, argument)))
		return r;
	if (result == ':' && is_long)
		return fail(p, "option '%.60s' needs a value", argument);
	if (result == ':')
		return fail(p, "option '-%s' needs a value", letter);
	row = find_row(p, result);
	if (!row)
		return fail_unknown(p, "-", letter);
	if (row->spec == &args_standard_options[0] || row->spec == &args_standard_options[1]) {
		if (optarg)
			return fail(p, "option '--%s' takes no value", row->spec->name);
		*(row->spec == &args_standard_options[0] ? &flags->help : &flags->version) = true;
		return 0;
	}
	if (optarg && optarg == p->argv[optind - 1] && !strncmp(optarg, "--", 2))
		return fail(p, "option '%.60s' needs a value before '%.60s' (or write --%s=%.60s)",
			    argument, optarg, row->spec->name, optarg);
	return take_option(p, row, optarg);
}

/* Puts argv in the order options, words; the words are what the caller gets. */
static void reorder(struct parser *p, struct args_result *result)
{
	for (int i = optind; i < p->argc; i++)
		p->words[p->words_count++] = p->argv[i];
	for (int i = 0; i < p->options_count; i++)
		p->argv[1 + i] = p->options[i];
	result->words = p->argv + 1 + p->options_count;
	result->words_count = p->words_count;
	for (int i = 0; i < p->words_count; i++)
		result->words[i] = p->words[i];
}

static int parse(struct parser *p, struct args_result *result)
{
	optind = 0; /* makes glibc forget an earlier pass */
	opterr = 0;
	for (;;) {
		int at = optind > 0 ? optind : 1, c, r;

		c = getopt_long(p->argc, p->argv, str_text(&p->shorts), p->longs, NULL);
		if (c == 1) {
			p->words[p->words_count++] = optarg;
			continue;
		}
		if (c != -1 && (r = handle(p, c, at, result)))
			return r;
		for (int i = at; i < optind; i++)
			p->options[p->options_count++] = p->argv[i];
		if (c == -1 || result->help || result->version)
			return 0;
	}
}

int args_parse(const struct args_request *request, int argc, char **argv, struct settings *s,
	       struct args_result *ret_result, struct err *e)
{
	AUTO(parser_clear)
	struct parser p = {.request = request, .settings = s, .argc = argc, .argv = argv, .e = e};
	struct args_result result = {0};
	int r;

	if (argc < 1) {
		*ret_result = (struct args_result){.words = argv};
		return 0;
	}
	/* The command's options first: they win over a global one of the same name. */
	add_table(&p, request->command, request->command_name);
	add_table(&p, request->global, NULL);
	add_table(&p, args_standard_options, NULL);
	make_getopt_tables(&p);
	p.words = mem_alloc((size_t)argc + 1, sizeof(*p.words));
	p.options = mem_alloc((size_t)argc + 1, sizeof(*p.options));
	r = parse(&p, &result);
	if (r)
		return r;
	reorder(&p, &result);
	*ret_result = result;
	return 0;
}
