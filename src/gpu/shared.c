/* GPUs that have no memory of their own: gpu_share_memory of gpu_backend.h. */
#include <sys/sysinfo.h>

#include "gpu/gpu_backend.h"

/* Adds up what is known of the processes; unknown as soon as one is. */
static struct quantity sum_processes(const struct gpu *g)
{
	struct quantity sum = {.known = g->processes_known};

	for (size_t i = 0; i < g->processes_count; i++) {
		sum.known &= g->processes[i].memory_mb.known;
		sum.value += g->processes[i].memory_mb.value;
	}
	return sum.known ? sum : (struct quantity){0};
}

void gpu_share_memory(struct gpu *g)
{
	struct sysinfo system;

	g->memory_shared = true;
	if (sysinfo(&system) == 0)
		g->memory_total_mb =
			quantity_of((int64_t)(((uint64_t)system.totalram * system.mem_unit) >> 20));
	g->memory_used_mb = sum_processes(g);
	if (!g->processes_known)
		gpu_add_problem(g, "memory use is unknown: the GPU shares the system's memory, and "
				   "its processes are not listed");
	else if (!g->memory_used_mb.known)
		gpu_add_problem(g, "memory use is unknown: the GPU shares the system's memory, and "
				   "that of a process is not reported");
}
