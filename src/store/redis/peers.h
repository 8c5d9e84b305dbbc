/*
 * Where the server of an address is at the moment: names and Sentinels are asked each time, because
 * a primary moves. Called by connect.c.
 */
#ifndef STORE_REDIS_PEERS_H
#define STORE_REDIS_PEERS_H

#include <netdb.h>
#include <sys/socket.h>

#include "store/redis/url.h"

struct redis_peer {
	struct sockaddr_storage address;
	socklen_t length;
	char host[NI_MAXHOST]; /* what a certificate must be for; "" for a Unix socket */
};

struct redis_peers {
	struct redis_peer *list;
	size_t count;
	bool same; /* they are one server: the first that accepts will do */
};

void redis_peers_clear(struct redis_peers *p);

/*
 * The addresses of the server: of its name, or of what one of the Sentinels (the `place`th) calls
 * the primary. Looking up a name has no time limit of ours. -EHOSTUNREACH for a name that cannot be
 * looked up, -ENOENT for a primary that the Sentinel does not know.
 */
int redis_peers_find(const struct redis_address *a, size_t place, int64_t deadline_ns,
		     struct redis_peers *ret_peers, struct err *e);

/* Adds the addresses of a host, with port. Fills e: `server` names it there. */
int redis_peers_look_up(struct redis_peers *p, const struct redis_place *place, const char *server,
			struct err *e);

/* What one Sentinel calls the primary. The caller frees ret_primary->host. */
int redis_sentinel_ask(const struct redis_address *a, size_t place, int64_t deadline_ns,
		       struct redis_place *ret_primary, struct err *e);

bool redis_peer_is(const struct redis_peer *a, const struct redis_peer *b);

/* "127.0.0.1:6379"; the path of a Unix socket. */
#define REDIS_PEER_NAME_SIZE 128
void redis_peer_name(const struct redis_peer *p, char name[REDIS_PEER_NAME_SIZE]);

/* Connects a non-blocking socket: 0 and *ret_fd, or a negative errno. */
int redis_peer_connect(const struct redis_peer *p, int64_t deadline_ns, int *ret_fd);

#endif
