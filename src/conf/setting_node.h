/* Values of configuration files: which kinds of them a setting takes. Private to src/conf. */
#ifndef CONF_SETTING_NODE_H
#define CONF_SETTING_NODE_H

#include "base/str.h"
#include "conf/doc/doc.h"
#include "conf/setting.h"

/*
 * The value of a node of the file `path` as one would type it: [1, 3] is "1,3". *ret_text belongs
 * to the node or to *list, which the caller clears. Error: what the setting needs and what this is,
 * with file, line and column.
 */
int setting_node_text(const struct setting *setting, const struct doc_node *node, const char *path,
		      struct str *list, const char **ret_text, struct err *e);

/* "a number", "a list", for errors. */
const char *setting_kind_name(enum doc_kind kind);

#endif
