/* Which clients get answers: the names that the server answers to, and the token. Called by
   route.c. */
#ifndef WEB_ACCESS_H
#define WEB_ACCESS_H

#include <microhttpd.h>
#include <stdbool.h>

#include "pool/web_config.h"

/*
 * Whether a request is for us. A page of another site can make its visitors' browsers send requests
 * to any server, under a name that it has pointed at it; then the Host header holds that name.
 * Without a list, a server that only this host can reach answers to the names of the loopback.
 */
bool access_host(const struct web_config *config, bool loopback, struct MHD_Connection *connection);

enum access_token {
	ACCESS_REFUSED,
	ACCESS_GRANTED,
	ACCESS_GRANTED_BY_QUERY, /* a cookie should take its place */
};

/* Whether the request knows the token: in Authorization, in a cookie, or in its query. */
enum access_token access_token(const struct web_config *config, struct MHD_Connection *connection,
			       const char *query);

/* Adds the cookie to the answer to a request that had the token in its query. */
void access_set_cookie(const struct web_config *config, struct MHD_Response *response);

#endif
