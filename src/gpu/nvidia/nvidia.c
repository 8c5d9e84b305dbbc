/*
 * NVIDIA GPUs: NVML, and where its library cannot be used, nvidia-smi. Runs in a child process
 * (child.c), so either may hang or crash.
 */
#include <errno.h>
#include <unistd.h>

#include "gpu/gpu_backend.h"
#include "gpu/nvidia/nvidia.h"

/* The module of Jetsons before Thor. Their GPU is part of the chip and on no PCI bus. */
#define NVGPU_MODULE "/sys/module/nvgpu"

/* Where neither interface is there. */
static int no_driver(const struct err *nvml, const struct err *smi, struct err *e)
{
	if (access(NVGPU_MODULE, F_OK) == 0)
		return err_set(e, ENODEV,
			       "this is a Jetson, whose driver (nvgpu) tells neither memory nor "
			       "processes: 'canhazgpu admin --provider fake --gpus 1' makes a pool "
			       "in which reservations work, and unreserved use is not seen");
	return err_set(e, ENODEV, "there is no NVIDIA driver here: %s; %s", nvml->text, smi->text);
}

/* What holds whoever answered. */
static void complete(struct gpu *g)
{
	if (nvidia_is_nvgpu(g)) {
		g->processes_known = false;
		gpu_add_problem(g, "this Jetson's driver (nvgpu) does not list processes: "
				   "reservations work with --force, unreserved use is not seen");
	}
	if (g->memory_shared)
		gpu_share_memory(g);
}

static int scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e)
{
	struct err nvml_error = {0}, smi_error = {0};
	bool ask_smi = false;
	int r = nvidia_nvml_scan(options, ret_scan, &ask_smi, &nvml_error);

	if (r && ask_smi) {
		r = nvidia_smi_scan(ret_scan, &smi_error);
		if (r == -ENOENT)
			return no_driver(&nvml_error, &smi_error, e);
		if (r)
			return err_set(e, -r, "%s; %s", smi_error.text, nvml_error.text);
	} else if (r) {
		return err_set(e, -r, "%s", nvml_error.text);
	}
	if (ret_scan->gpus_count == 0)
		return err_set(e, ENODEV, "the NVIDIA driver runs but sees no GPU");
	if (options->topology && !ret_scan->topology)
		gpu_add_places(options, ret_scan);
	for (size_t i = 0; i < ret_scan->gpus_count; i++)
		complete(&ret_scan->gpus[i]);
	return 0;
}

const struct gpu_variable gpu_cuda_variables[] = {
	/* CUDA numbers cards by speed unless told to use the driver's order. */
	{"CUDA_DEVICE_ORDER", GPU_VARIABLE_FIXED, "PCI_BUS_ID"},
	{"CUDA_VISIBLE_DEVICES", GPU_VARIABLE_NAMES, NULL},
	/* What NVIDIA's container runtimes read. They count the cards of the host, also where this
	   is a container that has some of them. */
	{"NVIDIA_VISIBLE_DEVICES", GPU_VARIABLE_UUIDS, NULL},
	{.name = NULL},
};

const struct engine_vendor gpu_nvidia_vendor = {
	.cdi_kind = "nvidia.com/gpu",
	.apptainer_option = "--nv",
	.has_gpus_option = true,
};

const struct gpu_backend gpu_nvidia = {
	.name = "nvidia",
	.vendor_name = "NVIDIA",
	.slow_advice = "persistence mode would make this fast",
	.slow_fix = "start nvidia-persistenced: persistence mode keeps the driver initialized",
	.trusted_source = "nvml",
	.isolated = true,
	.detectable = true,
	.counts_by_bus = true,
	.pci_driver = "nvidia",
	.proc_folder = "driver/nvidia",
	.variables = gpu_cuda_variables,
	.vendor = &gpu_nvidia_vendor,
	.scan = scan,
};
