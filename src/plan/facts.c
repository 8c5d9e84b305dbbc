/* Facts that are more than a number; see facts.h. */
#include "plan/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum gpu_use plan_gpu_use(const struct gpu *gpu, int64_t threshold_mb)
{
	if (!gpu)
		return USE_UNKNOWN;
	if (!gpu->memory_used_mb.known)
		return gpu->processes_known && gpu->processes_count ? USE_BUSY : USE_UNKNOWN;
	return gpu->memory_used_mb.value > threshold_mb ? USE_BUSY : USE_IDLE;
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
