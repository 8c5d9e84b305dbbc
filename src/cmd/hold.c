/* GPUs that are kept on another host; see hold.h. */
#include "cmd/hold.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/nouns.h"
#include "base/privilege.h"
#include "cmd/hosts.h"
#include "host/leave.h"
#include "host/process.h"
#include "host/tree.h"

/* How long GPUs are kept for the run that is on its way to them: a person may have to type a
   password there. */
#define HOLD_TIME "2m"
#define HOLD_NS (2 * NS_PER_MINUTE)

/* What only programs know that can do that. It comes first: the first is what they complain of. */
#define HOLD_OPTION "--id"

/* What the keeper says to who wants the GPUs: one of these and a text. */
#define MESSAGE_SIZE 1024

/* The process that asks for the GPUs and sees to it that they are given back. */
struct keeper {
	const struct invocation *in;
	const struct remote *host;
	const struct words *wishes;
	struct process_ref client; /* who wants the GPUs */
	int socket;                /* to it */
};

bool hold_has(const struct remote_gpu *gpu)
{
	return gpu->type && !strcmp(gpu->type, "MANUAL") && gpu->since_ns != TIME_NONE &&
	       gpu->ends_ns != TIME_NONE && gpu->ends_ns - gpu->since_ns == HOLD_NS;
}

static void ask(const struct keeper *k, const struct words *words, int64_t timeout_ns,
		struct remote_call *call)
{
	*call = (struct remote_call){.host = k->host};
	hosts_call(k->in, words, call, hosts_timeout_ns(k->in));
	remote_ask(call, 1, timeout_ns, NULL);
}

/* Reads the id of the reservation: the last line, as a shell there may have greeted. */
static char *read_id(const char *answer)
{
	const char *id = answer, *line;
	size_t length;

	while ((line = strchr(id, '\n')) && line[1])
		id = line + 1;
	length = strspn(id, "0123456789abcdef-");
	if (length != ID_SIZE - 1 || strcmp(id + length, "\n") != 0)
		return NULL;
	return mem_printf("%.*s", (int)length, id);
}

/* Asks for the GPUs. Not only as long as the client waits: a host that is slow may grant them
   afterwards. */
static enum hold_result take(const struct keeper *k, char **ret_text)
{
	AUTO(words_clear) struct words words = {0};
	AUTO(remote_call_clear) struct remote_call call;

	words_add(&words, "reserve");
	words_add(&words, HOLD_OPTION);
	words_add(&words, "--nonblock");
	words_add(&words, "--duration=" HOLD_TIME);
	for (size_t i = 0; i < k->wishes->count; i++)
		words_add(&words, k->wishes->items[i]);
	ask(k, &words, HOLD_NS, &call);
	/* Another option is one of the wishes: that host cannot fulfil it. */
	if (remote_is_unknown_option(call.exit_status, call.problem, HOLD_OPTION))
		return HOLD_UNABLE;
	if (!call.problem)
		*ret_text = read_id(str_text(&call.answer));
	if (*ret_text)
		return HOLD_TAKEN;
	*ret_text = mem_strdup(call.problem ? call.problem : "its answer is not a reservation");
	return HOLD_REFUSED;
}

/* Tells the client. True: it has the answer. */
static bool deliver(const struct keeper *k, enum hold_result result, const char *text)
{
	AUTO_FREE char *message =
		mem_printf("%c%.*s", '0' + (int)result, MESSAGE_SIZE - 2, text ? text : "");
	const struct timeval limit = {.tv_sec = HOLD_NS / NS_PER_SECOND};
	char received;

	/* The client may be stopped (Ctrl-Z). */
	(void)setsockopt(k->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return send(k->socket, message, strlen(message), MSG_NOSIGNAL) >= 0 &&
	       recv(k->socket, &received, 1, 0) == 1;
}

/* Until the client has ended, or the time is up. True: it has ended, and its run may not have begun
   there. */
static bool wait_for_end(const struct keeper *k, int64_t until_ns)
{
	AUTO_CLOSE int fd = -1;
	int status;

	if (host_pidfd_open(&k->client, &fd, NULL) < 0)
		return true;
	for (;;) {
		struct pollfd end = {.fd = fd, .events = POLLIN};
		int64_t left_ns = until_ns - clock_monotonic_ns();

		if (left_ns <= 0)
			return false;
		if (poll(&end, 1, (int)(left_ns / NS_PER_MS) + 1) > 0)
			break;
	}
	/* Only a run that had its GPUs ends well. */
	return !host_pidfd_status(fd, &k->client, &status) || status != 0;
}

static void give_back(const struct keeper *k, const char *id)
{
	AUTO(words_clear) struct words words = {0};
	AUTO(remote_call_clear) struct remote_call call;

	words_add(&words, "release");
	words_addf(&words, "--id=%s", id);
	/* Where the run has claimed it, there is none any more. */
	ask(k, &words, hosts_timeout_ns(k->in), &call);
}

/* Nobody's child, with no terminal, and nothing of this process that anybody may wait for. */
__attribute__((noreturn)) static void keep(struct keeper *k)
{
	int64_t until_ns = clock_monotonic_ns() + HOLD_NS;
	/* What says which pool of this host is meant may be a path from here. */
	AUTO_FREE char *directory = hosts_is_here(k->host->name) ? getcwd(NULL, 0) : NULL;
	AUTO_FREE char *text = NULL;
	enum hold_result result;
	bool delivered;

	prctl(PR_SET_NAME, "keep-gpus");
	setsid();
	k->socket = host_leave(k->socket);
	if (privilege_drop(NULL) < 0 || (directory && chdir(directory) < 0))
		_exit(1);
	result = take(k, &text);
	delivered = deliver(k, result, text);
	mem_auto_close(&k->socket);
	if (result == HOLD_TAKEN && (!delivered || wait_for_end(k, until_ns)))
		give_back(k, text);
	_exit(0);
}

/* What the keeper says, within the time of a host. */
static enum hold_result receive(int socket, int64_t timeout_ns, char **ret_text)
{
	struct pollfd ready = {.fd = socket, .events = POLLIN};
	int64_t until_ns = clock_monotonic_ns() + timeout_ns;
	char message[MESSAGE_SIZE] = "";
	ssize_t length = 0;
	int64_t left_ns;

	while ((left_ns = until_ns - clock_monotonic_ns()) > 0) {
		if (poll(&ready, 1, (int)(left_ns / NS_PER_MS) + 1) > 0) {
			length = recv(socket, message, sizeof(message) - 1, 0);
			break;
		}
	}
	if (length <= 0) {
		*ret_text =
			left_ns > 0
				? mem_strdup("the process that asks it has ended without an answer")
				: remote_no_answer(timeout_ns, "");
		return HOLD_REFUSED;
	}
	(void)send(socket, "", 1, MSG_NOSIGNAL);
	*ret_text = mem_strdup(message + 1);
	return (enum hold_result)(*message - '0');
}

enum hold_result hold_take(const struct invocation *in, const struct remote *host,
			   const struct words *wishes, char **ret_id, char **ret_why)
{
	struct keeper k = {.in = in, .host = host, .wishes = wishes};
	AUTO_FREE char *text = NULL;
	int ends[2] = {-1, -1};
	enum hold_result result = HOLD_REFUSED;
	pid_t child = -1;

	if (host_process_ref(getpid(), &k.client, NULL) == 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
		child = fork();
	if (child == 0) {
		k.socket = ends[1];
		if (fork() == 0)
			keep(&k);
		_exit(0);
	}
	mem_auto_close(&ends[1]);
	if (child > 0) {
		waitpid(child, NULL, 0);
		result = receive(ends[0], hosts_timeout_ns(in), &text);
	} else {
		text = mem_printf("cannot ask it: %s", strerror(errno));
	}
	mem_auto_close(&ends[0]);
	*(result == HOLD_TAKEN ? ret_id : ret_why) = mem_steal(&text);
	return result;
}
