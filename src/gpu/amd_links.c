/*
 * How AMD GPUs are linked among themselves, as KFD tells it: in topology/nodes/<n>/io_links/<k>/
 * properties, "type 11" is XGMI, and "node_to 3" names the other node. What leads over PCIe the
 * kernel tells of every device (places.c). Called by amd_kfd.c.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/amd.h"

/* CRAT_IOLINK_TYPE_XGMI */
#define TYPE_XGMI 11

void amd_read_links(const char *node, size_t gpu, const size_t *gpus, size_t gpus_count,
		    struct topology *t)
{
	AUTO_FREE char *pattern = mem_printf("%s/io_links/*/properties", node);
	glob_t found = {0};

	if (glob(pattern, 0, NULL, &found))
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		AUTO_FCLOSE FILE *file = fopen(found.gl_pathv[i], "re");
		unsigned type = 0, to = 0;
		bool has_end = false;
		char line[128];

		while (file && fgets(line, sizeof(line), file)) {
			(void)sscanf(line, "type %u", &type);
			has_end |= sscanf(line, "node_to %u", &to) == 1;
		}
		if (has_end && type == TYPE_XGMI && to < gpus_count && gpus[to] < t->count)
			topology_set_link(t, gpu, gpus[to], LINK_XGMI);
	}
	globfree(&found);
}
