/*
 * The supervisor of one run: a small process beside the command, started by launch.c. It keeps the
 * heartbeat, enforces --timeout on the whole tree, and releases the GPUs when command and GPU users
 * are gone. It can be killed at any time: the reservation then lives as long as the command does.
 *
 * It renews from short-lived children, so that it stays small and a store that hangs does not keep
 * it from its work. Only after the command's end it works the store itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cmd/cmd.h"
#include "cmd/orders.h"
#include "cmd/supervise_say.h"
#include "host/tree.h"
#include "pool/describe.h"

/* The first look at who belongs to the tree; each later one waits four times as long. Those that
   lose their parent later are known by then, even if they clear their environment. */
#define FIRST_LOOK_NS (250 * NS_PER_MS)
/* While a tree is being stopped it is looked at this often. */
#define STOP_TICK_NS (100 * NS_PER_MS)
/* After SIGKILL, what is still there cannot be killed (another account's, or stuck in the kernel).
 */
#define KILL_LIMIT_NS (5 * NS_PER_SECOND)
/* A GPU user of the tree is looked for at least this often after the command has ended. */
#define LINGER_TICK_NS (5 * NS_PER_SECOND)
/* At most so many processes are waited for at once; the tick finds the others. */
#define USERS_WATCHED 32

/* Exit statuses of the child that renews the heartbeat. */
enum renewal { RENEWAL_DONE, RENEWAL_FAILED, RENEWAL_SHORTENED, RENEWAL_LOST };

struct supervisor {
	struct orders orders;
	const struct process_ref *command; /* in the orders */
	char *gpus;                        /* "[0, 1]", for messages */
	struct plan_actor actor;           /* whose reservation it is */
	struct process_ref holder;         /* who the reservation lives as long as */
	struct host_tree tree;
	int command_fd; /* pidfd; -1 after the end */

	pid_t renewer; /* the child that renews the heartbeat; 0: none */
	int renewer_fd;
	int64_t next_renewal_ns; /* all times are monotonic */
	int failures;            /* renewals that failed in a row */
	bool lost;               /* the reservation is not ours any more */
	bool shortened;          /* not all of its GPUs are */

	int64_t next_look_ns, look_interval_ns;
	int64_t deadline_ns; /* --timeout; INT64_MAX: none */
	int64_t kill_ns;     /* while stopping: when SIGKILL begins; 0: not stopping */

	int user_fds[USERS_WATCHED]; /* pidfds of tree members on the GPUs, after the end */
	size_t users;
};

/* ---- heartbeat ---- */

/* A reservation that is gone may have been lost with the data of the store: then it is made again.
   True if it is there again. */
static bool supervise_restore(const struct supervisor *s, struct pool *pool, struct err *e, int *r)
{
	AUTO(reservation_freep) struct reservation *mine = reservation_copy(s->orders.reservation);
	bool restored = false;

	mine->holder.command = s->holder;
	*r = pool_restore(pool, mine, &restored, e);
	if (restored)
		supervise_say(s->command,
			      "the store had lost the reservation of GPU(s) %s; it is made again",
			      s->gpus);
	return restored;
}

/* The child: renews, tells the terminal about the first failure and the recovery, and is gone. */
__attribute__((noreturn)) static void supervise_renew_child(const struct supervisor *s)
{
	const struct process_ref *command = s->command;
	struct pool *pool = NULL;
	struct err e = {0};
	size_t gpus_count = 0;
	int r = pool_open(&s->orders.pool, &pool, &e);

	if (r == 0)
		r = pool_heartbeat(pool, &s->actor, s->orders.reservation->id, NULL, &gpus_count,
				   &e);
	if (r == 0 && !gpus_count && supervise_restore(s, pool, &e, &r))
		gpus_count = s->orders.reservation->gpus_count;
	pool_close(pool);
	if (r < 0 && !s->failures)
		supervise_say(command,
			      "the heartbeat could not be stored: %s; GPU(s) %s stay "
			      "reserved, trying again",
			      e.text, s->gpus);
	if (r == 0 && s->failures)
		supervise_say(command, "the heartbeat is stored again");
	if (r < 0)
		_exit(RENEWAL_FAILED);
	if (!gpus_count)
		_exit(RENEWAL_LOST);
	_exit(gpus_count < s->orders.reservation->gpus_count ? RENEWAL_SHORTENED : RENEWAL_DONE);
}

static void supervise_renew(struct supervisor *s)
{
	struct process_ref child;

	s->next_renewal_ns = clock_monotonic_ns() + s->orders.heartbeat_ns;
	s->renewer = fork();
	if (s->renewer == 0)
		supervise_renew_child(s);
	if (s->renewer < 0 || host_process_ref(s->renewer, &child, NULL) < 0 ||
	    host_pidfd_open(&child, &s->renewer_fd, NULL) < 0) {
		/* It has ended already, or there was none: reap it at once. */
		s->renewer_fd = -1;
	}
}

static void supervise_stop(struct supervisor *s);

/* The reservation was taken away, as a whole or in part: says so once, and obeys on-lost. */
static void supervise_lose(struct supervisor *s, bool whole)
{
	const char *what = whole ? "" : "a part of ";
	const char *then = "goes on WITHOUT a reservation";

	if (s->lost || (!whole && s->shortened))
		return;
	s->lost = whole;
	s->shortened = true;
	if (s->orders.kill_on_lost)
		then = "is being stopped";
	else if (!whole)
		then = "goes on, but has not reserved all GPUs that it was given";
	supervise_say(s->command,
		      "%sthe reservation of GPU(s) %s is gone (released, or the pool was made "
		      "anew); the command %s",
		      what, s->gpus, then);
	if (s->orders.kill_on_lost)
		supervise_stop(s);
}

static void supervise_renewed(struct supervisor *s)
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

/* ---- stopping ---- */

/* Begins to stop the tree: SIGINT now (and SIGCONT, for what is stopped), SIGKILL after the grace.
 */
static void supervise_stop(struct supervisor *s)
{
	size_t refused = 0;

	if (s->kill_ns)
		return;
	s->kill_ns = clock_monotonic_ns() + s->orders.grace_ns;
	host_tree_refresh(&s->tree, NULL, 0, NULL);
	host_tree_signal(&s->tree, SIGINT, &refused, NULL);
	host_tree_signal(&s->tree, SIGCONT, &refused, NULL);
}

static void supervise_time_out(struct supervisor *s)
{
	char limit[CLOCK_DURATION_SIZE], grace[CLOCK_DURATION_SIZE];

	s->deadline_ns = INT64_MAX;
	supervise_say(s->command,
		      "the time limit of %s is over: stopping the command (SIGINT; SIGKILL in %s)",
		      clock_duration(s->orders.timeout_ns, limit),
		      clock_duration(s->orders.grace_ns, grace));
	supervise_stop(s);
}

/* A step of stopping. True when the tree is gone, or what is left of it cannot be killed. */
static bool supervise_stop_tick(struct supervisor *s)
{
	int64_t now_ns = clock_monotonic_ns();
	size_t refused = 0;

	host_tree_refresh(&s->tree, NULL, 0, NULL);
	if (!s->tree.members_count)
		return true;
	if (now_ns >= s->kill_ns)
		host_tree_signal(&s->tree, SIGKILL, &refused, NULL);
	return now_ns >= s->kill_ns + KILL_LIMIT_NS;
}

/* ---- the end ---- */

static void supervise_forget_users(struct supervisor *s)
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
 * Names a process that outlives the command as the one that the reservation lives as long as:
 * others then see that it goes on, also if this supervisor is killed.
 */
static void supervise_stand_in(struct supervisor *s, struct pool *pool,
			       const struct process_ref *member)
{
	size_t gpus_count;

	if (pool && memcmp(&s->holder, member, sizeof(*member)) != 0 &&
	    pool_heartbeat(pool, &s->actor, s->orders.reservation->id, member, &gpus_count, NULL) ==
		    0)
		s->holder = *member;
}

/*
 * After the command's end: finds the members of its tree that still use the reserved GPUs. True if
 * there is one. Where nobody of the tree is left, no GPU is asked, so that the end is immediate.
 * While driver or store do not answer, every member may be one: unknown is not unused.
 */
static bool supervise_find_users(struct supervisor *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	AUTO_FREE pid_t *pids = NULL;
	size_t count = 0;
	bool blind, found = false;

	supervise_forget_users(s);
	if (host_tree_refresh(&s->tree, NULL, 0, NULL) == 0 && !s->tree.members_count &&
	    !s->tree.undecided)
		return false;
	if (s->lost)
		return false;
	blind = pool_open(&s->orders.pool, &pool, NULL) < 0 ||
		pool_processes(pool, s->orders.reservation->id, &pids, &count, NULL) < 0;
	host_tree_refresh(&s->tree, pids, count, NULL);
	for (size_t i = 0; i < s->tree.members_count; i++) {
		const struct process_ref *member = &s->tree.members[i];

		if (!blind && !is_listed(pids, count, member->pid))
			continue;
		if (!found)
			supervise_stand_in(s, pool, member);
		found = true;
		if (s->users < USERS_WATCHED &&
		    host_pidfd_open(member, &s->user_fds[s->users], NULL) == 0)
			s->users++;
	}
	return found;
}

/* Drops old history. Orders may be forged: what they pass for the host's setting is read anew. */
static void supervise_trim(struct supervisor *s)
{
	AUTO(pool_closep) struct pool *pool = NULL;
	struct pool_config *config = &s->orders.pool;

	if (!config->history_is_personal)
		config->history_keep_ns = history_of_host_ns();
	if (pool_open(config, &pool, NULL) == 0)
		pool_trim(pool, NULL);
}

/* Releases, again and again if the store does not answer: nobody is harmed by a late release. After
   some minutes it is left to the next invocation, which sees that command and supervisor are gone.
 */
static void supervise_release(struct supervisor *s, int64_t end_ns)
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

/* ---- the loop ---- */

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Sleeps until something happens, or something is due. */
static void supervise_sleep(struct supervisor *s)
{
	struct pollfd fds[2 + USERS_WATCHED];
	int64_t now_ns = clock_monotonic_ns(), due_ns = s->deadline_ns, wait_ms;
	nfds_t count = 0;

	if (!s->lost && !s->renewer)
		due_ns = min_ns(due_ns, s->next_renewal_ns);
	if (s->command_fd >= 0)
		due_ns = min_ns(due_ns, s->next_look_ns);
	else
		due_ns = min_ns(due_ns, now_ns + LINGER_TICK_NS);
	if (s->kill_ns)
		due_ns = min_ns(due_ns, now_ns + STOP_TICK_NS);
	if (s->command_fd >= 0)
		fds[count++] = (struct pollfd){.fd = s->command_fd, .events = POLLIN};
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

/* What is due on the side: heartbeat, the time limit, a look at the tree. */
static void supervise_chores(struct supervisor *s)
{
	int64_t now_ns = clock_monotonic_ns();

	if (s->renewer && (s->renewer_fd < 0 || is_ready(s->renewer_fd)))
		supervise_renewed(s);
	if (!s->renewer && !s->lost && now_ns >= s->next_renewal_ns)
		supervise_renew(s);
	if (now_ns >= s->deadline_ns)
		supervise_time_out(s);
	if (s->command_fd >= 0 && now_ns >= s->next_look_ns) {
		host_tree_refresh(&s->tree, NULL, 0, NULL);
		s->look_interval_ns = min_ns(s->look_interval_ns * 4, HEARTBEAT_INTERVAL_NS);
		s->next_look_ns = now_ns + s->look_interval_ns;
	}
}

/* Watches until the GPUs can be released; the time when that was. */
static int64_t supervise_watch(struct supervisor *s)
{
	for (;;) {
		supervise_sleep(s);
		/* The end first: nothing may stand between it and the release. */
		if (is_ready(s->command_fd))
			mem_auto_close(&s->command_fd);
		if (s->kill_ns) {
			if (supervise_stop_tick(s))
				s->kill_ns = 0;
		}
		if (s->command_fd < 0 && !s->kill_ns) {
			int64_t end_ns = clock_now_ns();

			if (!supervise_find_users(s))
				return end_ns;
		}
		supervise_chores(s);
	}
}

/* Reads the orders up to the end of the pipe. */
static int supervise_read_orders(struct orders *orders, struct err *e)
{
	AUTO(str_clear) struct str text = {0};
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0)
			str_add_bytes(&text, part, (size_t)n);
	}
	/* No orders: the run was refused. That is no error. */
	if (!text.length)
		return 1;
	return orders_read(str_text(&text), orders, e);
}

/* Tells the caller what became of the start, "" for success, and lets go of the last handles. */
static int supervise_answer(const char *problem, struct err *e)
{
	size_t length = strlen(problem) + 1;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || write(STDOUT_FILENO, problem, length) != (ssize_t)length)
		return err_sys(e, errno, "nobody waits for the supervisor");
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	mem_auto_close(&null_fd);
	return 0;
}

/* Begins to watch the command, while its process still waits for the answer. */
static int supervise_begin(struct supervisor *s, struct err *e)
{
	int64_t now_ns = clock_monotonic_ns();
	int r;

	s->command = &s->orders.reservation->holder.command;
	s->gpus = describe_ids(s->orders.reservation->gpus, s->orders.reservation->gpus_count);
	s->actor = (struct plan_actor){.uid = getuid(), .account = s->orders.reservation->account};
	s->holder = *s->command;
	host_tree_init(&s->tree, s->orders.reservation->id, s->command);
	s->next_renewal_ns = now_ns + s->orders.heartbeat_ns;
	s->look_interval_ns = FIRST_LOOK_NS;
	s->next_look_ns = now_ns + FIRST_LOOK_NS;
	s->deadline_ns = s->orders.timeout_ns ? now_ns + s->orders.timeout_ns : INT64_MAX;
	r = host_pidfd_open(s->command, &s->command_fd, e);
	if (r < 0) {
		supervise_answer(e->text, NULL);
		return r;
	}
	return supervise_answer("", e);
}

static int supervise_run(const struct invocation *in, struct err *e)
{
	struct supervisor s = {.command_fd = -1, .renewer_fd = -1};
	int r;

	(void)in;
	prctl(PR_SET_NAME, "canhazgpu");
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	r = supervise_read_orders(&s.orders, e);
	if (r)
		return r < 0 ? r : 0;
	r = supervise_begin(&s, e);
	/* Where the run is gone already, nothing was started. */
	supervise_release(&s, r < 0 ? clock_now_ns() : supervise_watch(&s));
	supervise_forget_users(&s);
	host_tree_clear(&s.tree);
	free(s.gpus);
	orders_clear(&s.orders);
	return r;
}

const struct command cmd_supervise = {
	.name = SUPERVISE_NAME,
	.summary = "Watch the command of a run",
	.usage = "",
	.hidden = true,
	.run = supervise_run,
};
