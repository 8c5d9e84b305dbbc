/* Which of several hosts a request goes to; see destination.h. */
#include "plan/destination.h"

#include <stdlib.h>

#include "base/mem.h"
#include "plan/kind.h"

/* As far as its host says: of what is not known it may be. */
static bool may_fit(const struct plan_request *request, const struct destination_gpu *gpu,
		    bool *unsure)
{
	bool model_known = !request->gpu_type || gpu->model;
	bool memory_known = !request->min_memory_mb || gpu->memory_mb.known;

	if (model_known && !plan_name_has_type(gpu->model, request->gpu_type))
		return false;
	if (memory_known && request->min_memory_mb && gpu->memory_mb.value < request->min_memory_mb)
		return false;
	*unsure |= !model_known || !memory_known;
	return true;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Unknown ends come last. */
static int64_t free_ns(const struct destination_gpu *gpu, int64_t now_ns)
{
	if (gpu->idle)
		return now_ns;
	if (gpu->free_ns == TIME_NONE)
		return INT64_MAX;
	return gpu->free_ns > now_ns ? gpu->free_ns : now_ns;
}

static struct destination_choice judge(const struct plan_request *request, int64_t now_ns,
				       const struct destination *host, size_t wanted)
{
	AUTO_FREE int64_t *times = mem_alloc(host->count + 1, sizeof(*times));
	struct destination_choice c = {.when = DESTINATION_NEVER, .start_ns = TIME_NONE};
	size_t idle = 0, last;

	for (size_t i = 0; i < host->count; i++) {
		if (!may_fit(request, &host->gpus[i], &c.unsure))
			continue;
		idle += host->gpus[i].idle;
		times[c.fitting++] = free_ns(&host->gpus[i], now_ns);
	}
	/* Nobody overtakes those who wait there. */
	c.idle = idle > host->waiting ? idle - host->waiting : 0;
	if (c.fitting < wanted)
		return c;
	c.when = c.idle >= wanted ? DESTINATION_NOW : DESTINATION_LATER;
	qsort(times, c.fitting, sizeof(*times), compare_times);
	last = wanted + host->waiting - 1;
	if (c.when == DESTINATION_NOW)
		c.start_ns = now_ns;
	else if (last < c.fitting && times[last] != INT64_MAX)
		c.start_ns = times[last];
	return c;
}

/* No estimate is more exact than that: what differs by less is equal. */
#define EXACT_NS (NS_PER_MINUTE / 2)

struct ranked {
	struct destination_choice choice;
	int64_t wait; /* where the request would wait: so many EXACT_NS */
	size_t waiting;
	size_t place; /* among equals */
};

static int compare(const void *left, const void *right)
{
	const struct ranked *l = left, *r = right;
	const struct destination_choice *a = &l->choice, *b = &r->choice;

	if (a->when != b->when)
		return a->when < b->when ? -1 : 1;
	if (l->wait != r->wait)
		return l->wait < r->wait ? -1 : 1;
	if (a->unsure != b->unsure)
		return a->unsure ? 1 : -1;
	if (a->when == DESTINATION_NOW && a->idle != b->idle)
		return a->idle > b->idle ? -1 : 1;
	if (a->when == DESTINATION_LATER && l->waiting != r->waiting)
		return l->waiting < r->waiting ? -1 : 1;
	if (a->when == DESTINATION_LATER && a->fitting != b->fitting)
		return a->fitting > b->fitting ? -1 : 1;
	return l->place < r->place ? -1 : 1;
}

void plan_destinations(const struct plan_request *request, int64_t now_ns,
		       const struct destination *hosts, size_t count, size_t first,
		       struct destination_choice *ret)
{
	AUTO_FREE struct ranked *all = mem_alloc(count + 1, sizeof(*all));
	size_t wanted = request->count > 0 ? (size_t)request->count : 1;

	for (size_t i = 0; i < count; i++) {
		all[i].choice = judge(request, now_ns, &hosts[i], wanted);
		all[i].choice.host = i;
		if (all[i].choice.when == DESTINATION_LATER)
			all[i].wait = all[i].choice.start_ns == TIME_NONE
					      ? INT64_MAX
					      : (all[i].choice.start_ns - now_ns) / EXACT_NS;
		all[i].waiting = hosts[i].waiting;
		all[i].place = (i + count - first % count) % count;
	}
	qsort(all, count, sizeof(*all), compare);
	for (size_t i = 0; i < count; i++)
		ret[i] = all[i].choice;
}

/* Where others are faster each time, it is their turn to queue behind. */
#define LOOKS_MAX 8

/* The pause between two looks is shorter than this and as long as one takes. */
#define PAUSE_NS (NS_PER_SECOND / 2)

enum destination_step plan_destination_next(const struct destination_search *s,
					    const struct destination_choice *best, double random,
					    int64_t *ret_pause_ns)
{
	*ret_pause_ns = 0;
	if (s->hurried)
		return DESTINATION_LOOK;
	if (!best || best->when == DESTINATION_NEVER || !s->waits)
		return DESTINATION_REFUSE;
	if (s->looks >= LOOKS_MAX || (s->looks > 1 && !s->lost))
		return DESTINATION_QUEUE;
	*ret_pause_ns = (int64_t)(random * (double)(PAUSE_NS + s->look_ns));
	return DESTINATION_LOOK;
}
