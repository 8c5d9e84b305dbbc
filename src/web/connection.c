/* TCP connections; see connection.h. */
#include "web/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"

/* From the first byte of a connection, or the end of an answer, to the end of the next request. */
#define REQUEST_NS (15 * NS_PER_SECOND)

/* Connections of one address. Not of this host: a proxy here has those of everybody. */
#define ADDRESS_MAX 1000

/* What identifies a client: all of an IPv4 address, the network of an IPv6 one, within which a
   client may use any number of addresses; 0 for this host. */
static uint64_t address_key(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	uint64_t network = 0;
	uint32_t inside = 0;

	if (address->sa_family == AF_INET) {
		inside = ntohl(v4->sin_addr.s_addr);
	} else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(&inside, &v6->sin6_addr.s6_addr[12], sizeof(inside));
		inside = ntohl(inside);
	} else if (address->sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)) {
		memcpy(&network, v6->sin6_addr.s6_addr, sizeof(network));
		return network | 1;
	}
	return inside >> 24 == 127 ? 0 : inside;
}

enum MHD_Result connection_accept(void *server, const struct sockaddr *address, socklen_t size)
{
	const struct server *s = server;
	uint64_t key = address_key(address);
	const struct connection *c;
	int count = 0;

	(void)size;
	if (!key)
		return MHD_YES;
	for (c = TAILQ_FIRST(&s->connections); c; c = TAILQ_NEXT(c, entry))
		count += c->address == key;
	return count < ADDRESS_MAX ? MHD_YES : MHD_NO;
}

void connection_arm(struct server *s, struct connection *c)
{
	connection_disarm(s, c);
	/* All have the same time: the list stays in the order of the deadlines. */
	c->deadline_ns = clock_monotonic_ns() + REQUEST_NS;
	TAILQ_INSERT_TAIL(&s->idle, c, idle_entry);
	c->idle = true;
}

void connection_disarm(struct server *s, struct connection *c)
{
	if (c->idle)
		TAILQ_REMOVE(&s->idle, c, idle_entry);
	c->idle = false;
}

static struct connection *add(struct server *s, struct MHD_Connection *connection)
{
	struct connection *c = mem_alloc(1, sizeof(*c));
	const union MHD_ConnectionInfo *info;

	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	c->fd = info ? info->connect_fd : -1;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	c->address = info && info->client_addr ? address_key(info->client_addr) : 0;
	TAILQ_INSERT_TAIL(&s->connections, c, entry);
	connection_arm(s, c);
	return c;
}

void connection_notify(void *server, struct MHD_Connection *connection, void **socket_context,
		       enum MHD_ConnectionNotificationCode what)
{
	struct connection *c = *socket_context;
	struct server *s = server;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = add(s, connection);
	} else if (c) {
		connection_disarm(s, c);
		TAILQ_REMOVE(&s->connections, c, entry);
		free(c);
		*socket_context = NULL;
	}
}

struct connection *connection_find(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

int64_t connection_expire(struct server *s, int64_t now_ns)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&s->idle)) && c->deadline_ns <= now_ns) {
		connection_disarm(s, c);
		/* libmicrohttpd finds the end of its input, and closes. */
		shutdown(c->fd, SHUT_RDWR);
	}
	return c ? c->deadline_ns : INT64_MAX;
}
