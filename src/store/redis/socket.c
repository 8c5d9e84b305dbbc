/* Sockets to a Redis server: names to addresses, and connecting with a time limit. Called by
   connection.c. */
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/redis/connection.h"

/* A server that has no room for one more connection at the moment is asked again so often. */
#define CONNECT_PAUSE_NS (5 * NS_PER_MS)

/* Limits may be as long as durations are; poll counts in int. */
static int poll_ms(int64_t left_ns)
{
	int64_t ms = left_ns / NS_PER_MS + 1;

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

int redis_wait(int fd, short events, int64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		int n;

		if (left_ns <= 0)
			return -ETIMEDOUT;
		n = poll(&p, 1, poll_ms(left_ns));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* connect(); on a Unix socket it fails with EAGAIN while the server's backlog is full. */
static int start_connect(int fd, const struct sockaddr *address, socklen_t length,
			 int64_t deadline_ns)
{
	const struct timespec pause = {.tv_nsec = CONNECT_PAUSE_NS};

	while (connect(fd, address, length) < 0) {
		if (errno != EAGAIN)
			return -errno;
		if (clock_monotonic_ns() + CONNECT_PAUSE_NS > deadline_ns)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Connects one socket: 0 and *ret_fd, or a negative errno. */
static int connect_one(const struct sockaddr *address, socklen_t length, int64_t deadline_ns,
		       int *ret_fd)
{
	AUTO_CLOSE int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int problem = 0, one = 1, r;
	socklen_t size = sizeof(problem);

	if (fd < 0)
		return -errno;
	r = start_connect(fd, address, length, deadline_ns);
	if (r < 0) {
		if (r != -EINPROGRESS && r != -EINTR)
			return r;
		r = redis_wait(fd, POLLOUT, deadline_ns);
		if (r < 0)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
			return -errno;
		if (problem)
			return -problem;
	}
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int connect_unix(const struct redis_address *a, int64_t deadline_ns, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(a->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, a->path, strlen(a->path) + 1);
	return connect_one((const struct sockaddr *)&address, sizeof(address), deadline_ns, ret_fd);
}

/* The loopback addresses, without asking anybody: this is the default, and has to be fast. */
static int connect_localhost(const struct redis_address *a, int64_t deadline_ns, int *ret_fd)
{
	struct sockaddr_in four = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)a->port),
				   .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)a->port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int r = connect_one((const struct sockaddr *)&four, sizeof(four), deadline_ns, ret_fd);

	if (r == -ECONNREFUSED &&
	    connect_one((const struct sockaddr *)&six, sizeof(six), deadline_ns, ret_fd) == 0)
		return 0;
	return r;
}

/* Resolves a name. The time limits do not apply to that: each name server that does not answer is
   given up after two attempts of a second, but there may be several, and several search domains. */
static int look_up(const struct redis_address *a, struct addrinfo **ret_list, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char port[16];
	int r;

	snprintf(port, sizeof(port), "%d", a->port);
	hints.ai_flags |= AI_NUMERICHOST;
	if (getaddrinfo(a->host, port, &hints, ret_list) == 0)
		return 0;
	hints.ai_flags &= ~AI_NUMERICHOST;
	if (res_init() == 0) {
		_res.retrans = 1;
		_res.retry = 2;
	}
	r = getaddrinfo(a->host, port, &hints, ret_list);
	if (r == 0)
		return 0;
	return err_set(e, EHOSTUNREACH, "Redis at %s: the host name cannot be looked up: %s",
		       a->server, gai_strerror(r));
}

/* Each address gets its share of the time that is left. */
static int connect_each(const struct addrinfo *list, int64_t deadline_ns, int *ret_fd)
{
	int count = 0, r = -EHOSTUNREACH;

	for (const struct addrinfo *i = list; i; i = i->ai_next)
		count++;
	for (const struct addrinfo *i = list; i; i = i->ai_next, count--) {
		int64_t now_ns = clock_monotonic_ns();

		r = connect_one(i->ai_addr, i->ai_addrlen, now_ns + (deadline_ns - now_ns) / count,
				ret_fd);
		if (r == 0)
			break;
	}
	return r;
}

int redis_socket_open(const struct redis_address *a, int64_t deadline_ns, int *ret_fd,
		      struct err *e)
{
	struct addrinfo *list = NULL;
	int r;

	if (a->path) {
		r = connect_unix(a, deadline_ns, ret_fd);
	} else if (!strcmp(a->host, "localhost")) {
		r = connect_localhost(a, deadline_ns, ret_fd);
	} else {
		r = look_up(a, &list, e);
		if (r < 0)
			return r;
		r = connect_each(list, deadline_ns, ret_fd);
		freeaddrinfo(list);
	}
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT,
			       "Redis at %s cannot be reached: no answer within %.1f s", a->server,
			       (double)a->connect_ns / (double)NS_PER_SECOND);
	if (r < 0)
		return err_sys(e, -r,
			       "Redis at %s cannot be reached (is it running? is the store "
			       "the right one?)",
			       a->server);
	return 0;
}
