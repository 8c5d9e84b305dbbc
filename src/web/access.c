/* Which clients get answers; see access.h. */
#include "web/access.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/url.h"
#include "web/query.h"

#define COOKIE_SECONDS (90 * 24 * 3600)

/*
 * "canhazgpu_token_" and a number computed from the token. Cookies are told apart by host name and
 * path, not by port: with one name for all, servers with different tokens on one host would log
 * each other's visitors out.
 */
static char *cookie_name(const char *token)
{
	uint32_t number = 2166136261; /* FNV-1a */

	for (; *token; token++)
		number = (number ^ (unsigned char)*token) * 16777619;
	return mem_printf("canhazgpu_token_%08" PRIx32, number);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

bool access_host(const struct web_config *config, bool loopback, struct MHD_Connection *connection)
{
	const char *host = header(connection, MHD_HTTP_HEADER_HOST);

	if (config->allow_hosts)
		return host && query_host_in(host, config->allow_hosts);
	return !loopback || (host && query_host_in(host, "localhost,127.0.0.1,[::1]"));
}

/* Takes the same time wherever the first difference is. */
static bool is_token(const char *token, const char *text)
{
	size_t length = strlen(token), other = strlen(text);
	unsigned char difference = length != other;

	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)(token[i] ^ (i < other ? text[i] : 0));
	return !difference;
}

enum access_token access_token(const struct web_config *config, struct MHD_Connection *connection,
			       const char *query)
{
	const char *authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
	const char *cookies = header(connection, MHD_HTTP_HEADER_COOKIE);
	AUTO_FREE char *name = config->token ? cookie_name(config->token) : NULL;
	AUTO_FREE char *cookie = name && cookies ? query_cookie(cookies, name) : NULL;
	AUTO_FREE char *asked = NULL;

	if (!config->token)
		return ACCESS_GRANTED;
	/* First: a client that uses the address again gets a cookie that is valid for longer. */
	if (query_value(query, "token", &asked, NULL) == 0 && asked &&
	    is_token(config->token, asked))
		return ACCESS_GRANTED_BY_QUERY;
	if (authorization && !strncasecmp(authorization, "Bearer ", 7) &&
	    is_token(config->token, authorization + 7))
		return ACCESS_GRANTED;
	if (cookie && is_token(config->token, cookie))
		return ACCESS_GRANTED;
	return ACCESS_REFUSED;
}

void access_set_cookie(const struct web_config *config, struct MHD_Response *response)
{
	AUTO_FREE char *name = cookie_name(config->token);
	AUTO_FREE char *value = url_encode(config->token);
	/* No Path: the browser takes the folder of the address that it asked for, below which a
	   proxy may show this page beside others. Only the browser knows that one. */
	AUTO_FREE char *cookie = mem_printf("%s=%s; Max-Age=%d; HttpOnly; SameSite=Strict", name,
					    value, COOKIE_SECONDS);

	MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
}
