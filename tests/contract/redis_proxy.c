/* A proxy that breaks connections; see redis_proxy.h. Requests and replies are taken as they come
   in one piece: what is small and goes over a Unix socket does. */
#include "redis_proxy.h"

#include "../unit/test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS 256

struct pair {
	int client, server; /* -1: unused */
	int fate;           /* what happens to the next reply; -1: nothing */
};

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static void drop(struct pair *p)
{
	close(p->client);
	close(p->server);
	p->client = p->server = -1;
}

/* Decides about a request: the kind of cut, or -1. */
static int decide(struct redis_proxy *p)
{
	int every = p->control->every, at = p->control->at;

	if (every && random() % every == 0)
		return (int)(random() % STALL_REPLY);
	/* Unless the test has set another meanwhile. */
	while (at && !atomic_compare_exchange_strong(&p->control->at, &at, at - 1))
		;
	return at == 1 ? p->control->kind : -1;
}

static void send_part(int fd, const char *bytes, size_t count)
{
	if (send(fd, bytes, count, MSG_NOSIGNAL) < 0)
		return; /* the next read finds the end */
}

static void from_client(struct redis_proxy *p, struct pair *pair, char *bytes, size_t count)
{
	int fate = decide(p);

	pair->fate = fate;
	if (fate == CUT_HALF_REQUEST)
		send_part(pair->server, bytes, count / 2);
	else if (fate != CUT_REQUEST)
		send_part(pair->server, bytes, count);
	/* Before the client can know, and when the server has all that it will get. */
	if (fate >= 0)
		p->control->hit = true;
	if (fate == CUT_REQUEST || fate == CUT_HALF_REQUEST)
		drop(pair);
}

static void from_server(struct pair *pair, char *bytes, size_t count)
{
	if (pair->fate == STALL_REPLY)
		return;
	if (pair->fate < 0) {
		send_part(pair->client, bytes, count);
		return;
	}
	if (pair->fate == CUT_HALF_REPLY)
		send_part(pair->client, bytes, count / 2);
	drop(pair);
}

/* Passes on what one side has sent. */
static void pass(struct redis_proxy *p, struct pair *pair, bool from_the_client)
{
	static char bytes[1 << 20];
	ssize_t n = recv(from_the_client ? pair->client : pair->server, bytes, sizeof(bytes), 0);

	if (n <= 0)
		drop(pair);
	else if (from_the_client)
		from_client(p, pair, bytes, (size_t)n);
	else
		from_server(pair, bytes, (size_t)n);
}

static void take(struct pair *pairs, int listener, const char *server_socket)
{
	struct sockaddr_un address = address_of(server_socket);
	struct pair fresh = {.client = accept(listener, NULL, NULL), .fate = -1};

	fresh.server = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fresh.server, (struct sockaddr *)&address, sizeof(address)) < 0) {
		drop(&fresh);
		return;
	}
	for (int i = 0; i < PAIRS; i++) {
		if (pairs[i].client < 0) {
			pairs[i] = fresh;
			return;
		}
	}
	drop(&fresh);
}

__attribute__((noreturn)) static void serve(struct redis_proxy *p, int listener,
					    const char *server_socket)
{
	static struct pair pairs[PAIRS];
	static struct pollfd fds[2 * PAIRS + 1];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < PAIRS; i++)
		pairs[i].client = pairs[i].server = -1;
	for (;;) {
		fds[2 * PAIRS] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < PAIRS; i++) {
			fds[2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
			fds[2 * i + 1] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
		}
		poll(fds, 2 * PAIRS + 1, -1);
		for (int i = 0; i < 2 * PAIRS; i++) {
			if (fds[i].revents && pairs[i / 2].client >= 0)
				pass(p, &pairs[i / 2], i % 2 == 0);
		}
		if (fds[2 * PAIRS].revents)
			take(pairs, listener, server_socket);
	}
}

void redis_proxy_start(struct redis_proxy *p, const char *dir, const char *server_socket)
{
	struct sockaddr_un address;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(p->socket, sizeof(p->socket), "%s/proxy", dir);
	address = address_of(p->socket);
	p->control = mmap(NULL, sizeof(*p->control), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->control == MAP_FAILED || listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 128) < 0)
		fail_msg("proxy: %s", strerror(errno));
	p->pid = fork();
	if (p->pid == 0)
		serve(p, listener, server_socket);
	close(listener);
}

void redis_proxy_stop(struct redis_proxy *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	munmap(p->control, sizeof(*p->control));
}
