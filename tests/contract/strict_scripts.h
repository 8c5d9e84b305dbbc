/* How the scripts run in programs that are linked with strict_scripts.c. */
#ifndef TESTS_STRICT_SCRIPTS_H
#define TESTS_STRICT_SCRIPTS_H

#include "store/redis/redis.h"

/* Whether keys that are not in KEYS are refused; they are at first. */
extern bool scripts_are_strict;

/* Called before each script runs; NULL: nothing is. */
extern void (*before_script)(void);

#endif
