/* TOML: whole numbers, floats, dates and times, true and false. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/doc/toml.h"

/* Passes count decimal digits and gives their value; false if there are fewer. */
static bool take_digits(const char **p, int count, int *ret_value)
{
	int value = 0;

	for (int i = 0; i < count; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return false;
		value = value * 10 + ((*p)[i] - '0');
	}
	*p += count;
	*ret_value = value;
	return true;
}

static bool take_char(const char **p, const char *allowed)
{
	if (!**p || !strchr(allowed, **p))
		return false;
	(*p)++;
	return true;
}

/* 1979-05-27, a day that exists. */
static bool take_date(const char **p)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day;
	bool leap;

	if (!take_digits(p, 4, &year) || !take_char(p, "-") || !take_digits(p, 2, &month) ||
	    !take_char(p, "-") || !take_digits(p, 2, &day))
		return false;
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2);
}

/* 07:32:00, 07:32:00.999 */
static bool take_time(const char **p)
{
	int hour, minute, second;

	if (!take_digits(p, 2, &hour) || !take_char(p, ":") || !take_digits(p, 2, &minute) ||
	    !take_char(p, ":") || !take_digits(p, 2, &second))
		return false;
	if (**p == '.') {
		(*p)++;
		if (!isdigit((unsigned char)**p))
			return false;
		*p += strspn(*p, "0123456789");
	}
	return hour < 24 && minute < 60 && second < 60;
}

/* Z, +07:00; nothing is good too. */
static bool take_offset(const char **p)
{
	int hour, minute;

	if (take_char(p, "Zz"))
		return true;
	if (!take_char(p, "+-"))
		return true;
	return take_digits(p, 2, &hour) && take_char(p, ":") && take_digits(p, 2, &minute) &&
	       hour < 24 && minute < 60;
}

/* Any of the four kinds of dates and times, as a whole. */
static bool is_date_or_time(const char *word)
{
	const char *p = word;

	if (take_time(&p))
		return *p == '\0';
	p = word;
	if (!take_date(&p))
		return false;
	if (*p == '\0')
		return true;
	return take_char(&p, "Tt ") && take_time(&p) && take_offset(&p) && *p == '\0';
}

/* Copies digits of the base to *out without their underscores, each of which needs two neighbours.
 */
static bool take_number_part(const char **p, const char *digits, char **out)
{
	const char *start = *p;

	for (;; (*p)++) {
		if (**p && strchr(digits, **p))
			*(*out)++ = **p;
		else if (**p != '_' || *p == start || (*p)[-1] == '_')
			break;
	}
	return *p > start && (*p)[-1] != '_';
}

/* 0xff, 0o17, 0b11: the digits go to clean. Returns the base, 0 if word is none of these. */
static int clean_based(const char *word, char *clean)
{
	static const struct {
		const char *prefix, *digits;
		int base;
	} bases[] = {
		{"0x", "0123456789abcdefABCDEF", 16},
		{"0o", "01234567", 8},
		{"0b", "01", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
		const char *p = word + 2;
		char *out = clean;

		if (strncmp(word, bases[i].prefix, 2) != 0)
			continue;
		if (!take_number_part(&p, bases[i].digits, &out) || *p)
			return 0;
		*out = '\0';
		return bases[i].base;
	}
	return 0;
}

/* A decimal whole number (*ret_kind DOC_INT) or a float, without underscores into clean. */
static bool clean_decimal(const char *word, char *clean, enum doc_kind *ret_kind)
{
	static const char digits[] = "0123456789";
	const char *p = word, *start;
	char *out = clean;

	*ret_kind = DOC_INT;
	if (*p == '+' || *p == '-')
		*out++ = *p++;
	start = p;
	if (!take_number_part(&p, digits, &out) || (*start == '0' && p > start + 1))
		return false;
	if (*p == '.') {
		*ret_kind = DOC_FLOAT;
		*out++ = *p++;
		if (!take_number_part(&p, digits, &out))
			return false;
	}
	if (*p == 'e' || *p == 'E') {
		*ret_kind = DOC_FLOAT;
		*out++ = *p++;
		if (*p == '+' || *p == '-')
			*out++ = *p++;
		if (!take_number_part(&p, digits, &out))
			return false;
	}
	*out = '\0';
	return *p == '\0';
}

/* Reads word as a number into node. */
static int read_number(struct doc_reader *r, const char *at, const char *word,
		       struct doc_node *node)
{
	AUTO_FREE char *clean = mem_alloc(strlen(word) + 1, 1);
	const char *unsigned_word = word + (*word == '+' || *word == '-');
	int base = clean_based(word, clean);
	long long value;

	if (!strcmp(unsigned_word, "inf") || !strcmp(unsigned_word, "nan")) {
		node->kind = DOC_FLOAT;
		node->text = mem_strdup(word);
		return 0;
	}
	if (base)
		node->kind = DOC_INT;
	else if (!clean_decimal(word, clean, &node->kind))
		return doc_fail(r, at, "'%.40s' is not a value (text needs quotes)", word);
	if (node->kind == DOC_FLOAT) {
		node->text = mem_steal(&clean);
		return 0;
	}
	errno = 0;
	value = strtoll(clean, NULL, base ? base : 10);
	if (errno)
		return doc_fail(r, at, "the number %.40s is too large", word);
	node->text = mem_printf("%lld", value);
	return 0;
}

/* The length of the word here: what can be part of a number, a date or a name. */
static size_t word_length(const char *p)
{
	size_t length = 0;

	while (isalnum((unsigned char)p[length]) || (p[length] && strchr("+-_.:", p[length])))
		length++;
	return length;
}

int toml_read_scalar(struct doc_reader *r, struct doc_node *node)
{
	const char *at = r->p, *p = r->p;
	size_t length = word_length(at);
	AUTO_FREE char *word = NULL;
	int value;

	if (length == 0)
		return doc_fail(r, at, "expected a value");
	/* The one value with a space in it: a date, then a time. */
	if (length == 10 && take_date(&p) && p[0] == ' ' && (p++, take_digits(&p, 2, &value)))
		length += 1 + word_length(at + length + 1);
	word = mem_printf("%.*s", (int)length, at);
	r->p += length;
	if (!strcmp(word, "true") || !strcmp(word, "false"))
		node->kind = DOC_BOOL;
	else if (is_date_or_time(word))
		node->kind = DOC_DATE;
	else
		return read_number(r, at, word, node);
	node->text = mem_steal(&word);
	return 0;
}
