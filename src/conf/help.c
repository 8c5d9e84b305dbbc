/* Option tables as help text: two columns, the second wrapped. */
#include "conf/help.h"

#include <string.h>

#include "base/mem.h"

/* Where the second column begins, everywhere, so that several tables below each other line up. */
#define TEXT_COLUMN 27

/* Columns of UTF-8 text: bytes that begin a character. */
static size_t columns(const char *text, size_t length)
{
	size_t n = 0;

	for (size_t i = 0; i < length; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* Adds words from `column` on; the lines after the first one are indented to TEXT_COLUMN. */
static void add_wrapped(struct str *out, const char *text, size_t width)
{
	size_t column = TEXT_COLUMN;

	while (*text) {
		size_t length = strcspn(text, " ");
		size_t wide = columns(text, length);

		if (column > TEXT_COLUMN && column + 1 + wide > width) {
			str_addf(out, "\n%*s", TEXT_COLUMN, "");
			column = TEXT_COLUMN;
		} else if (column > TEXT_COLUMN) {
			str_add(out, " ");
			column++;
		}
		str_add_bytes(out, text, length);
		column += wide;
		text += length;
		text += strspn(text, " ");
	}
	str_add(out, "\n");
}

/* "  -G, --gpu-ids IDS", and spaces up to the second column, or a new line. */
static void add_names(struct str *out, const struct option_spec *spec)
{
	const char *argument = spec->argument ? spec->argument : option_choices(spec);
	AUTO_FREE char *value = NULL;
	AUTO(str_clear) struct str names = {0};

	if (spec->type == OPTION_FLAG)
		value = mem_strdup("");
	else
		value = mem_printf(spec->argument_optional ? " [%s]" : " %s",
				   argument ? argument : "VALUE");
	if (spec->letter)
		str_addf(&names, "  -%c, --%s%s", spec->letter, spec->name, value);
	else
		str_addf(&names, "      --%s%s", spec->name, value);
	str_add(out, str_text(&names));
	if (names.length + 2 > TEXT_COLUMN)
		str_addf(out, "\n%*s", TEXT_COLUMN, "");
	else
		str_addf(out, "%*s", TEXT_COLUMN - (int)names.length, "");
}

/* The row's text with what else the program knows: choices and default. */
static void add_text(struct str *out, const struct option_spec *spec, size_t width)
{
	AUTO(str_clear) struct str text = {0};
	const char *choices = option_choices(spec);

	str_add(&text, spec->help ? spec->help : "");
	if (choices && spec->argument) {
		size_t first = strcspn(choices, "|");
		AUTO_FREE char *word = mem_printf("%.*s", (int)first, choices);

		if (!strstr(str_text(&text), word))
			str_addf(&text, " (%s)", choices);
	}
	if (spec->fallback && spec->type != OPTION_FLAG && !strstr(str_text(&text), "(default"))
		str_addf(&text, " (default: %s)", spec->fallback);
	add_wrapped(out, str_text(&text), width);
}

void help_options_wrapped(struct str *out, const struct option_spec *table, size_t width)
{
	for (; table && table->name; table++) {
		if (table->not_on_command_line)
			continue;
		add_names(out, table);
		add_text(out, table, width);
	}
}

void help_options(struct str *out, const struct option_spec *table)
{
	help_options_wrapped(out, table, HELP_WIDTH);
}
