/* The lines and single values of nvidia-smi's tables. Called by smi_parse.c. Pure. */
#include "gpu/nvidia/smi_value.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Numbers above this are no measurement of anything, and far from overflow when scaled. */
#define NUMBER_MAX INT64_C(1000000000000)

/* The length of a control sequence (ECMA-48: ESC [ parameters final) at the start; 0: there is
 * none.
 */
static size_t escape_length(const char *text, size_t length)
{
	size_t i = 2;

	if (length < 3 || text[0] != '\x1b' || text[1] != '[')
		return 0;
	while (i < length && text[i] >= 0x20 && text[i] < 0x40)
		i++;
	return i < length && text[i] >= 0x40 && text[i] < 0x7f ? i + 1 : 0;
}

char *nvidia_smi_copy(const char *text, size_t length)
{
	char *copy = mem_alloc(length + 1, 1), *end = copy;

	for (size_t i = 0; i < length; i++) {
		size_t skipped = escape_length(text + i, length - i);

		if (skipped)
			i += skipped - 1;
		else
			*end++ = text[i] ? text[i] : '?';
	}
	return copy;
}

char *nvidia_smi_trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

char *nvidia_smi_next_line(char **rest)
{
	char *line;

	while ((line = strsep(rest, "\r\n"))) {
		line = nvidia_smi_trim(line);
		if (*line)
			return line;
	}
	return NULL;
}

bool nvidia_smi_is_no_value(const char *text)
{
	static const char *const not_a_value[] = {"", "N/A", "ERR!", "Unknown Error"};

	/* Real names, UUIDs and bus ids are not in brackets; "[N/A]" and its like are. */
	if (*text == '[')
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(not_a_value); i++) {
		if (!strcasecmp(text, not_a_value[i]))
			return true;
	}
	return false;
}

char *nvidia_smi_text(const char *text)
{
	return nvidia_smi_is_no_value(text) ? NULL : mem_strdup(text);
}

struct quantity nvidia_smi_number(const char *text, int64_t scale, const char *unit)
{
	const struct quantity unknown = {0};
	int64_t value = 0, place = scale;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return unknown;
	for (; isdigit((unsigned char)*p); p++) {
		value = value * 10 + (*p - '0');
		if (value > NUMBER_MAX)
			return unknown;
	}
	value *= scale;
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			place /= 10;
			value += place * (*p - '0');
		}
	}
	while (isspace((unsigned char)*p))
		p++;
	if (*p && (!*unit || strcasecmp(p, unit) != 0))
		return unknown;
	return quantity_of(value);
}
