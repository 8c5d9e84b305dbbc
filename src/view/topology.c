/* How GPUs are linked, as a matrix and in JSON; see topology.h. */
#include "view/topology.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "view/json.h"

/* What the words mean, best first. */
static const struct {
	int from, to;
	const char *text;
} words[] = {
	{LINK_NVLINK, LINK_MAX, "NV#   connected by # NVLinks"},
	{LINK_XGMI, LINK_XGMI, "XGMI  connected by XGMI"},
	{LINK_BOARD, LINK_BOARD, "PSB   on one board"},
	{LINK_SWITCH, LINK_SWITCH, "PIX   through one PCIe switch"},
	{LINK_SWITCHES, LINK_SWITCHES, "PXB   through several PCIe switches"},
	{LINK_HOST, LINK_HOST, "PHB   through a PCIe host bridge"},
	{LINK_NODE, LINK_NODE, "NODE  through host bridges of one NUMA node"},
	{LINK_SYSTEM, LINK_SYSTEM, "SYS   across NUMA nodes"},
	{LINK_UNKNOWN, LINK_UNKNOWN, "?     unknown"},
};

static const char *cell(const struct topology *t, size_t a, size_t b, char name[LINK_NAME_SIZE])
{
	return a == b ? "X" : topology_link_name(topology_link(t, a, b), name);
}

static bool is_used(const struct topology *t, int from, int to)
{
	for (size_t i = 0; i < t->count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (topology_link(t, i, k) >= from && topology_link(t, i, k) <= to)
				return true;
		}
	}
	return false;
}

static void add_line(struct str *out, const struct topology *t, size_t i)
{
	char name[LINK_NAME_SIZE];

	str_addf(out, "GPU%-4zu", i);
	for (size_t k = 0; k < t->count; k++)
		str_addf(out, "  %-5s", cell(t, i, k, name));
	if (t->gpus[i].numa == NUMA_UNKNOWN)
		str_add(out, "  ?\n");
	else
		str_addf(out, "  %d\n", t->gpus[i].numa);
}

char *view_topology_text(const struct topology *t)
{
	struct str out = {0};

	str_add(&out, "       ");
	for (size_t i = 0; i < t->count; i++) {
		AUTO_FREE char *head = mem_printf("GPU%zu", i);

		str_addf(&out, "  %-5s", head);
	}
	str_add(&out, "  NUMA\n");
	for (size_t i = 0; i < t->count; i++)
		add_line(&out, t, i);
	str_add(&out, "\n");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (is_used(t, words[i].from, words[i].to))
			str_addf(&out, "%s\n", words[i].text);
	}
	return str_steal(&out);
}

json_t *view_topology_json(const struct topology *t)
{
	json_t *document = json_array();
	char name[LINK_NAME_SIZE];

	for (size_t i = 0; i < t->count; i++) {
		json_t *object = json_object(), *links = json_array();

		json_object_set_new(object, "gpu_id", json_integer((json_int_t)i));
		if (t->gpus[i].uuid)
			json_object_set_new(object, "uuid", view_json_text(t->gpus[i].uuid));
		if (t->gpus[i].numa != NUMA_UNKNOWN)
			json_object_set_new(object, "numa_node", json_integer(t->gpus[i].numa));
		for (size_t k = 0; k < t->count; k++)
			json_array_append_new(links, json_string(cell(t, i, k, name)));
		json_object_set_new(object, "links", links);
		json_array_append_new(document, object);
	}
	return document;
}
