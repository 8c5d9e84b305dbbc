/* Sockets to a Redis server: connecting and waiting with a time limit. Called by connect.c and
   connection.c. */
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "store/redis/connection.h"
#include "store/redis/peers.h"

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

/* An idle connection whose other end has gone without a word (a host that failed, an address that
   moved) is noticed by the kernel within half a minute. */
static void keep_alive(int fd)
{
	const struct {
		int level, option, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},   {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15}, {IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		setsockopt(fd, options[i].level, options[i].option, &options[i].value,
			   sizeof(options[i].value));
}

int redis_peer_connect(const struct redis_peer *p, int64_t deadline_ns, int *ret_fd)
{
	const struct sockaddr *address = (const struct sockaddr *)&p->address;
	AUTO_CLOSE int fd =
		socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int problem = 0, r;
	socklen_t size = sizeof(problem);

	if (fd < 0)
		return -errno;
	r = start_connect(fd, address, p->length, deadline_ns);
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
		keep_alive(fd);
	*ret_fd = fd;
	fd = -1;
	return 0;
}
