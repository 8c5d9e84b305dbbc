/* Telling people and hooks what is new; see pass.h. */
#include "tell/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "host/identity.h"
#include "host/leave.h"
#include "host/process.h"
#include "tell/deliver.h"
#include "tell/log.h"
#include "tell/news.h"
#include "tell/program.h"
#include "view/events.h"

/* Accounts that are told at the same time. */
#define AT_ONCE 16
/* How often a pass begins again because another one was faster. */
#define TRIES 5
/* How often it is tried to find out whether the events are ours, where the pass did not say. */
#define LOOKS 30

/* What the pass says to the process that tells; end of file: it was killed, or does not know. */
#define SAYS_OURS 'y'
#define SAYS_NOT_OURS 'n'

/* Looks in the store, as another process: what this one has inherited is not to be used. */
static bool is_ours(const struct pool_config *config, const char *token)
{
	const struct timespec pause = {.tv_sec = 2};

	for (int i = 0; i < LOOKS; i++) {
		AUTO(pool_closep) struct pool *pool = NULL;
		int r = pool_open(config, &pool, NULL);

		if (r == 0)
			r = pool_news_is_taken(pool, token, NULL);
		if (r >= 0)
			return r > 0;
		nanosleep(&pause, NULL);
	}
	tell_log("nobody is told of some events: the store does not answer");
	return false;
}

static void tell_account(const struct tell_options *options, const struct pool_news *news,
			 const struct event *event)
{
	AUTO(tell_notes_clear) struct tell_notes notes = {.items = NULL};
	uid_t uid = 0;

	if (event->uid.known)
		uid = (uid_t)event->uid.value;
	else if (event->account && host_account_find(event->account, &uid) < 0)
		return;
	tell_news_notes(news, uid, event->account, &notes);
	tell_program_adopt();
	tell_deliver(options, uid, &notes);
}

/* Each account in a process of its own. */
static void tell_accounts(const struct tell_options *options, const struct pool_news *news)
{
	size_t count = 0;
	AUTO_FREE size_t *accounts = tell_news_accounts(news, &count);

	for (size_t i = 0; i < count; i++) {
		if (i >= AT_ONCE)
			waitpid(-1, NULL, 0);
		if (tell_fork() == 0) {
			tell_account(options, news, &news->events[accounts[i]]);
			_exit(EXIT_SUCCESS);
		}
	}
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
}

static void tell_hooks(const struct tell_options *options, const struct pool_news *news)
{
	size_t count = news->count - news->told;
	char **events = mem_alloc(count + 1, sizeof(*events));

	for (size_t i = 0; i < count; i++)
		events[i] = view_event_json_line(&news->events[news->told + i]);
	tell_hooks_run(options, events, count);
	for (size_t i = 0; i < count; i++)
		free(events[i]);
	free(events);
}

/* The process that tells: in a session of its own, with nothing of the caller's open but the pipe.
 */
__attribute__((noreturn)) static void teller(const struct tell_options *options,
					     const struct pool_config *config,
					     const struct pool_news *news, int fd)
{
	char said = 0;

	fd = host_leave(fd);
	while (read(fd, &said, 1) < 0 && errno == EINTR)
		continue;
	close(fd);
	if (said == SAYS_NOT_OURS || (said != SAYS_OURS && !is_ours(config, news->token)))
		_exit(EXIT_SUCCESS);
	if (tell_fork() == 0)
		tell_hooks(options, news);
	else
		tell_accounts(options, news);
	_exit(EXIT_SUCCESS);
}

/* Starts it, as nobody's child. *ret_fd: where it is told what became of the commit. */
static int start_teller(const struct tell_options *options, const struct pool_config *config,
			const struct pool_news *news, int *ret_fd, struct err *e)
{
	int ends[2], status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, errno, "cannot make a pipe");
	child = fork();
	if (child == 0) {
		pid_t grandchild;

		close(ends[1]);
		setsid();
		grandchild = fork();
		if (grandchild == 0)
			teller(options, config, news, ends[0]);
		_exit(grandchild > 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (child > 0 && status == 0) {
		*ret_fd = ends[1];
		return 0;
	}
	close(ends[1]);
	return err_set(e, EAGAIN, "cannot start a process that tells people: too many processes?");
}

/* Says what became of the commit. The other end may have been killed. */
static void say(int fd, char what)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	sigaction(SIGPIPE, &ignore, &before);
	(void)!write(fd, &what, 1);
	sigaction(SIGPIPE, &before, NULL);
}

/* Whether any of the new ones was done to somebody by another account. */
static bool are_acts_on_others(const struct pool_news *news)
{
	for (size_t i = news->told; i < news->count; i++) {
		if (news->events[i].account && news->events[i].actor)
			return true;
	}
	return false;
}

/* One try: 1: somebody else was faster, and may not have seen all that is new here. */
static int pass_once(struct pool *pool, const struct tell_options *options, enum tell_when when,
		     struct err *e)
{
	AUTO(pool_news_clear) struct pool_news news = {0};
	AUTO_CLOSE int fd = -1;
	int r = pool_news_read(pool, &news, e);

	if (r < 0 || news.told == news.count || (when == TELL_OTHERS && !are_acts_on_others(&news)))
		return r;
	r = start_teller(options, pool_config_of(pool), &news, &fd, e);
	if (r < 0)
		return r;
	r = pool_news_take(pool, &news, e);
	/* After an error it looks for itself. */
	if (r >= 0)
		say(fd, r > 0 ? SAYS_OURS : SAYS_NOT_OURS);
	return r < 0 ? r : !r;
}

int tell_pass(struct pool *pool, const struct tell_options *options, enum tell_when when,
	      struct err *e)
{
	/* Root of a user namespace could reach nobody, and must not take the news away. */
	int r = host_own_uid() == 0;

	for (int i = 0; r == 1 && i < TRIES; i++)
		r = pass_once(pool, options, when, e);
	return r < 0 ? r : 0;
}
