/* The listening socket; see listen.h. systemd's side of it is described in sd_listen_fds(3) and
 * sd_notify(3); both are small enough to do without its library. */
#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parse.h"

#define FIRST_FD 3
#define BACKLOG 4096

/* ---- a new socket ---- */

/* Why nobody can listen there, and what to do. */
static int bind_error(const struct web_config *c, int code, struct err *e)
{
	if (code == EADDRINUSE)
		return err_set(
			e, code,
			"port %d is taken: another program is listening there (choose another "
			"with --port, or --port 0 for any free one)",
			c->port);
	if (code == EADDRNOTAVAIL)
		return err_set(
			e, code,
			"'%s' is not an address of this host (--host 0.0.0.0 is all of them, "
			"127.0.0.1 this host only)",
			c->host);
	if (code == EACCES)
		return err_set(e, code,
			       "port %d is for root only (choose one from 1024 up with --port)",
			       c->port);
	return err_sys(e, code, "cannot listen on %s port %d", c->host, c->port);
}

static int try_address(const struct web_config *c, const struct addrinfo *address, int *ret_fd,
		       struct err *e)
{
	AUTO_CLOSE int fd =
		socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	int on = 1, off = 0;

	if (fd < 0)
		return bind_error(c, errno, e);
	/* A server that was just ended must not keep the next one from its port. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return bind_error(c, errno, e);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int open_socket(const struct web_config *c, int *ret_fd, struct err *e)
{
	const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
				       .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	AUTO_FREE char *host = mem_strdup(c->host);
	size_t length = strlen(host);
	char port[16];
	int r;

	/* "[::1]", as in an address bar, is ::1. */
	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		memmove(host, host + 1, length - 2);
		host[length - 2] = '\0';
	}
	snprintf(port, sizeof(port), "%d", c->port);
	r = getaddrinfo(host, port, &hints, &addresses);
	if (r)
		return err_set(e, EADDRNOTAVAIL,
			       "'%s' is not an address to listen on: %s (--host 0.0.0.0 is all "
			       "addresses, 127.0.0.1 this host only)",
			       c->host, gai_strerror(r));
	r = try_address(c, addresses, ret_fd, e);
	freeaddrinfo(addresses);
	return r;
}

/* ---- from systemd ---- */

/* Up to what fits an int64_t as nanoseconds, too. */
static int64_t number_from(const char *name)
{
	const char *text = getenv(name);
	int64_t number = 0;

	return text && parse_int(text, 0, INT64_MAX / 1000, &number, NULL) == 0 ? number : 0;
}

/* The socket that systemd listens on for us; -1 without one. */
static int handed_over(int *ret_fd, struct err *e)
{
	int64_t count = number_from("LISTEN_PID") == getpid() ? number_from("LISTEN_FDS") : 0;
	int listening = 0;
	socklen_t size = sizeof(listening);

	/* Not for the processes that we start. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	*ret_fd = -1;
	if (count == 0)
		return 0;
	if (count > 1)
		return err_set(
			e, EINVAL,
			"systemd passed %lld sockets instead of one (use a single ListenStream= "
			"in the socket unit)",
			(long long)count);
	if (getsockopt(FIRST_FD, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening)
		return err_set(e, EINVAL,
			       "systemd did not pass a listening socket (the socket unit needs "
			       "ListenStream= and Accept=no)");
	fcntl(FIRST_FD, F_SETFD, FD_CLOEXEC);
	fcntl(FIRST_FD, F_SETFL, O_NONBLOCK);
	*ret_fd = FIRST_FD;
	return 0;
}

/* ---- both ---- */

static bool is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->ss_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return address->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* What one types into a browser. `host`: as it was given; NULL: as the socket has it. */
static char *url_of(const char *host, const struct sockaddr_storage *address)
{
	const struct sockaddr_un *un = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	struct sockaddr_in v4;
	bool is_v4 = address->ss_family == AF_INET;
	char numbers[INET6_ADDRSTRLEN] = "";
	bool bracket;

	memcpy(&v4, address, sizeof(v4));
	if (address->ss_family == AF_UNIX)
		return mem_printf("unix:%.*s", (int)sizeof(un->sun_path), un->sun_path);
	if (!host)
		host = inet_ntop(address->ss_family,
				 is_v4 ? (const void *)&v4.sin_addr : &v6->sin6_addr, numbers,
				 sizeof(numbers));
	host = host ? host : "unknown";
	bracket = strchr(host, ':') && *host != '[';
	/* The port is at the same place in both. */
	return mem_printf("http://%s%s%s:%d/", bracket ? "[" : "", host, bracket ? "]" : "",
			  ntohs(v4.sin_port));
}

int listener_open(const struct web_config *config, struct listener *ret_listener, struct err *e)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	int fd = -1, r = handed_over(&fd, e);
	bool ours = r == 0 && fd < 0;

	if (ours)
		r = open_socket(config, &fd, e);
	if (r < 0)
		return r;
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		r = err_sys(e, errno, "cannot examine the listening socket");
		close(fd);
		return r;
	}
	*ret_listener = (struct listener){
		.fd = fd,
		.loopback = is_loopback(&address),
		.url = url_of(ours ? config->host : NULL, &address),
	};
	return 0;
}

void listener_clear(struct listener *l)
{
	mem_auto_close(&l->fd);
	free(l->url);
	l->url = NULL;
}

void notify_manager(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path ? strlen(path) : 0;
	AUTO_CLOSE int fd = -1;

	if (length < 2 || length >= sizeof(address.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(address.sun_path, path, length);
	/* One that has no file begins with NUL, and is exactly so long. */
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

unsigned long long notify_watchdog_us(void)
{
	int64_t pid = number_from("WATCHDOG_PID");

	return pid && pid != getpid() ? 0 : (unsigned long long)number_from("WATCHDOG_USEC");
}
