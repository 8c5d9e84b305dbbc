/* The loop of the web server; see server.h. */
#include "web/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "web/connection.h"
#include "web/listen.h"
#include "web/route.h"

/* What the loop waits for. */
enum { FD_SIGNAL, FD_HTTP, FD_WORKERS, FDS = FD_WORKERS + WORKERS };

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The server ends at a signal, which is read like everything else. One that is ignored (nohup)
   stays so: where it is blocked, too, it would be read all the same. */
static int catch_signals(struct server *s, struct err *e)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction action;

		if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return s->signal_fd < 0 ? err_sys(e, errno, "cannot wait for signals") : 0;
}

static void take_answer(struct server *s, struct worker *w, const struct answer *answer)
{
	if (w->kind == WORKER_REFRESH)
		refresh_done(s, answer);
	else if (w->kind == WORKER_HOSTS)
		hosts_done(s, answer);
	else
		history_done(s, w->question, answer);
	/* It may have been large. */
	str_clear(&w->input);
}

static void serve_worker(struct server *s, struct worker *w, int64_t now_ns)
{
	struct answer answer;

	if (w->kind != WORKER_WATCH) {
		if (worker_read(w, &answer))
			take_answer(s, w, &answer);
	} else if (worker_drain(w)) {
		s->histories.changed_ns = now_ns;
		refresh_changed(s, now_ns);
	}
}

/* Processes that took too long, and those that have ended after that. */
static int64_t check_workers(struct server *s, int64_t now_ns)
{
	int64_t next_ns = INT64_MAX;
	struct answer answer;
	pid_t pid;

	worker_start(&s->workers[WORKER_WATCH]);
	if (s->workers[WORKER_WATCH].fd < 0)
		next_ns = now_ns + NS_PER_SECOND;
	for (int i = WORKER_REFRESH; i < WORKERS; i++) {
		struct worker *w = &s->workers[i];

		if (worker_check_limit(w, &answer))
			take_answer(s, w, &answer);
		next_ns = earlier(next_ns, worker_limit_ns(w));
	}
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (int i = 0; i < WORKERS; i++)
			worker_ended(&s->workers[i], pid);
	}
	return next_ns;
}

/* Does what is due. Returns when something is due next. */
static int64_t tick(struct server *s, int64_t now_ns)
{
	int64_t next_ns = check_workers(s, now_ns);

	next_ns = earlier(next_ns, refresh_tick(s, now_ns));
	next_ns = earlier(next_ns, history_tick(s, now_ns));
	next_ns = earlier(next_ns, hosts_tick(s, now_ns));
	next_ns = earlier(next_ns, streams_beat(&s->streams, now_ns));
	next_ns = earlier(next_ns, wake_expired(s, now_ns));
	next_ns = earlier(next_ns, connection_expire(s, now_ns));
	if (s->watchdog_us && now_ns >= s->sign_ns) {
		s->sign_ns = now_ns + (int64_t)s->watchdog_us * 500; /* half of its time */
		notify_manager("WATCHDOG=1");
	}
	return s->watchdog_us ? earlier(next_ns, s->sign_ns) : next_ns;
}

/* Milliseconds until a time, or until libmicrohttpd wants to run, for poll. */
static int wait_ms(struct server *s, int64_t now_ns, int64_t next_ns)
{
	int64_t ms = next_ns == INT64_MAX ? 60000 : (next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	MHD_UNSIGNED_LONG_LONG http_ms;

	if (MHD_get_timeout(s->daemon, &http_ms) == MHD_YES && (int64_t)http_ms < ms)
		ms = (int64_t)http_ms;
	return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/*
 * Lets libmicrohttpd work, and does what is due. A connection that was woken by that is not seen by
 * epoll: libmicrohttpd has to run once more. Returns when something is due next.
 */
static int64_t work_once(struct server *s)
{
	int64_t next_ns;

	do {
		s->woken = s->streams.woken = false;
		MHD_run(s->daemon);
		next_ns = tick(s, clock_monotonic_ns());
	} while (s->woken || s->streams.woken);
	return next_ns;
}

/* Waits until something happens, or a time. */
static void wait_for_events(struct server *s, int64_t next_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	struct pollfd fds[FDS];

	fds[FD_SIGNAL] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
	fds[FD_HTTP] = (struct pollfd){.fd = s->events_fd, .events = POLLIN};
	for (int i = 0; i < WORKERS; i++)
		fds[FD_WORKERS + i] = (struct pollfd){.fd = s->workers[i].fd, .events = POLLIN};
	if (poll(fds, FDS, wait_ms(s, now_ns, next_ns)) <= 0)
		return;
	if (fds[FD_SIGNAL].revents)
		s->stopping = true;
	now_ns = clock_monotonic_ns();
	for (int i = 0; i < WORKERS; i++) {
		if (fds[FD_WORKERS + i].revents)
			serve_worker(s, &s->workers[i], now_ns);
	}
}

static void loop(struct server *s)
{
	while (!s->stopping)
		wait_for_events(s, work_once(s));
}

int server_run(const struct web_config *config, int listen_fd, bool loopback, struct err *e)
{
	struct server *s = mem_alloc(1, sizeof(*s));
	int r;

	s->config = config;
	s->loopback = loopback;
	s->listen_fd = listen_fd;
	s->signal_fd = s->events_fd = -1;
	refresh_state_init(&s->refresh.state, config->interval_ns);
	s->watchdog_us = notify_watchdog_us();
	TAILQ_INIT(&s->waiting);
	TAILQ_INIT(&s->connections);
	TAILQ_INIT(&s->idle);
	streams_init(&s->streams);
	for (int i = 0; i < WORKERS; i++)
		worker_init(&s->workers[i], i, config);
	hosts_init(s);
	route_init(s);
	r = catch_signals(s, e);
	if (r == 0)
		r = http_start(s, e);
	if (r == 0) {
		notify_manager("READY=1\nSTATUS=Serving");
		loop(s);
		notify_manager("STOPPING=1");
	}
	for (int i = 0; i < WORKERS; i++)
		worker_clear(&s->workers[i]);
	http_stop(s);
	streams_clear(&s->streams);
	refresh_clear(s);
	history_clear(s);
	hosts_clear(s);
	route_clear(s);
	mem_auto_close(&s->signal_fd);
	free(s);
	return r;
}
