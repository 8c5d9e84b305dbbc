/* The processes behind the server, seen from the server; see worker.h. */
#include "web/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "web/work.h"

/* A scan may take WORKER_SCAN_LIMIT_NS and the store 10 s. What takes longer will not come back.
 */
#define LIMIT_NS (30 * NS_PER_SECOND)
#define PAUSE_NS NS_PER_SECOND

/* A document of a pool of 1,024 GPUs is below a MiB. */
#define TEXT_MAX ((uint32_t)64 << 20)

void worker_init(struct worker *w, enum worker_kind kind, const struct web_config *config)
{
	*w = (struct worker){.kind = kind, .config = config, .fd = -1};
}

/* The new process: closes all that is the server's, then works until the server is gone. */
__attribute__((noreturn)) static void become_worker(const struct worker *w, int fd, pid_t server)
{
	sigset_t none;

	fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		_exit(EXIT_FAILURE);
	file_close_all_but(fd);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the server, which ends us */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != server)
		_exit(EXIT_FAILURE);
	work(w->kind, w->config, fd);
}

void worker_start(struct worker *w)
{
	int ends[2];
	pid_t server = getpid(), pid;

	if (w->fd >= 0 || clock_monotonic_ns() < w->start_again_ns)
		return;
	w->start_again_ns = clock_monotonic_ns() + PAUSE_NS;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return;
	pid = fork();
	if (pid == 0)
		become_worker(w, ends[1], server);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	w->pid = pid;
	w->fd = ends[0];
}

/* Ends the process. The server's loop reaps it. */
static void stop(struct worker *w)
{
	if (w->fd < 0)
		return;
	/* The number of one that was waited for may be another's by now. */
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	mem_auto_close(&w->fd);
	w->busy = false;
	str_clear(&w->input);
}

void worker_ended(struct worker *w, pid_t pid)
{
	if (w->pid == pid)
		w->pid = 0;
}

void worker_clear(struct worker *w)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	bool running = w->fd >= 0 && w->pid > 0;

	stop(w);
	/* One that sleeps in the kernel does not die now, and is not waited for. */
	for (int i = 0; running && i < 200 && waitpid(w->pid, NULL, WNOHANG) == 0; i++)
		nanosleep(&pause, NULL);
}

bool worker_ask(struct worker *w, struct question question)
{
	worker_start(w);
	if (w->fd < 0 || w->busy)
		return false;
	w->question = question;
	w->asked_ns = clock_monotonic_ns();
	w->input.length = 0;
	/* Where it has ended, reading will find out. */
	(void)!send(w->fd, &question, sizeof(question), MSG_NOSIGNAL);
	w->busy = true;
	return true;
}

/* An answer that the process did not give itself. */
static void failure(struct answer *answer, int code, const char *problem)
{
	*answer = (struct answer){
		.head = {.code = code, .lengths[ANSWER_PROBLEM] = (uint32_t)strlen(problem)},
		.texts[ANSWER_PROBLEM] = problem,
	};
}

/* True when the whole answer is there; *ret_bad where it cannot be one. */
static bool unpack(const struct str *input, struct answer *answer, bool *ret_bad)
{
	size_t at = sizeof(answer->head), total = at;

	*ret_bad = false;
	if (input->length < at)
		return false;
	memcpy(&answer->head, input->text, at);
	for (int i = 0; i < ANSWER_TEXTS; i++) {
		*ret_bad |= answer->head.lengths[i] > TEXT_MAX;
		answer->texts[i] = input->text + total;
		total += answer->head.lengths[i];
	}
	*ret_bad |= input->length > total;
	return input->length == total && !*ret_bad;
}

bool worker_read(struct worker *w, struct answer *ret_answer)
{
	bool bad = false;
	char bytes[65536];
	ssize_t n = 0;

	while (w->fd >= 0 && !bad && (n = read(w->fd, bytes, sizeof(bytes))) > 0) {
		str_add_bytes(&w->input, bytes, (size_t)n);
		if (unpack(&w->input, ret_answer, &bad)) {
			w->busy = false;
			return true;
		}
	}
	if (w->fd < 0 || (n < 0 && !bad && (errno == EAGAIN || errno == EINTR)))
		return false;
	failure(ret_answer, EPROTO, "the process that reads the pool has ended");
	bad = w->busy;
	stop(w);
	return bad;
}

bool worker_drain(struct worker *w)
{
	char bytes[256];
	bool any = false;
	ssize_t n;

	while ((n = read(w->fd, bytes, sizeof(bytes))) > 0)
		any = true;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stop(w);
	return any;
}

int64_t worker_limit_ns(const struct worker *w)
{
	return w->busy ? w->asked_ns + LIMIT_NS : INT64_MAX;
}

bool worker_check_limit(struct worker *w, struct answer *ret_answer)
{
	if (clock_monotonic_ns() < worker_limit_ns(w))
		return false;
	stop(w);
	failure(ret_answer, ETIMEDOUT, "the pool does not answer");
	return true;
}
