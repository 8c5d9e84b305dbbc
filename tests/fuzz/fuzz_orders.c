/* The orders of a supervisor, which anybody can write: what is taken is written and read again the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "supervise/orders.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO_FREE char *written = NULL, *rewritten = NULL;
	AUTO(orders_clear) struct orders orders = {0};
	AUTO(orders_clear) struct orders again = {0};
	struct err e = {0};

	if (size > 0)
		memcpy(text, data, size);
	if (orders_read(text, &orders, &e) < 0) {
		if (!e.text[0] || orders.reservation)
			abort();
		return 0;
	}
	written = orders_write(&orders);
	if (!written || orders_read(written, &again, NULL) < 0)
		abort();
	rewritten = orders_write(&again);
	if (!rewritten || strcmp(written, rewritten) != 0)
		abort();
	return 0;
}
