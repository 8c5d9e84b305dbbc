/* Which store the settings name, as a URL that says everything. */
#ifndef CMD_STORE_URL_H
#define CMD_STORE_URL_H

#include <stdbool.h>

#include "base/err.h"
#include "conf/settings.h"

/* The pool of the host, for the installed program; see docs/architecture.md. */
#define SYSTEM_DIRECTORY "/var/lib/canhazgpu"
#define SYSTEM_DATABASE SYSTEM_DIRECTORY "/canhazgpu.db"

/* The URL of the store that the settings name, or of one that was named besides: paths
   absolute, authorities added, and the login, which the latter gets only if it is on the
   same server. It may hold a password: never shown. The caller frees it. */
int store_url_from(const struct settings *s, char **ret_url, struct err *e);
int store_url_complete(const struct settings *s, const char *url, char **ret_url, struct err *e);

/* True unless the store is the default one. */
bool store_is_named(const struct settings *s);

#endif
