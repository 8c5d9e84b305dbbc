/* What the files of src/pool share among themselves. */
#ifndef POOL_PRIVATE_H
#define POOL_PRIVATE_H

#include "gpu/gpu.h"
#include "pool/machine.h"
#include "pool/observe.h"
#include "pool/pool.h"
#include "pool/transact.h"
#include "stats/past_runs.h"
#include "store/store.h"

struct pool {
	struct pool_config config;
	struct store *store;
	struct observer observer;
	struct here here;
	struct past_runs past;  /* as last read by forecast.c */
	int64_t past_read_ns;   /* monotonic; 0: not yet */
	int64_t look_failed_ns; /* monotonic: when a look could not be stored; 0: none failed */
};

/* What a scan needs from the configuration; `count` as fake_count takes it. Borrows both texts. */
struct gpu_options pool_gpu_options(const struct pool_config *config, const char *provider,
				    int count);

/* The same for the GPUs of a pool. */
struct gpu_options pool_gpu_options_of(const struct pool_config *config,
				       const struct pool_state *state);

/* Whether the caller may delete the history of others: root, and the owner of the store. */
bool pool_is_administrator(struct pool *p);

/* Whether the actor may recreate the pool, and take GPUs out of service: administrators, and the
   owner of a personal pool. A store without owners is open to all where no administrators are
   named. */
bool pool_may_administer(struct pool *p, const struct plan_actor *actor);

/* Whether requests that delay nobody ahead of them may be backfilled (plan/backfill.c): the choice
   of the administrator, not of each user. */
bool pool_backfills(struct pool *p);

/* What is told of a request that is cancelled now. */
struct pool_cancelled pool_describe_cancelled(const struct queue_entry *q, int64_t now_ns);

/* Sleeps until the GPUs that the request could have are settled (plan/settle.h), as the attempt has
   found or left them: for a moment. False where they are. */
bool pool_settle(const struct attempt *a, const struct plan_request *request);

/* Frees what has ended, and records it. */
int pool_cleanup(struct pool *p, struct err *e);

#endif
