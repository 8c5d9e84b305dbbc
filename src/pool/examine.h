/*
 * The checks of a pool for `canhazgpu doctor`: its store, the driver and its GPUs, reservations and
 * waiting requests. Called by src/cmd/doctor.c.
 */
#ifndef POOL_EXAMINE_H
#define POOL_EXAMINE_H

#include "base/finding.h"
#include "host/timer.h"
#include "pool/pool.h"

/* What should make passes of guard, and whether they are to act. */
struct passes_expected {
	bool has_rules;
	struct host_timer timer;
};

/*
 * Checks everything, and goes on where something cannot be checked: never fails, changes nothing.
 * Without a store_url (the settings name none) only the driver is checked.
 */
void pool_examine(const struct pool_config *config, const struct passes_expected *passes,
		  struct findings *f);

#endif
