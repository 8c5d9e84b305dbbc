/* The two interfaces to NVIDIA's driver, for nvidia.c; nothing else includes this. */
#ifndef GPU_NVIDIA_NVIDIA_H
#define GPU_NVIDIA_NVIDIA_H

#include "gpu/gpu_backend.h"

/*
 * Through the driver's library. *ret_ask_smi is written on failure: true where nvidia-smi might
 * still know something (the library is not there, or too old or new), false where it would say the
 * same.
 */
int nvidia_nvml_scan(struct scan *ret_scan, bool *ret_ask_smi, struct err *e);

/* Through the nvidia-smi program found in PATH. -ENOENT: there is none. */
int nvidia_smi_scan(struct scan *ret_scan, struct err *e);

#endif
