/*
 * One look at the GPUs of this host. src/pool calls this; each vendor implements gpu_backend.h.
 */
#ifndef GPU_GPU_H
#define GPU_GPU_H

#include "base/err.h"
#include "base/nouns.h"

struct gpu_options {
	const char *provider;        /* "nvidia", "amd", "fake" */
	int fake_count;              /* fake: how many GPUs to show; 0: what the file names */
	const char *fake_state_path; /* fake: the state file; NULL: all GPUs idle */
	const char *sysfs_root;      /* amd: where /sys is, for tests; NULL: "/sys" */
	int timeout_ms;              /* limit for the whole scan; 0: GPU_SCAN_TIMEOUT_MS */
};

#define GPU_SCAN_TIMEOUT_MS 5000

/*
 * Looks at every GPU once. An error means that nothing is known (no driver, no answer in time); a
 * single GPU or value that could not be read is in the scan as unknown. The caller clears
 * *ret_scan. Fills of a process what the driver tells; owners come from /proc, in src/pool.
 */
int gpu_scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e);

/*
 * Finds the provider whose hardware is here: tries nvidia, then amd. *ret_provider is static.
 * ENODEV, with what each one said, where there is none.
 */
int gpu_detect(const struct gpu_options *options, const char **ret_provider, struct scan *ret_scan,
	       struct err *e);

#endif
