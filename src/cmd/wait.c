/* run --wait and reserve --wait: see wait.h. Called by run.c and reserve.c. */
#include "cmd/wait.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/notice.h"
#include "cmd/request.h"
#include "cmd/wait_settings.h"
#include "cmd/wait_show.h"
#include "host/process.h"
#include "pool/wait.h"

/* How often the time that is shown changes. */
#define TICK_NS NS_PER_SECOND
/* How long a limit that was lifted may go unnoticed. (Decisions look every time.) */
#define SETTINGS_TICK_NS (5 * NS_PER_SECOND)
/* ... unless so many are before it: then it is in time when it renews its heartbeat. */
#define SETTINGS_PLACES 8

/* The signals that end a wait, blocked as long as it lasts. */
struct interrupts {
	int fd;
	sigset_t before;
};

#define INTERRUPTS_NONE ((struct interrupts){.fd = -1})

/* Signals that are ignored (nohup) stay so. */
static int interrupts_block(struct interrupts *i, struct err *e)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t k = 0; k < ARRAY_SIZE(signals); k++) {
		struct sigaction action;

		if (sigaction(signals[k], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&set, signals[k]);
	}
	if (sigprocmask(SIG_BLOCK, &set, &i->before) < 0)
		return err_sys(e, errno, "cannot block signals");
	i->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return i->fd < 0 ? err_sys(e, errno, "cannot wait for signals") : 0;
}

/* The signal that has come; 0: none. */
static int interrupts_take(const struct interrupts *i)
{
	struct signalfd_siginfo info;

	return read(i->fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

static void interrupts_clear(struct interrupts *i)
{
	if (i->fd >= 0)
		sigprocmask(SIG_SETMASK, &i->before, NULL);
	mem_auto_close(&i->fd);
}

/* Whether the settings have changed: then it is time for a step. */
static bool settings_changed(struct wait_settings *settings, struct pool_wait *wait,
			     struct wait_show *show)
{
	AUTO_FREE char *line = NULL;
	bool changed = wait_settings_check(settings, wait, &line);

	if (line)
		wait_show_note(show, line);
	return changed;
}

/* How long it may sleep although nothing happens. */
static int64_t tick_ns(const struct wait_show *show, const struct pool_standing *standing)
{
	if (wait_show_ticks(show))
		return TICK_NS;
	return standing->place <= SETTINGS_PLACES ? SETTINGS_TICK_NS : INT64_MAX;
}

/* Steps and sleeps until the request is granted (0), or not (negative), or a signal came (its
   number). */
static int wait_loop(struct pool_wait *wait, const struct interrupts *interrupts,
		     struct wait_settings *settings, struct wait_show *show,
		     struct pool_grant *grant, struct err *e)
{
	for (;;) {
		bool step = false;
		int r;

		settings_changed(settings, wait, show);
		r = pool_wait_step(wait, grant, e);
		if (r != 0)
			return r > 0 ? 0 : r;
		while (!step) {
			const struct pool_standing *standing = pool_wait_standing(wait);

			wait_show(show, standing);
			if (pool_wait_sleep(wait, interrupts->fd, tick_ns(show, standing), &step) >
				    0 &&
			    (r = interrupts_take(interrupts)) > 0)
				return r;
			step = step || settings_changed(settings, wait, show);
		}
	}
}

/* Ends as if the signal had come just now. */
static void die_by(int signal)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t set;

	sigaction(signal, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A signal that came while the GPUs were being granted means that they are not wanted any more.
   Gives them back. Returns the signal, 0 for none, negative where they could not be given back. */
static int return_grant_if_interrupted(struct pool *pool, const struct plan_request *request,
				       const struct interrupts *interrupts,
				       struct pool_grant *grant, struct err *e)
{
	int signal = interrupts_take(interrupts);
	struct err why = {0};

	if (!signal)
		return 0;
	pool_grant_clear(grant);
	if (pool_end(pool, &request->actor, request->id, clock_boot_ns(), &why) == 0)
		return signal;
	return err_set(e, EINTR, "interrupted, but the GPUs could not be released: %s", why.text);
}

static int wait_in_queue(struct wait_settings *settings, struct pool_grant *grant, struct err *e)
{
	AUTO(interrupts_clear) struct interrupts interrupts = INTERRUPTS_NONE;
	AUTO(wait_show_clear) struct wait_show show;
	const struct plan_request *request = settings->request;
	struct pool *pool = settings->pool;
	struct pool_wait *wait;
	char time[CLOCK_DURATION_SIZE];
	int r;

	wait_show_init(&show);
	r = interrupts_block(&interrupts, e);
	if (r < 0)
		return r;
	pool_wait_begin(pool, request, settings->limit_ns, &wait);
	pool_wait_interrupt(wait, interrupts.fd);
	r = wait_loop(wait, &interrupts, settings, &show, grant, e);
	pool_wait_end(wait);
	wait_show_clear(&show);
	if (r == 0)
		r = return_grant_if_interrupted(pool, request, &interrupts, grant, e);
	if (r > 0) {
		notice("Left the queue\n");
		if (settings->in->command->failed)
			settings->in->command->failed(settings->in->settings, NULL);
		die_by(r);
		return err_set(e, EINTR, "interrupted");
	}
	if (r == -ETIME) {
		err_set(e, ETIME, "gave up after waiting %s for %s",
			clock_duration(settings->limit_ns, time),
			request->ids || request->count > 1 ? "the GPUs" : "a GPU");
		return err_exit_status(e, EXIT_STATUS_GAVE_UP);
	}
	return r;
}

/* The process that waits is the holder of what it collects. */
static int name_holder(struct holder *holder, struct err *e)
{
	if (holder->host)
		return 0;
	holder->host = pool_host_label();
	holder->boot_id = host_boot_id();
	return host_process_ref(getpid(), &holder->command, e);
}

static int request_gpus(const struct invocation *in, struct pool *pool,
			struct supervised *supervised, struct plan_request *request,
			struct pool_grant *ret_grant, struct err *e)
{
	AUTO_FREE char *wait_key = mem_printf("%s.wait", in->command->name);
	AUTO_FREE char *nonblock_key = mem_printf("%s.nonblock", in->command->name);
	int64_t asked_ns = settings_duration_ns(in->settings, wait_key);
	AUTO(wait_settings_end)
	struct wait_settings settings = {.in = in,
					 .pool = pool,
					 .supervised = supervised,
					 .request = request,
					 .asked_ns = asked_ns == INT64_MAX ? 0 : asked_ns};
	AUTO_FREE char *line = NULL;
	int r;

	request_limit_duration(in, pool, request);
	if (!settings_text(in->settings, wait_key) || settings_flag(in->settings, nonblock_key))
		return pool_reserve(pool, request, ret_grant, e);
	r = name_holder(&request->holder, e);
	if (r == 0)
		r = wait_settings_begin(&settings, &line, e);
	if (r < 0)
		return r;
	if (line)
		notice("%s\n", line);
	return wait_in_queue(&settings, ret_grant, e);
}

int reserve_or_wait(const struct invocation *in, struct pool *pool, struct supervised *supervised,
		    struct plan_request *request, struct pool_grant *ret_grant, struct err *e)
{
	int r = request_gpus(in, pool, supervised, request, ret_grant, e);
	AUTO_FREE char *text = pool_take_notice(pool);

	if (text)
		notice("Note: %s\n", text);
	return r;
}
