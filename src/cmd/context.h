/*
 * From the settings to the pool: which store, which limits, who calls. The settings become a
 * configuration once per command, and again where they change while a request waits; whatever
 * starts later (a supervisor, the web server) is handed that configuration and reads no file
 * itself.
 */
#ifndef CMD_CONTEXT_H
#define CMD_CONTEXT_H

#include "cmd/command.h"
#include "pool/pool.h"

/* The error of the host administrator's file, where it has one: nothing is decided without it. */
int host_check(const struct invocation *in, struct err *e);

/* The members that a scan of the GPUs needs: all that there is where the host's file has a mistake.
 */
void pool_config_add_scan(const struct settings *s, struct pool_config *config);

/* What the pool needs to know, from the settings. The caller clears it. */
int pool_config_from(const struct invocation *in, struct pool_config *ret_config, struct err *e);

/* Opens the pool that the settings name. The caller closes it. */
int pool_open_from(const struct invocation *in, struct pool **ret_pool, struct err *e);

/*
 * The ids of the GPUs that a setting names; *ret_ids, which the caller frees, is NULL where it
 * names none. UUIDs are looked up in `pool`, or where that is NULL in the pool that the settings
 * name.
 */
int gpu_ids_get(const struct invocation *in, struct pool *pool, const char *key, int **ret_ids,
		size_t *ret_count, struct err *e);

/* The caller: real uid, its name in *ret_account, which the caller frees, and whether the process
   is in the group of the administrators. */
struct plan_actor actor_get(const struct invocation *in, char **ret_account);
bool actor_is_administrator(const struct invocation *in);

#endif
