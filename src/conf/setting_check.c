/* Which values are good for an option; see setting.h. */
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "base/parse.h"
#include "conf/remotes.h"
#include "conf/setting.h"

/* Is value one of "user|gpu|day"? */
static int check_choice(const char *choices, const char *value, struct err *e)
{
	size_t length = strcspn(value, "|"); /* "user|gpu" is no choice */

	for (const char *p = choices; p && !value[length]; p = strchr(p, '|')) {
		p += *p == '|';
		if (length > 0 && !strncmp(p, value, length) && (!p[length] || p[length] == '|'))
			return 0;
	}
	return err_usage(e, "'%.60s' is not one of %s", value, choices);
}

static int check_duration(const struct option_spec *spec, const char *value, struct err *e)
{
	int64_t ns;
	int r;

	if (spec->choices && !strcmp(value, spec->choices))
		return 0;
	r = parse_duration(value, &ns, e);
	if (r == 0 && ((spec->min && ns < spec->min) || (spec->max && ns > spec->max)))
		return err_usage(e, "%.60s is out of range (%.9gs to %.9gs)", value,
				 (double)spec->min / (double)NS_PER_SECOND,
				 (double)spec->max / (double)NS_PER_SECOND);
	return r;
}

static int check_remotes(const char *value, struct err *e)
{
	AUTO(remotes_clear) struct remotes remotes = {0};

	return remotes_parse(value, &remotes, e);
}

/* Names of accounts, groups and programs, which hold no blanks. */
static int check_names(const char *value, struct err *e)
{
	size_t length;

	for (const char *p = value; *p; p += length) {
		p += *p == ',' && p != value;
		length = strcspn(p, ",");
		if (!length || strcspn(p, " \t\n") < length)
			return err_usage(e, "'%.60s' is not a list of names (alice,bob)", value);
	}
	return *value ? 0 : err_usage(e, "an empty list of names");
}

bool option_accepts(const struct option_spec *spec, const char *value)
{
	return setting_check(spec, value, NULL) == 0;
}

int setting_check(const struct option_spec *spec, const char *value, struct err *e)
{
	/* Bounds left out are no bounds. */
	bool bounded = spec->min || spec->max;
	AUTO(gpu_list_clear) struct gpu_list list = {0};
	AUTO_FREE int *ids = NULL;
	size_t count;
	struct date date;
	int64_t number;
	bool flag;

	switch (spec->type) {
	case OPTION_FLAG:
		return parse_bool(value, &flag, e);
	case OPTION_INT:
		return parse_int(value, bounded ? spec->min : INT64_MIN,
				 bounded ? spec->max : INT64_MAX, &number, e);
	case OPTION_DURATION:
		return check_duration(spec, value, e);
	case OPTION_IDS:
		return parse_id_list(value, &ids, &count, e);
	case OPTION_SIZE:
		return parse_size_mb(value, &number, e);
	case OPTION_DATE:
		if (spec->choices && check_choice(spec->choices, value, NULL) == 0)
			return 0;
		return parse_date(value, &date, e);
	case OPTION_GPUS:
		return parse_gpu_list(value, &list, e);
	case OPTION_CHOICE:
		return check_choice(option_choices(spec), value, e);
	case OPTION_PATH:
		return *value ? 0 : err_usage(e, "an empty file name");
	case OPTION_REMOTES:
		return check_remotes(value, e);
	case OPTION_NAMES:
		return check_names(value, e);
	case OPTION_TEXT:
		return spec->check ? spec->check(value, e) : 0;
	}
	return 0;
}
