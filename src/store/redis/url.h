/*
 * The address of a Redis server, from the URL of a store:
 *
 *     redis://[[user]:password@]host[:port][/db][?timeout=5s]
 *     rediss://...                the same over TLS; ?ca=/path/to/ca.pem
 *     unix://[[user]:password@]/path/to/socket[?db=0]
 *     redis+sentinel://[[user]:password@]host[:port],host[:port],.../primary[/db]
 *     rediss+sentinel://...       the same over TLS, to Sentinels and servers
 *
 * ?password-file=/path replaces a password, and is read at every new connection. The Sentinels have
 * a login of their own: sentinel-user, sentinel-password, sentinel-password-file.
 *
 * Private to the Redis store.
 */
#ifndef STORE_REDIS_URL_H
#define STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct redis_login {
	char *user, *password; /* NULL: none */
	char *password_file;   /* in place of the password; NULL: none */
};

struct redis_place {
	char *host;
	int port;
};

struct redis_address {
	bool tls;
	struct redis_place *places; /* the server, or the Sentinels; none: a Unix socket */
	size_t places_count;
	char *primary; /* by which name the Sentinels know it; NULL: there are none */
	char *path;    /* of the Unix socket, or NULL */
	int db;
	struct redis_login login, sentinel_login;
	char *ca_file;               /* NULL: the system's authorities */
	int64_t connect_ns, call_ns; /* time limits */
	char *shown;                 /* the URL without the password */
	char *server;                /* for messages: "localhost:6379" */
};

int redis_address_parse(const char *url, struct redis_address *ret_address, struct err *e);
void redis_address_clear(struct redis_address *a);

#endif
