/* Whatever bytes another account gives itself as a name, what is shown is harmless. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every character must be valid UTF-8, and none hostile where it goes to a terminal. */
static void check(const char *text, bool for_terminal)
{
	size_t left = strlen(text);
	unsigned code_point;
	size_t length;

	for (; left > 0; text += length, left -= length) {
		length = text_decode(text, left, &code_point);
		if (length == 0 || (for_terminal && text_is_hostile(code_point)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO_FREE char *printable = NULL;
	AUTO_FREE char *utf8 = NULL;
	int64_t time_ns;

	if (size > 0)
		memcpy(text, data, size);
	printable = text_printable(text);
	check(printable, true);
	utf8 = text_utf8(text);
	check(utf8, false);
	(void)clock_rfc3339_parse(text, &time_ns, NULL);
	return 0;
}
