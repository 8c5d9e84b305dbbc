/* What the child that scans sends: a driver's library that runs in it may write there, too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "gpu/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(scan_clear) struct scan s = {0};
	AUTO(scan_clear) struct scan again = {0};
	AUTO_FREE char *written = NULL, *rewritten = NULL;
	struct err e = {0};

	if (gpu_wire_unpack((const char *)data, size, &s, &e) < 0) {
		if (s.gpus_count)
			abort();
		return 0;
	}
	written = gpu_wire_pack(&s, NULL);
	if (gpu_wire_unpack(written, strlen(written), &again, NULL) < 0)
		abort();
	rewritten = gpu_wire_pack(&again, NULL);
	if (strcmp(written, rewritten) != 0)
		abort();
	return 0;
}
