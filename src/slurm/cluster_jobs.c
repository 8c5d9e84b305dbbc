/* The jobs of a cluster, out of the JSON of squeue; see cluster_json.h. */
#include "slurm/cluster_json.h"

#include <stdlib.h>

#include "base/mem.h"

/* "n[1-2]", or since 24.05 {"list": "n[1-2]", ...}. */
static const char *hosts_of(const json_t *job)
{
	const json_t *nodes = json_object_get(job, "nodes");

	if (json_is_object(nodes))
		nodes = json_object_get(nodes, "list");
	if (!nodes)
		nodes = json_object_get(json_object_get(job, "job_resources"), "nodes");
	if (json_is_object(nodes))
		nodes = json_object_get(nodes, "list");
	return json_string_value(nodes);
}

static void add_shares(struct slurm_job *job, const json_t *entry)
{
	const json_t *details = json_object_get(entry, "gres_detail");
	AUTO(slurm_names_clear) struct slurm_names hosts = {0};
	size_t count;

	slurm_hosts(hosts_of(entry), &hosts);
	count = json_array_size(details) ? json_array_size(details) : 1;
	count = count < hosts.count ? count : hosts.count;
	job->shares = mem_alloc(count + 1, sizeof(*job->shares));
	for (size_t i = 0; i < count; i++) {
		struct slurm_share share = {0};

		slurm_gpus(json_string_value(json_array_get(details, i)), &share.gpus);
		/* Without details: so many, wherever they are. */
		if (!json_array_size(details) && hosts.count == 1)
			share.gpus.count = job->wanted;
		if (!share.gpus.count)
			continue;
		share.node = mem_strdup(hosts.items[i]);
		job->shares[job->shares_count++] = share;
	}
}

/* How many GPUs it asks for, and of which type. */
static size_t wanted_of(const json_t *entry, char type[SLURM_TYPE_SIZE])
{
	static const char *const names[] = {"tres_per_job", "tres_req_str", "tres_alloc_str"};
	struct quantity nodes = slurm_json_number(entry, "node_count");
	const char *text = json_string_value(json_object_get(entry, "tres_per_node"));
	size_t per_node = slurm_tres_gpus(text);

	slurm_tres_type(text, type);
	if (per_node)
		return per_node * (nodes.known && nodes.value > 1 && nodes.value < SLURM_LIST_MAX
					   ? (size_t)nodes.value
					   : 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n;

		text = json_string_value(json_object_get(entry, names[i]));
		n = slurm_tres_gpus(text);
		slurm_tres_type(text, type);
		if (n)
			return n;
	}
	return 0;
}

void slurm_job_clear(struct slurm_job *job)
{
	for (size_t i = 0; i < job->shares_count; i++)
		free(job->shares[i].node);
	free(job->shares);
	free(job->user);
	free(job->name);
	free(job->comment);
	free(job->partition);
	free(job->reason);
}

static bool read_job(const json_t *entry, struct slurm_job *job)
{
	const json_t *state = json_object_get(entry, "job_state");
	AUTO_FREE char *command = slurm_json_text(entry, "command");
	struct quantity id = slurm_json_number(entry, "job_id");
	static const char *const holding[] = {"RUNNING",   "SUSPENDED",   "COMPLETING",
					      "STOPPED",   "CONFIGURING", "RESIZING",
					      "SIGNALING", "STAGE_OUT"};
	bool holds = false;

	for (size_t i = 0; i < ARRAY_SIZE(holding); i++)
		holds |= slurm_json_has_state(state, holding[i]);
	job->pending =
		slurm_json_has_state(state, "PENDING") || slurm_json_has_state(state, "REQUEUED");
	job->wanted = wanted_of(entry, job->type);
	if (!id.known || (!holds && !job->pending))
		return false;
	job->id = id.value;
	job->user = slurm_json_text(entry, "user_name");
	job->uid = slurm_json_number(entry, "user_id");
	job->name = slurm_json_text(entry, "name");
	job->comment = slurm_json_text(entry, "comment");
	job->partition = slurm_json_text(entry, "partition");
	job->reason = slurm_json_text(entry, "state_reason");
	job->is_batch = json_is_true(json_object_get(entry, "batch_flag"));
	job->has_command = command != NULL;
	job->priority = slurm_json_number(entry, "priority").value;
	job->submit_ns = slurm_json_time(entry, "submit_time");
	job->start_ns = slurm_json_time(entry, "start_time");
	if (slurm_json_number(entry, "time_limit").known)
		job->end_ns = slurm_json_time(entry, "end_time");
	if (!job->pending)
		add_shares(job, entry);
	return job->pending ? job->wanted > 0 : job->shares_count > 0;
}

static int compare_jobs(const void *a, const void *b)
{
	const struct slurm_job *one = a, *other = b;

	if (one->pending != other->pending)
		return one->pending ? -1 : 1;
	if (one->pending && one->priority != other->priority)
		return one->priority > other->priority ? -1 : 1;
	return one->id < other->id ? -1 : one->id > other->id;
}

void slurm_cluster_add_jobs(struct slurm_cluster *c, const json_t *document)
{
	const json_t *jobs = json_object_get(document, "jobs");

	c->jobs = mem_alloc(json_array_size(jobs) + 1, sizeof(*c->jobs));
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		struct slurm_job job = {0};

		if (read_job(json_array_get(jobs, i), &job))
			c->jobs[c->jobs_count++] = job;
		else
			slurm_job_clear(&job);
	}
	qsort(c->jobs, c->jobs_count, sizeof(*c->jobs), compare_jobs);
}
