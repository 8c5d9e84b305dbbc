/* What the files of the AMD backend share; nothing else includes this. */
#ifndef GPU_AMD_H
#define GPU_AMD_H

#include "base/err.h"
#include "base/nouns.h"
#include "base/topology.h"

#define AMD_BYTES_PER_MB (INT64_C(1) << 20)

/* The first line of <directory>/<name> without white space at its end; NULL unless it can be read
   and is not empty. The caller frees it. */
char *amd_read_text(const char *directory, const char *name);

/* The number in <directory>/<name>, divided by divisor; unknown unless it is one. */
struct quantity amd_read_number(const char *directory, const char *name, int64_t divisor);

/* Counts the system's memory that an APU uses as its own, in MiB; leaves a card with memory of its
   own as it is. <device> is /sys/class/drm/card0/device or the like. */
void amd_add_system_memory(const char *device, struct gpu *g);

/* Adds what the driver's error handling (RAS) says against the GPU. */
void amd_read_ras(const char *device, struct gpu *g);

/*
 * Completes the GPUs of s (found by PCI address) by what the kernel's compute driver (KFD) says
 * under <sysfs>/class/kfd: their processes, and what ROCm calls them. A card that is divided into
 * partitions becomes as many GPUs. A GPU that KFD does not list keeps unknown processes.
 * topology: reads how they are linked, too.
 */
void amd_kfd_read(const char *sysfs, struct scan *s, bool topology);

/* Adds the links by XGMI of the GPU whose KFD node that folder is; gpus[n] is the place in the
   topology of the GPU that is node n, SIZE_MAX: none. */
void amd_read_links(const char *node, size_t gpu, const size_t *gpus, size_t gpus_count,
		    struct topology *t);

#endif
