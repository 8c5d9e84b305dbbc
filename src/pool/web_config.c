/* The settings of the web server as a JSON document; see web_config.h. */
#include "pool/web_config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pool/config_json.h"

char *web_config_write(const struct web_config *c)
{
	json_t *pool = c->demo ? json_null() : pool_config_pack(&c->pool);
	json_t *document =
		json_pack("{s:s, s:i, s:b, s:s*, s:s*, s:s*, s:s*, s:I, s:o}", "host", c->host,
			  "port", c->port, "demo", (int)c->demo, "token", c->token, "allow_hosts",
			  c->allow_hosts, "documentation", c->documentation_url, "source",
			  c->source_url, "interval", (json_int_t)c->interval_ns, "pool", pool);
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	return text;
}

int web_config_read(const char *text, struct web_config *ret_config, struct err *e)
{
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *pool = NULL;
	const char *host = NULL, *token = NULL, *allow_hosts = NULL;
	const char *documentation = NULL, *source = NULL;
	struct web_config c = {0};
	json_int_t interval = 0;
	int demo = 0;
	int r = json_unpack(document, "{s:s, s:i, s:b, s?s, s?s, s?s, s?s, s:I, s:o}", "host",
			    &host, "port", &c.port, "demo", &demo, "token", &token, "allow_hosts",
			    &allow_hosts, "documentation", &documentation, "source", &source,
			    "interval", &interval, "pool", &pool);

	if (r == 0 && !demo)
		r = pool_config_unpack(pool, &c.pool);
	if (r == 0) {
		c.demo = demo;
		c.interval_ns = interval;
		c.host = mem_strdup(host);
		c.token = mem_strdup(token);
		c.allow_hosts = mem_strdup(allow_hosts);
		c.documentation_url = mem_strdup(documentation);
		c.source_url = mem_strdup(source);
		*ret_config = c;
	}
	json_decref(document);
	return r < 0 ? err_set(e, EPROTO, "no valid settings (run 'canhazgpu web' instead)") : 0;
}

void web_config_clear(struct web_config *c)
{
	free(c->host);
	free(c->token);
	free(c->allow_hosts);
	free(c->documentation_url);
	free(c->source_url);
	pool_config_clear(&c->pool);
	*c = (struct web_config){0};
}
