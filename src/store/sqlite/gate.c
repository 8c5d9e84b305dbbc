/* The gate of gate.h: waiting in the kernel's queue, with a limit, and naming the process that
   holds it. */
#include "store/sqlite/gate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "host/process.h"

/*
 * While waiting, signals are let through this often: how long Ctrl-C takes at most. Each time costs
 * the place in the queue, so it is longer than 64 commits take on a usual disk. On one that needs
 * 30 ms for a sync it is not: the last in the queue may not get in within the limit.
 */
#define TICK_US 500000

/* A process that comes back within this time a second time works in a loop (a report, a retry; a
   command that changes something loads twice, the second time to commit) ... */
#define AGAIN_NS NS_PER_MS
/* ... and pauses first. A lock that becomes free wakes the next waiter, but belongs to the first
   that takes it: without the pause, that would always be the one that is already running. */
#define PAUSE_NS 50000

static void wake(int signal)
{
}

/* Everything that could stop or end the process, but not what a fault of its own raises. */
static void block_signals(sigset_t *ret_before)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
	sigset_t blocked;

	sigfillset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigdelset(&blocked, faults[i]);
	sigprocmask(SIG_BLOCK, &blocked, ret_before);
}

/*
 * Delivers what arrived meanwhile, at a moment when nothing is held. Returns how long that took:
 * with Ctrl-Z it lasts until `fg`, and that time does not count as waiting.
 */
static int64_t let_signals_in(const sigset_t *before)
{
	int64_t start_ns = clock_monotonic_ns();
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, before, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	return clock_monotonic_ns() - start_ns;
}

/*
 * Waits in the kernel's queue. Signals stay blocked even here: one that stops the process at the
 * very moment when it gets the lock would otherwise leave it stopped inside the gate. A timer
 * interrupts the wait instead, to check the time limit and to let signals through.
 */
static int wait_in_queue(int fd, int64_t limit_ns, const sigset_t *before)
{
	int64_t deadline_ns = clock_monotonic_ns() + limit_ns;
	struct sigaction on_tick = {.sa_handler = wake}, old_action;
	struct itimerval ticks = {{0, TICK_US}, {0, TICK_US}}, old_ticks, none = {0};
	sigset_t tick;
	int r = 0;

	if (limit_ns < TICK_US * INT64_C(1000))
		ticks.it_value.tv_usec = limit_ns / 1000 + 1;
	sigemptyset(&tick);
	sigaddset(&tick, SIGALRM);
	sigaction(SIGALRM, &on_tick, &old_action);
	sigprocmask(SIG_UNBLOCK, &tick, NULL);
	setitimer(ITIMER_REAL, &ticks, &old_ticks);
	while (r == 0 && flock(fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			r = -errno;
		else if (clock_monotonic_ns() >= deadline_ns)
			r = -ETIMEDOUT;
		else
			deadline_ns += let_signals_in(before);
	}
	/* A last tick is delivered here, while the handler is still in place. */
	setitimer(ITIMER_REAL, &none, NULL);
	sigprocmask(SIG_BLOCK, &tick, NULL);
	sigaction(SIGALRM, &old_action, NULL);
	setitimer(ITIMER_REAL, &old_ticks, NULL);
	return r;
}

/* Lets others go first, if this one keeps coming back. */
static void give_way(struct sqlite_gate *g)
{
	const struct timespec pause = {0, PAUSE_NS};
	bool again = g->left_ns && clock_monotonic_ns() - g->left_ns < AGAIN_NS;

	if (again && g->returned)
		nanosleep(&pause, NULL);
	g->returned = again;
}

int sqlite_gate_enter(struct sqlite_gate *g, int fd, const char *path, int64_t limit_ns,
		      struct err *e)
{
	char holder[SQLITE_HOLDER_SIZE];
	int r = 0;

	give_way(g);
	block_signals(&g->signals);
	g->masked = true;
	g->fd = fd;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	r = errno == EWOULDBLOCK ? wait_in_queue(fd, limit_ns, &g->signals) : -errno;
	if (r == 0)
		return 0;
	sqlite_gate_leave(g);
	if (r == -ETIMEDOUT) {
		sqlite_gate_holder(path, holder);
		err_set(e, ETIMEDOUT, "gave up after %.0f s: %s is locked by %s",
			(double)limit_ns / NS_PER_SECOND, path, holder);
	} else {
		err_sys(e, -r, "cannot lock %s", path);
	}
	return r;
}

void sqlite_gate_leave(struct sqlite_gate *g)
{
	/* Not LOCK_UN: a forked child that shares the descriptor must not open the gate. */
	if (g->fd >= 0) {
		close(g->fd);
		g->left_ns = clock_monotonic_ns();
	}
	g->fd = -1;
	if (g->masked)
		sigprocmask(SIG_SETMASK, &g->signals, NULL);
	g->masked = false;
}

/* The pid that holds a lock on that file, from /proc/locks; 0: none is shown. */
static pid_t lock_owner(const struct stat *file)
{
	AUTO_FCLOSE FILE *locks = fopen("/proc/locks", "re");
	char line[256];

	while (locks && fgets(line, sizeof(line), locks)) {
		unsigned device_major, device_minor;
		uint64_t inode;
		char kind[16];
		int pid;

		/* A waiter's line has "->" for its kind, and then no pid where one is expected. */
		if (sscanf(line, "%*s %15s %*s %*s %d %x:%x:%" SCNu64, kind, &pid, &device_major,
			   &device_minor, &inode) == 5 &&
		    pid > 0 && pid != getpid() && inode == file->st_ino &&
		    device_major == major(file->st_dev) && device_minor == minor(file->st_dev))
			return pid;
	}
	return 0;
}

void sqlite_gate_holder(const char *path, char holder[SQLITE_HOLDER_SIZE])
{
	struct process_info process;
	struct stat file;
	pid_t pid = stat(path, &file) == 0 ? lock_owner(&file) : 0;

	if (pid && host_process_read(pid, &process, NULL) == 0) {
		AUTO_FREE char *name = text_printable(process.name);

		if (process.state == 'T')
			snprintf(holder, SQLITE_HOLDER_SIZE,
				 "pid %d (%s), which is stopped: continue it with "
				 "'kill -CONT %d' or end it",
				 (int)pid, name, (int)pid);
		else
			snprintf(holder, SQLITE_HOLDER_SIZE, "pid %d (%s)", (int)pid, name);
		return;
	}
	snprintf(holder, SQLITE_HOLDER_SIZE, "%s", "a process that cannot be seen from here");
}
