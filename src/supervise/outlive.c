/* What outlives the command of a run, and keeps its reservation. */
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "host/process.h"
#include "supervise/supervisor.h"

/* How long an exec may take until the process shows its environment. */
#define EXEC_PAUSE_NS (5 * NS_PER_MS)
#define EXEC_TRIES 10

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

/* Says once that the reservation goes on, and what for. */
static void supervise_announce(struct supervisor *s)
{
	const struct process_ref *first = s->tree.first.pid ? &s->tree.first : &s->tree.members[0];
	size_t count = s->tree.members_count;
	const char *it = count == 1 ? "it ends" : "they end";
	char limit[CLOCK_DURATION_SIZE];
	AUTO_FREE char *gpus = NULL, *condition = NULL;
	struct process_info info = {.name = "?"};

	if (s->announced)
		return;
	s->announced = true;
	host_process_stat(first->pid, &info);
	gpus = str_join_ids(s->orders.reservation->gpus, s->orders.reservation->gpus_count, ",");
	if (s->orders.until == UNTIL_GPUS && !s->tree.container)
		condition = mem_printf(" (for %s at most while %s not use them)",
				       clock_duration(s->orders.linger_ns, limit),
				       count == 1 ? "it does" : "they do");
	supervise_say(
		s,
		"%zu process%s still running (PID %d %s%s): GPU%s %s stay%s reserved until %s%s; "
		"'canhazgpu release --gpu-ids %s' releases %s now",
		count, count == 1 ? " is" : "es are", (int)first->pid, info.name,
		count == 1 ? "" : ", ...", s->orders.reservation->gpus_count == 1 ? "" : "s", gpus,
		s->orders.reservation->gpus_count == 1 ? "s" : "", it, condition ? condition : "",
		gpus, s->orders.reservation->gpus_count == 1 ? "it" : "them");
}

/* Whether processes of the tree keep the reservation now, whatever they do. */
static bool supervise_lingers(const struct supervisor *s)
{
	if (!s->tree.members_count)
		return false;
	/* A container keeps its GPUs until its first process ends, whatever it uses. One without a
	   control group of its own has no known first process. */
	if (s->tree.container && (s->tree.first.pid || !s->container_seen))
		return true;
	if (s->stopped)
		return false;
	return s->orders.until == UNTIL_TREE ||
	       clock_monotonic_ns() - s->ended_ns < s->orders.linger_ns;
}

/* Finds the processes that use the reserved GPUs. Kin are only those that are seen there: the rest
   of a pipeline is not the run's. */
static bool supervise_find_users(struct supervisor *s, struct pool *pool)
{
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;
	bool found = false;
	bool blind =
		!pool || pool_processes(pool, s->orders.reservation->id, &pids, &count, NULL) < 0;

	host_tree_refresh(&s->tree, NULL);
	for (size_t i = 0; i < s->tree.members_count; i++) {
		const struct process_ref *member = &s->tree.members[i];

		if (!blind && !is_listed(pids, count, member->pid))
			continue;
		supervise_keep(s, pool, member, !found);
		found = true;
	}
	for (size_t i = 0; !blind && i < s->tree.kin_count; i++) {
		const struct process_ref *kin = &s->tree.kin[i];

		if (!is_listed(pids, count, kin->pid))
			continue;
		supervise_keep(s, pool, kin, !found);
		found = true;
	}
	return found;
}

/* Whether nothing may be left. What shows no environment is looked at again, a few times: in the
   middle of exec it shows none. */
static bool supervise_is_alone(struct supervisor *s)
{
	const struct timespec pause = {.tv_nsec = EXEC_PAUSE_NS};
	int r = host_tree_refresh(&s->tree, NULL);

	for (int i = 0; i < EXEC_TRIES && r == 0 && !s->tree.members_count && s->tree.unsure; i++) {
		nanosleep(&pause, NULL);
		r = host_tree_refresh(&s->tree, NULL);
	}
	return r == 0 && !s->tree.members_count && !s->tree.kin_count;
}

bool supervise_is_kept(struct supervisor *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;

	supervise_forget_users(s);
	if (s->orders.until == UNTIL_COMMAND || s->lost)
		return false;
	supervise_find_container(s);
	if (supervise_is_alone(s))
		return false;
	pool_open(&s->orders.pool, &pool, NULL);
	if (!supervise_lingers(s)) {
		if (s->orders.until == UNTIL_TREE || !supervise_find_users(s, pool))
			return false;
	} else {
		if (s->tree.first.pid)
			supervise_keep(s, pool, &s->tree.first, true);
		for (size_t i = 0; i < s->tree.members_count; i++)
			supervise_keep(s, pool, &s->tree.members[i], i == 0 && !s->tree.first.pid);
		supervise_announce(s);
	}
	/* What keeps the reservation may have children of its own from now on. */
	s->tree.until_ticks = UINT64_MAX;
	return true;
}
