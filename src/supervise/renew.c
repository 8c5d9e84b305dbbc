/* The heartbeat of a supervisor, which also shows whether the reservation still exists. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "supervise/say.h"
#include "supervise/supervisor.h"

/* Exit statuses of the child that renews the heartbeat. */
enum renewal { RENEWAL_DONE, RENEWAL_FAILED, RENEWAL_SHORTENED, RENEWAL_LOST };

/* A reservation that is gone may have been lost with the data of the store: then it is restored.
   True if it was. */
static bool supervise_restore(const struct supervisor *s, struct pool *pool, struct err *e, int *r)
{
	AUTO(reservation_freep) struct reservation *mine = reservation_copy(s->orders.reservation);
	bool restored = false;

	/* A part of it was released, and it is not known which. */
	if (s->shortened)
		return false;
	mine->holder.command = s->holder;
	*r = pool_restore(pool, mine, &restored, e);
	if (restored)
		supervise_say(s,
			      "the store had lost the reservation of GPU(s) %s; it has been "
			      "restored",
			      s->gpus);
	return restored;
}

/* The child: renews, tells the user about the first failure and the recovery, and exits. */
__attribute__((noreturn)) static void supervise_renew_child(const struct supervisor *s)
{
	struct pool *pool = NULL;
	struct err e = {0};
	size_t gpus_count = 0;
	/* Of adopted processes one can succeed another, and a container replaces its command. */
	bool replaced = s->orders.adopted || s->orders.cid_file;
	const struct process_ref *holder = replaced ? &s->holder : NULL;
	int r = pool_open(&s->orders.pool, &pool, &e);

	if (r == 0)
		r = pool_heartbeat(pool, &s->actor, s->orders.reservation, holder, &gpus_count, &e);
	if (r == 0 && !gpus_count && supervise_restore(s, pool, &e, &r))
		gpus_count = s->orders.reservation->gpus_count;
	pool_close(pool);
	if (r < 0 && !s->failures)
		supervise_say(s,
			      "the heartbeat could not be stored: %s; GPU(s) %s stay "
			      "reserved, trying again",
			      e.text, s->gpus);
	if (r == 0 && s->failures)
		supervise_say(s, "the heartbeat is stored again");
	if (r < 0)
		_exit(RENEWAL_FAILED);
	if (!gpus_count)
		_exit(RENEWAL_LOST);
	_exit(gpus_count < s->orders.reservation->gpus_count ? RENEWAL_SHORTENED : RENEWAL_DONE);
}

void supervise_renew(struct supervisor *s)
{
	struct process_ref child;

	s->next_renewal_ns = clock_monotonic_ns() + s->orders.heartbeat_ns;
	s->renewer = fork();
	if (s->renewer == 0)
		supervise_renew_child(s);
	if (s->renewer < 0 || host_process_ref(s->renewer, &child, NULL) < 0 ||
	    host_pidfd_open(&child, &s->renewer_fd, NULL) < 0) {
		/* It has ended already, or did not start: reap it at once. */
		s->renewer_fd = -1;
	}
}

/* The reservation was taken away, as a whole or in part: says so once, and follows on-lost. */
static void supervise_lose(struct supervisor *s, bool whole)
{
	const char *what = whole ? "" : "a part of ";
	const char *then = "continues WITHOUT a reservation";

	if (s->lost || (!whole && s->shortened))
		return;
	s->lost = whole;
	s->shortened = true;
	if (s->orders.kill_on_lost)
		then = "is being stopped";
	else if (!whole)
		then = "continues, but no longer holds all the GPUs that it was given";
	supervise_say(s,
		      "%sthe reservation of GPU(s) %s is gone (released, or the pool was "
		      "recreated); the command %s",
		      what, s->gpus, then);
	if (s->orders.kill_on_lost)
		supervise_stop(s);
}

void supervise_renewed(struct supervisor *s)
{
	int status = RENEWAL_FAILED << 8, outcome;

	mem_auto_close(&s->renewer_fd);
	if (s->renewer > 0)
		waitpid(s->renewer, &status, 0);
	s->renewer = 0;
	outcome = WIFEXITED(status) ? WEXITSTATUS(status) : RENEWAL_FAILED;
	if (outcome == RENEWAL_LOST || outcome == RENEWAL_SHORTENED)
		supervise_lose(s, outcome == RENEWAL_LOST);
	if (outcome == RENEWAL_DONE || outcome == RENEWAL_SHORTENED) {
		s->failures = 0;
	} else if (outcome != RENEWAL_LOST) {
		/* Again after 1, 2, 4, ... seconds, at most a heartbeat apart. */
		int64_t pause_ns = NS_PER_SECOND << (s->failures < 6 ? s->failures : 6);

		s->failures++;
		if (pause_ns < s->orders.heartbeat_ns)
			s->next_renewal_ns = clock_monotonic_ns() + pause_ns;
	}
}
