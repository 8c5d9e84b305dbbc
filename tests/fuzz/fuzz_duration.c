/* Durations as people type them: what is taken is within the limits, what is refused is told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	char shown[CLOCK_DURATION_SIZE];
	int64_t ns = 0, number;
	struct err e = {0};
	bool flag;

	if (size > 0)
		memcpy(text, data, size);
	if (parse_duration(text, &ns, &e)) {
		if (ns != 0 || !e.text[0] || e.exit_status != EXIT_STATUS_USAGE)
			abort();
	} else if (ns <= 0 || ns > PARSE_DURATION_MAX_NS) {
		abort();
	}
	(void)clock_duration(ns, shown);
	if (parse_int(text, -5, 1000, &number, NULL) == 0 && (number < -5 || number > 1000))
		abort();
	(void)parse_bool(text, &flag, NULL);
	return 0;
}
