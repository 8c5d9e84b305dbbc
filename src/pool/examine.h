/*
 * The checks of a pool for `canhazgpu doctor`: its store, the driver and its GPUs, reservations and
 * waiting requests. Called by src/cmd/doctor.c.
 */
#ifndef POOL_EXAMINE_H
#define POOL_EXAMINE_H

#include "base/finding.h"
#include "pool/pool.h"

/*
 * Checks everything, and goes on where something cannot be checked: never fails, changes nothing.
 * Without a store_url (the settings name none) only the driver is checked. has_rules: passes of
 * guard are expected to act.
 */
void pool_examine(const struct pool_config *config, bool has_rules, struct findings *f);

#endif
