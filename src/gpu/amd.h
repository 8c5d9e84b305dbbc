/* The two halves of the AMD backend, amd.c and amd_kfd.c; nothing else includes this. */
#ifndef GPU_AMD_H
#define GPU_AMD_H

#include "base/err.h"
#include "base/nouns.h"

/* The first line of <directory>/<name> without white space at its end; NULL unless it can be read
   and is not empty. The caller frees it. */
char *amd_read_text(const char *directory, const char *name);

/* The number in <directory>/<name>, divided by divisor; unknown unless it is one. */
struct quantity amd_read_number(const char *directory, const char *name, int64_t divisor);

/*
 * Completes the GPUs of s (found by PCI address) by what the kernel's compute driver (KFD) says
 * under <sysfs>/class/kfd: their processes, and what ROCm calls them. A card that is divided into
 * partitions becomes as many GPUs. A GPU that KFD does not list keeps unknown processes.
 */
void amd_kfd_read(const char *sysfs, struct scan *s);

#endif
