/* How a run ends: the release of its GPUs. */
#include <time.h>

#include "base/mem.h"
#include "supervise/supervisor.h"

/* Drops old usage records. Orders may be forged, so the host's own setting is not taken from them.
 */
static void supervise_trim(struct supervisor *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	struct pool_config *config = &s->orders.pool;

	if (!config->history_set_by_user)
		config->history_keep_ns = s->host_history_ns;
	if (pool_open(config, &pool, NULL) == 0)
		pool_trim(pool, NULL);
}

/* For four minutes: afterwards somebody else finds that all processes are gone. Others may be
   waiting for the GPUs, so the store is tried again soon after it is there, or takes the password.
 */
#define RELEASE_ATTEMPTS 60

void supervise_release(struct supervisor *s, int64_t end_ns)
{
	for (int attempt = 0; !s->lost && attempt < RELEASE_ATTEMPTS; attempt++) {
		AUTO(pool_closep) struct pool *pool = NULL;
		struct timespec pause = {.tv_sec = attempt < 2 ? 1 << attempt : 4};

		if (pool_open(&s->orders.pool, &pool, NULL) == 0 &&
		    pool_end(pool, &s->actor, s->orders.reservation->id, end_ns, NULL) == 0) {
			supervise_trim(s);
			return;
		}
		nanosleep(&pause, NULL);
	}
}
