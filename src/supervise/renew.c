/* The heartbeat of a supervisor, which also shows whether the reservation still exists. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "pool/look.h"
#include "supervise/say.h"
#include "supervise/supervisor.h"

/* Exit statuses of the child that renews the heartbeat. */
enum renewal {
	RENEWAL_DONE,
	RENEWAL_RESTORED, /* done, after a loss */
	RENEWAL_FAILED,
	RENEWAL_SHORTENED,
	RENEWAL_LOST
};

/* Where another program may overwrite a grant, the first heartbeat comes so soon after it, and the
   next after four times as long. */
#define FIRST_RENEWAL_NS NS_PER_SECOND

#define WAS_THE_CLOCK_SET "(was the clock of this host set?)"

/* Added to the status of one that was done, in whole or in part: somebody is to look at the GPUs.
 */
#define RENEWAL_LOOK 16

/* What becomes of the command, when the reservation is gone as a whole or in part. */
static const char *fate(const struct supervisor *s, bool whole)
{
	if (s->orders.kill_on_lost)
		return "is being stopped";
	return whole ? "continues WITHOUT a reservation"
		     : "continues, but no longer holds all the GPUs that it was given";
}

/* The reservation was taken away: says so once. */
static void say_lost(const struct supervisor *s, bool whole, const struct pool_restored *loss)
{
	if (!whole && s->shortened)
		return;
	if (loss->overwritten && loss->taker)
		supervise_say(s,
			      "GPU %d is reserved by %s now (another program has overwritten the "
			      "reservation of this run, or the pool was recreated); the command %s",
			      loss->gpu, loss->taker, fate(s, whole));
	else if (loss->presumed && loss->taker)
		supervise_say(s,
			      "GPU %d was given to %s, because no heartbeat of this run had been "
			      "seen " WAS_THE_CLOCK_SET "; the command %s",
			      loss->gpu, loss->taker, fate(s, whole));
	else
		supervise_say(s,
			      "%sthe reservation of GPU(s) %s is gone (released, or the pool was "
			      "recreated); the command %s",
			      whole ? "" : "a part of ", s->gpus, fate(s, whole));
}

/* A reservation that is gone may have been lost with the data of the store, or taken for dead: then
   it is restored, if nobody else has its GPUs. */
static int supervise_restore(const struct supervisor *s, struct pool *pool,
			     struct pool_restored *ret_restored, struct err *e)
{
	AUTO(reservation_freep) struct reservation *mine = reservation_copy(s->orders.reservation);
	int r;

	/* A part of it was released, and it is not known which. */
	if (s->shortened)
		return 0;
	mine->holder.command = s->holder;
	r = pool_restore(pool, mine, ret_restored, e);
	if (r < 0 || !ret_restored->restored)
		return r;
	if (ret_restored->presumed)
		supervise_say(s,
			      "GPU(s) %s had been released, because no heartbeat of this run had "
			      "been seen " WAS_THE_CLOCK_SET "; nobody had taken them, and they "
			      "are reserved again",
			      s->gpus);
	else if (ret_restored->overwritten)
		supervise_say(s,
			      "another program had overwritten the reservation of GPU(s) %s; it "
			      "has been restored",
			      s->gpus);
	else
		supervise_say(s,
			      "the store had lost the reservation of GPU(s) %s; it has been "
			      "restored",
			      s->gpus);
	return 0;
}

/* Tells the user about the first failure and the recovery. */
static void say_outcome(const struct supervisor *s, int r, const struct err *e)
{
	if (r < 0 && !s->failures)
		supervise_say(s,
			      "the heartbeat could not be stored: %s; GPU(s) %s stay "
			      "reserved, trying again",
			      e->text, s->gpus);
	if (r == 0 && s->failures)
		supervise_say(s, "the heartbeat is stored again");
}

/* The same where there is nothing to renew. */
__attribute__((noreturn)) static void supervise_check_child(const struct supervisor *s)
{
	struct pool *pool = NULL;
	struct err e = {0};
	bool held = false;
	int r = pool_open(&s->orders.pool, &pool, &e), look = 0;

	if (r == 0)
		r = supervise_check_held(s, pool, &held, &e);
	if (r == 0 && held && pool_look_is_due(pool))
		look = RENEWAL_LOOK;
	pool_close(pool);
	if (r < 0)
		_exit(RENEWAL_FAILED);
	_exit(held ? RENEWAL_DONE | look : RENEWAL_LOST);
}

/* The child: renews, says what there is to say, and exits. */
__attribute__((noreturn)) static void supervise_renew_child(const struct supervisor *s)
{
	struct pool *pool = NULL;
	struct pool_restored restored = {0};
	struct err e = {0};
	size_t gpus_count = 0, granted = s->orders.reservation->gpus_count;
	/* Of adopted processes one can succeed another, and a container replaces its command. */
	bool replaced = s->orders.adopted || s->orders.cid_file;
	const struct process_ref *holder = replaced ? &s->holder : NULL;
	int r = pool_open(&s->orders.pool, &pool, &e), look = 0;

	if (r == 0)
		r = pool_heartbeat(pool, &s->actor, s->orders.reservation, holder, &gpus_count, &e);
	if (r == 0 && gpus_count < (s->shared ? granted : 1))
		r = supervise_restore(s, pool, &restored, &e);
	if (restored.restored)
		gpus_count = granted;
	if (r == 0 && gpus_count && pool_look_is_due(pool))
		look = RENEWAL_LOOK;
	pool_close(pool);
	say_outcome(s, r, &e);
	if (r < 0)
		_exit(RENEWAL_FAILED);
	if (gpus_count < granted)
		say_lost(s, !gpus_count, &restored);
	if (!gpus_count)
		_exit(RENEWAL_LOST);
	if (gpus_count < granted)
		_exit(RENEWAL_SHORTENED | look);
	_exit((restored.restored ? RENEWAL_RESTORED : RENEWAL_DONE) | look);
}

void supervise_look_soon(struct supervisor *s)
{
	int64_t pause_ns = s->orders.heartbeat_ns;

	if (s->shared && pause_ns > FIRST_RENEWAL_NS)
		pause_ns = FIRST_RENEWAL_NS;
	s->next_renewal_ns = clock_monotonic_ns() + pause_ns;
	s->renewal_pause_ns = pause_ns;
}

void supervise_renew(struct supervisor *s)
{
	struct process_ref child;

	s->next_renewal_ns = clock_monotonic_ns() + s->renewal_pause_ns;
	s->renewal_pause_ns *= 4;
	if (s->renewal_pause_ns > s->orders.heartbeat_ns)
		s->renewal_pause_ns = s->orders.heartbeat_ns;
	s->renewer = fork();
	if (s->renewer == 0 && s->orders.within)
		supervise_check_child(s);
	if (s->renewer == 0)
		supervise_renew_child(s);
	if (s->renewer < 0 || host_process_ref(s->renewer, &child, NULL) < 0 ||
	    host_pidfd_open(&child, &s->renewer_fd, NULL) < 0) {
		/* It has ended already, or did not start: reap it at once. */
		s->renewer_fd = -1;
	}
}

/* The reservation was taken away, as a whole or in part: follows on-lost. */
static void supervise_lose(struct supervisor *s, bool whole)
{
	if (s->lost || (!whole && s->shortened))
		return;
	s->lost = whole;
	s->shortened = true;
	if (s->orders.kill_on_lost)
		supervise_stop(s);
}

void supervise_renewed(struct supervisor *s)
{
	int status = RENEWAL_FAILED << 8, outcome;
	bool look;

	mem_auto_close(&s->renewer_fd);
	if (s->renewer > 0)
		waitpid(s->renewer, &status, 0);
	s->renewer = 0;
	outcome = WIFEXITED(status) ? WEXITSTATUS(status) : RENEWAL_FAILED;
	look = outcome & RENEWAL_LOOK;
	outcome &= ~RENEWAL_LOOK;
	if (s->orders.within && (outcome == RENEWAL_DONE || outcome == RENEWAL_LOST))
		supervise_checked_held(s, outcome == RENEWAL_DONE);
	else if (outcome == RENEWAL_LOST || outcome == RENEWAL_SHORTENED)
		supervise_lose(s, outcome == RENEWAL_LOST);
	if (outcome == RENEWAL_RESTORED)
		supervise_look_soon(s);
	if (outcome == RENEWAL_DONE || outcome == RENEWAL_RESTORED ||
	    outcome == RENEWAL_SHORTENED) {
		s->failures = 0;
		if (look)
			supervise_look(s);
	} else if (outcome != RENEWAL_LOST) {
		/* Again after 1, 2, 4, ... seconds, at most a heartbeat apart. */
		int64_t pause_ns = NS_PER_SECOND << (s->failures < 6 ? s->failures : 6);

		s->failures++;
		if (pause_ns < s->orders.heartbeat_ns)
			s->next_renewal_ns = clock_monotonic_ns() + pause_ns;
	}
}
