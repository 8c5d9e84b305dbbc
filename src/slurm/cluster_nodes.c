/* The nodes of a cluster, out of the JSON of sinfo; see cluster_json.h. */
#include "slurm/cluster_json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

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
		if (slurm_json_has_state(state, out_states[i].state) ||
		    slurm_json_has_state(flags, out_states[i].state))
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
	struct quantity cpus = slurm_json_number(entry, "cpus"),
			used = slurm_json_number(entry, "alloc_cpus");

	if (!n)
		return;
	slurm_gpus(json_string_value(json_object_get(entry, "gres_used")), &n->used);
	n->out = out_of(json_object_get(entry, "state"), json_object_get(entry, "state_flags"));
	n->reason = slurm_json_text(entry, "reason");
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
		n->reason = json_is_object(reason) ? slurm_json_text(reason, "description")
						   : slurm_json_text(entry, "reason");
		/* What several have in sum says nothing of each. */
		if (json_array_size(nodes) > 1)
			continue;
		slurm_gpus(json_string_value(json_object_get(gres, "used")), &n->used);
		n->idle_cpus = slurm_json_number(cpus, "idle");
	}
}

static int compare_nodes(const void *a, const void *b)
{
	return slurm_compare_names(((const struct slurm_node *)a)->name,
				   ((const struct slurm_node *)b)->name);
}

void slurm_cluster_add_nodes(struct slurm_cluster *c, const json_t *document)
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
