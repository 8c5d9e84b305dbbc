/*
 * A scan in a process of its own: a driver library that hangs, crashes or prints cannot hurt the
 * caller. For the backends that are `isolated`; share.c calls it.
 */
#ifndef GPU_CHILD_H
#define GPU_CHILD_H

#include "gpu/gpu_backend.h"
#include "host/child.h"

struct gpu_child {
	struct host_child host;
	const struct gpu_backend *backend;
	const struct gpu_options *options;
};

/* Starts backend->scan in a child. -EBUSY: earlier ones hang in the driver. After success,
   gpu_child_end. The calling process must have one thread. */
int gpu_child_begin(struct gpu_child *child, const struct gpu_backend *backend,
		    const struct gpu_options *options, struct err *e);

/* Waits for the answer until that time (monotonic): see host_child_collect. */
int gpu_child_collect(struct gpu_child *child, int64_t until_ns);

/* Reads the answer that was collected: *ret_scan, or the driver's error, and when the child had it
   (since boot), which may be long ago: this process may have been stopped. -EBADMSG: it is none,
   and gpu_child_end says why. */
int gpu_child_read(const struct gpu_child *child, struct scan *ret_scan, int64_t *ret_end_ns,
		   struct err *e);

/*
 * Ends the child, which may take as long as the driver needs to let go of it: until the deadline.
 * `collected` is what gpu_child_collect has returned; with anything but 0 the child is killed at
 * once. *ret_is_gone: it has died; else it hangs in the kernel, and is left alone. Returns why
 * there is no answer that can be read: -ETIMEDOUT, -EINTR, -EIO with the signal's name where it
 * crashed.
 */
int gpu_child_end(struct gpu_child *child, int collected, int64_t deadline_ns, bool *ret_is_gone,
		  struct err *e);

#endif
