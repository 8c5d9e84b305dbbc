/* The document of `status --json`, field for field as in the specification. */
#include "view/status.h"

#include <stdlib.h>

#include "base/mem.h"
#include "plan/place.h"
#include "view/gpu_text.h"
#include "view/json.h"

/* Members that have nothing to say are left out. */
static void set_text(json_t *object, const char *name, const char *value)
{
	if (value)
		json_object_set_new(object, name, view_json_text(value));
}

static void set_time(json_t *object, const char *name, int64_t time_ns)
{
	if (time_ns != TIME_NONE)
		json_object_set_new(object, name, view_json_time(time_ns));
}

static void set_model(json_t *object, const struct model *model)
{
	json_t *member;

	if (!model->model)
		return;
	member = json_object();
	/* A model in a folder has none. */
	set_text(member, "provider", model->provider ? model->provider : "");
	set_text(member, "model", model->model);
	json_object_set_new(object, "model", member);
}

static void set_users(json_t *object, const struct gpu_text *t)
{
	json_t *users;

	if (!t->users_count)
		return;
	users = json_array();
	for (size_t i = 0; i < t->users_count; i++)
		json_array_append_new(users, view_json_text(t->users[i]));
	json_object_set_new(object, "unreserved_users", users);
}

/* When it ends, as far as that is known: an estimate to the next full minute, so that it does not
   change all the time. */
static void set_end(json_t *object, const struct snapshot *s, const struct reservation *r)
{
	enum end_basis basis;
	int64_t end_ns = view_end_ns(s, r, &basis);
	bool estimated = basis == END_BASIS_PAST || basis == END_BASIS_ENDED;

	if (end_ns == TIME_NONE)
		return;
	json_object_set_new(object, "ends_at",
			    estimated ? view_json_estimate(end_ns) : view_json_time(end_ns));
	json_object_set_new(object, "ends_at_estimated", json_boolean(estimated));
}

static void set_reservation(json_t *object, const struct reservation *r)
{
	set_time(object, "start_time", r->start_ns);
	if (r->type == RESERVATION_RUN)
		set_time(object, "last_heartbeat", r->heartbeat_ns);
	else
		set_time(object, "expiry_time", r->expiry_ns);
	set_text(object, "note", r->note && *r->note ? r->note : NULL);
	set_text(object, "reservation_id", *r->id ? r->id : NULL);
	set_text(object, "queue_id", r->queue_id);
}

static void set_quantity(json_t *object, const char *name, struct quantity q)
{
	if (q.known)
		json_object_set_new(object, name, json_integer(q.value));
}

static void set_ignored(json_t *object, const struct process *p)
{
	json_t *ignored;

	if (!p->ignored_by)
		return;
	ignored = json_object();
	set_text(ignored, "by", p->ignored_by);
	set_time(ignored, "at", p->ignored_ns);
	json_object_set_new(ignored, "memory_mb", json_integer(p->forgiven_mb));
	json_object_set_new(object, "ignored", ignored);
}

/* What the reservation does with it, as far as anybody has seen. */
static void set_activity(json_t *object, const struct snapshot *s, const struct gpu_view *view)
{
	set_time(object, "last_active",
		 view->activity == ACTIVITY_ACTIVE ? s->now_ns : view->last_active_ns);
	if (view->activity == ACTIVITY_IDLE)
		json_object_set_new(
			object, "idle_seconds",
			json_integer((s->now_ns - view->idle_since_ns) / NS_PER_SECOND));
}

/* Each process on the GPU, whoever has it. */
static void set_processes(json_t *object, const struct gpu *gpu)
{
	json_t *list;

	if (!gpu || !gpu->processes_count)
		return;
	list = json_array();
	for (size_t i = 0; i < gpu->processes_count; i++) {
		const struct process *p = &gpu->processes[i];
		json_t *entry = json_object();

		if (p->pid > 0)
			json_object_set_new(entry, "pid", json_integer(p->pid));
		set_text(entry, "name", p->name);
		set_text(entry, "account", p->account);
		set_text(entry, "container", p->container);
		set_quantity(entry, "memory_mb", p->memory_mb);
		set_time(entry, "started_at", p->started_ns);
		if (p->foreign)
			json_object_set_new(entry, "foreign", json_true());
		set_ignored(entry, p);
		json_array_append_new(list, entry);
	}
	json_object_set_new(object, "processes", list);
}

/* What the driver tells of the card, for whoever draws it. */
static void set_card(json_t *object, const struct gpu *gpu)
{
	if (!gpu)
		return;
	set_text(object, "visible", gpu->visible);
	set_text(object, "gpu_model", gpu->name);
	set_quantity(object, "device_minor", gpu->device_minor);
	set_quantity(object, "memory_used_mb", gpu->memory_used_mb);
	set_quantity(object, "memory_total_mb", gpu->memory_total_mb);
	set_quantity(object, "utilization_percent", gpu->utilization_percent);
	set_quantity(object, "temperature_c", gpu->temperature_c);
	set_quantity(object, "power_mw", gpu->power_mw);
	set_quantity(object, "power_limit_mw", gpu->power_limit_mw);
	if (gpu->memory_shared)
		json_object_set_new(object, "memory_shared", json_true());
	if (gpu->health != HEALTH_GOOD) {
		set_text(object, "health", gpu_health_name(gpu->health));
		set_text(object, "health_reason", gpu->health_reason);
	}
}

/* What an instance is, and of which GPU: as seen, else as recorded. */
static void set_unit(json_t *object, const struct snapshot *s, const struct gpu_view *view)
{
	const struct slot *slot = &s->state.slots[view->id];
	const struct gpu *gpu = view->gpu;
	const char *profile = gpu ? gpu->profile : slot->profile;
	json_t *parent;

	if (!profile)
		return;
	set_text(object, "profile", profile);
	parent = json_object();
	set_text(parent, "uuid", gpu && gpu->parent ? gpu->parent : slot->parent);
	json_object_set_new(parent, "index",
			    json_integer(gpu && gpu->parent_index.known ? gpu->parent_index.value
									: slot->parent_index));
	json_object_set_new(object, "parent", parent);
}

/* Where the GPUs are, as it is recorded. */
struct places {
	struct topology topology;
	int *islands;
};

static void places_init(struct places *p, const struct pool_state *state)
{
	plan_topology(state, &p->topology);
	p->islands = mem_alloc(p->topology.count, sizeof(*p->islands));
	plan_find_islands(&p->topology, p->islands);
}

static void places_clear(struct places *p)
{
	topology_clear(&p->topology);
	free(p->islands);
}

static void set_place(json_t *object, const struct places *p, int id)
{
	if ((size_t)id >= p->topology.count)
		return;
	if (p->topology.gpus[id].numa != NUMA_UNKNOWN)
		json_object_set_new(object, "numa_node", json_integer(p->topology.gpus[id].numa));
	if (p->islands[id] >= 0)
		json_object_set_new(object, "island", json_integer(p->islands[id]));
}

/* Where a GPU of a cluster is, and which job has it. */
static void set_cluster(json_t *object, const struct snapshot *s, const struct gpu_view *view)
{
	if (!s->cluster)
		return;
	set_text(object, "node", s->cluster->places[view->id].node);
	json_object_set_new(object, "node_gpu", json_integer(s->cluster->places[view->id].index));
	set_text(object, "job_id",
		 view->reservation && *view->reservation->id ? view->reservation->id : NULL);
}

static json_t *gpu_json(const struct snapshot *s, const struct places *p,
			const struct gpu_view *view)
{
	AUTO(gpu_text_clear) struct gpu_text t = {0};
	json_t *object = json_object();

	view_gpu(s, view, &t);
	json_object_set_new(object, "gpu_id", json_integer(view->id));
	set_cluster(object, s, view);
	set_text(object, "status", gpu_status_name(view->status));
	set_text(object, "user", view->reservation ? view->reservation->user : NULL);
	/* In every row, for programs that group by it. */
	json_object_set_new(object, "account",
			    view_json_text(view->reservation ? view->reservation->account : NULL));
	set_text(object, "duration", t.duration);
	set_text(object, "type", t.type);
	set_text(object, "details", t.details);
	set_text(object, "validation", t.validation);
	set_users(object, &t);
	set_text(object, "process_info", t.process_info);
	set_model(object, &view->model);
	set_text(object, "uuid",
		 view->gpu && view->gpu->uuid ? view->gpu->uuid : s->state.slots[view->id].uuid);
	set_unit(object, s, view);
	set_place(object, p, view->id);
	set_card(object, view->gpu);
	set_processes(object, view->gpu);
	if (view->reservation) {
		set_reservation(object, view->reservation);
		set_end(object, s, view->reservation);
		set_activity(object, s, view);
	} else {
		set_time(object, "last_released", view->last_released_ns);
	}
	set_text(object, "drained_by", s->state.slots[view->id].drained_by);
	set_time(object, "drained_at", s->state.slots[view->id].drained_ns);
	set_text(object, "drained_note", s->state.slots[view->id].drained_note);
	set_time(object, "retired_at", s->state.slots[view->id].retired_ns);
	if (view->withheld && !s->state.slots[view->id].drained_by &&
	    s->state.slots[view->id].retired_ns == TIME_NONE)
		json_object_set_new(object, "excluded", json_true());
	if (view->status == GPU_ERROR)
		set_text(object, "error", view->problem ? view->problem : "no answer");
	return object;
}

json_t *view_status_json(const struct snapshot *s)
{
	AUTO(places_clear) struct places p;
	json_t *document = json_array();

	places_init(&p, &s->state);
	for (size_t i = 0; i < s->views_count; i++)
		json_array_append_new(document, gpu_json(s, &p, &s->views[i]));
	return document;
}
