/* Questions to the nodes, and their answers; see nodes.h. */
#include "slurm/nodes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/remotes.h"
#include "remote/answer.h"
#include "remote/ask.h"
#include "slurm/call.h"

/* Larger numbers are nonsense. */
#define NUMBER_MAX INT64_C(1000000000000)

/* ---- one GPU ---- */

static struct quantity number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	int64_t number = json_integer_value(value);

	return json_is_integer(value) && number >= 0 && number <= NUMBER_MAX ? quantity_of(number)
									     : (struct quantity){0};
}

static void read_process(const json_t *entry, const struct reservation *r, struct process *p)
{
	const json_t *ignored = json_object_get(entry, "ignored");
	struct quantity pid = number_of(entry, "pid");

	*p = (struct process){
		.pid = pid.value <= INT32_MAX ? (pid_t)pid.value : 0,
		.name = mem_strdup(remote_text(entry, "name")),
		.account = mem_strdup(remote_text(entry, "account")),
		.container = mem_strdup(remote_text(entry, "container")),
		.memory_mb = number_of(entry, "memory_mb"),
		.started_ns = remote_time(entry, "started_at"),
		.ignored_by = mem_strdup(remote_text(ignored, "by")),
		.ignored_ns = remote_time(ignored, "at"),
		.forgiven_mb = number_of(ignored, "memory_mb").value,
	};
	/* Of a job that this account may not see nobody knows whose it is. */
	p->foreign = r && r->account && p->account && strcmp(r->account, p->account) != 0;
}

static void read_processes(const json_t *row, const struct reservation *r, struct gpu *gpu)
{
	const json_t *list = json_object_get(row, "processes");
	size_t count = json_array_size(list);

	gpu->processes_known = true;
	gpu->processes = mem_alloc(count + 1, sizeof(*gpu->processes));
	gpu->processes_count = count;
	for (size_t i = 0; i < count; i++)
		read_process(json_array_get(list, i), r, &gpu->processes[i]);
}

/* The node knows what it takes for use. Where it says something else of the GPU (out of service,
   reserved there), what is on it counts. */
static enum gpu_use use_of(const struct remote_gpu *seen, const struct gpu *gpu)
{
	if (gpu->health == HEALTH_FAULTY)
		return USE_FAULTY;
	if (seen->error || !gpu->memory_used_mb.known)
		return USE_UNKNOWN;
	if (seen->state == REMOTE_AVAILABLE)
		return USE_IDLE;
	return seen->state == REMOTE_UNRESERVED || gpu->processes_count ? USE_BUSY : USE_IDLE;
}

static void read_health(const json_t *row, struct gpu *gpu)
{
	const char *health = remote_text(row, "health");

	if (!health)
		return;
	gpu->health = strcmp(health, "faulty") == 0 ? HEALTH_FAULTY : HEALTH_WARNING;
	gpu->health_reason = mem_strdup(remote_text(row, "health_reason"));
}

static void read_gpu(const json_t *row, const struct reservation *r, struct gpu *gpu)
{
	gpu->uuid = mem_strdup(remote_text(row, "uuid"));
	gpu->device_minor = number_of(row, "device_minor");
	gpu->memory_total_mb = number_of(row, "memory_total_mb");
	gpu->memory_used_mb = number_of(row, "memory_used_mb");
	gpu->memory_shared = json_is_true(json_object_get(row, "memory_shared"));
	gpu->utilization_percent = number_of(row, "utilization_percent");
	gpu->temperature_c = number_of(row, "temperature_c");
	gpu->power_mw = number_of(row, "power_mw");
	gpu->power_limit_mw = number_of(row, "power_limit_mw");
	read_health(row, gpu);
	read_processes(row, r, gpu);
}

static void set_problem(struct snapshot *s, size_t slot, const char *problem)
{
	mem_replace(&s->seen.problems[slot], problem);
	s->views[slot].problem = s->seen.problems[slot];
}

/* All that is on it has begun since then. */
static bool is_newer(const struct gpu *gpu, int64_t time_ns)
{
	for (size_t i = 0; i < gpu->processes_count; i++) {
		if (gpu->processes[i].started_ns <= time_ns)
			return false;
	}
	return gpu->processes_count > 0;
}

/* What Slurm says of it stays; only that nobody uses it may be wrong. What has begun since Slurm
   was asked may be of a job that is as young. */
static void join_gpu(struct snapshot *s, size_t slot, const json_t *row)
{
	struct gpu_view *view = &s->views[slot];
	struct gpu *gpu = s->seen.gpus[slot];
	struct remote_gpu seen;

	if (gpu->processes_known)
		return;
	remote_gpu_read(row, &seen);
	read_gpu(row, view->reservation, gpu);
	view->use = s->seen.use[slot] = use_of(&seen, gpu);
	if (seen.error || gpu->health_reason)
		set_problem(s, slot, seen.error ? seen.error : gpu->health_reason);
	if (view->use == USE_BUSY && view->status == GPU_AVAILABLE &&
	    !is_newer(gpu, s->seen.taken_ns))
		view->status = GPU_UNRESERVED;
	mem_replace(&view->model.model, seen.model);
	mem_replace(&view->model.provider, remote_text(json_object_get(row, "model"), "provider"));
}

/* ---- the GPUs of a node ---- */

struct card {
	int64_t device_minor;
	const json_t *row;
};

static int compare_cards(const void *a, const void *b)
{
	const struct card *one = a, *other = b;

	return (one->device_minor > other->device_minor) -
	       (one->device_minor < other->device_minor);
}

/* In the order of their device files. False: that is not known of all, or two have the same, as
   instances of one GPU have. */
static bool sort_cards(const json_t *rows, struct card *cards)
{
	size_t count = json_array_size(rows);

	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(rows, i);
		struct quantity device_minor = number_of(row, "device_minor");

		if (!device_minor.known)
			return false;
		cards[i] = (struct card){device_minor.value, row};
	}
	qsort(cards, count, sizeof(*cards), compare_cards);
	for (size_t i = 1; i < count; i++) {
		if (cards[i].device_minor == cards[i - 1].device_minor)
			return false;
	}
	return true;
}

static bool is_on(const struct snapshot *s, size_t slot, const char *node)
{
	return !strcmp(s->cluster->places[slot].node, node);
}

static size_t count_gpus(const struct snapshot *s, const char *node)
{
	size_t count = 0;

	for (size_t i = 0; i < s->cluster->count; i++)
		count += is_on(s, i, node);
	return count;
}

static void refuse_node(struct snapshot *s, const char *node, const char *problem)
{
	for (size_t i = 0; i < s->cluster->count; i++) {
		if (is_on(s, i, node))
			set_problem(s, i, problem);
	}
}

void slurm_nodes_join(struct snapshot *s, const char *node, const json_t *rows)
{
	size_t count = json_array_size(rows);
	AUTO_FREE struct card *cards = mem_alloc(count + 1, sizeof(*cards));
	AUTO_FREE char *problem = NULL;

	if (count != count_gpus(s, node))
		problem = mem_printf("%s shows %zu GPUs, not as many as Slurm", node, count);
	else if (!sort_cards(rows, cards))
		problem = mem_printf("%s does not tell which GPU is which", node);
	if (problem) {
		refuse_node(s, node, problem);
		return;
	}
	for (size_t i = 0; i < s->cluster->count; i++) {
		if (is_on(s, i, node))
			join_gpu(s, i, cards[s->cluster->places[i].index].row);
	}
}

/* ---- asking ---- */

static void take_answer(struct snapshot *s, const struct remote_call *call)
{
	AUTO_FREE char *problem = NULL;
	struct err e = {0};
	json_t *rows;

	if (!call->problem && remote_read(REMOTE_STATUS, str_text(&call->answer),
					  call->answer.length, &rows, &e) == 0) {
		slurm_nodes_join(s, call->host->name, rows);
		json_decref(rows);
		return;
	}
	problem = mem_printf("%s: %s", call->host->name, call->problem ? call->problem : e.text);
	refuse_node(s, call->host->name, problem);
}

void slurm_nodes_ask(const char *hosts, struct snapshot *s)
{
	AUTO(remotes_clear) struct remotes list = {0};
	AUTO_FREE struct remote_call *calls = NULL;
	size_t count = 0;

	/* Jobs as they were and processes as they are do not match; and Slurm has taken its time.
	 */
	if (s->warning || !hosts || remotes_parse(hosts, &list, NULL) < 0)
		return;
	calls = mem_alloc(list.count + 1, sizeof(*calls));
	for (size_t i = 0; i < list.count; i++) {
		if (!list.items[i].url || !count_gpus(s, list.items[i].name))
			continue;
		calls[count].host = &list.items[i];
		remote_call_url(&calls[count++], "/api/status");
	}
	remote_ask(calls, count, SLURM_LIMIT_NS, NULL);
	for (size_t i = 0; i < count; i++) {
		take_answer(s, &calls[i]);
		remote_call_clear(&calls[i]);
	}
}
