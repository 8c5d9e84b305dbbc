/* Which clients get answers; see access.h. */
#include "web/access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/url.h"
#include "web/query.h"

#define COOKIE "canhazgpu_token"
#define COOKIE_SECONDS (90 * 24 * 3600)

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
	AUTO_FREE char *cookie = cookies ? query_cookie(cookies, COOKIE) : NULL;
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
	AUTO_FREE char *value = url_encode(config->token);
	AUTO_FREE char *cookie = mem_printf("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict",
					    COOKIE, value, COOKIE_SECONDS);

	MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
}
