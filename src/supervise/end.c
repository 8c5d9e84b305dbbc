/* How a run ends: the release of its GPUs. */
#include <time.h>

#include "base/mem.h"
#include "supervise/supervisor.h"

bool supervise_release(struct supervisor *s, int64_t end_ns)
{
	for (int attempt = 0; !s->lost && attempt < 12; attempt++) {
		AUTO(pool_closep) struct pool *pool = NULL;
		struct timespec pause = {.tv_sec = attempt < 5 ? 1 << attempt : 30};

		if (pool_open(&s->orders.pool, &pool, NULL) == 0 &&
		    pool_end(pool, &s->actor, s->orders.reservation->id, end_ns, NULL) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
