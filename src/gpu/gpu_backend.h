/*
 * How to add a GPU vendor: write one file with one `struct gpu_backend`, add it to the table in
 * gpu.c, and give it tests with recorded input (tests/unit/test_gpu_*.c). gpu.c sets the numbers of
 * the GPUs. The least for one that can be handed out: memory_used_mb, processes_known, and a uuid
 * that stays the same, since `admin` records it.
 */
#ifndef GPU_GPU_BACKEND_H
#define GPU_GPU_BACKEND_H

#include "gpu/gpu.h"

struct gpu_backend {
	const char *name;
	/* Runs in a child process that is killed when the time is up: for code that loads a driver
	   library or may hang in the kernel. The scan comes back over a pipe. */
	bool isolated;
	/* Considered by gpu_detect. */
	bool detectable;
	/* See gpu_is_simulated. */
	bool simulated;
	/* See gpu_variables. */
	const struct gpu_variable *variables;
	/* See gpu_vendor. */
	const struct engine_vendor *vendor;
	/*
	 * Fills *ret_scan (zeroed before) with source, driver_version and gpus. Any value that
	 * cannot be read stays unknown; an error means that nothing at all could be read. Where all
	 * bus ids are known they give the numbers; without them the order of gpus does: an unknown
	 * GPU must take the place of one that is left out.
	 */
	int (*scan)(const struct gpu_options *options, struct scan *ret_scan, struct err *e);
};

/* For backends: adds a reason why something of g is unknown, behind those already there. */
void gpu_add_problem(struct gpu *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What CUDA programs read. */
extern const struct gpu_variable gpu_cuda_variables[];

/* What container engines call NVIDIA's GPUs. */
extern const struct engine_vendor gpu_nvidia_vendor;

extern const struct gpu_backend gpu_nvidia;
extern const struct gpu_backend gpu_amd;
extern const struct gpu_backend gpu_fake;

#endif
