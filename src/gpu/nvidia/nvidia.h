/* What the files of this folder share: the two interfaces to NVIDIA's driver, and its verdicts. */
#ifndef GPU_NVIDIA_NVIDIA_H
#define GPU_NVIDIA_NVIDIA_H

#include "gpu/gpu_backend.h"

/*
 * Through the driver's library. *ret_ask_smi is written on failure: true where nvidia-smi might
 * still know something (the library is not there, or too old or new), false where it would say the
 * same.
 */
int nvidia_nvml_scan(const struct gpu_options *options, struct scan *ret_scan, bool *ret_ask_smi,
		     struct err *e);

/* Through the nvidia-smi program found in PATH. -ENOENT: there is none. */
int nvidia_smi_scan(struct scan *ret_scan, struct err *e);

/* Verdicts. `what` and the formats say what is wrong; the way out follows. */

/* It is of no use until it was reset. */
void nvidia_needs_reset(struct gpu *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* It works, and is to be reset when there is time. */
void nvidia_wants_reset(struct gpu *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The driver has lost it. */
void nvidia_is_lost(struct gpu *g, const char *what);

/* Whether it is a Jetson's with the driver nvgpu, which always lists no processes. */
bool nvidia_is_nvgpu(const struct gpu *g);

#endif
