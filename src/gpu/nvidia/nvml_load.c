/*
 * Loading NVML. dlsym knows nothing of the macros by which nvml.h maps a name to its newest
 * version, so the versioned names are written out, newest first. Called by nvml.c.
 */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/nvidia/nvml.h"

#define LIBRARY "libnvidia-ml.so.1"

struct symbol {
	size_t offset; /* of the function pointer in struct nvml, bytes */
	const char *names[3];
};

#define SYMBOL(member, ...)                    \
	{                                      \
		offsetof(struct nvml, member), \
		{                              \
			__VA_ARGS__            \
		}                              \
	}

static const struct symbol required[] = {
	SYMBOL(init, "nvmlInit_v2", "nvmlInit"),
	SYMBOL(shutdown, "nvmlShutdown"),
	SYMBOL(device_count, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
	SYMBOL(device_by_index, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
};

static const struct symbol optional[] = {
	SYMBOL(error_string, "nvmlErrorString"),
	SYMBOL(driver_version, "nvmlSystemGetDriverVersion"),
	SYMBOL(uuid, "nvmlDeviceGetUUID"),
	SYMBOL(name, "nvmlDeviceGetName"),
	SYMBOL(pci_info, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2"),
	SYMBOL(minor_number, "nvmlDeviceGetMinorNumber"),
	SYMBOL(memory_v2, "nvmlDeviceGetMemoryInfo_v2"),
	SYMBOL(memory, "nvmlDeviceGetMemoryInfo"),
	SYMBOL(utilization, "nvmlDeviceGetUtilizationRates"),
	SYMBOL(temperature, "nvmlDeviceGetTemperature"),
	SYMBOL(power, "nvmlDeviceGetPowerUsage"),
	SYMBOL(power_limit, "nvmlDeviceGetEnforcedPowerLimit"),
	SYMBOL(energy, "nvmlDeviceGetTotalEnergyConsumption"),
	SYMBOL(samples, "nvmlDeviceGetSamples"),
	SYMBOL(fields, "nvmlDeviceGetFieldValues"),
	SYMBOL(remapped_rows, "nvmlDeviceGetRemappedRows"),
	SYMBOL(retired_pending, "nvmlDeviceGetRetiredPagesPendingStatus"),
	SYMBOL(mig_mode, "nvmlDeviceGetMigMode"),
	SYMBOL(mig_max_count, "nvmlDeviceGetMaxMigDeviceCount"),
	SYMBOL(mig_by_index, "nvmlDeviceGetMigDeviceHandleByIndex"),
	SYMBOL(common_ancestor, "nvmlDeviceGetTopologyCommonAncestor"),
	SYMBOL(p2p_status, "nvmlDeviceGetP2PStatus"),
	SYMBOL(nvlink_state, "nvmlDeviceGetNvLinkState"),
	SYMBOL(nvlink_remote_pci, "nvmlDeviceGetNvLinkRemotePciInfo_v2"),
	SYMBOL(nvlink_remote_type, "nvmlDeviceGetNvLinkRemoteDeviceType"),
	SYMBOL(gpu_instance_id, "nvmlDeviceGetGpuInstanceId"),
	SYMBOL(compute_instance_id, "nvmlDeviceGetComputeInstanceId"),
	SYMBOL(attributes, "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"),
};

/* Puts the first of the names that the library has into n. */
static bool find_symbol(struct nvml *n, const struct symbol *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->names) && s->names[i]; i++) {
		void *found = dlsym(n->library, s->names[i]);

		if (found) {
			/* A pointer to data and one to a function: POSIX says they are alike. */
			memcpy((char *)n + s->offset, &found, sizeof(found));
			return true;
		}
	}
	return false;
}

/* The first version of a function that lists processes, whose struct never changed, or the second.
 */
static void find_process_call(struct nvml *n, const char *name, struct nvml_process_call *call)
{
	AUTO_FREE char *second = mem_printf("%s_v2", name);
	void *found = dlsym(n->library, name);

	call->size = NVML_PROCESS_V1_SIZE;
	if (!found) {
		found = dlsym(n->library, second);
		call->size = NVML_PROCESS_V2_SIZE;
	}
	memcpy(&call->list, &found, sizeof(found));
}

int nvidia_nvml_load(struct nvml *ret_nvml, struct err *e)
{
	struct nvml n = {.library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)};

	if (!n.library)
		return err_set(e, ENOENT, "cannot load the driver's library (%s)", dlerror());
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		if (!find_symbol(&n, &required[i])) {
			nvidia_nvml_unload(&n);
			return err_set(e, ENOSYS, LIBRARY " has no function %s",
				       required[i].names[0]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(optional); i++)
		find_symbol(&n, &optional[i]);
	find_process_call(&n, "nvmlDeviceGetComputeRunningProcesses", &n.compute);
	find_process_call(&n, "nvmlDeviceGetGraphicsRunningProcesses", &n.graphics);
	find_process_call(&n, "nvmlDeviceGetMPSComputeRunningProcesses", &n.mps);
	*ret_nvml = n;
	return 0;
}

void nvidia_nvml_unload(struct nvml *n)
{
	if (n->library)
		dlclose(n->library);
	*n = (struct nvml){0};
}

const char *nvidia_nvml_error(const struct nvml *n, int code)
{
	const char *text = n->error_string ? n->error_string(code) : NULL;

	return text ? text : "error of the driver's library";
}
