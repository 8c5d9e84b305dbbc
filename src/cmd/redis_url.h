/* The URL of a Redis store, from the settings; called by store_url.c. */
#ifndef CMD_REDIS_URL_H
#define CMD_REDIS_URL_H

#include <stdbool.h>

#include "base/err.h"
#include "conf/settings.h"

/* True for the URL of a Redis store. */
bool redis_url_is(const char *url);

/* The strongest origin of the settings of Redis. */
enum setting_origin redis_url_origin(const struct settings *s);

/* The store that these settings name. It may hold a password. The caller frees it. */
int redis_url_from(const struct settings *s, char **ret_url, struct err *e);

/* Adds what the URL of a Redis store leaves open: login, and authorities for TLS. `beside`: it was
   not named by the settings, but for `migrate`. The caller frees it. */
int redis_url_complete(const struct settings *s, const char *url, bool beside, char **ret_url,
		       struct err *e);

#endif
