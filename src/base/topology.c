/* How GPUs are linked, and its text; see topology.h. */
#include "base/topology.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/nouns.h"
#include "base/parse.h"
#include "base/str.h"

static const struct {
	int link;
	const char *name;
} names[] = {
	{LINK_SYSTEM, "SYS"}, {LINK_NODE, "NODE"}, {LINK_HOST, "PHB"},  {LINK_SWITCHES, "PXB"},
	{LINK_SWITCH, "PIX"}, {LINK_BOARD, "PSB"}, {LINK_XGMI, "XGMI"},
};

const char *topology_link_name(int link, char name[LINK_NAME_SIZE])
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].link == link)
			return names[i].name;
	}
	if (link < LINK_NVLINK || link > LINK_MAX)
		return "?";
	if (link == LINK_NVLINK)
		return "NV";
	snprintf(name, LINK_NAME_SIZE, "NV%d", link - LINK_NVLINK);
	return name;
}

int topology_link_parse(const char *name)
{
	int64_t lanes;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i].name, name))
			return names[i].link;
	}
	if (!strcmp(name, "NV"))
		return LINK_NVLINK;
	if (!strncmp(name, "NV", 2) &&
	    parse_int(name + 2, 1, LINK_MAX - LINK_NVLINK, &lanes, NULL) == 0)
		return LINK_NVLINK + (int)lanes;
	return LINK_UNKNOWN;
}

void topology_init(struct topology *t, size_t count)
{
	*t = (struct topology){
		.count = count,
		.gpus = mem_alloc(count, sizeof(*t->gpus)),
		.links = mem_alloc(count, count),
	};
	for (size_t i = 0; i < count; i++)
		t->gpus[i].numa = NUMA_UNKNOWN;
}

void topology_clear(struct topology *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->gpus[i].uuid);
	free(t->gpus);
	free(t->links);
	*t = (struct topology){0};
}

int topology_link(const struct topology *t, size_t a, size_t b)
{
	return t->links[a * t->count + b];
}

void topology_set_link(struct topology *t, size_t a, size_t b, int link)
{
	if (a != b)
		t->links[a * t->count + b] = t->links[b * t->count + a] = (uint8_t)link;
}

bool topology_same_numa(const struct topology *t, size_t a, size_t b)
{
	return t->gpus[a].numa != NUMA_UNKNOWN && t->gpus[a].numa == t->gpus[b].numa;
}

size_t topology_find(const struct topology *t, const char *uuid)
{
	size_t i = 0;

	while (i < t->count && (!t->gpus[i].uuid || strcasecmp(t->gpus[i].uuid, uuid) != 0))
		i++;
	return i;
}

/* ---- text ---- */

/* One that a line can hold as its first word. */
static bool is_nameable(const char *uuid)
{
	return uuid && *uuid && !strpbrk(uuid, " \n");
}

char *topology_text(const struct topology *t)
{
	AUTO(str_clear) struct str out = {0};
	char name[LINK_NAME_SIZE];
	bool known = false;

	for (size_t i = 0; i < t->count; i++) {
		if (!is_nameable(t->gpus[i].uuid))
			continue;
		str_add(&out, t->gpus[i].uuid);
		if (t->gpus[i].numa == NUMA_UNKNOWN)
			str_add(&out, " -");
		else
			str_addf(&out, " %d", t->gpus[i].numa);
		for (size_t k = 0; k < i; k++) {
			if (is_nameable(t->gpus[k].uuid))
				str_addf(&out, " %s",
					 topology_link_name(topology_link(t, i, k), name));
			known |= topology_link(t, i, k) != LINK_UNKNOWN;
		}
		known |= t->gpus[i].numa != NUMA_UNKNOWN;
		str_add(&out, "\n");
	}
	return known ? str_steal(&out) : NULL;
}

/* The line of the i-th GPU, which is changed. */
static int parse_line(struct topology *t, size_t i, char *line)
{
	char *rest = line, *word = strsep(&rest, " ");
	char *numa = strsep(&rest, " ");
	int64_t node;

	if (!*word || !numa)
		return -EBADMSG;
	t->gpus[i].uuid = mem_strdup(word);
	if (parse_int(numa, 0, INT32_MAX, &node, NULL) == 0)
		t->gpus[i].numa = (int)node;
	for (size_t k = 0; k < i && (word = strsep(&rest, " ")); k++)
		topology_set_link(t, i, k, topology_link_parse(word));
	return 0;
}

int topology_parse(const char *text, struct topology *ret)
{
	AUTO_FREE char *copy = mem_strdup(text ? text : "");
	char *rest = copy, *line;
	size_t count = 0, i = 0;
	int r = 0;

	for (const char *p = copy; (p = strchr(p, '\n')); p++)
		count++;
	if (count > POOL_GPUS_MAX)
		count = POOL_GPUS_MAX;
	topology_init(ret, count);
	for (; r == 0 && i < count && (line = strsep(&rest, "\n")); i++)
		r = parse_line(ret, i, line);
	if (r < 0)
		topology_clear(ret);
	return r;
}
