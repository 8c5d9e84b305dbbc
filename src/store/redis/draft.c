/* A commit in the making; see draft.h. */
#include "store/redis/draft.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"

void redis_draft_init(struct redis_draft *d, const struct pool_state *seen)
{
	uint64_t random = 0;

	*d = (struct redis_draft){.seen = seen};
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint64_t)clock_now_ns() ^ ((uint64_t)getpid() << 40);
	snprintf(d->mark, sizeof(d->mark), "%016" PRIx64, random);
	d->slots = mem_alloc(seen->slots_count, sizeof(*d->slots));
	for (size_t i = 0; i < seen->slots_count; i++) {
		d->slots[i].reservation = seen->slots[i].reservation;
		d->slots[i].last_released_ns = seen->slots[i].last_released_ns;
		d->slots[i].released_base = seen->slots[i].released_base;
		d->slots[i].lapsed_ns = seen->slots[i].lapsed_ns;
		d->slots[i].activity = seen->slots[i].activity;
	}
	for (size_t i = 0; i < seen->ignored_count; i++)
		pool_state_ignore(&d->after, &seen->ignored[i], false);
}

void redis_draft_ignore(struct redis_draft *d, const struct change_ignore *c)
{
	pool_state_ignore(&d->after, c->process, c->drop);
	d->ignores = true;
}

void redis_draft_clear(struct redis_draft *d)
{
	for (size_t i = 0; i < d->owned_count; i++)
		free(d->owned[i]);
	redis_reply_clear(&d->queue);
	free(d->owned);
	free(d->words);
	free(d->slots);
	free(d->entries);
	free(d->records);
	free(d->marks);
	free(d->activities);
	free(d->events);
	pool_state_clear(&d->after);
	*d = (struct redis_draft){0};
}

void redis_draft_make(struct redis_draft *d, const struct change_init *init)
{
	size_t before = d->seen->slots_count;
	size_t count = init->gpus_count > before ? init->gpus_count : before;

	d->init = init;
	pool_state_clear(&d->after);
	d->slots = mem_resize(d->slots, count, sizeof(*d->slots));
	for (size_t i = 0; i < count; i++) {
		d->slots[i] = (struct redis_draft_slot){.compared = true, .touched = true};
		if (!init->released || i >= init->gpus_count)
			continue;
		d->slots[i].last_released_ns = init->released[i].last_released_ns;
		d->slots[i].released_base = init->released[i].released_base;
	}
}

void redis_draft_set_units(struct redis_draft *d, const struct change_units *units)
{
	size_t count = units->count;

	d->units = units;
	if (d->init)
		return;
	d->slots = mem_resize(d->slots, count, sizeof(*d->slots));
	for (size_t i = 0; i < d->seen->slots_count; i++)
		d->slots[i].compared = true;
	for (size_t i = d->seen->slots_count; i < count; i++)
		d->slots[i] = (struct redis_draft_slot){.touched = true};
}

void redis_draft_record(struct redis_draft *d, const struct reservation *v,
			const struct change_end *c, int gpu)
{
	const struct activity *activity = &d->slots[gpu].activity;
	struct usage_record *u;

	d->records = mem_resize(d->records, d->records_count + 1, sizeof(*d->records));
	u = &d->records[d->records_count++];
	*u = (struct usage_record){
		.user = v->user,
		.account = v->account,
		.uid = v->uid,
		.type = v->type,
		.gpu = gpu,
		.start_ns = v->start_ns,
		/* A clock that was set back gives a length of zero. */
		.end_ns = c->end_ns > v->start_ns ? c->end_ns : v->start_ns,
		.reason = c->reason,
		.actor = (char *)(uintptr_t)c->actor,
	};
	memcpy(u->reservation_id, v->id, ID_SIZE);
	if (activity_is_known(activity)) {
		u->active_ns = quantity_of(activity->active_ns);
		u->idle_ns = quantity_of(activity->idle_ns);
	}
}

void redis_draft_mark(struct redis_draft *d, const struct change_mark *c)
{
	d->marks = mem_resize(d->marks, d->marks_count + 1, sizeof(*d->marks));
	d->marks[d->marks_count++] = c;
}

void redis_draft_activity(struct redis_draft *d, const struct change_activity *c)
{
	size_t count = d->init ? d->init->gpus_count : d->seen->slots_count;
	struct redis_draft_slot *slot;

	if (c->gpu < 0 || (size_t)c->gpu >= count)
		return;
	slot = &d->slots[c->gpu];
	if (!slot->reservation || strcmp(slot->reservation->id, c->reservation_id) != 0)
		return;
	slot->activity = c->activity;
	d->activities = mem_resize(d->activities, d->activities_count + 1, sizeof(*d->activities));
	d->activities[d->activities_count++] = c;
}

void redis_draft_event(struct redis_draft *d, const struct event *event)
{
	d->events = mem_resize(d->events, d->events_count + 1, sizeof(*d->events));
	d->events[d->events_count++] = event;
}

int redis_draft_entry(struct redis_draft *d, const struct queue_entry *w, bool put, struct err *e)
{
	if (!put && !w->version)
		return err_set(e, EINVAL, "queue entry %s was not loaded", w->id);
	d->entries = mem_resize(d->entries, d->entries_count + 1, sizeof(*d->entries));
	d->entries[d->entries_count++] = (struct redis_draft_entry){w, put};
	return 0;
}

bool redis_draft_has(const struct redis_draft *d, const char *id)
{
	for (size_t i = 0; i < d->entries_count; i++) {
		if (!strcmp(d->entries[i].entry->id, id))
			return true;
	}
	return false;
}
