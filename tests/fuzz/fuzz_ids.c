/* Lists of GPU ids as people type them: what is taken is ascending and bounded. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same list with UUIDs in it: each is one, and what has none is read alike. */
static void check_gpus(const char *text)
{
	AUTO(gpu_list_clear) struct gpu_list list = {0};
	AUTO_FREE int *ids = NULL;
	struct err e = {0};
	size_t count = 0;
	int r = parse_gpu_list(text, &list, &e);

	if (r < 0 && (list.ids || list.names || !e.text[0]))
		abort();
	for (size_t i = 0; i < list.names_count; i++) {
		if (!parse_is_gpu_name(list.names[i]))
			abort();
	}
	if (!list.names_count && r == 0 &&
	    (parse_id_list(text, &ids, &count, &e) < 0 || count != list.ids_count))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO_FREE int *ids = NULL;
	struct err e = {0};
	size_t count = 0;

	if (size > 0)
		memcpy(text, data, size);
	check_gpus(text);
	if (parse_id_list(text, &ids, &count, &e)) {
		if (ids || count || !e.text[0])
			abort();
		return 0;
	}
	if (count == 0 || ids[0] < 0 || ids[count - 1] > 65535)
		abort();
	for (size_t i = 1; i < count; i++) {
		if (ids[i] <= ids[i - 1])
			abort();
	}
	return 0;
}
