/*
 * How connection.c comes to a connection, and finds out that it leads to the wrong server: a
 * primary moves while the old one goes on to answer. Private to both, and to examine.c.
 */
#ifndef STORE_REDIS_CONNECT_H
#define STORE_REDIS_CONNECT_H

#include "store/redis/connection.h"

/* A key that is never there: what is done to it changes nothing. */
#define REDIS_KEY_NEVER "canhazgpu:doctor"

/* The password of a login, NULL for none; that of a file is read now. The caller frees it. */
int redis_login_password(const struct redis_login *l, char **ret_password, struct err *e);

/* Connects, unless there is a connection. One that was not looked at for a while is checked first,
   and given up where it does not lead to the primary any more. */
int redis_connect(struct redis_connection *c, struct err *e);

/* One round trip with what is in the batch: connection.c. */
int redis_round_trip(struct redis_connection *c, redisReply **ret_replies, size_t count,
		     int64_t deadline_ns, struct err *e);

#endif
