/* What the host's administrator allows, from the settings. */
#ifndef POOL_POLICY_SETTINGS_H
#define POOL_POLICY_SETTINGS_H

#include <sys/types.h>

#include "conf/settings.h"
#include "plan/facts.h"

/* These settings have a value from the host's files alone. Limits are those of accounts that are in
   no group with limits of its own. The caller clears what is returned. */
struct plan_policy pool_policy_from(const struct settings *s);

/* Makes the limits those of an account. Where groups have limits, this asks the name services. */
void pool_policy_limit(const struct settings *s, uid_t uid, struct plan_policy *policy);

#endif
