/* What the host's administrator allows, from the settings. */
#ifndef POOL_POLICY_SETTINGS_H
#define POOL_POLICY_SETTINGS_H

#include "conf/settings.h"
#include "plan/facts.h"

/* These settings have a value from the system's file alone. The caller clears what is returned. */
struct plan_policy pool_policy_from(const struct settings *s);

#endif
