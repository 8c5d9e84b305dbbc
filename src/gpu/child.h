/*
 * A scan in a process of its own: a driver library that hangs, crashes or prints cannot hurt the
 * caller. gpu_scan uses it for the backends that are `isolated`.
 */
#ifndef GPU_CHILD_H
#define GPU_CHILD_H

#include "gpu/gpu_backend.h"

/*
 * Runs backend->scan in a child, for at most options->timeout_ms. -ETIMEDOUT: no answer in time
 * (the child is killed, and left alone if it cannot die); -EIO with the signal's name: it crashed.
 * The calling process must have one thread.
 */
int gpu_child_scan(const struct gpu_backend *backend, const struct gpu_options *options,
		   struct scan *ret_scan, struct err *e);

#endif
