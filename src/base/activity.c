/* The activity of a reservation on a GPU as one line of text, for stores that keep it so. */
#include "base/activity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* "-" where the value is unknown. */
static void add_quantity(struct str *out, struct quantity q)
{
	if (q.known)
		str_addf(out, " %" PRId64, q.value);
	else
		str_add(out, " -");
}

char *activity_text(const struct activity *a)
{
	struct str out = {0};

	str_addf(&out,
		 "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRId64
		 " %" PRId64,
		 a->seen_ns, a->last_active_ns, a->idle_since_ns, a->active_ns, a->idle_ns,
		 a->told_idle, a->card, a->base.offset_ns);
	add_quantity(&out, a->memory_mb);
	add_quantity(&out, a->power_mw);
	add_quantity(&out, a->energy_mj);
	str_addf(&out, " %s", *a->base.clock ? a->base.clock : "-");
	return str_steal(&out);
}

/* Cuts the next word off *rest; NULL: there is none. */
static char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " ");
	while (word && !*word);
	return word;
}

static bool read_int(char **rest, int64_t *ret)
{
	char *word = next_word(rest), *end;

	if (!word)
		return false;
	*ret = strtoll(word, &end, 10);
	return end != word && !*end;
}

static bool read_quantity(char **rest, struct quantity *ret)
{
	if (*rest && **rest == '-' && ((*rest)[1] == ' ' || !(*rest)[1])) {
		next_word(rest);
		*ret = (struct quantity){0};
		return true;
	}
	ret->known = true;
	return read_int(rest, &ret->value);
}

bool activity_parse(const char *text, struct activity *ret_activity)
{
	AUTO_FREE char *copy = mem_strdup(text);
	struct activity a = {0};
	int64_t told = 0;
	char *rest = copy, *clock;

	if (!read_int(&rest, &a.seen_ns) || !read_int(&rest, &a.last_active_ns) ||
	    !read_int(&rest, &a.idle_since_ns) || !read_int(&rest, &a.active_ns) ||
	    !read_int(&rest, &a.idle_ns) || !read_int(&rest, &told) || !read_int(&rest, &a.card) ||
	    !read_int(&rest, &a.base.offset_ns) || !read_quantity(&rest, &a.memory_mb) ||
	    !read_quantity(&rest, &a.power_mw) || !read_quantity(&rest, &a.energy_mj))
		return false;
	clock = next_word(&rest);
	if (!clock || strlen(clock) >= sizeof(a.base.clock))
		return false;
	if (strcmp(clock, "-") != 0)
		memcpy(a.base.clock, clock, strlen(clock));
	a.told_idle = told != 0;
	*ret_activity = a;
	return true;
}
