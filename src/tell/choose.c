/*
 * What of the news an account is told; see choose.h. The two limits keep others from filling
 * somebody's terminal: who begins to use a reserved GPU a hundred times is told of once.
 */
#include "tell/choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Whether the account wants to be told at all. */
static bool is_wanted(const struct tell_note *n, const struct tell_prefs *prefs)
{
	return n->asked || (prefs->defaults && n->by_default) || (prefs->kinds >> n->kind & 1);
}

static bool is_same(const struct tell_note *a, const struct tell_note *b)
{
	return a->kind == b->kind && a->about && b->about && !strcmp(a->about, b->about);
}

/* Whether an earlier one that was told says the same. */
static bool is_repeated(const struct tell_notes *notes, const bool *told, size_t which)
{
	const struct tell_note *n = &notes->items[which];

	for (size_t i = which; i > 0; i--) {
		const struct tell_note *earlier = &notes->items[i - 1];

		if (told[i - 1] && n->time_ns - earlier->time_ns < TELL_REPEAT_NS &&
		    is_same(n, earlier))
			return true;
	}
	return false;
}

/* How many were told in the period that ends with this one. */
static size_t told_before(const struct tell_notes *notes, const bool *told, size_t which)
{
	size_t count = 0;

	for (size_t i = 0; i < which; i++)
		count += told[i] &&
			 notes->items[which].time_ns - notes->items[i].time_ns < TELL_PERIOD_NS;
	return count;
}

static bool is_quiet(const struct tell_prefs *prefs, int minute)
{
	int from = prefs->quiet_from_minute, until = prefs->quiet_until_minute;

	if (from <= until)
		return minute >= from && minute < until;
	return minute >= from || minute < until;
}

void tell_choose(const struct tell_notes *notes, const struct tell_prefs *prefs, int minute_of_day,
		 struct tell_choice *ret_choice)
{
	struct tell_choice c = {
		.channels = mem_alloc(notes->count - notes->told + 1, sizeof(unsigned))};
	AUTO_FREE bool *told = mem_alloc(notes->count + 1, sizeof(*told));
	bool quiet = is_quiet(prefs, minute_of_day);

	for (size_t i = 0; i < notes->count; i++) {
		const struct tell_note *n = &notes->items[i];
		unsigned channels = n->asked && n->channels ? n->channels : prefs->channels;

		if (!channels || !is_wanted(n, prefs) || is_repeated(notes, told, i))
			continue;
		if (told_before(notes, told, i) >= TELL_MOST) {
			c.held += i >= notes->told;
			continue;
		}
		told[i] = true;
		if (i >= notes->told)
			c.channels[i - notes->told] = quiet ? channels & ~TELL_TERMINAL : channels;
	}
	*ret_choice = c;
}

void tell_choice_clear(struct tell_choice *c)
{
	free(c->channels);
	*c = (struct tell_choice){0};
}

bool tell_choice_has(const struct tell_notes *notes, const struct tell_choice *c, unsigned channels)
{
	for (size_t i = 0; i < notes->count - notes->told; i++) {
		if (c->channels[i] & channels)
			return true;
	}
	return false;
}
