/* Stopping a run: the warning before its time limit, the limit itself, and the grace after it. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/cgroup.h"
#include "supervise/supervisor.h"

/* After SIGKILL, what is still there cannot be killed (another account's, or stuck in the kernel).
 */
#define KILL_LIMIT_NS (5 * NS_PER_SECOND)

static const char *signal_name(int signal)
{
	const char *name = sigabbrev_np(signal);

	return name ? name : "?";
}

void supervise_warn(struct supervisor *s)
{
	char left[CLOCK_DURATION_SIZE];

	s->warn_ns = INT64_MAX;
	if (s->command_fd < 0)
		return;
	supervise_say(s, "the time limit will be reached in %s: sending SIG%s to the command",
		      clock_duration(s->orders.warn_before_ns, left),
		      signal_name(s->orders.warn_signal));
	/* The command alone: a process that does not handle such a signal is ended by it. */
	host_process_signal(s->command, s->orders.warn_signal, NULL);
}

void supervise_stop(struct supervisor *s)
{
	size_t refused = 0;

	if (s->kill_ns)
		return;
	s->stopped = true;
	s->kill_ns = clock_monotonic_ns() + s->orders.grace_ns;
	host_tree_refresh(&s->tree, NULL);
	host_tree_stop(&s->tree, s->orders.stop_signal, &refused, NULL);
	/* A client that lives hands the signal on. */
	if (refused && s->command_fd < 0)
		supervise_kill_container(s, s->orders.stop_signal);
}

void supervise_stop_because(struct supervisor *s, const char *why)
{
	char grace[CLOCK_DURATION_SIZE];

	supervise_say(s, "%s: stopping the command (SIG%s; SIGKILL in %s)", why,
		      signal_name(s->orders.stop_signal),
		      clock_duration(s->orders.grace_ns, grace));
	supervise_stop(s);
}

void supervise_time_out(struct supervisor *s)
{
	char limit[CLOCK_DURATION_SIZE];
	AUTO_FREE char *why = mem_printf("the time limit of %s was reached",
					 clock_duration(s->orders.timeout_ns, limit));

	s->deadline_ns = INT64_MAX;
	supervise_stop_because(s, why);
}

bool supervise_stop_tick(struct supervisor *s)
{
	int64_t now_ns = clock_monotonic_ns();
	size_t refused = 0;

	host_tree_refresh(&s->tree, NULL);
	if (!s->tree.members_count)
		return true;
	if (now_ns >= s->kill_ns && s->orders.cgroup)
		host_cgroup_kill(s->orders.cgroup);
	if (now_ns >= s->kill_ns) {
		host_tree_signal(&s->tree, SIGKILL, &refused, NULL);
		if (refused && !s->container_killed)
			supervise_kill_container(s, SIGKILL);
		s->container_killed |= refused > 0;
	}
	return now_ns >= s->kill_ns + KILL_LIMIT_NS;
}
