/* Readers of the small texts that people type. */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

/* Texts are quoted in errors up to this length, so that a megabyte of argument stays one line. */
#define QUOTE_MAX "60"

int parse_int(const char *text, int64_t min, int64_t max, int64_t *ret_value, struct err *e)
{
	char *end = NULL;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (!*text || isspace((unsigned char)*text) || *end)
		return err_usage(e, "'%." QUOTE_MAX "s' is not a whole number", text);
	if (errno == ERANGE || value < min || value > max)
		return err_usage(e, "%." QUOTE_MAX "s is out of range (%lld to %lld)", text,
				 (long long)min, (long long)max);
	*ret_value = value;
	return 0;
}

int parse_bool(const char *text, bool *ret_value, struct err *e)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(text, words[i])) {
			*ret_value = i % 2;
			return 0;
		}
	}
	return err_usage(e, "'%." QUOTE_MAX "s' is neither true nor false", text);
}

struct unit {
	const char *name;
	int64_t ns;
};

/* From large to small: the order in which a duration may name them. */
static const struct unit units[] = {
	{"w", 7 * NS_PER_DAY}, {"d", NS_PER_DAY}, {"h", NS_PER_HOUR}, {"m", 60 * NS_PER_SECOND},
	{"s", NS_PER_SECOND},  {"ms", NS_PER_MS}, {"us", 1000},       {"ns", 1},
};

/* The index in units of the unit name at *p, which is moved behind it; -1 if there is none. */
static int parse_unit(const char **p)
{
	size_t length = 0;

	while (isalpha((unsigned char)(*p)[length]))
		length++;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) == length && !memcmp(units[i].name, *p, length)) {
			*p += length;
			return (int)i;
		}
	}
	return -1;
}

/*
 * Reads "12" or "0.5" at *p as whole units and a fraction in units of 1e-9. False if there is no
 * number, or more than PARSE_DURATION_MAX_NS even as nanoseconds.
 */
static bool parse_decimal(const char **p, int64_t *ret_whole, int64_t *ret_billionths)
{
	const char *start = *p;
	int64_t scale = 100000000;
	int digits = 0;

	*ret_whole = *ret_billionths = 0;
	for (; isdigit((unsigned char)**p); (*p)++, digits++) {
		*ret_whole = *ret_whole * 10 + (**p - '0');
		if (*ret_whole > PARSE_DURATION_MAX_NS)
			return false;
	}
	if (**p == '.') {
		(*p)++;
		for (; isdigit((unsigned char)**p); (*p)++, digits++, scale /= 10)
			*ret_billionths += (**p - '0') * scale;
	}
	return digits > 0 && *p > start;
}

int parse_duration(const char *text, int64_t *ret_ns, struct err *e)
{
	const char *p = text;
	int64_t total = 0;
	int last = -1;

	if (!*text)
		return err_usage(
			e, "an empty duration (use forms like 30s, 30m, 2h, 1d, 0.5h or 1h30m)");
	if (*text == '-')
		return err_usage(e, "duration '%." QUOTE_MAX "s' is negative", text);
	while (*p) {
		int64_t whole, billionths, ns;
		int unit;

		if (!parse_decimal(&p, &whole, &billionths))
			goto bad;
		unit = parse_unit(&p);
		if (unit < 0 || unit <= last)
			goto bad;
		last = unit;
		/* The fraction: at most 1e9 * 6.048e14 would overflow, so by way of long double. */
		if (__builtin_mul_overflow(whole, units[unit].ns, &ns) ||
		    __builtin_add_overflow(
			    ns, (int64_t)((long double)units[unit].ns * billionths / 1e9L), &ns) ||
		    __builtin_add_overflow(total, ns, &total) || total > PARSE_DURATION_MAX_NS)
			return err_usage(
				e, "duration '%." QUOTE_MAX "s' is over the limit of 3650d", text);
	}
	if (total == 0)
		return err_usage(e, "duration '%." QUOTE_MAX "s' is zero", text);
	*ret_ns = total;
	return 0;
bad:
	return err_usage(e,
			 "invalid duration '%." QUOTE_MAX
			 "s' (use forms like 30s, 30m, 2h, 1d, 0.5h or 1h30m)",
			 text);
}

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Reads a GPU id at *p; -1 if there is none or it is too large to be one. */
static int parse_id(const char **p)
{
	int id = 0;

	if (!isdigit((unsigned char)**p))
		return -1;
	for (; isdigit((unsigned char)**p); (*p)++) {
		id = id * 10 + (**p - '0');
		if (id > 65535)
			return -1;
	}
	return id;
}

int parse_id_list(const char *text, int **ret_ids, size_t *ret_count, struct err *e)
{
	AUTO_FREE int *ids = NULL;
	const char *p = text;
	size_t count = 0;

	for (;;) {
		int first, last;

		while (*p == ' ')
			p++;
		first = last = parse_id(&p);
		if (first >= 0 && *p == '-') {
			p++;
			last = parse_id(&p);
		}
		while (*p == ' ')
			p++;
		if (first < 0 || last < first || (*p && *p != ',') || count > 65535)
			return err_usage(e,
					 "invalid GPU ids '%." QUOTE_MAX
					 "s' (use forms like 1,3,5 or 0-3)",
					 text);
		ids = mem_resize(ids, count + (size_t)(last - first) + 1, sizeof(*ids));
		for (int id = first; id <= last; id++)
			ids[count++] = id;
		if (!*p)
			break;
		p++;
	}
	qsort(ids, count, sizeof(*ids), compare_ints);
	for (size_t i = 1; i < count; i++) {
		if (ids[i] == ids[i - 1])
			return err_usage(e, "GPU id %d is given twice", ids[i]);
	}
	*ret_ids = mem_steal(&ids);
	*ret_count = count;
	return 0;
}

/* "12", "0.5": digits, and one point at most, whatever the locale. False: there are none. */
static bool read_decimal(const char **p, double *ret_value)
{
	double value = 0, weight = 1;
	const char *start = *p;
	bool point = false;

	for (; isdigit((unsigned char)**p) || (**p == '.' && !point); ++*p) {
		if (**p == '.') {
			point = true;
		} else if (point) {
			weight /= 10;
			value += weight * (**p - '0');
		} else {
			value = value * 10 + (**p - '0');
		}
	}
	*ret_value = value;
	return *p - start > point;
}

int parse_size_mb(const char *text, int64_t *ret_mb, struct err *e)
{
	static const char prefixes[] = "KMGT";
	const char *p = text, *found = NULL;
	double value = 0;
	bool valid = read_decimal(&p, &value), binary;

	if (valid && *p)
		found = strchr(prefixes, toupper((unsigned char)*p));
	binary = found && (p[1] == 'i' || p[1] == 'I');
	for (const char *k = prefixes; found && k <= found; k++)
		value *= binary ? 1024 : 1000;
	value /= 1024 * 1024;
	if (found)
		p += 1 + binary;
	if (*p == 'b' || *p == 'B')
		p++;
	if (!found || *p || value < 1 || value > INT32_MAX)
		return err_usage(e, "invalid size '%." QUOTE_MAX "s' (use forms like 40G or 512Mi)",
				 text);
	*ret_mb = (int64_t)value;
	return 0;
}

bool parse_is_gpu_name(const char *text)
{
	if (strncasecmp(text, "GPU-", 4) != 0 && strncasecmp(text, "MIG-", 4) != 0)
		return false;
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '/')
			return false;
	}
	return true;
}

int parse_gpu_list(const char *text, struct gpu_list *ret_list, struct err *e)
{
	AUTO(gpu_list_clear) struct gpu_list list = {0};
	AUTO(str_clear) struct str numbers = {0};
	size_t others = 0;

	for (const char *p = text;; p++) {
		size_t length = strcspn(p, ",");
		size_t blanks = strspn(p, " ");
		AUTO_FREE char *word = mem_printf("%.*s", (int)length, p + blanks);

		word[strcspn(word, ",")] = '\0';
		for (size_t i = strlen(word); i && word[i - 1] == ' '; i--)
			word[i - 1] = '\0';
		if (parse_is_gpu_name(word)) {
			list.names =
				mem_resize(list.names, list.names_count + 1, sizeof(*list.names));
			list.names[list.names_count++] = mem_steal(&word);
		} else {
			str_addf(&numbers, "%s%.*s", others++ ? "," : "", (int)length, p);
		}
		p += length;
		if (!*p)
			break;
	}
	if (others) {
		int r = parse_id_list(str_text(&numbers), &list.ids, &list.ids_count, e);

		if (r < 0)
			return r;
	}
	*ret_list = list;
	list = (struct gpu_list){0};
	return 0;
}

void gpu_list_clear(struct gpu_list *list)
{
	for (size_t i = 0; i < list->names_count; i++)
		free(list->names[i]);
	free(list->names);
	free(list->ids);
	*list = (struct gpu_list){0};
}

int parse_signal(const char *text, int *ret_signal, struct err *e)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int64_t number;

	if (parse_int(text, 1, NSIG - 1, &number, NULL) == 0) {
		*ret_signal = (int)number;
		return 0;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known && strcasecmp(known, name) == 0) {
			*ret_signal = i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "'%s' is not a signal (for example: INT, TERM, USR1)", text);
}
