/*
 * NVML's verdicts on a GPU. Called by nvml_device.c.
 *
 * What they mean is NVIDIA's word, not ours (docs.nvidia.com/deploy): a recovery action other than
 * none means that no new work may start until it was taken ("GPU Memory Error Management", Error
 * Recovery and Response Flags); of rows that wait to be remapped, the same text says that new
 * workloads can be launched, and the reference of nvmlDeviceGetRemappedRows that future work is not
 * affected, so that they are a warning; a remapping that failed is a reason to replace the GPU.
 * Retired pages that are pending ("Dynamic Page Retirement", GPUs before Ampere) are a warning too:
 * the driver asks for a reset at the next opportunity.
 */
#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvidia.h"
#include "gpu/nvidia/nvml.h"

bool nvidia_nvml_judge(const struct nvml *n, int code, struct gpu *g)
{
	switch (code) {
	case NVML_GPU_IS_LOST:
		nvidia_is_lost(g, nvidia_nvml_error(n, code));
		return true;
	case NVML_RESET_REQUIRED:
		nvidia_needs_reset(g, "the driver says that it needs a reset");
		return true;
	case NVML_INSUFFICIENT_POWER:
		gpu_add_health(g, HEALTH_FAULTY, "its power cables are not connected properly");
		return true;
	case NVML_IRQ_ISSUE:
		gpu_add_health(g, HEALTH_FAULTY,
			       "the kernel has trouble with its interrupts: reboot this host");
		return true;
	case NVML_CORRUPTED_INFOROM:
		gpu_add_health(g, HEALTH_WARNING, "its infoROM is corrupted");
		return true;
	default:
		return false;
	}
}

static void read_recovery(const struct nvml *n, nvml_device device, struct gpu *g)
{
	struct nvml_field field = {.id = NVML_FIELD_RECOVERY_ACTION};

	/* A driver that does not know the field says so in its code. */
	if (NVML_CALL(n->fields, device, 1, &field) != NVML_SUCCESS || field.code != NVML_SUCCESS ||
	    field.type != NVML_TYPE_UNSIGNED)
		return;
	switch (field.value.number) {
	case NVML_RECOVERY_NONE:
		break;
	case NVML_RECOVERY_RESET:
	case NVML_RECOVERY_RESET_BUS:
		nvidia_needs_reset(g, "the driver asks for a reset of it");
		break;
	case NVML_RECOVERY_REBOOT:
		gpu_add_health(g, HEALTH_FAULTY, "the driver asks for a reboot: reboot this host");
		break;
	case NVML_RECOVERY_DRAIN_P2P:
		gpu_add_health(g, HEALTH_FAULTY,
			       "the driver asks for an end of its traffic with other GPUs: end "
			       "the jobs that use several GPUs, then see what it asks for");
		break;
	case NVML_RECOVERY_DRAIN_AND_RESET:
		nvidia_needs_reset(g, "it works at reduced capacity, and the driver asks for a "
				      "reset as soon as its jobs have ended");
		break;
	default:
		gpu_add_health(g, HEALTH_FAULTY,
			       "the driver asks for recovery action %u: see 'nvidia-smi -q'",
			       field.value.number);
		break;
	}
}

/* Row remapping came with Ampere; the GPUs before it retire pages. */
static void read_memory_errors(const struct nvml *n, nvml_device device, struct gpu *g)
{
	unsigned correctable = 0, uncorrectable = 0, pending = 0, failed = 0;
	int retired = 0;

	if (NVML_CALL(n->remapped_rows, device, &correctable, &uncorrectable, &pending, &failed) ==
	    NVML_SUCCESS) {
		if (failed)
			gpu_add_health(g, HEALTH_FAULTY,
				       "a row of its memory could not be remapped: have it "
				       "replaced ('nvidia-smi -q -d ROW_REMAPPER')");
		if (pending)
			nvidia_wants_reset(g, "a row of its memory is about to be remapped");
	} else if (NVML_CALL(n->retired_pending, device, &retired) == NVML_SUCCESS && retired) {
		nvidia_wants_reset(g, "a page of its memory is about to be retired");
	}
}

void nvidia_nvml_read_health(const struct nvml *n, nvml_device device, struct gpu *g)
{
	read_recovery(n, device, g);
	read_memory_errors(n, device, g);
}
