/* The rules of guard, from the settings. */
#ifndef POOL_GUARD_CONFIG_H
#define POOL_GUARD_CONFIG_H

#include "conf/settings.h"
#include "pool/guard.h"

/* The rules of the host's files. An error names the place of a setting that cannot have an effect.
   The caller clears *ret. */
int guard_config_from(const struct settings *s, struct guard_config *ret, struct err *e);

#endif
