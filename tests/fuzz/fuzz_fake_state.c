/* The state file of the fake provider: it is read whole or refused with a reason, and what is read
 * is sound. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "gpu/gpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct scan *s, int count)
{
	if (s->gpus_count > POOL_GPUS_MAX || (count > 0 && s->gpus_count != (size_t)count))
		abort();
	for (size_t i = 0; i < s->gpus_count; i++) {
		if (s->gpus[i].index != (int)i)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_CLOSE int fd = memfd_create("state", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int count = 0; count <= 4; count += 4) {
		/* A file may ask for a driver that takes its time: no longer than this. */
		const struct gpu_options options = {.provider = "fake",
						    .fake_count = count,
						    .fake_state_path = path,
						    .timeout_ms = 1};
		AUTO(scan_clear) struct scan s = {0};
		struct err e = {0};

		if (gpu_scan(&options, &s, &e) == 0)
			check(&s, count);
		else if (!e.text[0] || s.gpus_count)
			abort();
	}
	return 0;
}
