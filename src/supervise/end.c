/* How a run ends: stopping its tree, waiting for processes that outlive the command, releasing. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "supervise/say.h"
#include "supervise/supervisor.h"

/* After SIGKILL, what is still there cannot be killed (another account's, or stuck in the kernel).
 */
#define KILL_LIMIT_NS (5 * NS_PER_SECOND)

void supervise_stop(struct supervisor *s)
{
	size_t refused = 0;

	if (s->kill_ns)
		return;
	s->kill_ns = clock_monotonic_ns() + s->orders.grace_ns;
	host_tree_refresh(&s->tree, NULL);
	host_tree_stop(&s->tree, SIGINT, &refused, NULL);
}

void supervise_time_out(struct supervisor *s)
{
	char limit[CLOCK_DURATION_SIZE], grace[CLOCK_DURATION_SIZE];

	s->deadline_ns = INT64_MAX;
	supervise_say(s,
		      "the time limit of %s is over: stopping the command (SIGINT; SIGKILL in %s)",
		      clock_duration(s->orders.timeout_ns, limit),
		      clock_duration(s->orders.grace_ns, grace));
	supervise_stop(s);
}

bool supervise_stop_tick(struct supervisor *s)
{
	int64_t now_ns = clock_monotonic_ns();
	size_t refused = 0;

	host_tree_refresh(&s->tree, NULL);
	if (!s->tree.members_count)
		return true;
	if (now_ns >= s->kill_ns)
		host_tree_signal(&s->tree, SIGKILL, &refused, NULL);
	return now_ns >= s->kill_ns + KILL_LIMIT_NS;
}

/* ---- after the command ---- */

void supervise_forget_users(struct supervisor *s)
{
	for (size_t i = 0; i < s->users; i++)
		mem_auto_close(&s->user_fds[i]);
	s->users = 0;
}

static bool is_listed(const pid_t *pids, size_t count, pid_t pid)
{
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/*
 * Makes a process that outlives the command the holder: others then see that the reservation goes
 * on, also if this supervisor is killed.
 */
static void supervise_replace_holder(struct supervisor *s, struct pool *pool,
				     const struct process_ref *member)
{
	size_t gpus_count;

	if (s->holder.pid == member->pid && s->holder.start_ticks == member->start_ticks)
		return;
	if (pool &&
	    pool_heartbeat(pool, &s->actor, s->orders.reservation, member, &gpus_count, NULL) == 0)
		s->holder = *member;
}

/* Notes a process that keeps the reservation; the first one is named in it. */
static void supervise_keep(struct supervisor *s, struct pool *pool, const struct process_ref *user,
			   bool first)
{
	if (first)
		supervise_replace_holder(s, pool, user);
	if (s->users < USERS_WATCHED && host_pidfd_open(user, &s->user_fds[s->users], NULL) == 0)
		s->users++;
}

bool supervise_find_users(struct supervisor *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;
	bool blind, found = false;

	supervise_forget_users(s);
	if (host_tree_refresh(&s->tree, NULL) == 0 && !s->tree.members_count && !s->tree.kin_count)
		return false;
	if (s->lost)
		return false;
	blind = pool_open(&s->orders.pool, &pool, NULL) < 0 ||
		pool_processes(pool, s->orders.reservation->id, &pids, &count, NULL) < 0;
	host_tree_refresh(&s->tree, NULL);
	for (size_t i = 0; i < s->tree.members_count; i++) {
		const struct process_ref *member = &s->tree.members[i];

		if (!blind && !is_listed(pids, count, member->pid))
			continue;
		supervise_keep(s, pool, member, !found);
		found = true;
	}
	/* Kin are only those that are seen on the GPUs: the rest of a pipeline is not the run's. */
	for (size_t i = 0; !blind && i < s->tree.kin_count; i++) {
		const struct process_ref *kin = &s->tree.kin[i];

		if (!is_listed(pids, count, kin->pid))
			continue;
		supervise_keep(s, pool, kin, !found);
		found = true;
	}
	return found;
}

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

void supervise_release(struct supervisor *s, int64_t end_ns)
{
	for (int attempt = 0; !s->lost && attempt < 12; attempt++) {
		AUTO(pool_closep) struct pool *pool = NULL;
		struct timespec pause = {.tv_sec = attempt < 5 ? 1 << attempt : 30};

		if (pool_open(&s->orders.pool, &pool, NULL) == 0 &&
		    pool_end(pool, &s->actor, s->orders.reservation->id, end_ns, NULL) == 0) {
			supervise_trim(s);
			return;
		}
		nanosleep(&pause, NULL);
	}
}
