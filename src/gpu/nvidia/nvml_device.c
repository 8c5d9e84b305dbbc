/* What NVML knows about one GPU. Called by nvml.c. */

#include "base/mem.h"
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvml.h"

/* MiB of a number of bytes; what the driver does not know stays unknown. */
static struct quantity mb_of(uint64_t bytes)
{
	return bytes == NVML_UNKNOWN ? (struct quantity){0} : quantity_of((int64_t)(bytes >> 20));
}

/* Returns NVML's code; both stay as they are on failure. */
static int read_memory(const struct nvml *n, nvml_device device, struct quantity *total_mb,
		       struct quantity *used_mb)
{
	struct nvml_memory_v2 v2 = {.version = NVML_MEMORY_V2};
	struct nvml_memory v1 = {0};
	int code = NVML_CALL(n->memory_v2, device, &v2);

	if (code == NVML_SUCCESS) {
		*total_mb = mb_of(v2.total);
		*used_mb = mb_of(v2.used);
		return code;
	}
	code = NVML_CALL(n->memory, device, &v1);
	if (code == NVML_SUCCESS) {
		*total_mb = mb_of(v1.total);
		*used_mb = mb_of(v1.used);
	}
	return code;
}

static void read_identity(const struct nvml *n, nvml_device device, struct gpu *g)
{
	char uuid[NVML_UUID_SIZE + 1] = "", name[NVML_NAME_SIZE + 1] = "";
	struct nvml_pci_info pci = {0};
	unsigned device_minor;
	int code = NVML_CALL(n->uuid, device, uuid, NVML_UUID_SIZE);

	if (code == NVML_SUCCESS && *uuid)
		mem_replace(&g->uuid, uuid);
	nvidia_nvml_judge(n, code, g);
	if (NVML_CALL(n->name, device, name, NVML_NAME_SIZE) == NVML_SUCCESS)
		mem_replace(&g->name, name);
	/* The numbers are at the same place in every version of the struct, the text is not. */
	if (NVML_CALL(n->pci_info, device, &pci) == NVML_SUCCESS)
		g->pci_bus_id = mem_printf("%08X:%02X:%02X.0", pci.domain, pci.bus, pci.device);
	if (NVML_CALL(n->minor_number, device, &device_minor) == NVML_SUCCESS)
		g->device_minor = quantity_of(device_minor);
}

/* How many samples a driver may keep; those of today have about a hundred. */
#define SAMPLES_MAX 4096

/* It takes them at least so often, unless it has stopped taking any. */
#define SAMPLE_AGE_MS 2000

/* The driver's samples of the last seconds: how far back they go, and when the GPU was busy. A time
   of the future is none: the clock was set. */
static void take_samples(const struct nvml_sample *samples, unsigned count, int64_t now_ns,
			 struct gpu *g)
{
	int64_t now_us = now_ns / 1000, newest_ms = INT64_MAX;

	for (unsigned i = 0; i < count; i++) {
		int64_t ago_ms = (now_us - (int64_t)samples[i].time_us) / 1000;

		if (!samples[i].time_us || samples[i].time_us > (uint64_t)now_us)
			continue;
		if (ago_ms < newest_ms)
			newest_ms = ago_ms;
		if (!g->samples_ms.known || ago_ms > g->samples_ms.value)
			g->samples_ms = quantity_of(ago_ms);
		if (samples[i].value.number &&
		    (!g->busy_ago_ms.known || ago_ms < g->busy_ago_ms.value))
			g->busy_ago_ms = quantity_of(ago_ms);
	}
	if (newest_ms > SAMPLE_AGE_MS)
		g->samples_ms = (struct quantity){0};
}

static void read_samples(const struct nvml *n, nvml_device device, struct gpu *g)
{
	AUTO_FREE struct nvml_sample *samples = NULL;
	unsigned count = 0;
	int type = 0;

	if (NVML_CALL(n->samples, device, NVML_SAMPLES_UTILIZATION, 0, &type, &count, NULL) !=
		    NVML_SUCCESS ||
	    !count || count > SAMPLES_MAX)
		return;
	samples = mem_alloc(count, sizeof(*samples));
	if (NVML_CALL(n->samples, device, NVML_SAMPLES_UTILIZATION, 0, &type, &count, samples) ==
		    NVML_SUCCESS &&
	    type == NVML_TYPE_UNSIGNED)
		take_samples(samples, count, clock_now_ns(), g);
}

static void read_load(const struct nvml *n, nvml_device device, struct gpu *g)
{
	struct nvml_utilization use = {0};
	unsigned value = 0;
	uint64_t energy_mj = 0;

	if (NVML_CALL(n->utilization, device, &use) == NVML_SUCCESS)
		g->utilization_percent = quantity_of(use.gpu);
	/* What it did a moment ago matters where it does nothing now. */
	if (g->utilization_percent.known && !g->utilization_percent.value)
		read_samples(n, device, g);
	if (NVML_CALL(n->energy, device, &energy_mj) == NVML_SUCCESS && energy_mj <= INT64_MAX)
		g->energy_mj = quantity_of((int64_t)energy_mj);
	if (NVML_CALL(n->temperature, device, NVML_TEMPERATURE_GPU, &value) == NVML_SUCCESS)
		g->temperature_c = quantity_of(value);
	if (NVML_CALL(n->power, device, &value) == NVML_SUCCESS)
		g->power_mw = quantity_of(value);
	if (NVML_CALL(n->power_limit, device, &value) == NVML_SUCCESS)
		g->power_limit_mw = quantity_of(value);
}

/* Unified memory: the driver knows the question, and has nothing to tell of memory of the GPU's
 * own.
 */
static bool tells_no_memory(int code, struct quantity total_mb)
{
	return code == NVML_NOT_SUPPORTED ||
	       (code == NVML_SUCCESS && total_mb.known && !total_mb.value);
}

void nvidia_nvml_read_use(const struct nvml *n, nvml_device device, struct gpu *g)
{
	int memory_code, processes_code;

	memory_code = read_memory(n, device, &g->memory_total_mb, &g->memory_used_mb);
	processes_code = nvidia_nvml_read_processes(n, device, g);
	g->processes_known = processes_code == NVML_SUCCESS;
	nvidia_nvml_judge(n, memory_code, g);
	nvidia_nvml_judge(n, processes_code, g);
	g->memory_shared = !g->profile && tells_no_memory(memory_code, g->memory_total_mb);
	if (g->memory_shared)
		g->memory_used_mb = (struct quantity){0}; /* nvidia.c adds up its processes */
	else if (memory_code != NVML_SUCCESS)
		gpu_add_problem(g, "memory use is unknown: %s (%d)",
				nvidia_nvml_error(n, memory_code), memory_code);
	else if (!g->memory_used_mb.known)
		gpu_add_problem(g, "memory use is unknown to the driver");
	if (!g->processes_known)
		gpu_add_problem(g, "processes are unknown: %s (%d)",
				nvidia_nvml_error(n, processes_code), processes_code);
}

/* A GPU that cannot be cut, or a driver that knows nothing of it, is whole; another error leaves
   that open. */
static void read_mig_mode(const struct nvml *n, nvml_device device, struct gpu *g)
{
	unsigned now = 0, later = 0;
	int code = NVML_CALL(n->mig_mode, device, &now, &later);

	g->mig = code == NVML_SUCCESS && now == NVML_MIG_ENABLED;
	if (code != NVML_SUCCESS && code != NVML_NOT_SUPPORTED && code != NVML_FUNCTION_NOT_FOUND)
		g->instances_problem =
			mem_printf("whether it has MIG instances is not known: %s (%d)",
				   nvidia_nvml_error(n, code), code);
}

void nvidia_nvml_read_device(const struct nvml *n, nvml_device device, struct gpu *g)
{
	read_identity(n, device, g);
	read_load(n, device, g);
	read_mig_mode(n, device, g);
	if (g->mig)
		(void)read_memory(n, device, &g->memory_total_mb, &g->memory_used_mb);
	else
		nvidia_nvml_read_use(n, device, g);
	nvidia_nvml_read_health(n, device, g);
}
