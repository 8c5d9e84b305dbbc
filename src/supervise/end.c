/* How a run ends: the release of its GPUs. */
#include <signal.h>
#include <time.h>

#include "base/mem.h"
#include "supervise/supervisor.h"

/* For four minutes: afterwards somebody else finds that all processes are gone. Others may be
   waiting for the GPUs, so the store is tried again soon after it is there, or takes the password.
 */
#define RELEASE_ATTEMPTS 60

/* A heartbeat that is still on its way would find the reservation gone, and say that it was lost.
   Nothing of it is needed any more; a store has to expect that a process is killed. */
static void give_up_renewal(const struct supervisor *s)
{
	if (s->renewer > 0)
		kill(s->renewer, SIGKILL);
}

bool supervise_release(struct supervisor *s, int64_t ended_boot_ns)
{
	give_up_renewal(s);
	/* What is reserved by hand stays so. */
	for (int attempt = 0; !s->lost && !s->orders.within && attempt < RELEASE_ATTEMPTS;
	     attempt++) {
		AUTO(pool_closep) struct pool *pool = NULL;
		struct timespec pause = {.tv_sec = attempt < 2 ? 1 << attempt : 4};

		if (pool_open(&s->orders.pool, &pool, NULL) == 0 &&
		    pool_end(pool, &s->actor, s->orders.reservation->id, ended_boot_ns, NULL) == 0)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}
