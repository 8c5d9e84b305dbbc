/* How GPUs are linked, as `canhazgpu status --topology` shows it. */
#ifndef VIEW_TOPOLOGY_H
#define VIEW_TOPOLOGY_H

#include <jansson.h>

#include "base/topology.h"

/* The matrix of the links of GPUs 0 to count - 1, and what its words mean. The caller frees it. */
char *view_topology_text(const struct topology *t);

/* An array with one object per GPU. The caller owns it. */
json_t *view_topology_json(const struct topology *t);

#endif
