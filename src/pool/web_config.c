/* The settings of the web server as a JSON document; see web_config.h. */
#include "pool/web_config.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "pool/config_json.h"

static const struct json_field web_host_fields[] = {
	FIELD("name", struct web_host, name),
	FIELD("url", struct web_host, url),
	FIELD("token", struct web_host, token, .optional = true, .exact = true),
	FIELD("ca_file", struct web_host, ca_file, .optional = true),
	FIELD("label", struct web_host, label, .optional = true),
	FIELDS_END,
};

static const struct json_field web_config_fields[] = {
	FIELD("host", struct web_config, host, .exact = true),
	FIELD("port", struct web_config, port),
	FIELD("demo", struct web_config, demo),
	FIELD("demo_gpus", struct web_config, demo_gpus),
	FIELD("token", struct web_config, token, .optional = true, .exact = true),
	FIELD("allow_hosts", struct web_config, allow_hosts, .optional = true, .exact = true),
	FIELD("documentation", struct web_config, documentation_url, .optional = true,
	      .exact = true),
	FIELD("source", struct web_config, source_url, .optional = true, .exact = true),
	FIELD("slurm", struct web_config, slurm, .optional = true),
	FIELD("nodes", struct web_config, nodes, .optional = true, .exact = true),
	FIELD("interval", struct web_config, interval_ns),
	FIELD_STRUCTS("hosts", struct web_config, hosts, hosts_count, web_host_fields,
		      .optional = true),
	FIELD("hosts_limit", struct web_config, hosts_limit_ns),
	FIELD_POINTER("pool", struct web_config, pool, pool_config_fields, .optional = true),
	FIELDS_END,
};

char *web_config_write(const struct web_config *c)
{
	return json_fields_text(json_fields_write(web_config_fields, c));
}

int web_config_read(const char *text, struct web_config *ret_config, struct err *e)
{
	json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct web_config c = {0};
	int r = json_fields_read(web_config_fields, document, &c);

	json_decref(document);
	if (r < 0 || (!c.pool && !c.demo && !c.slurm)) {
		web_config_clear(&c);
		return err_set(e, EPROTO, "no valid settings (run 'canhazgpu web' instead)");
	}
	*ret_config = c;
	return 0;
}

void web_config_clear(struct web_config *c)
{
	free(c->host);
	free(c->token);
	free(c->allow_hosts);
	free(c->documentation_url);
	free(c->source_url);
	for (size_t i = 0; i < c->hosts_count; i++) {
		free(c->hosts[i].name);
		free(c->hosts[i].url);
		free(c->hosts[i].token);
		free(c->hosts[i].ca_file);
		free(c->hosts[i].label);
	}
	free(c->hosts);
	free(c->nodes);
	if (c->pool)
		pool_config_clear(c->pool);
	free(c->pool);
	*c = (struct web_config){0};
}
