/* Facts that are more than a number; see facts.h. */
#include "plan/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* How many processes count, and *ret_forgiven_mb of the memory of the others that does not. */
static size_t count_processes(const struct gpu *gpu, int64_t *ret_forgiven_mb)
{
	size_t count = 0;

	*ret_forgiven_mb = 0;
	for (size_t i = 0; i < gpu->processes_count; i++) {
		count += !gpu->processes[i].ignored_by;
		*ret_forgiven_mb += gpu->processes[i].forgiven_mb;
	}
	return count;
}

enum gpu_use plan_gpu_use(const struct gpu *gpu, int64_t threshold_mb)
{
	int64_t forgiven_mb;
	size_t processes;

	if (!gpu)
		return USE_UNKNOWN;
	if (gpu->health == HEALTH_FAULTY)
		return USE_FAULTY;
	processes = count_processes(gpu, &forgiven_mb);
	if (!gpu->memory_used_mb.known)
		return gpu->processes_known && processes ? USE_BUSY : USE_UNKNOWN;
	return gpu->memory_used_mb.value - forgiven_mb > threshold_mb ? USE_BUSY : USE_IDLE;
}

void plan_policy_copy(struct plan_policy *to, const struct plan_policy *from)
{
	*to = *from;
	to->admin_group = mem_strdup(from->admin_group);
	to->excluded = NULL;
	if (!from->excluded_count)
		return;
	to->excluded = mem_alloc(from->excluded_count, sizeof(*to->excluded));
	memcpy(to->excluded, from->excluded, from->excluded_count * sizeof(*to->excluded));
}

void plan_policy_clear(struct plan_policy *p)
{
	free(p->excluded);
	free(p->admin_group);
	*p = (struct plan_policy){0};
}
