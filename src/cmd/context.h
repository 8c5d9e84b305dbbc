/*
 * From the settings to the pool: which store, which limits, who calls. The settings become a
 * configuration once per command; whatever starts later (a supervisor, the web server) is handed
 * that configuration and reads no file again.
 */
#ifndef CMD_CONTEXT_H
#define CMD_CONTEXT_H

#include "cmd/command.h"
#include "pool/pool.h"

/* The pool of the host, for the installed program; see docs/architecture.md. */
#define SYSTEM_DIRECTORY "/var/lib/canhazgpu"

/* The URL of the store that the settings name, or of one that was named beside them: paths
   absolute, authorities added, and the login, which a store beside them gets only if it is on the
   same server. It may hold a password: never shown. The caller frees it. */
int store_url_from(const struct settings *s, char **ret_url, struct err *e);
int store_url_complete(const struct settings *s, const char *url, char **ret_url, struct err *e);

/* True unless the store is the default one. */
bool store_is_named(const struct settings *s);

/* The path as it is seen from any directory: a supervisor works in /. NULL gives NULL. The caller
   frees it. */
char *absolute_path(const char *path);

/* The error of the host administrator's file, where it has one: nothing is decided without it. */
int host_check(const struct invocation *in, struct err *e);

/* What the pool needs to know, from the settings. The caller clears it. */
int pool_config_from(const struct invocation *in, struct pool_config *ret_config, struct err *e);

/* Opens the pool that the settings name. The caller closes it. */
int pool_open_from(const struct invocation *in, struct pool **ret_pool, struct err *e);

/* The caller: real uid, its name in *ret_account, which the caller frees, and whether the process
   is in the group of the administrators. */
struct plan_actor actor_get(const struct invocation *in, char **ret_account);

#endif
