/* The simulated GPUs of this moment; see demo.h. */
#include "web/demo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MEMORY_MB 81559
#define GPU_UNRESERVED_ID 5
#define GPU_ERROR_ID 6
#define GPU_COLLECTED_ID 7

/* How often the queue goes on: where there are few GPUs, when the first lane's job ends. */
#define QUEUE_NS (900 * NS_PER_SECOND)
#define QUEUE_FEW_NS (5400 * NS_PER_SECOND)

/* How long after the one before each request came. */
#define APART_NS (97 * NS_PER_SECOND)

/* How long a run lasts that waits. */
#define RUN_NS NS_PER_HOUR

#define QUEUE_MOST 20

/* A value around `middle` that drifts: another one each 2 s, near the one before. */
static int64_t drift(int gpu, int what, int64_t now_ns, int64_t middle, int64_t range)
{
	uint64_t step = (uint64_t)(now_ns / (2 * NS_PER_SECOND));
	int64_t sum = 0;

	for (uint64_t i = 0; i < 4; i++)
		sum += (int64_t)(demo_random((uint64_t)gpu * 16 + (uint64_t)what, step - i) %
				 (uint64_t)(2 * range + 1)) -
		       range;
	return middle + sum / 4;
}

static void fill_gpu(struct gpu *g, int id)
{
	g->index = id;
	g->uuid = mem_printf("GPU-%08x-0000-4000-8000-%012x",
			     (unsigned)demo_random(99, (uint64_t)id), (unsigned)id);
	g->name = mem_strdup(demo_gpu_is_wanted(id) ? "NVIDIA H100 80GB HBM3"
						    : "NVIDIA A100-SXM4-80GB");
	g->pci_bus_id = mem_printf("%08X:%02X:00.0", (unsigned)(id / DEMO_GPUS),
				   0x18U + (unsigned)(id % DEMO_GPUS) * 0x10U);
	g->memory_total_mb = quantity_of(MEMORY_MB);
	g->power_limit_mw = quantity_of(700000);
	g->processes_known = true;
}

/* What an idle or a computing GPU shows. */
static void fill_use(struct gpu *g, bool busy, int64_t memory_mb, int64_t now_ns)
{
	int id = g->index;

	g->memory_used_mb = quantity_of(busy ? drift(id, 1, now_ns, memory_mb, 300) : 4);
	g->utilization_percent = quantity_of(busy ? drift(id, 2, now_ns, 82, 17) : 0);
	g->temperature_c = quantity_of(busy ? drift(id, 3, now_ns, 64, 4) : 33 + id % 4);
	g->power_mw = quantity_of(busy ? drift(id, 4, now_ns, 540000, 90000)
				       : drift(id, 4, now_ns, 71000, 900));
}

static void add_process(struct gpu *g, const char *account, const char *name)
{
	struct process *p = gpu_add_process(g);

	p->pid = 4000 + g->index * 137;
	p->name = mem_strdup(name);
	p->account = mem_strdup(account);
	p->memory_mb = g->memory_used_mb;
}

static void add_reservation(struct snapshot *s, const struct demo_lane *lane, int set, int count,
			    const struct demo_job *job)
{
	struct reservation *r = reservation_new();

	memcpy(r->id, job->id, ID_SIZE);
	r->user = mem_strdup(job->user);
	r->account = mem_strdup(job->user);
	r->note = mem_strdup(job->note);
	r->type = lane->type;
	r->start_ns = job->start_ns;
	if (lane->type == RESERVATION_MANUAL)
		r->expiry_ns = job->end_ns;
	else
		r->deadline_ns = job->end_ns;
	if (lane->type == RESERVATION_RUN)
		r->heartbeat_ns = s->now_ns - (s->now_ns - job->start_ns) % HEARTBEAT_INTERVAL_NS;
	r->gpus_count = (size_t)count;
	r->gpus = mem_alloc(r->gpus_count, sizeof(*r->gpus));
	for (size_t i = 0; i < r->gpus_count; i++)
		r->gpus[i] = set * DEMO_GPUS + lane->gpus[i];
	pool_state_add(&s->state, r);
}

/* What the lanes' jobs make of their GPUs. */
static void fill_lane(struct snapshot *s, const struct demo_lane *lane, int set)
{
	struct demo_job job = {0};
	int count = demo_lane_gpus(lane, set, (int)s->views_count);
	bool busy = count && demo_job_at(lane, set, s->now_ns, &job);

	if (busy)
		add_reservation(s, lane, set, count, &job);
	for (int i = 0; i < count; i++) {
		int id = set * DEMO_GPUS + lane->gpus[i];
		struct gpu *g = &s->seen.scan.gpus[id];
		/* A manual reservation is not always used. */
		bool used = busy && lane->type == RESERVATION_RUN;

		fill_use(g, used, 24000 + 13000 * (id % 4), s->now_ns);
		if (used) {
			add_process(g, job.user, "python3");
			s->views[id].model.provider = mem_strdup(job.model_provider);
			s->views[id].model.model = mem_strdup(job.model);
		}
		s->seen.use[id] = used ? USE_BUSY : USE_IDLE;
		s->state.slots[id].last_released_ns = busy ? TIME_NONE : job.end_ns;
	}
}

static void fill_unreserved(struct snapshot *s)
{
	struct gpu *g = &s->seen.scan.gpus[GPU_UNRESERVED_ID];
	struct gpu_view *view = &s->views[GPU_UNRESERVED_ID];

	fill_use(g, true, 18200, s->now_ns);
	add_process(g, "bob", "jupyter-lab");
	view->model.provider = mem_strdup("mistralai");
	view->model.model = mem_strdup("mistralai/Mistral-7B-Instruct-v0.3");
	s->seen.use[GPU_UNRESERVED_ID] = USE_BUSY;
}

/* A card that does not answer: nothing is known, which is not the same as nothing runs. */
static void fill_error(struct snapshot *s)
{
	struct gpu *g = &s->seen.scan.gpus[GPU_ERROR_ID];

	g->processes_known = false;
	g->memory_total_mb = g->power_limit_mw = (struct quantity){0};
	s->seen.use[GPU_ERROR_ID] = USE_UNKNOWN;
	s->seen.problems[GPU_ERROR_ID] = mem_strdup("the GPU is lost (nvidia: code 15)");
}

static struct queue_entry *add_waiter(struct snapshot *s, const char *user, int count,
				      int64_t since_ns, const char *note)
{
	struct queue_entry *q = pool_state_add_waiter(&s->state);

	snprintf(q->id, sizeof(q->id), "%08x-0000-4000-8000-%012x",
		 (unsigned)demo_random((uint64_t)since_ns, (uint64_t)count), (unsigned)count);
	q->user = mem_strdup(user);
	q->account = mem_strdup(user);
	q->gpu_type = mem_strdup("h100");
	q->eligible = mem_alloc(s->views_count, sizeof(int));
	for (int id = 0; id < (int)s->views_count; id++) {
		if (demo_gpu_is_wanted(id))
			q->eligible[q->eligible_count++] = id;
	}
	q->requested_count = count;
	q->enqueued_ns = since_ns;
	q->heartbeat_ns = s->now_ns;
	q->note = mem_strdup(note);
	return q;
}

/* The head has one of its GPUs; another is a manual request; a third comes and goes. */
static void fill_queue(struct snapshot *s)
{
	static const struct demo_lane lane = {.gpus = {GPU_COLLECTED_ID}, .gpus_count = 1};
	int64_t period_ns = s->views_count > DEMO_GPUS ? QUEUE_NS : QUEUE_FEW_NS;
	int64_t turn_ns = s->now_ns - s->now_ns % period_ns;
	/* They came one after the other. */
	int64_t since_ns = turn_ns - QUEUE_MOST * APART_NS;
	struct demo_job job = {.user = "dana", .start_ns = turn_ns + 20 * NS_PER_SECOND};
	struct queue_entry *q = add_waiter(s, "dana", 3, since_ns, "pre-training, three cards");

	if (job.start_ns > s->now_ns)
		job.start_ns = s->now_ns;
	snprintf(job.id, sizeof(job.id), "%.8s-0000-4000-8000-0000000000ff", q->id);
	add_reservation(s, &lane, 0, lane.gpus_count, &job);
	s->state.reservations[s->state.reservations_count - 1]->queue_id = mem_strdup(q->id);
	q->collected = mem_alloc(1, sizeof(int));
	q->collected[q->collected_count++] = GPU_COLLECTED_ID;
	fill_use(&s->seen.scan.gpus[GPU_COLLECTED_ID], false, 0, s->now_ns);
	s->seen.use[GPU_COLLECTED_ID] = USE_IDLE;
	q = add_waiter(s, "erik", 1, since_ns + APART_NS, NULL);
	q->type = RESERVATION_MANUAL;
	q->duration_ns = 2 * NS_PER_HOUR;
	/* More people have more GPUs. */
	for (size_t i = DEMO_GPUS; i < s->views_count && s->state.queue_count < QUEUE_MOST - 1;
	     i += 4)
		add_waiter(s, demo_user(i / 4 * 5), 1 + (int)(i % 3),
			   since_ns + (int64_t)s->state.queue_count * APART_NS, NULL);
	if (s->now_ns / (30 * NS_PER_SECOND) % 2)
		add_waiter(s, "mei", 2, s->now_ns - s->now_ns % (30 * NS_PER_SECOND),
			   "hyperparameter search");
}

/* Every job ends when it has said; the queue goes on as a real one would. */
static void fill_forecast(struct snapshot *s)
{
	AUTO_FREE int64_t *unknown = mem_alloc(s->state.reservations_count, sizeof(*unknown));
	AUTO_FREE int64_t *runs = mem_alloc(s->state.queue_count, sizeof(*runs));
	const struct plan_past past = {.runs_ns = unknown, .entries_ns = runs};
	struct plan_facts facts = snapshot_facts(s);

	for (size_t i = 0; i < s->state.queue_count; i++)
		runs[i] = RUN_NS;
	plan_forecast(&s->state, &facts, &past, s->state.queue_count, &s->forecast);
	snapshot_fill_waiters(s);
}

/* Whoever has reserved by hand is not there. */
static void fill_idle(struct snapshot *s)
{
	for (size_t i = 0; i < s->views_count; i++) {
		struct gpu_view *view = &s->views[i];

		if (!view->reservation || view->reservation->type != RESERVATION_MANUAL)
			continue;
		view->activity = ACTIVITY_IDLE;
		view->idle_since_ns = view->reservation->start_ns;
	}
}

/* Every GPU, and the jobs on them. */
static void fill_gpus(struct snapshot *s)
{
	int gpus = (int)s->views_count;

	for (int id = 0; id < gpus; id++)
		fill_gpu(scan_add_gpu(&s->seen.scan), id);
	s->seen.count = s->views_count;
	s->seen.gpus = mem_alloc(s->views_count, sizeof(*s->seen.gpus));
	s->seen.problems = mem_alloc(s->views_count, sizeof(*s->seen.problems));
	s->seen.use = mem_alloc(s->views_count, sizeof(*s->seen.use));
	s->views = mem_alloc(s->views_count, sizeof(*s->views));
	for (int set = 0; set * DEMO_GPUS < gpus; set++) {
		for (size_t i = 0; i < demo_lanes_count; i++)
			fill_lane(s, &demo_lanes[i], set);
	}
}

void demo_snapshot(int64_t now_ns, int gpus, struct snapshot *ret_snapshot)
{
	struct snapshot s = {.now_ns = now_ns, .views_count = (size_t)gpus};

	s.state.initialized = true;
	s.state.provider = mem_strdup("nvidia");
	pool_state_make_slots(&s.state, s.views_count);
	s.seen.taken_ns = now_ns;
	s.seen.scan.provider = mem_strdup("nvidia");
	s.seen.scan.source = mem_strdup("demo");
	s.seen.scan.driver_version = mem_strdup("550.54.15");
	fill_gpus(&s);
	fill_unreserved(&s);
	fill_error(&s);
	fill_queue(&s);
	for (size_t id = 0; id < s.views_count; id++)
		s.seen.gpus[id] = &s.seen.scan.gpus[id];
	snapshot_fill_views(&s);
	fill_idle(&s);
	fill_forecast(&s);
	*ret_snapshot = s;
}
