/*
 * TLS for connection.c, by OpenSSL. The library is loaded when it is needed first: linking
 * it would double the time that every `status` takes.
 */
#ifndef STORE_REDIS_TLS_H
#define STORE_REDIS_TLS_H

#include <sys/types.h>

#include "store/redis/url.h"

struct redis_tls;

/* The handshake on a connected socket. The server's certificate must be valid and for `host`. */
int redis_tls_open(int fd, const struct redis_address *a, const char *host, int64_t deadline_ns,
		   struct redis_tls **ret_tls, struct err *e);

/* More than 0 bytes; 0 at the end; -EAGAIN and what to wait for in *ret_events; or -errno. */
ssize_t redis_tls_read(struct redis_tls *t, void *bytes, size_t size, short *ret_events);
ssize_t redis_tls_write(struct redis_tls *t, const void *bytes, size_t size, short *ret_events);

/* Notifies the server where `say` is set (not from a child of fork), and frees. NULL is harmless.
 */
void redis_tls_close(struct redis_tls *t, bool say);

#endif
