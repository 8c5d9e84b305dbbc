/* What the JSON file of the simulated GPUs says. Called by fake.c. */
#ifndef GPU_FAKE_STATE_H
#define GPU_FAKE_STATE_H

#include "base/err.h"
#include "base/nouns.h"

/* What it says of the driver. */
struct fake_state {
	int64_t delay_ms; /* how long a scan takes */
	char *failure;    /* what a scan fails with; NULL or "": it succeeds */
};

/*
 * Reads the file into a scan that has `count` idle GPUs so far; entries beyond them must be right,
 * but are not shown. With 0 there are as many GPUs as the highest index says. The caller clears *f,
 * zeroed before.
 */
int fake_state_read(const char *path, int count, struct scan *s, struct fake_state *f,
		    struct err *e);
void fake_state_clear(struct fake_state *f);

/* Adds the next GPU as it is without a file: idle. */
void fake_add_gpu(struct scan *s);

#endif
