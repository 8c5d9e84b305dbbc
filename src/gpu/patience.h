/*
 * How long a scan may take as a whole, whoever takes it: this process, or another one whose scan it
 * waits for. After a second a person at a terminal is told what takes so long.
 */
#ifndef GPU_PATIENCE_H
#define GPU_PATIENCE_H

#include "gpu/gpu_backend.h"

struct patience {
	const struct gpu_backend *backend;
	int timeout_ms;
	int64_t begin_ns; /* monotonic, as all times here */
	int64_t deadline_ns;
	int interrupt_fd; /* see gpu_options */
	bool is_told;
};

void patience_begin(struct patience *p, const struct gpu_backend *backend,
		    const struct gpu_options *options);

/* Whether there is time left. Tells the person, once, when it has taken a second. */
bool patience_lasts(struct patience *p);

/* Waits, for at most so long. -EINTR: interrupt_fd has become readable. */
int patience_pause(const struct patience *p, int64_t pause_ns);

/* Takes back what the person was told. */
void patience_end(struct patience *p);

#endif
