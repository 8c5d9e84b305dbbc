/*
 * What the run does with its GPUs: after each heartbeat a child looks, unless somebody else has
 * looked within a minute (pool/look.h). Nothing waits for it. A driver that is slow, because nobody
 * keeps its GPUs open, is asked more rarely: it works for us for a hundredth of the time at most.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "pool/look.h"
#include "supervise/supervisor.h"

#define PAUSE_FACTOR 100
/* The longest time that an exit status tells, in seconds. */
#define SECONDS_MAX 250

/* The exit status is the time that it took, in whole seconds. */
__attribute__((noreturn)) static void look_child(struct supervisor *s)
{
	int64_t begin_ns = clock_monotonic_ns(), seconds;
	struct pool_config config = s->orders.pool;
	struct pool *pool = NULL;

	/* It may live longer than the run: whoever reads its output does not wait for that. */
	say_target_clear(&s->target);
	config.scan_limit_ns = s->look_limit_ns;
	if (pool_open(&config, &pool, NULL) == 0)
		pool_look(pool, NULL);
	pool_close(pool);
	seconds = (clock_monotonic_ns() - begin_ns) / NS_PER_SECOND;
	_exit(seconds > SECONDS_MAX ? SECONDS_MAX : (int)seconds);
}

/* True: there is no child any more. One that is left over at the end of the run ends by itself: a
   scan that is killed may hang in the kernel. */
static bool reap(struct supervisor *s)
{
	int status = 0;

	if (s->looker <= 0)
		return true;
	if (waitpid(s->looker, &status, WNOHANG) == 0)
		return false;
	s->looker = 0;
	if (WIFEXITED(status))
		s->next_look_ns =
			clock_monotonic_ns() + WEXITSTATUS(status) * PAUSE_FACTOR * NS_PER_SECOND;
	return true;
}

void supervise_look(struct supervisor *s)
{
	if (!reap(s) || clock_monotonic_ns() < s->next_look_ns)
		return;
	s->looker = fork();
	if (s->looker == 0)
		look_child(s);
}
