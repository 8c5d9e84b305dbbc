/* Slurm's JSON, as it was and as it is; see cluster.h. */
#include "slurm/cluster.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"

/* Deeper or larger numbers than any clock's are nonsense. */
#define SECONDS_MAX INT64_C(9000000000)

/* ---- values that come in more than one shape ---- */

/* A text of its own; NULL for none, and for an empty one. */
static char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? mem_strdup(text) : NULL;
}

/* 5, or since 23.02 {"set": true, "infinite": false, "number": 5}. */
static struct quantity number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (json_is_object(value)) {
		if (!json_is_true(json_object_get(value, "set")) ||
		    json_is_true(json_object_get(value, "infinite")))
			return (struct quantity){0};
		value = json_object_get(value, "number");
	}
	return json_is_integer(value) ? quantity_of(json_integer_value(value))
				      : (struct quantity){0};
}

static int64_t time_of(const json_t *object, const char *name)
{
	struct quantity seconds = number_of(object, name);

	return seconds.known && seconds.value > 0 && seconds.value < SECONDS_MAX
		       ? seconds.value * NS_PER_SECOND
		       : TIME_NONE;
}

/* "RUNNING", or since 23.11 ["RUNNING"]. */
static bool has_state(const json_t *value, const char *state)
{
	if (json_is_string(value))
		return !strcasecmp(json_string_value(value), state);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const char *text = json_string_value(json_array_get(value, i));

		if (text && !strcasecmp(text, state))
			return true;
	}
	return false;
}

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

/* ---- documents ---- */

/* What Slurm says is wrong. */
static int refuse_errors(const json_t *document, const char *program, struct err *e)
{
	const json_t *errors = json_object_get(document, "errors");
	const json_t *first = json_array_get(errors, 0);
	const char *text = json_string_value(first);

	if (!json_array_size(errors))
		return 0;
	if (json_is_object(first)) {
		text = json_string_value(json_object_get(first, "description"));
		if (!text || !*text)
			text = json_string_value(json_object_get(first, "error"));
	}
	return err_set(e, EIO, "%s: %.300s", program, text ? text : "an error without a text");
}

/* The document in the answer of a program, which may say other things, too. */
static int load(const char *answer, const char *program, json_t **ret_document, struct err *e)
{
	/* Names of jobs are bytes to Slurm, and to a reader of JSON an error. */
	AUTO_FREE char *valid = text_utf8(answer);
	const char *begin = valid;
	json_t *document;
	int r;

	while (begin && *begin && *begin != '{') {
		begin = strchr(begin, '\n');
		if (begin)
			begin++;
	}
	document = begin && *begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (!document && answer && *answer && (!begin || !*begin))
		return err_set(e, EIO, "%.*s", (int)strcspn(answer, "\n"), answer);
	if (!document)
		return err_set(e, EBADMSG, "the answer of %s is no JSON", program);
	r = refuse_errors(document, program, e);
	if (r < 0)
		json_decref(document);
	else
		*ret_document = document;
	return r;
}

static char *version_of(const json_t *document)
{
	const json_t *meta = json_object_get(document, "meta"), *slurm;

	slurm = json_object_get(meta, "Slurm");
	if (!slurm)
		slurm = json_object_get(meta, "slurm");
	return text_of(slurm, "release");
}

/* ---- nodes ---- */

/* States in which a node gets no new job, and what they are called. The first that holds counts. */
static const struct {
	const char *state, *word;
} out_states[] = {
	{"DRAIN", "drained"},
	{"DRAINED", "drained"},
	{"DRAINING", "drained"},
	{"DOWN", "down"},
	{"NOT_RESPONDING", "not responding"},
	{"NO_RESPOND", "not responding"},
	{"FAIL", "failed"},
	{"FAILING", "failed"},
	{"ERROR", "failed"},
	{"INVALID_REG", "invalid"},
	{"INVAL", "invalid"},
	{"UNKNOWN", "unknown to Slurm"},
	{"MAINTENANCE", "in maintenance"},
	{"MAINT", "in maintenance"},
	{"REBOOT_ISSUED", "rebooting"},
	{"REBOOT_REQUESTED", "rebooting"},
	{"POWERING_DOWN", "powering down"},
};

static char *out_of(const json_t *state, const json_t *flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(out_states); i++) {
		if (has_state(state, out_states[i].state) || has_state(flags, out_states[i].state))
			return mem_strdup(out_states[i].word);
	}
	return NULL;
}

static struct slurm_node *find_node(struct slurm_cluster *c, const char *name)
{
	for (size_t i = 0; i < c->nodes_count; i++) {
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	}
	return NULL;
}

/* A node of that name, with what it has; NULL: it has no GPUs, or is there already, once for each
   of its partitions. */
static struct slurm_node *add_node(struct slurm_cluster *c, const char *name, const char *gres)
{
	struct slurm_node node = {0};

	slurm_gpus(gres, &node.gpus);
	if (!name || !*name || !node.gpus.count || c->nodes_count == SLURM_LIST_MAX ||
	    find_node(c, name))
		return NULL;
	node.name = mem_strdup(name);
	c->nodes = mem_resize(c->nodes, c->nodes_count + 1, sizeof(*c->nodes));
	c->nodes[c->nodes_count] = node;
	return &c->nodes[c->nodes_count++];
}

/* An entry of "nodes": 22.05, and `scontrol show nodes --json`. */
static void add_plain_node(struct slurm_cluster *c, const json_t *entry)
{
	struct slurm_node *n = add_node(c, json_string_value(json_object_get(entry, "name")),
					json_string_value(json_object_get(entry, "gres")));
	struct quantity cpus = number_of(entry, "cpus"), used = number_of(entry, "alloc_cpus");

	if (!n)
		return;
	slurm_gpus(json_string_value(json_object_get(entry, "gres_used")), &n->used);
	n->out = out_of(json_object_get(entry, "state"), json_object_get(entry, "state_flags"));
	n->reason = text_of(entry, "reason");
	if (cpus.known && used.known)
		n->idle_cpus = quantity_of(cpus.value - used.value);
}

/* An entry of "sinfo", since 23.02: one or more nodes that have all of this in common. */
static void add_group(struct slurm_cluster *c, const json_t *entry)
{
	const json_t *nodes = json_object_get(json_object_get(entry, "nodes"), "nodes");
	const json_t *gres = json_object_get(entry, "gres"), *cpus = json_object_get(entry, "cpus");
	const json_t *reason = json_object_get(entry, "reason");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		struct slurm_node *n = add_node(c, json_string_value(json_array_get(nodes, i)),
						json_string_value(json_object_get(gres, "total")));

		if (!n)
			continue;
		n->out = out_of(json_object_get(json_object_get(entry, "node"), "state"), NULL);
		n->reason = json_is_object(reason) ? text_of(reason, "description")
						   : text_of(entry, "reason");
		/* What several have in sum says nothing of each. */
		if (json_array_size(nodes) > 1)
			continue;
		slurm_gpus(json_string_value(json_object_get(gres, "used")), &n->used);
		n->idle_cpus = number_of(cpus, "idle");
	}
}

static int compare_nodes(const void *a, const void *b)
{
	return slurm_compare_names(((const struct slurm_node *)a)->name,
				   ((const struct slurm_node *)b)->name);
}

static void read_nodes(struct slurm_cluster *c, const json_t *document)
{
	const json_t *nodes = json_object_get(document, "nodes");
	const json_t *groups = json_object_get(document, "sinfo");

	for (size_t i = 0; i < json_array_size(nodes); i++)
		add_plain_node(c, json_array_get(nodes, i));
	for (size_t i = 0; i < json_array_size(groups); i++)
		add_group(c, json_array_get(groups, i));
	if (c->nodes_count)
		qsort(c->nodes, c->nodes_count, sizeof(*c->nodes), compare_nodes);
}

/* ---- jobs ---- */

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
	struct quantity nodes = number_of(entry, "node_count");
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

static void job_clear(struct slurm_job *job)
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
	AUTO_FREE char *command = text_of(entry, "command");
	struct quantity id = number_of(entry, "job_id");
	static const char *const holding[] = {"RUNNING",   "SUSPENDED",   "COMPLETING",
					      "STOPPED",   "CONFIGURING", "RESIZING",
					      "SIGNALING", "STAGE_OUT"};
	bool holds = false;

	for (size_t i = 0; i < ARRAY_SIZE(holding); i++)
		holds |= has_state(state, holding[i]);
	job->pending = has_state(state, "PENDING") || has_state(state, "REQUEUED");
	job->wanted = wanted_of(entry, job->type);
	if (!id.known || (!holds && !job->pending))
		return false;
	job->id = id.value;
	job->user = text_of(entry, "user_name");
	job->uid = number_of(entry, "user_id");
	job->name = text_of(entry, "name");
	job->comment = text_of(entry, "comment");
	job->partition = text_of(entry, "partition");
	job->reason = text_of(entry, "state_reason");
	job->is_batch = json_is_true(json_object_get(entry, "batch_flag"));
	job->has_command = command != NULL;
	job->priority = number_of(entry, "priority").value;
	job->submit_ns = time_of(entry, "submit_time");
	job->start_ns = time_of(entry, "start_time");
	if (number_of(entry, "time_limit").known)
		job->end_ns = time_of(entry, "end_time");
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

static void read_jobs(struct slurm_cluster *c, const json_t *document)
{
	const json_t *jobs = json_object_get(document, "jobs");

	c->jobs = mem_alloc(json_array_size(jobs) + 1, sizeof(*c->jobs));
	for (size_t i = 0; i < json_array_size(jobs); i++) {
		struct slurm_job job = {0};

		if (read_job(json_array_get(jobs, i), &job))
			c->jobs[c->jobs_count++] = job;
		else
			job_clear(&job);
	}
	qsort(c->jobs, c->jobs_count, sizeof(*c->jobs), compare_jobs);
}

int slurm_jobs_read(const char *squeue, struct slurm_cluster *ret_cluster, struct err *e)
{
	struct slurm_cluster c = {0};
	json_t *document = NULL;
	int r = load(squeue, "squeue", &document, e);

	if (r < 0)
		return r;
	read_jobs(&c, document);
	c.version = version_of(document);
	json_decref(document);
	*ret_cluster = c;
	return 0;
}

int slurm_cluster_read(const char *squeue, const char *sinfo, struct slurm_cluster *ret_cluster,
		       struct err *e)
{
	AUTO(slurm_cluster_clear) struct slurm_cluster c = {0};
	json_t *document = NULL;
	int r = slurm_jobs_read(squeue, &c, e);

	if (r == 0)
		r = load(sinfo, "sinfo", &document, e);
	if (r < 0)
		return r;
	read_nodes(&c, document);
	json_decref(document);
	*ret_cluster = c;
	c = (struct slurm_cluster){0};
	return 0;
}

void slurm_cluster_clear(struct slurm_cluster *c)
{
	for (size_t i = 0; i < c->nodes_count; i++) {
		free(c->nodes[i].name);
		free(c->nodes[i].out);
		free(c->nodes[i].reason);
	}
	for (size_t i = 0; i < c->jobs_count; i++)
		job_clear(&c->jobs[i]);
	free(c->nodes);
	free(c->jobs);
	free(c->version);
	*c = (struct slurm_cluster){0};
}
