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
 * Adds to the GPUs of s (found by PCI address) the processes that the kernel's compute driver (KFD)
 * knows under <sysfs>/class/kfd. A GPU that KFD does not list keeps unknown processes.
 */
void amd_kfd_read_processes(const char *sysfs, struct scan *s);

#endif
