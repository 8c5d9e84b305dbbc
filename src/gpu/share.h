/*
 * One scan for however many ask. Without persistence mode a driver takes seconds for each caller,
 * and serves one at a time. So a scan of a provider that is `isolated` is kept in a file
 * (share_files.h); whoever finds one running waits for it, and one that is young enough is used as
 * it is (share_stamp.h). Called by gpu.c.
 */
#ifndef GPU_SHARE_H
#define GPU_SHARE_H

#include "gpu/gpu_backend.h"

/* Scans, or takes the scan of another process. It fails as the scan does. */
int gpu_share_scan(const struct gpu_backend *backend, const struct gpu_options *options,
		   struct scan *ret_scan, struct err *e);

#endif
