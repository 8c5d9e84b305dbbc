/* From nodes and jobs to GPUs, reservations and queue entries; see snapshot.h. */
#include "slurm/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "slurm/words.h"

/* The first slot of each node, and one more: how many there are. */
static size_t *place_nodes(const struct slurm_cluster *c)
{
	size_t *first = mem_alloc(c->nodes_count + 1, sizeof(*first));

	for (size_t n = 0; n < c->nodes_count; n++)
		first[n + 1] = first[n] + c->nodes[n].gpus.count;
	return first;
}

static size_t find_node(const struct slurm_cluster *c, const char *name)
{
	size_t n = 0;

	while (n < c->nodes_count && strcmp(c->nodes[n].name, name) != 0)
		n++;
	return n;
}

static void fill_gpus(struct snapshot *s, const struct slurm_cluster *c, const size_t *first)
{
	size_t count = first[c->nodes_count];

	s->cluster = mem_alloc(1, sizeof(*s->cluster));
	s->cluster->count = count;
	s->cluster->places = mem_alloc(count + 1, sizeof(*s->cluster->places));
	s->seen.count = count;
	s->seen.gpus = mem_alloc(count + 1, sizeof(*s->seen.gpus));
	s->seen.problems = mem_alloc(count + 1, sizeof(*s->seen.problems));
	s->seen.use = mem_alloc(count + 1, sizeof(*s->seen.use));
	for (size_t n = 0; n < c->nodes_count; n++) {
		const struct slurm_node *node = &c->nodes[n];
		bool no_cpu = !node->out && node->idle_cpus.known && node->idle_cpus.value <= 0;

		for (size_t i = 0; i < node->gpus.count; i++) {
			struct snapshot_place *place = &s->cluster->places[first[n] + i];
			const char *type = slurm_gpu_type(&node->gpus, i);
			struct gpu *gpu = scan_add_gpu(&s->seen.scan);

			gpu->index = (int)(first[n] + i);
			gpu->name = mem_strdup(type ? type : "GPU");
			place->node = mem_strdup(node->name);
			place->index = (int)i;
			place->name = mem_printf("%s:%zu", node->name, i);
			place->hint = mem_strdup(no_cpu ? "out of reach: no free CPU on this node"
							: "free");
			s->seen.use[first[n] + i] = USE_UNKNOWN;
		}
	}
	for (size_t i = 0; i < count; i++)
		s->seen.gpus[i] = &s->seen.scan.gpus[i];
}

/* Gives a job one of a node's GPUs, unless somebody has it. */
static bool take(struct snapshot *s, struct reservation *r, size_t slot)
{
	if (s->cluster->places[slot].taken)
		return false;
	s->cluster->places[slot].taken = true;
	r->gpus = mem_resize(r->gpus, r->gpus_count + 1, sizeof(*r->gpus));
	r->gpus[r->gpus_count++] = (int)slot;
	return true;
}

/* The GPUs of a share whose indexes are told; those whose are not, the next ones that are left. */
static void take_share(struct snapshot *s, struct reservation *r, const struct slurm_gpus *share,
		       size_t first, size_t count, bool indexed)
{
	size_t left = share->count;

	for (size_t i = 0; i < count && left; i++) {
		if (!indexed || share->is_in[i])
			left -= take(s, r, first + i);
	}
}

static struct reservation *new_reservation(const struct slurm_job *job)
{
	struct reservation *r = reservation_new();

	snprintf(r->id, sizeof(r->id), "%" PRId64, job->id);
	r->user = mem_strdup(job->user);
	r->account = mem_strdup(job->user);
	r->uid = job->uid;
	r->note = mem_strdup(job->comment);
	r->type = job->is_batch || job->has_command ? RESERVATION_RUN : RESERVATION_MANUAL;
	r->start_ns = job->start_ns;
	*(r->type == RESERVATION_RUN ? &r->deadline_ns : &r->expiry_ns) = job->end_ns;
	return r;
}

static void fill_jobs(struct snapshot *s, const struct slurm_cluster *c, const size_t *first,
		      bool indexed)
{
	for (size_t j = 0; j < c->jobs_count; j++) {
		const struct slurm_job *job = &c->jobs[j];
		struct reservation *r = job->pending ? NULL : new_reservation(job);

		for (size_t i = 0; i < job->shares_count; i++) {
			const struct slurm_share *share = &job->shares[i];
			size_t n = find_node(c, share->node);

			if (n < c->nodes_count && share->gpus.indexed == indexed)
				take_share(s, r, &share->gpus, first[n], c->nodes[n].gpus.count,
					   indexed);
		}
		if (r && r->gpus_count)
			gpu_ids_sort(r->gpus, r->gpus_count);
		if (r && r->gpus_count)
			pool_state_add(&s->state, r);
		else
			reservation_free(r);
	}
}

/* What is allocated to jobs that this account may not see (PrivateData). */
static void fill_hidden(struct snapshot *s, const struct slurm_cluster *c, const size_t *first)
{
	for (size_t n = 0; n < c->nodes_count; n++) {
		const struct slurm_node *node = &c->nodes[n];
		struct slurm_gpus hidden = node->used;
		struct reservation *r;

		for (size_t i = 0; i < node->gpus.count && hidden.count; i++)
			hidden.count -= s->cluster->places[first[n] + i].taken;
		if (!hidden.count)
			continue;
		r = reservation_new();
		r->type = RESERVATION_RUN;
		r->start_ns = s->now_ns;
		take_share(s, r, &hidden, first[n], node->gpus.count, hidden.indexed);
		if (r->gpus_count)
			pool_state_add(&s->state, r);
		else
			reservation_free(r);
	}
}

static void fill_waiting(struct snapshot *s, const struct slurm_cluster *c)
{
	s->waiters = mem_alloc(c->jobs_count + 1, sizeof(*s->waiters));
	for (size_t j = 0; j < c->jobs_count; j++) {
		const struct slurm_job *job = &c->jobs[j];
		struct waiter_view *view = &s->waiters[s->state.queue_count];
		struct queue_entry *q;

		if (!job->pending)
			continue;
		q = pool_state_add_waiter(&s->state);
		snprintf(q->id, sizeof(q->id), "%" PRId64, job->id);
		q->user = mem_strdup(job->user);
		q->account = mem_strdup(job->user);
		q->uid = job->uid;
		q->note = mem_strdup(job->comment);
		q->type = job->is_batch || job->has_command ? RESERVATION_RUN : RESERVATION_MANUAL;
		q->requested_count = (int)(job->wanted < INT32_MAX ? job->wanted : INT32_MAX);
		q->gpu_type = *job->type ? mem_strdup(job->type) : NULL;
		q->enqueued_ns = job->submit_ns;
		q->heartbeat_ns = s->now_ns;
		view->state = WAITER_ACTIVE;
		view->start_ns = job->start_ns > s->now_ns ? job->start_ns : TIME_NONE;
		view->awaits = slurm_reason(job->reason);
	}
}

/* When jobs end: by their time limits. */
static void fill_ends(struct snapshot *s)
{
	size_t count = s->state.reservations_count;

	s->forecast.ends_ns = mem_alloc(count + 1, sizeof(*s->forecast.ends_ns));
	s->forecast.bases = mem_alloc(count + 1, sizeof(*s->forecast.bases));
	for (size_t i = 0; i < count; i++) {
		const struct reservation *r = s->state.reservations[i];
		bool is_run = r->type == RESERVATION_RUN;

		s->forecast.ends_ns[i] = is_run ? r->deadline_ns : r->expiry_ns;
		if (s->forecast.ends_ns[i] != TIME_NONE)
			s->forecast.bases[i] = is_run ? END_BASIS_LIMIT : END_BASIS_EXPIRY;
	}
}

static void fill_views(struct snapshot *s, const struct slurm_cluster *c, const size_t *first)
{
	snapshot_fill_views(s);
	for (size_t n = 0; n < c->nodes_count; n++) {
		const struct slurm_node *node = &c->nodes[n];

		for (size_t i = 0; i < node->gpus.count; i++) {
			struct gpu_view *view = &s->views[first[n] + i];

			if (node->out)
				view->withheld = mem_printf("node %s%s%s", node->out,
							    node->reason ? ": " : "",
							    node->reason ? node->reason : "");
			if (!view->reservation)
				view->status = node->out ? GPU_DRAINED : GPU_AVAILABLE;
		}
	}
}

void slurm_snapshot(const struct slurm_cluster *c, int64_t now_ns, struct snapshot *ret_snapshot)
{
	AUTO_FREE size_t *first = place_nodes(c);
	struct snapshot s = {.now_ns = now_ns};

	s.state.initialized = true;
	s.state.provider = mem_strdup("slurm");
	pool_state_make_slots(&s.state, first[c->nodes_count]);
	s.seen.taken_ns = c->taken_ns;
	s.seen.scan.provider = mem_strdup("slurm");
	s.seen.scan.driver_version = mem_strdup(c->version);
	fill_gpus(&s, c, first);
	fill_jobs(&s, c, first, true);
	fill_jobs(&s, c, first, false);
	fill_hidden(&s, c, first);
	fill_waiting(&s, c);
	fill_ends(&s);
	fill_views(&s, c, first);
	*ret_snapshot = s;
}
