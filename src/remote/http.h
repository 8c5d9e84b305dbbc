/* A document of another host's web server, by libcurl, which is loaded when it is needed. */
#ifndef REMOTE_HTTP_H
#define REMOTE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "remote/server.h"

/* Loads libcurl. -ENOTSUP, with what to install, where it is not there. */
int http_load(struct err *e);

/*
 * Gets it and writes it to `out`; for a process of its own, after http_load. The answer must be 200
 * and no redirect. Returns 0, or -1 with the reason in `ret_reason`.
 * It may be cut: who reads decides how much is enough.
 */
int http_get(const struct remote_server *server, int64_t timeout_ns, int out, char *ret_reason,
	     size_t size);

#endif
