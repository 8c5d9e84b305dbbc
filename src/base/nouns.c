/* Making, copying and freeing the nouns; their names in stores and JSON. */
#include "base/nouns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

static const char *const type_names[] = {
	[RESERVATION_RUN] = "run",
	[RESERVATION_MANUAL] = "manual",
};

static const char *const reason_names[] = {
	[END_RELEASED] = "released", [END_EXPIRED] = "expired", [END_HOLDER_DIED] = "holder-died",
	[END_STALE] = "stale",       [END_FORCED] = "forced",
};

/* The index of name in names, or -1. */
static int name_index(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -1;
}

const char *gpu_health_name(enum gpu_health health)
{
	if (health == HEALTH_GOOD)
		return "ok";
	return health == HEALTH_WARNING ? "warning" : "faulty";
}

const char *reservation_type_name(enum reservation_type type)
{
	return type_names[type];
}

bool reservation_type_parse(const char *name, enum reservation_type *ret_type)
{
	int i = name_index(type_names, ARRAY_SIZE(type_names), name);

	if (i >= 0)
		*ret_type = (enum reservation_type)i;
	return i >= 0;
}

const char *end_reason_name(enum end_reason reason)
{
	return reason_names[reason];
}

bool end_reason_parse(const char *name, enum end_reason *ret_reason)
{
	int i = name_index(reason_names, ARRAY_SIZE(reason_names), name);

	if (i >= 0)
		*ret_reason = (enum end_reason)i;
	return i >= 0;
}

bool account_is_same(struct quantity uid, const char *name, struct quantity other_uid,
		     const char *other_name)
{
	if (uid.known && other_uid.known)
		return uid.value == other_uid.value;
	return name && other_name && !strcmp(name, other_name);
}

/* Not by way of /proc: that takes a descriptor, of which there may be no more. */
void id_new(char id[ID_SIZE])
{
	unsigned char b[16];
	size_t used = 0;

	/* So few bytes come all at once, as soon as the kernel has any. */
	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
		if (errno != EINTR)
			abort();
	}
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4: by chance */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++)
		used += (size_t)snprintf(id + used, ID_SIZE - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

void process_clear(struct process *p)
{
	free(p->name);
	free(p->account);
	free(p->container);
	free(p->ignored_by);
	*p = (struct process){0};
}

void gpu_clear(struct gpu *g)
{
	for (size_t i = 0; i < g->processes_count; i++)
		process_clear(&g->processes[i]);
	free(g->processes);
	free(g->uuid);
	free(g->name);
	free(g->pci_bus_id);
	free(g->instances_problem);
	free(g->profile);
	free(g->parent);
	free(g->runtime_id);
	free(g->visible);
	free(g->problem);
	free(g->health_reason);
	*g = (struct gpu){0};
}

void scan_clear(struct scan *s)
{
	for (size_t i = 0; i < s->gpus_count; i++)
		gpu_clear(&s->gpus[i]);
	free(s->gpus);
	for (size_t i = 0; i < s->divided_count; i++)
		gpu_clear(&s->divided[i]);
	free(s->divided);
	free(s->provider);
	free(s->source);
	free(s->driver_version);
	free(s->no_ordinals);
	free(s->complaint);
	free(s->topology);
	*s = (struct scan){0};
}

void machine_clear(struct machine *m)
{
	free(m->id);
	free(m->boot_id);
	free(m->name);
	*m = (struct machine){0};
}

void machine_copy(struct machine *to, const struct machine *from)
{
	*to = (struct machine){
		.id = mem_strdup(from->id),
		.boot_id = mem_strdup(from->boot_id),
		.name = mem_strdup(from->name),
	};
}

void holder_clear(struct holder *h)
{
	free(h->host);
	free(h->boot_id);
	*h = (struct holder){0};
}

void holder_copy(struct holder *to, const struct holder *from)
{
	*to = *from;
	to->host = mem_strdup(from->host);
	to->boot_id = mem_strdup(from->boot_id);
}

struct reservation *reservation_new(void)
{
	return mem_alloc(1, sizeof(struct reservation));
}

struct reservation *reservation_free(struct reservation *r)
{
	if (!r)
		return NULL;
	free(r->user);
	free(r->account);
	free(r->note);
	free(r->queue_id);
	free(r->gpus);
	holder_clear(&r->holder);
	free(r);
	return NULL;
}

void reservation_freep(struct reservation **r)
{
	*r = reservation_free(*r);
}

/* A copy of an array of ints; NULL for none. */
static int *copy_ints(const int *from, size_t count)
{
	int *to;

	if (!count)
		return NULL;
	to = mem_alloc(count, sizeof(*to));
	memcpy(to, from, count * sizeof(*to));
	return to;
}

struct reservation *reservation_copy(const struct reservation *r)
{
	struct reservation *copy = reservation_new();

	*copy = *r;
	copy->user = mem_strdup(r->user);
	copy->account = mem_strdup(r->account);
	copy->note = mem_strdup(r->note);
	copy->queue_id = mem_strdup(r->queue_id);
	copy->gpus = copy_ints(r->gpus, r->gpus_count);
	holder_copy(&copy->holder, &r->holder);
	return copy;
}

void ignored_process_clear(struct ignored_process *i)
{
	holder_clear(&i->holder);
	free(i->name);
	free(i->ignored_by);
	*i = (struct ignored_process){0};
}

void queue_entry_clear(struct queue_entry *q)
{
	free(q->user);
	free(q->account);
	free(q->requested_ids);
	free(q->gpu_type);
	free(q->eligible);
	free(q->collected);
	free(q->note);
	free(q->version);
	free(q->aside);
	free(q->offered_gpus);
	free(q->aside_gpus);
	holder_clear(&q->holder);
	*q = (struct queue_entry){0};
}

/* An empty list is not the same as none. */
static int *copy_list(const int *ids, size_t count)
{
	return ids && !count ? mem_alloc(1, sizeof(int)) : copy_ints(ids, count);
}

void queue_entry_copy(struct queue_entry *to, const struct queue_entry *from)
{
	*to = *from;
	to->user = mem_strdup(from->user);
	to->account = mem_strdup(from->account);
	to->note = mem_strdup(from->note);
	to->version = mem_strdup(from->version);
	to->gpu_type = mem_strdup(from->gpu_type);
	to->requested_ids = copy_list(from->requested_ids, from->requested_ids_count);
	to->eligible = copy_list(from->eligible, from->eligible_count);
	to->collected = copy_ints(from->collected, from->collected_count);
	to->offered_gpus = copy_ints(from->offered_gpus, from->offered_gpus_count);
	to->aside = mem_strdup(from->aside);
	to->aside_gpus = copy_ints(from->aside_gpus, from->aside_gpus_count);
	holder_copy(&to->holder, &from->holder);
}

void pool_state_clear(struct pool_state *s)
{
	pool_state_make_slots(s, 0);
	free(s->slots);
	for (size_t i = 0; i < s->reservations_count; i++)
		reservation_free(s->reservations[i]);
	free(s->reservations);
	for (size_t i = 0; i < s->queue_count; i++)
		queue_entry_clear(&s->queue[i]);
	free(s->queue);
	for (size_t i = 0; i < s->ignored_count; i++)
		ignored_process_clear(&s->ignored[i]);
	free(s->ignored);
	free(s->ignored_version);
	free(s->topology);
	free(s->provider);
	machine_clear(&s->host);
	free(s->host_version);
	*s = (struct pool_state){0};
}

void pool_state_copy(struct pool_state *to, const struct pool_state *from)
{
	*to = (struct pool_state){
		.initialized = from->initialized,
		.provider = mem_strdup(from->provider),
		.topology = mem_strdup(from->topology),
		.host_version = mem_strdup(from->host_version),
		.queue_unreadable = from->queue_unreadable,
	};
	machine_copy(&to->host, &from->host);
	pool_state_make_slots(to, from->slots_count);
	for (size_t i = 0; i < from->slots_count; i++) {
		const struct slot *slot = &from->slots[i];

		slot_set_unit(&to->slots[i], slot);
		to->slots[i].last_released_ns = slot->last_released_ns;
		to->slots[i].drained_by = mem_strdup(slot->drained_by);
		to->slots[i].drained_ns = slot->drained_ns;
		to->slots[i].drained_note = mem_strdup(slot->drained_note);
		to->slots[i].problem = mem_strdup(slot->problem);
		to->slots[i].version = mem_strdup(slot->version);
	}
	for (size_t i = 0; i < from->reservations_count; i++)
		pool_state_add(to, reservation_copy(from->reservations[i]));
	for (size_t i = 0; i < from->queue_count; i++)
		queue_entry_copy(pool_state_add_waiter(to), &from->queue[i]);
	for (size_t i = 0; i < from->ignored_count; i++)
		pool_state_ignore(to, &from->ignored[i], false);
	to->ignored_version = mem_strdup(from->ignored_version);
}

void usage_record_clear(struct usage_record *u)
{
	free(u->user);
	free(u->account);
	free(u->actor);
	*u = (struct usage_record){0};
}

struct process *gpu_add_process(struct gpu *g)
{
	struct process *p;

	g->processes = mem_resize(g->processes, g->processes_count + 1, sizeof(*g->processes));
	p = &g->processes[g->processes_count++];
	*p = (struct process){0};
	return p;
}

struct gpu *scan_add_gpu(struct scan *s)
{
	struct gpu *g;

	s->gpus = mem_resize(s->gpus, s->gpus_count + 1, sizeof(*s->gpus));
	g = &s->gpus[s->gpus_count++];
	*g = (struct gpu){0};
	return g;
}

struct gpu *scan_find(const struct scan *s, int index)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].index == index)
			return &s->gpus[i];
	}
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

void gpu_ids_sort(int *ids, size_t count)
{
	if (count)
		qsort(ids, count, sizeof(*ids), compare_ids);
}

bool gpu_ids_have(const int *ids, size_t count, int gpu)
{
	return count && bsearch(&gpu, ids, count, sizeof(*ids), compare_ids);
}

bool gpu_ids_are_same(const int *a, size_t a_count, const int *b, size_t b_count)
{
	return a_count == b_count && (!a_count || !memcmp(a, b, a_count * sizeof(*a)));
}

struct reservation *pool_state_find(const struct pool_state *s, const char *id)
{
	for (size_t i = 0; i < s->reservations_count; i++) {
		if (!strcmp(s->reservations[i]->id, id))
			return s->reservations[i];
	}
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool ignored_is_same(const struct ignored_process *a, const struct ignored_process *b)
{
	return a->holder.command.pid == b->holder.command.pid &&
	       a->holder.command.start_ticks == b->holder.command.start_ticks &&
	       same_text(a->holder.boot_id, b->holder.boot_id);
}

void pool_state_ignore(struct pool_state *s, const struct ignored_process *process, bool drop)
{
	struct ignored_process *copy;
	size_t kept = 0;

	for (size_t i = 0; i < s->ignored_count; i++) {
		if (ignored_is_same(&s->ignored[i], process))
			ignored_process_clear(&s->ignored[i]);
		else
			s->ignored[kept++] = s->ignored[i];
	}
	s->ignored_count = kept;
	if (drop)
		return;
	s->ignored = mem_resize(s->ignored, kept + 1, sizeof(*s->ignored));
	copy = &s->ignored[s->ignored_count++];
	*copy = *process;
	holder_copy(&copy->holder, &process->holder);
	copy->name = mem_strdup(process->name);
	copy->ignored_by = mem_strdup(process->ignored_by);
}

void pool_state_add(struct pool_state *s, struct reservation *r)
{
	s->reservations = mem_resize(s->reservations, s->reservations_count + 1,
				     sizeof(struct reservation *));
	s->reservations[s->reservations_count++] = r;
	for (size_t i = 0; i < r->gpus_count; i++) {
		if (r->gpus[i] >= 0 && (size_t)r->gpus[i] < s->slots_count)
			s->slots[r->gpus[i]].reservation = r;
	}
}

struct queue_entry *pool_state_add_waiter(struct pool_state *s)
{
	struct queue_entry *q;

	s->queue = mem_resize(s->queue, s->queue_count + 1, sizeof(*s->queue));
	q = &s->queue[s->queue_count++];
	*q = (struct queue_entry){0};
	return q;
}
