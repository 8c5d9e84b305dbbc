/*
 * The supervisor of one run: a small process besides the command (or what was adopted), started by
 * launch.c. It renews the heartbeat, enforces --timeout on the whole tree, and releases the GPUs
 * when the command has ended and nothing of its tree uses them. It can be killed at any time: the
 * reservation then lives as long as the command does.
 *
 * It renews from short-lived children, so that it stays small and a store that hangs does not block
 * it. Only after the command's end does it use the store itself.
 */
#include "supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/lazy/lazy.h"
#include "base/mem.h"
#include "base/str.h"
#include "host/cgroup.h"
#include "host/process.h"
#include "plan/rebase.h"
#include "supervise/launch.h"
#include "supervise/supervisor.h"

/* When the tree is scanned first; each later scan waits four times as long. Processes that lose
   their parent later are known by then, even if they clear their environment. */
#define FIRST_SCAN_NS (250 * NS_PER_MS)
/* Adopted processes carry no marker: their children have to be seen before they lose their parent.
 */
#define ADOPTED_SCAN_NS (5 * NS_PER_SECOND)
/* Orders come right after the grant. Older ones could "restore" a reservation of long ago. */
#define ORDERS_AGE_NS (600 * NS_PER_SECOND)
/* A tree that is being stopped is scanned this often. */
#define STOP_TICK_NS (100 * NS_PER_MS)
/* After the end of the command, GPU users of its tree are searched for at least this often. */
#define LINGER_TICK_NS (5 * NS_PER_SECOND)
/* A slow driver: without a scan, every process of the run counts as using the GPUs. */
#define SCAN_LIMIT_NS (5 * NS_PER_SECOND)

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How long the linger time still lasts; without an end where it is over, or does not count. */
static int64_t linger_left_ns(const struct supervisor *s, int64_t now_ns)
{
	int64_t left_ns = s->ended_ns + s->orders.linger_ns - now_ns;

	return left_ns > 0 ? left_ns : INT64_MAX;
}

/* Sleeps until something happens, or something is due. */
static void supervise_sleep(struct supervisor *s)
{
	struct pollfd fds[3 + USERS_WATCHED];
	int64_t now_ns = clock_monotonic_ns(), wait_ms;
	int64_t due_ns = min_ns(min_ns(s->deadline_ns, s->warn_ns), s->notify_ns);
	nfds_t count = 0;

	if (!s->lost && !s->renewer)
		due_ns = min_ns(due_ns, s->next_renewal_ns);
	if (s->command_fd >= 0)
		due_ns = min_ns(due_ns, s->next_scan_ns);
	else
		due_ns = min_ns(due_ns, now_ns + min_ns(LINGER_TICK_NS, linger_left_ns(s, now_ns)));
	if (s->kill_ns)
		due_ns = min_ns(due_ns, now_ns + STOP_TICK_NS);
	due_ns = min_ns(due_ns, s->next_container_ns);
	if (s->command_fd >= 0)
		fds[count++] = (struct pollfd){.fd = s->command_fd, .events = POLLIN};
	if (s->clock_fd >= 0)
		fds[count++] = (struct pollfd){.fd = s->clock_fd, .events = POLLIN};
	if (s->renewer > 0 && s->renewer_fd >= 0)
		fds[count++] = (struct pollfd){.fd = s->renewer_fd, .events = POLLIN};
	for (size_t i = 0; i < s->users; i++)
		fds[count++] = (struct pollfd){.fd = s->user_fds[i], .events = POLLIN};
	if (s->renewer && s->renewer_fd < 0)
		due_ns = now_ns;
	wait_ms = due_ns > now_ns ? (due_ns - now_ns) / NS_PER_MS + 1 : 0;
	poll(fds, count, wait_ms > 3600000 ? 3600000 : (int)wait_ms);
}

static bool is_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* What may be due: the heartbeat, the time limit, a scan of the tree. */
static void supervise_chores(struct supervisor *s)
{
	int64_t now_ns;

	supervise_check_clock(s);
	now_ns = clock_monotonic_ns();
	if (s->renewer && (s->renewer_fd < 0 || is_ready(s->renewer_fd)))
		supervise_renewed(s);
	if (!s->renewer && !s->lost && now_ns >= s->next_renewal_ns)
		supervise_renew(s);
	if (now_ns >= s->next_container_ns)
		supervise_find_container(s);
	if (now_ns >= s->warn_ns)
		supervise_warn(s);
	if (now_ns >= s->notify_ns)
		supervise_notify_limit(s);
	if (now_ns >= s->deadline_ns)
		supervise_time_out(s);
	if (s->command_fd >= 0 && now_ns >= s->next_scan_ns) {
		host_tree_refresh(&s->tree, NULL);
		say_target_check(&s->target, s->command);
		s->scan_interval_ns =
			min_ns(s->scan_interval_ns * 4,
			       s->orders.adopted ? ADOPTED_SCAN_NS : HEARTBEAT_INTERVAL_NS);
		s->next_scan_ns = now_ns + s->scan_interval_ns;
	}
}

/* The command has ended: of adopted processes the next living one takes its place. A heartbeat
   stores that at once. */
static void supervise_next_adopted(struct supervisor *s)
{
	supervise_notify_status(s);
	mem_auto_close(&s->command_fd);
	while (s->command_fd < 0 && s->adopted_next < s->orders.adopted_count) {
		const struct process_ref *next = &s->orders.adopted[s->adopted_next++];

		if (host_pidfd_open(next, &s->command_fd, NULL) < 0)
			continue;
		s->command = next;
		s->holder = *next;
		s->next_renewal_ns = clock_monotonic_ns();
	}
	if (s->command_fd < 0) {
		s->ended_ns = clock_monotonic_ns();
		/* What the shell starts next has not come from the command. */
		s->tree.until_ticks = host_ticks_now();
	}
}

/* Watches until the GPUs can be released. Returns when that was, by clock_boot_ns. */
static int64_t supervise_watch(struct supervisor *s)
{
	for (;;) {
		supervise_sleep(s);
		/* The end first: nothing may delay the release. */
		if (is_ready(s->command_fd))
			supervise_next_adopted(s);
		if (s->kill_ns) {
			if (supervise_stop_tick(s))
				s->kill_ns = 0;
		}
		if (s->command_fd < 0 && !s->kill_ns) {
			int64_t ended_boot_ns = clock_boot_ns();
			bool kept = supervise_is_kept(s);

			/* Before the release, too, which may take long. */
			say_target_clear(&s->target);
			if (!kept)
				return ended_boot_ns;
		}
		supervise_chores(s);
	}
}

/* Moves the times of the grant to the clocks of now: the wall clock may have been set meanwhile.
   Fails where that was long ago. */
static int supervise_check_age(struct reservation *mine, struct err *e)
{
	char clock[CLOCK_NAME_SIZE];
	int64_t now_ns, boot_ns, age_ns;

	host_clock_name(mine->holder.boot_id, clock);
	clock_moment(&now_ns, &boot_ns);
	plan_rebase(mine, clock, now_ns, boot_ns);
	age_ns = now_ns - mine->start_ns;
	if (age_ns > ORDERS_AGE_NS || age_ns < -ORDERS_AGE_NS)
		return err_set(e, EPROTO, "the supervisor got outdated orders");
	/* Those of an older program, which waited through an upgrade, do not say by which clock. */
	if (!*mine->base.clock) {
		memcpy(mine->base.clock, clock, sizeof(clock));
		mine->base.offset_ns = now_ns - boot_ns;
	}
	return 0;
}

/* Reads the orders up to the end of the pipe. */
static int supervise_read_orders(struct supervisor *s, struct err *e)
{
	struct orders *orders = &s->orders;
	AUTO(str_clear) struct str text = {0};
	char part[4096];
	ssize_t n;
	int r;

	if (!launch_is_ours(STDIN_FILENO))
		return err_set(e, EPERM, "the supervisor takes orders only from canhazgpu");
	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			str_add_bytes(&text, part, (size_t)n);
	}
	/* No orders: the run was refused. That is no error. */
	if (!text.length)
		return 1;
	r = orders_read(str_text(&text), orders, e);
	if (r < 0)
		return r;
	/* Time limits and heartbeats are due meanwhile. */
	s->look_limit_ns = orders->pool.scan_limit_ns;
	pool_config_limit_scan(&orders->pool, SCAN_LIMIT_NS);
	return supervise_check_age(orders->reservation, e);
}

/* Tells the caller how the start went, "" for success, and closes the last handles. */
static int supervise_answer(const char *problem, struct err *e)
{
	size_t length = strlen(problem) + 1;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || write(STDOUT_FILENO, problem, length) != (ssize_t)length)
		return err_sys(e, errno, "nobody is waiting for the supervisor");
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	mem_auto_close(&null_fd);
	return 0;
}

/* Opens the store for a moment: the libraries that it needs stay loaded. An upgrade of the system
   in some weeks may take them away. */
static int supervise_load_store(struct supervisor *s, struct err *e)
{
	struct pool *pool = NULL;
	int r = pool_open(&s->orders.pool, &pool, e);

	s->shared = r == 0 && pool_has_external_writers(pool);
	pool_close(pool);
	return r;
}

/* Begins to watch the command, while its process still waits for the answer. */
static int supervise_begin(struct supervisor *s, struct err *e)
{
	struct reservation *mine = s->orders.reservation;
	int64_t now_ns = clock_monotonic_ns();
	int r;

	supervise_watch_clock(s);
	s->command = &mine->holder.command;
	s->gpus = str_from_ids(mine->gpus, mine->gpus_count);
	s->actor = (struct plan_actor){.uid = (uid_t)mine->uid.value, .account = mine->account};
	s->holder = *s->command;
	host_tree_init(&s->tree, mine->id, s->command);
	s->tree.cgroup = mem_strdup(s->orders.cgroup);
	say_target_init(&s->target, s->command);
	s->adopted_next = 1;
	for (size_t i = 1; i < s->orders.adopted_count; i++)
		host_tree_add(&s->tree, &s->orders.adopted[i]);
	if (s->orders.adopted)
		host_tree_refresh(&s->tree, NULL);
	s->scan_interval_ns = FIRST_SCAN_NS;
	s->next_scan_ns = now_ns + FIRST_SCAN_NS;
	s->next_container_ns = s->orders.cid_file ? now_ns + FIRST_SCAN_NS : INT64_MAX;
	s->deadline_ns = s->orders.timeout_ns ? now_ns + s->orders.timeout_ns : INT64_MAX;
	s->began_ns = now_ns;
	supervise_notify_begin(s);
	s->warn_ns = s->orders.warn_signal ? s->deadline_ns - s->orders.warn_before_ns : INT64_MAX;
	r = s->orders.within ? supervise_begin_within(s, e) : 0;
	if (r == 0)
		r = host_pidfd_open(s->command, &s->command_fd, e);
	if (r == 0)
		r = supervise_load_store(s, e);
	supervise_look_soon(s);
	if (r < 0) {
		supervise_answer(e->text, NULL);
		return r;
	}
	return supervise_answer("", e);
}

int supervise(struct pool_config *ret_pool, struct err *e)
{
	struct supervisor s = {.command_fd = -1,
			       .status_fd = -1,
			       .renewer_fd = -1,
			       .clock_fd = -1,
			       .target.socket_fd = -1};
	int r;

	prctl(PR_SET_NAME, "canhazgpu");
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	/* The orders come as JSON; this is done while the run still reserves. */
	r = lazy_load(LAZY_JANSSON, e);
	if (r < 0)
		return r;
	r = supervise_read_orders(&s, e);
	if (r)
		return r < 0 ? r : 0;
	r = supervise_begin(&s, e);
	if (r == 0)
		supervise_notify_start(&s);
	/* Where the command is gone already, nothing was started. */
	if (supervise_release(&s, r < 0 ? clock_boot_ns() : supervise_watch(&s))) {
		*ret_pool = s.orders.pool;
		s.orders.pool = (struct pool_config){0};
	}
	if (r == 0)
		supervise_notify_end(&s, s.ended_ns);
	if (s.orders.cgroup)
		host_cgroup_remove(s.orders.cgroup);
	supervise_forget_users(&s);
	supervise_forget_container(&s);
	supervise_end_within(&s);
	mem_auto_close(&s.clock_fd);
	host_tree_clear(&s.tree);
	free(s.gpus);
	orders_clear(&s.orders);
	return r;
}
