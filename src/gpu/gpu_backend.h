/*
 * How to add a GPU vendor: write one file with one `struct gpu_backend`, add it to the table in
 * gpu.c, and give it tests with recorded input (tests/unit/test_gpu_*.c). gpu.c sets the numbers of
 * the GPUs. The least for one that can be handed out: memory_used_mb, processes_known, and a uuid
 * that stays the same, since `admin` records it.
 */
#ifndef GPU_GPU_BACKEND_H
#define GPU_GPU_BACKEND_H

#include "base/topology.h"
#include "gpu/gpu.h"

struct gpu_backend {
	const char *name;
	const char *vendor_name; /* "NVIDIA", for sentences */
	/* What would make its driver answer faster, for people at a terminal and for the
	   administrator; NULL: nothing is known. */
	const char *slow_advice, *slow_fix;
	/* The `source` of scans that nothing of the caller's account has a part in, so that other
	   accounts may use them (share.h): no program from its PATH. NULL: there is none. */
	const char *trusted_source;
	/* Runs in a child process that is killed when the time is up: for code that loads a driver
	   library or may hang in the kernel. The scan comes back over a pipe. */
	bool isolated;
	/* Considered by gpu_detect. */
	bool detectable;
	/* See gpu_is_simulated. */
	bool simulated;
	/* Its runtime counts the GPUs that it can use in the order of the bus, and its numbers are
	   preferred (CUDA). Else the scan sets runtime_index and runtime_id, and ids are. */
	bool counts_by_bus;
	/* The kernel's driver of its cards on the PCI bus, and the folder below /proc in which that
	   tells of them; NULL: it has none. See gpu_find_hidden. */
	const char *pci_driver, *proc_folder;
	/* See gpu_variables. */
	const struct gpu_variable *variables;
	/* See gpu_vendor. */
	const struct engine_vendor *vendor;
	/*
	 * Fills *ret_scan (zeroed before) with source, driver_version and gpus. Any value that
	 * cannot be read stays unknown; an error means that nothing at all could be read. Where all
	 * bus ids are known they give the numbers; without them the order of gpus does: an unknown
	 * GPU must take the place of one that is left out. The MIG instances of a GPU follow it,
	 * each with a profile, the GPU's uuid as parent, and its bus id. Sets s->topology where
	 * options->topology asks for it.
	 */
	int (*scan)(const struct gpu_options *options, struct scan *ret_scan, struct err *e);
};

/* Numbers what a backend has listed, and moves GPUs in MIG mode to s->divided. Pure; for gpu_scan.
 */
void gpu_find_units(struct scan *s, bool simulated);

/* Sets what selects each GPU of a scan, and s->no_ordinals. Pure; for gpu_scan. */
void gpu_name_all(struct scan *s, const struct gpu_backend *backend, enum gpu_naming naming);

/*
 * Sets s->hidden where the kernel has cards, or MIG instances, that the scan does not list: the
 * rules of a control group (a container, DeviceAllow of a service) keep them from this process, or
 * the driver has given them up. For the child in which a backend runs: the kernel may hang, too.
 */
void gpu_find_hidden(const struct gpu_options *options, const struct gpu_backend *backend,
		     struct scan *s);

/* Whether nothing of the caller's account had a part in the scan: see trusted_source. */
bool gpu_is_trusted(const struct gpu_backend *backend, const struct scan *s);

/* Whether it is a PCI address: "0000:3B:00.0"; *ret_rank, which may be NULL, sorts like the bus. */
bool gpu_bus_rank(const char *bus_id, int64_t *ret_rank);

/* Where /sys is. */
const char *gpu_sysfs(const struct gpu_options *options);

/* For backends: what the kernel says of the places of the GPUs in a scan, by their PCI addresses.
   The caller clears *ret. gpu_add_places makes it the topology of the scan. */
void gpu_read_places(const char *sysfs, const struct scan *s, struct topology *ret);
void gpu_add_places(const struct gpu_options *options, struct scan *s);

/* For backends: adds a reason why something of g is unknown, behind those already there. */
void gpu_add_problem(struct gpu *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For backends: adds a verdict of the driver on g, with the way out, behind those already there;
   the worst one counts. */
void gpu_add_health(struct gpu *g, enum gpu_health health, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * For backends: a GPU without memory of its own. Its total is the system's, and it uses what its
 * processes use, which is unknown unless all of them are known with their memory.
 */
void gpu_share_memory(struct gpu *g);

/* What CUDA programs read. */
extern const struct gpu_variable gpu_cuda_variables[];

/* What container engines call NVIDIA's GPUs. */
extern const struct engine_vendor gpu_nvidia_vendor;

extern const struct gpu_backend gpu_nvidia;
extern const struct gpu_backend gpu_amd;
extern const struct gpu_backend gpu_fake;

#endif
