/*
 * The nouns of what runs on this host: GPUs and the processes on them, as scanned at one moment.
 * Filled by src/gpu, completed from /proc by src/pool. A part of base/nouns.h, which says how
 * these structs are written.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A value that a driver may not tell. Unknown is never zero: look at `known` first. */
struct quantity {
	bool known;
	int64_t value;
};

static inline struct quantity quantity_of(int64_t value)
{
	return (struct quantity){.known = true, .value = value};
}

/* A process that a driver reports on a GPU. */
struct process {
	pid_t pid;                 /* as this host counts, 0 when the driver does not tell */
	char *name;                /* short command name, may be hostile text; NULL unknown */
	struct quantity memory_mb; /* GPU memory */
	struct quantity uid;       /* real uid; unknown for a pid that is not in /proc */
	char *account;             /* name of uid, "uid 1234" where it has none; NULL unknown */
	uint64_t start_ticks;      /* by the host's clock (host/proc.h); 0 unknown */
	char *container;    /* id of the container that it runs in; NULL: none, or not asked */
	bool foreign;       /* on a reserved GPU, but not its holder's */
	int64_t started_ns; /* TIME_NONE unknown */
	/* An administrator has said that it does not count (struct ignored_process). */
	char *ignored_by; /* who; NULL: it counts */
	int64_t ignored_ns;
	int64_t forgiven_mb; /* so much of its GPU memory does not count */
};

/* What a driver's verdicts say of a GPU. One that is faulty is never handed out. */
enum gpu_health {
	HEALTH_GOOD,    /* the driver reports nothing against it */
	HEALTH_WARNING, /* it works, and wants to be looked after */
	HEALTH_FAULTY,  /* it needs a reset, a reboot or a replacement, or it is lost */
};

struct gpu {
	int index;        /* rank in PCI bus order among those that the driver knows */
	char *uuid;       /* "GPU-..."; NULL unknown */
	char *name;       /* "NVIDIA H100 80GB HBM3"; NULL unknown */
	char *pci_bus_id; /* "00000000:3B:00.0"; NULL unknown */
	/* Of its device file: N of /dev/nvidiaN. Other programs know the GPU by it. */
	struct quantity device_minor;
	struct quantity memory_total_mb, memory_used_mb;
	bool memory_shared; /* it has none of its own: the values are of the system's memory */
	struct quantity utilization_percent, temperature_c, power_mw, power_limit_mw;
	/* What the driver remembers, for what happens between two scans: the energy that it has
	   counted; how far back its samples of the utilization go; and how long ago the newest of
	   these was that was not zero (unknown: none was, or there are no samples). */
	struct quantity energy_mj, samples_ms, busy_ago_ms;
	/* What the vendor's runtime calls it, apart from uuid: its present place among the GPUs
	   that the runtime lists, and another id (NULL: uuid is one, "": it has none). */
	struct quantity runtime_index;
	char *runtime_id;
	char *visible; /* which of these selects it: "0", "GPU-..."; NULL: none for certain */
	bool mig;      /* the driver has cut this GPU into MIG instances */
	/* Why its instances are not all listed, or, without mig, whether there are any is not
	   known; NULL: they are. */
	char *instances_problem;
	/* A MIG instance is a GPU of its own here. NULL and unknown for a whole GPU. */
	char *profile;                /* "1g.10gb", "unknown" */
	char *parent;                 /* UUID of the GPU that it is a part of */
	struct quantity parent_index; /* the driver's number of that GPU */
	bool processes_known;
	struct process *processes;
	size_t processes_count;
	char *problem; /* why something important is unknown; NULL when nothing is */
	enum gpu_health health;
	char *health_reason; /* what is wrong, and the way out; NULL where health is good */
};

/* All GPUs of this host, as scanned at one moment. */
struct scan {
	int64_t begun_ns;     /* wall clock: when the driver was asked, by whatever process */
	char *provider;       /* "nvidia", "amd", "fake" */
	char *source;         /* what answered: "nvml", "nvidia-smi", "sysfs", "file" */
	char *driver_version; /* NULL unknown */
	char *no_ordinals;    /* why a number may select another GPU; NULL: it does not */
	char *complaint;      /* what the driver said of a card that it does not list; or NULL */
	char *hidden;         /* what the kernel has and the driver does not show here; or NULL */
	bool simulated;       /* UUIDs mean nothing, and numbers are the same in each scan */
	bool ordered;         /* its cards have addresses, which give the numbers */
	bool trusted;         /* no program in the caller's PATH has answered */
	char *topology;       /* base/topology.h, where it was asked for; NULL: unknown */
	struct gpu *gpus;     /* what can be used: whole GPUs and instances, in the bus's order */
	size_t gpus_count;
	struct gpu *divided; /* GPUs in MIG mode; index is the driver's number */
	size_t divided_count;
};

/* How GPUs are named for programs: by what is certain, or by one kind of name alone. */
enum gpu_naming { GPU_NAMING_AUTO, GPU_NAMING_INDEX, GPU_NAMING_UUID };

const char *gpu_health_name(enum gpu_health health); /* "ok", "warning", "faulty" */

void process_clear(struct process *p);
void gpu_clear(struct gpu *g);
void scan_clear(struct scan *s);

/* Adds a zeroed process to g, or a zeroed GPU to s, and returns it (valid until the next one). */
struct process *gpu_add_process(struct gpu *g);
struct gpu *scan_add_gpu(struct scan *s);

/* The GPU of that index, or NULL. */
struct gpu *scan_find(const struct scan *s, int index);

#endif
