/*
 * NVIDIA GPUs through NVML, the driver's library. Called by nvidia.c, in a child process. What the
 * functions and codes mean is in nvml.h.
 */
#include "gpu/nvidia/nvml.h"

#include <errno.h>

#include "base/mem.h"
#include "gpu/nvidia/nvidia.h"

/* nvmlInit failed: what the user can do about it, and whether nvidia-smi may know more. */
static int init_failed(const struct nvml *n, int code, bool *ret_ask_smi, struct err *e)
{
	*ret_ask_smi = false;
	switch (code) {
	case NVML_DRIVER_NOT_LOADED:
		return err_set(e, ENODEV,
			       "the NVIDIA driver is not loaded (try 'nvidia-smi' or 'modprobe "
			       "nvidia' as root)");
	case NVML_LIB_RM_VERSION_MISMATCH:
		return err_set(e, EIO,
			       "the NVIDIA driver was updated while the old one is still loaded "
			       "(library and kernel module differ): reboot this host");
	case NVML_NO_PERMISSION:
		return err_set(e, EACCES,
			       "no permission to query the NVIDIA driver (check the permissions "
			       "of /dev/nvidia*)");
	default:
		*ret_ask_smi = true;
		return err_set(e, EIO, "NVML cannot start: %s (%d)", nvidia_nvml_error(n, code),
			       code);
	}
}

/* One GPU by NVML's index, and its MIG instances. It is in the scan even when nothing of it can be
 * read. */
static void read_one(const struct nvml *n, unsigned index, struct scan *s)
{
	struct gpu *g = scan_add_gpu(s);
	nvml_device device = NULL;
	int code = n->device_by_index(index, &device);

	g->index = (int)index;
	if (code == NVML_SUCCESS) {
		nvidia_nvml_read_device(n, device, g);
		if (g->mig)
			nvidia_nvml_read_instances(n, device, s);
		return;
	}
	if (code == NVML_NO_PERMISSION)
		gpu_add_problem(g, "no permission to read this GPU");
	else
		gpu_add_problem(g, "this GPU cannot be read: %s (%d)", nvidia_nvml_error(n, code),
				code);
	/* Of a handle, an error without a name says that the driver cannot reach the GPU. */
	if (!nvidia_nvml_judge(n, code, g) && code == NVML_UNKNOWN_ERROR)
		nvidia_needs_reset(g, "the driver cannot reach it (%s)",
				   nvidia_nvml_error(n, code));
}

static void read_topology(const struct nvml *n, const struct gpu_options *options, unsigned count,
			  struct scan *s)
{
	AUTO(topology_clear) struct topology t;

	gpu_read_places(gpu_sysfs(options), s, &t);
	nvidia_nvml_read_topology(n, count, &t);
	s->topology = topology_text(&t);
}

static int read_all(const struct nvml *n, const struct gpu_options *options, struct scan *s,
		    struct err *e)
{
	char version[NVML_DRIVER_VERSION_SIZE] = "";
	unsigned count = 0;
	int code = n->device_count(&count);

	if (code != NVML_SUCCESS)
		return err_set(e, EIO, "the NVIDIA driver cannot count its GPUs: %s (%d)",
			       nvidia_nvml_error(n, code), code);
	if (count > POOL_GPUS_MAX)
		return err_set(e, E2BIG, "the NVIDIA driver counts %u GPUs", count);
	if (NVML_CALL(n->driver_version, version, sizeof(version) - 1) == NVML_SUCCESS)
		mem_replace(&s->driver_version, version);
	mem_replace(&s->source, "nvml");
	for (unsigned i = 0; i < count; i++)
		read_one(n, i, s);
	if (options->topology)
		read_topology(n, options, count, s);
	return 0;
}

int nvidia_nvml_scan(const struct gpu_options *options, struct scan *ret_scan, bool *ret_ask_smi,
		     struct err *e)
{
	AUTO(nvidia_nvml_unload) struct nvml n = {0};
	struct scan s = {0};
	int r, code;

	r = nvidia_nvml_load(&n, e);
	if (r) {
		*ret_ask_smi = true;
		return r;
	}
	code = n.init();
	if (code != NVML_SUCCESS)
		return init_failed(&n, code, ret_ask_smi, e);
	r = read_all(&n, options, &s, e);
	n.shutdown();
	if (r) {
		*ret_ask_smi = true;
		scan_clear(&s);
		return r;
	}
	*ret_scan = s;
	return 0;
}
