/*
 * TCP connections: how many each client has, and which of them have to send a request soon.
 * libmicrohttpd calls the first two, http.c and server.c the others.
 */
#ifndef WEB_CONNECTION_H
#define WEB_CONNECTION_H

#include "web/server.h"

/* Whether a new connection from that address is taken: one address has no right to all of them. */
enum MHD_Result connection_accept(void *server, const struct sockaddr *address, socklen_t size);

/* A connection was made, or is gone. */
void connection_notify(void *server, struct MHD_Connection *connection, void **socket_context,
		       enum MHD_ConnectionNotificationCode what);

struct connection *connection_find(struct MHD_Connection *connection);

/* From now on the next request has to be there within 15 s, or not. */
void connection_arm(struct server *s, struct connection *c);
void connection_disarm(struct server *s, struct connection *c);

/* Closes those whose time limit was reached. Returns when to call this again. */
int64_t connection_expire(struct server *s, int64_t now_ns);

#endif
