#include "view_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

void world_open(struct snapshot *s, size_t gpus)
{
	*s = (struct snapshot){.now_ns = NOW};
	s->state.initialized = true;
	pool_state_make_slots(&s->state, gpus);
	s->seen.count = gpus;
	s->seen.gpus = mem_alloc(gpus, sizeof(*s->seen.gpus));
	s->seen.problems = mem_alloc(gpus, sizeof(*s->seen.problems));
	s->seen.use = mem_alloc(gpus, sizeof(*s->seen.use));
	for (size_t i = 0; i < gpus; i++) {
		struct gpu *gpu = scan_add_gpu(&s->seen.scan);

		gpu->index = (int)i;
		gpu->memory_used_mb = quantity_of(0);
		gpu->processes_known = true;
		s->seen.use[i] = USE_IDLE;
	}
	for (size_t i = 0; i < gpus; i++)
		s->seen.gpus[i] = &s->seen.scan.gpus[i];
}

void world_close(struct snapshot *s)
{
	snapshot_clear(s);
}

struct gpu *world_gpu(struct snapshot *s, int id)
{
	return &s->seen.scan.gpus[id];
}

void world_busy(struct snapshot *s, int id, int64_t memory_mb)
{
	world_gpu(s, id)->memory_used_mb = quantity_of(memory_mb);
	s->seen.use[id] = USE_BUSY;
}

void world_unknown(struct snapshot *s, int id, const char *problem)
{
	world_gpu(s, id)->memory_used_mb = (struct quantity){0};
	s->seen.use[id] = USE_UNKNOWN;
	s->seen.problems[id] = mem_strdup(problem);
}

struct process *world_process(struct snapshot *s, int id, pid_t pid, const char *name,
			      const char *account)
{
	struct process *p = gpu_add_process(world_gpu(s, id));

	p->pid = pid;
	p->name = mem_strdup(name);
	p->account = mem_strdup(account);
	return p;
}

struct reservation *world_reserve(struct snapshot *s, enum reservation_type type, const char *user,
				  int first, int count)
{
	struct reservation *r = reservation_new();

	snprintf(r->id, sizeof(r->id), "id-%zu", s->state.reservations_count);
	r->user = mem_strdup(user);
	r->account = mem_strdup(user);
	r->type = type;
	r->start_ns = NOW - HMS(0, 15, 30);
	if (type == RESERVATION_RUN)
		r->heartbeat_ns = NOW - S(5);
	else
		r->expiry_ns = NOW + HMS(3, 15, 45);
	r->gpus = mem_alloc((size_t)count, sizeof(int));
	r->gpus_count = (size_t)count;
	for (int i = 0; i < count; i++)
		r->gpus[i] = first + i;
	pool_state_add(&s->state, r);
	return r;
}

struct queue_entry *world_wait(struct snapshot *s, const char *user, int count)
{
	struct queue_entry *q = pool_state_add_waiter(&s->state);

	snprintf(q->id, sizeof(q->id), "%08zu-0000-4000-8000-000000000000", s->state.queue_count);
	q->user = mem_strdup(user);
	q->account = mem_strdup(user);
	q->requested_count = count;
	q->enqueued_ns = NOW - HMS(0, 10, 0);
	q->heartbeat_ns = NOW - S(10);
	q->holder.host = mem_strdup("elsewhere");
	q->give_up_ns = TIME_NONE;
	return q;
}

void world_collect(struct snapshot *s, size_t place, int gpu)
{
	struct queue_entry *q = &s->state.queue[place];

	world_reserve(s, q->type, q->user, gpu, 1)->queue_id = mem_strdup(q->id);
	q->collected = mem_resize(q->collected, q->collected_count + 1, sizeof(int));
	q->collected[q->collected_count++] = gpu;
}

void world_ends(struct snapshot *s, const struct reservation *r, enum end_basis basis,
		int64_t end_ns)
{
	size_t i = 0;

	while (s->state.reservations[i] != r)
		i++;
	s->forecast.bases[i] = basis;
	s->forecast.ends_ns[i] = end_ns;
}

void world_starts(struct snapshot *s, size_t place, int64_t start_ns)
{
	s->waiters[place].start_ns = start_ns;
}

void world_show(struct snapshot *s)
{
	snapshot_fill_views(s);
	if (!s->state.queue_count && !s->state.reservations_count)
		return;
	s->forecast.ends_ns = mem_alloc(s->state.reservations_count, sizeof(int64_t));
	s->forecast.bases = mem_alloc(s->state.reservations_count, sizeof(enum end_basis));
	s->forecast.starts_ns = mem_alloc(s->state.queue_count, sizeof(int64_t));
	snapshot_fill_waiters(s);
}

char *world_row(const struct table *t, size_t row)
{
	struct str out = {0};
	const char *cell;

	for (size_t i = 0; (cell = table_cell(t, row, i)); i++)
		str_addf(&out, "%s%s", i ? "|" : "", cell);
	return str_steal(&out);
}

char *world_print(struct table *t, size_t width)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	unsetenv("COLUMNS");
	table_set_width(t, width);
	table_print(t, out, false);
	fclose(out);
	table_free(t);
	return text;
}

char *world_json(json_t *document, int index)
{
	const json_t *entries = json_object_get(document, "entries");
	const json_t *rows = entries ? entries : document;
	char *text = json_dumps(index < 0 ? document : json_array_get(rows, (size_t)index),
				JSON_COMPACT | JSON_REAL_PRECISION(15));

	json_decref(document);
	return text ? text : mem_strdup("(nothing)");
}
