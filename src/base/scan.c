/* What runs: a scan, its GPUs, and their processes; see scan.h. */
#include "base/scan.h"

#include <stdlib.h>

#include "base/mem.h"

const char *gpu_health_name(enum gpu_health health)
{
	if (health == HEALTH_GOOD)
		return "ok";
	return health == HEALTH_WARNING ? "warning" : "faulty";
}

void process_clear(struct process *p)
{
	free(p->name);
	free(p->account);
	free(p->container);
	free(p->ignored_by);
	*p = (struct process){0};
}

void gpu_clear(struct gpu *g)
{
	for (size_t i = 0; i < g->processes_count; i++)
		process_clear(&g->processes[i]);
	free(g->processes);
	free(g->uuid);
	free(g->name);
	free(g->pci_bus_id);
	free(g->instances_problem);
	free(g->profile);
	free(g->parent);
	free(g->runtime_id);
	free(g->visible);
	free(g->problem);
	free(g->health_reason);
	*g = (struct gpu){0};
}

void scan_clear(struct scan *s)
{
	for (size_t i = 0; i < s->gpus_count; i++)
		gpu_clear(&s->gpus[i]);
	free(s->gpus);
	for (size_t i = 0; i < s->divided_count; i++)
		gpu_clear(&s->divided[i]);
	free(s->divided);
	free(s->provider);
	free(s->source);
	free(s->driver_version);
	free(s->no_ordinals);
	free(s->complaint);
	free(s->hidden);
	free(s->topology);
	*s = (struct scan){0};
}

struct process *gpu_add_process(struct gpu *g)
{
	struct process *p;

	g->processes = mem_resize(g->processes, g->processes_count + 1, sizeof(*g->processes));
	p = &g->processes[g->processes_count++];
	*p = (struct process){0};
	return p;
}

struct gpu *scan_add_gpu(struct scan *s)
{
	struct gpu *g;

	s->gpus = mem_resize(s->gpus, s->gpus_count + 1, sizeof(*s->gpus));
	g = &s->gpus[s->gpus_count++];
	*g = (struct gpu){0};
	return g;
}

struct gpu *scan_find(const struct scan *s, int index)
{
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].index == index)
			return &s->gpus[i];
	}
	return NULL;
}
