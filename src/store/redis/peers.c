/* Where a server is at the moment; see peers.h. */
#include "store/redis/peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"

void redis_peers_clear(struct redis_peers *p)
{
	free(p->list);
	*p = (struct redis_peers){0};
}

static void add(struct redis_peers *p, const void *address, socklen_t length, const char *host)
{
	struct redis_peer *peer;

	p->list = mem_resize(p->list, p->count + 1, sizeof(*p->list));
	peer = &p->list[p->count++];
	*peer = (struct redis_peer){.length = length};
	memcpy(&peer->address, address, length);
	snprintf(peer->host, sizeof(peer->host), "%s", host);
}

static int find_socket(struct redis_peers *p, const struct redis_address *a, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(a->path) >= sizeof(address.sun_path))
		return err_sys(e, ENAMETOOLONG, "Redis at %s cannot be reached", a->server);
	memcpy(address.sun_path, a->path, strlen(a->path) + 1);
	add(p, &address, sizeof(address), "");
	return 0;
}

/* The loopback addresses, without asking anybody: this is the default, and has to be fast. */
static void add_localhost(struct redis_peers *p, const struct redis_place *place)
{
	const struct sockaddr_in four = {.sin_family = AF_INET,
					 .sin_port = htons((uint16_t)place->port),
					 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
					 .sin6_port = htons((uint16_t)place->port),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	add(p, &four, sizeof(four), place->host);
	add(p, &six, sizeof(six), place->host);
	p->same = true;
}

/* Each name server that does not answer is given up after two attempts of a second, but there may
   be several, and several search domains. Their list is read again: they may have moved, too. */
int redis_peers_look_up(struct redis_peers *p, const struct redis_place *place, const char *server,
			struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	struct addrinfo *list = NULL;
	char port[16];
	int r;

	if (!strcmp(place->host, "localhost")) {
		add_localhost(p, place);
		return 0;
	}
	snprintf(port, sizeof(port), "%d", place->port);
	r = getaddrinfo(place->host, port, &hints, &list);
	if (r != 0) {
		hints.ai_flags &= ~AI_NUMERICHOST;
		if (res_init() == 0) {
			_res.retrans = 1;
			_res.retry = 2;
		}
		r = getaddrinfo(place->host, port, &hints, &list);
	}
	if (r != 0)
		return err_set(e, EHOSTUNREACH,
			       "Redis at %s: the host name cannot be looked up: %s", server,
			       gai_strerror(r));
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		add(p, i->ai_addr, i->ai_addrlen, place->host);
	freeaddrinfo(list);
	return 0;
}

int redis_peers_find(const struct redis_address *a, size_t place, int64_t deadline_ns,
		     struct redis_peers *ret_peers, struct err *e)
{
	AUTO(redis_peers_clear) struct redis_peers p = {0};
	struct redis_place primary = {0};
	int r;

	if (a->path) {
		r = find_socket(&p, a, e);
	} else if (a->primary) {
		r = redis_sentinel_ask(a, place, deadline_ns, &primary, e);
		if (r == 0)
			r = redis_peers_look_up(&p, &primary, a->server, e);
		free(primary.host);
	} else {
		r = redis_peers_look_up(&p, &a->places[place], a->server, e);
	}
	if (r < 0)
		return r;
	*ret_peers = p;
	p = (struct redis_peers){0};
	return 0;
}

bool redis_peer_is(const struct redis_peer *a, const struct redis_peer *b)
{
	return a->length == b->length && !memcmp(&a->address, &b->address, a->length);
}

void redis_peer_name(const struct redis_peer *p, char name[REDIS_PEER_NAME_SIZE])
{
	char host[64] = "", port[16] = "";

	if (p->address.ss_family == AF_UNIX) {
		const struct sockaddr_un *address = (const struct sockaddr_un *)&p->address;

		snprintf(name, REDIS_PEER_NAME_SIZE, "%s", address->sun_path);
		return;
	}
	getnameinfo((const struct sockaddr *)&p->address, p->length, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, REDIS_PEER_NAME_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}
