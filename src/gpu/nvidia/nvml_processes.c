/* The processes that NVML lists on a GPU or MIG instance. Called by nvml_device.c. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/nvml.h"

/* The first buffer is enough nearly always; the last bounds what a broken driver makes us allocate.
 */
#define LIST_START 64
#define LIST_MAX 65536

/* A process that the driver lists twice (compute and graphics, GPU and MIG instance) is one. */
static void add_process(struct gpu *g, const struct nvml_process *info)
{
	pid_t pid = info->pid <= INT_MAX ? (pid_t)info->pid : 0;
	int64_t mb = (int64_t)(info->memory >> 20);
	struct process *p = NULL;

	for (size_t i = 0; pid && i < g->processes_count && !p; i++) {
		if (g->processes[i].pid == pid)
			p = &g->processes[i];
	}
	if (!p) {
		p = gpu_add_process(g);
		p->pid = pid;
	}
	if (info->memory != NVML_UNKNOWN && (!p->memory_mb.known || p->memory_mb.value < mb))
		p->memory_mb = quantity_of(mb);
}

/* Asks one function, with a larger buffer for as long as it wants one (processes come and go). */
static int list_kind(const struct nvml_process_call *call, nvml_device device, struct gpu *g)
{
	unsigned room = LIST_START;

	while (room <= LIST_MAX) {
		AUTO_FREE char *buffer = mem_alloc(room, call->size);
		unsigned count = room;
		int code = NVML_CALL(call->list, device, &count, buffer);

		if (code == NVML_INSUFFICIENT_SIZE) {
			room = count > room && count <= LIST_MAX / 2 ? count + LIST_START
								     : room * 2;
			continue;
		}
		if (code != NVML_SUCCESS)
			return code;
		for (unsigned i = 0; i < count && i < room; i++) {
			struct nvml_process info;

			memcpy(&info, buffer + i * call->size, sizeof(info));
			add_process(g, &info);
		}
		return NVML_SUCCESS;
	}
	return NVML_INSUFFICIENT_SIZE;
}

/* True for the answers "this GPU has no such thing", which are no gap in what is known. */
static bool is_absent(int code)
{
	return code == NVML_NOT_SUPPORTED || code == NVML_FUNCTION_NOT_FOUND;
}

int nvidia_nvml_read_processes(const struct nvml *n, nvml_device device, struct gpu *g)
{
	int compute = list_kind(&n->compute, device, g);
	int graphics = list_kind(&n->graphics, device, g);
	int mps = list_kind(&n->mps, device, g);

	if (compute != NVML_SUCCESS)
		return compute;
	if (graphics != NVML_SUCCESS && !is_absent(graphics))
		return graphics;
	return mps != NVML_SUCCESS && !is_absent(mps) ? mps : NVML_SUCCESS;
}
