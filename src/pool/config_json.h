/* struct pool_config as JSON, for programs that are started with it: supervisors and the web
 * server. A new member of the struct needs a line in config_json.c. Of the policy only the GPUs
 * that are kept out go along: neither program asks for any. */
#ifndef POOL_CONFIG_JSON_H
#define POOL_CONFIG_JSON_H

#include <jansson.h>

#include "pool/pool.h"

/* The caller owns it; NULL where a text is no UTF-8. */
json_t *pool_config_pack(const struct pool_config *c);

/* -EPROTO where it is none. The caller clears *ret_config. */
int pool_config_unpack(json_t *object, struct pool_config *ret_config);

#endif
