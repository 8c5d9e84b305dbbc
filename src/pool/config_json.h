/* struct pool_config as JSON, for programs that are started with it: supervisors and the web
 * server. A new member of the struct needs a row in config_json.c. */
#ifndef POOL_CONFIG_JSON_H
#define POOL_CONFIG_JSON_H

#include "base/json_fields.h"

/* Of struct pool_config. */
extern const struct json_field pool_config_fields[];

#endif
