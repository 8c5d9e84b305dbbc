/*
 * Scanning the GPUs of this host. src/pool calls this; each vendor implements gpu_backend.h.
 */
#ifndef GPU_GPU_H
#define GPU_GPU_H

#include "base/err.h"
#include "base/nouns.h"
#include "host/engine.h"

struct gpu_options {
	const char *provider;        /* "nvidia", "amd", "fake" */
	int fake_count;              /* fake: how many to show; 0: what the file names */
	const char *fake_state_path; /* fake: the state file; NULL: all GPUs idle */
	const char *sysfs_root;      /* where /sys is, for tests; NULL: "/sys" */
	const char *proc_root;       /* where /proc is, for tests; NULL: "/proc" */
	int timeout_ms;              /* limit for the whole scan; 0: GPU_SCAN_TIMEOUT_MS */
	enum gpu_naming naming;      /* what `visible` of the GPUs is to be */
	bool topology;               /* read how they are linked, too: it takes its time */
	int interrupt_fd;            /* -EINTR once it is readable; 0: none */

	/* Sharing scans with other processes, for providers that may be slow (gpu/share.h). */
	const char *share_directory; /* NULL: they are not shared */
	int64_t since_ns;            /* wall clock: one that began before that shows too little */
	bool fresh;                  /* so does one that began before this call */
	int present_count; /* how many another account's scan must show; 0: none will do */
};

#define GPU_SCAN_TIMEOUT_MS 40000

/*
 * Scans every GPU once. An error means that nothing is known (no driver, no answer in time); a
 * single GPU or value that could not be read is in the scan as unknown. The caller clears
 * *ret_scan. Of a process it has what the driver reports; owners come from /proc, in src/pool.
 */
int gpu_scan(const struct gpu_options *options, struct scan *ret_scan, struct err *e);

/*
 * Finds the provider whose hardware is here: tries nvidia, then amd, within one time limit.
 * *ret_provider is static.
 * ENODEV, with the error of each, where there is none.
 */
int gpu_detect(const struct gpu_options *options, const char **ret_provider, struct scan *ret_scan,
	       struct err *e);

/* The names of all providers, "nvidia|amd|fake". Static. */
const char *gpu_providers(void);

/* Whether its GPUs exist only here: their UUIDs mean nothing, and their processes are numbered as
   the caller's pid namespace does. */
bool gpu_is_simulated(const char *provider);

/* What an administrator can do about a driver that answers slowly; NULL: nothing is known. Static.
 */
const char *gpu_slow_fix(const char *provider);

/* What a variable of the environment says. */
enum gpu_variable_kind {
	GPU_VARIABLE_NAMES,   /* what selects the GPUs: "0,1", "GPU-1c2d,GPU-3e4f" */
	GPU_VARIABLE_UUIDS,   /* their UUIDs, which name them in every container */
	GPU_VARIABLE_PLACES,  /* "0,1": counted among what GPU_VARIABLE_NAMES leaves */
	GPU_VARIABLE_FIXED,   /* always the same value */
	GPU_VARIABLE_REMOVED, /* must not be set: it would choose before the others */
};

/* A variable that says which GPUs a program uses. */
struct gpu_variable {
	const char *name; /* NULL ends a table */
	enum gpu_variable_kind kind;
	const char *value; /* GPU_VARIABLE_FIXED */
};

/* The variables of a provider, those of CUDA for one that is not known. Static. */
const struct gpu_variable *gpu_variables(const char *provider);

/* What container engines call its GPUs, NVIDIA's for one that is not known. Static. */
const struct engine_vendor *gpu_vendor(const char *provider);

#endif
