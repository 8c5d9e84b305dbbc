/* Who had which GPU when; see timeline.h. */
#include "stats/timeline.h"

#include <stdlib.h>

#include "base/mem.h"

void timeline_init(struct timeline *t, int64_t from_ns, int64_t to_ns, size_t gpus_count)
{
	*t = (struct timeline){.from_ns = from_ns, .to_ns = to_ns, .gpus_count = gpus_count};
}

static void interval_clear(struct timeline_interval *interval)
{
	free(interval->user);
	free(interval->account);
	*interval = (struct timeline_interval){0};
}

void timeline_clear(struct timeline *t)
{
	for (size_t i = 0; i < t->count; i++)
		interval_clear(&t->intervals[i]);
	free(t->intervals);
	*t = (struct timeline){0};
}

/* The place of a new interval: behind the others, or that of the oldest where there are too many.
 */
static struct timeline_interval *add_interval(struct timeline *t)
{
	struct timeline_interval *place;

	if (t->count == TIMELINE_INTERVALS_MAX) {
		place = &t->intervals[t->oldest];
		t->oldest = (t->oldest + 1) % t->count;
		t->truncated = true;
		interval_clear(place);
		return place;
	}
	if (t->count == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		t->intervals = mem_resize(t->intervals, t->capacity, sizeof(*t->intervals));
	}
	place = &t->intervals[t->count++];
	*place = (struct timeline_interval){0};
	return place;
}

/* Adds what of a record lies in the period; NULL where that is nothing. */
static struct timeline_interval *add_cut(struct timeline *t, const struct usage_record *record)
{
	int64_t start_ns = record->start_ns > t->from_ns ? record->start_ns : t->from_ns;
	int64_t end_ns = record->end_ns < t->to_ns ? record->end_ns : t->to_ns;
	struct timeline_interval *interval;

	if (end_ns <= start_ns || record->gpu < 0 || (size_t)record->gpu >= t->gpus_count)
		return NULL;
	interval = add_interval(t);
	interval->gpu = record->gpu;
	interval->start_ns = start_ns;
	interval->end_ns = end_ns;
	interval->type = record->type;
	interval->user = mem_strdup(record->user);
	interval->account = mem_strdup(record->account);
	return interval;
}

void timeline_add(struct timeline *t, const struct usage_record *record)
{
	add_cut(t, record);
}

void timeline_add_running(struct timeline *t, const struct reservation *r, int64_t end_ns)
{
	struct usage_record record = {
		.user = r->user,
		.account = r->account,
		.type = r->type,
		.start_ns = r->start_ns,
		.end_ns = end_ns,
	};

	for (size_t i = 0; i < r->gpus_count; i++) {
		struct timeline_interval *interval;

		record.gpu = r->gpus[i];
		interval = add_cut(t, &record);
		/* What was over before the end is finished, if nobody has recorded it yet. */
		if (interval)
			interval->running = end_ns >= t->to_ns;
	}
}

const struct timeline_interval *timeline_at(const struct timeline *t, size_t i)
{
	return &t->intervals[(t->oldest + i) % t->count];
}
