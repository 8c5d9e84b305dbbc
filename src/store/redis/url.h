/*
 * The address of a Redis server, from the URL of a store:
 *
 *     redis://[[user]:password@]host[:port][/db][?timeout=5s]
 *     rediss://...                the same over TLS; ?ca=/path/to/ca.pem
 *     unix://[[user]:password@]/path/to/socket[?db=0]
 *
 * Private to the Redis store.
 */
#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct redis_address {
	bool tls;
	char *host; /* NULL: a Unix socket */
	int port;
	char *path; /* of the Unix socket, or NULL */
	int db;
	char *user, *password;       /* NULL: none */
	char *ca_file;               /* NULL: the system's authorities */
	int64_t connect_ns, call_ns; /* time limits */
	char *shown;                 /* the URL without the password */
	char *server;                /* for messages: "localhost:6379" */
};

int redis_address_parse(const char *url, struct redis_address *ret_address, struct err *e);
void redis_address_clear(struct redis_address *a);

#endif
