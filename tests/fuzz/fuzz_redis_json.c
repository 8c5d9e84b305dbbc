/* Values of the Redis store from other programs: whatever is read and written again reads the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/json.h"
#include "store/redis/url.h"

static void same(const char *a, const char *b)
{
	if (strcmp(a, b) != 0)
		abort();
}

static void state(const char *text)
{
	AUTO(reservation_freep) struct reservation *r = NULL;
	AUTO(reservation_freep) struct reservation *again = NULL;
	AUTO_FREE char *written = NULL, *rewritten = NULL;
	struct redis_freed freed;

	if (redis_json_read_gpu(text, &r, &freed, NULL) < 0 || !r)
		return;
	written = redis_json_write_gpu(r, "m");
	if (redis_json_read_gpu(written, &again, &freed, NULL) < 0 || !again)
		abort();
	rewritten = redis_json_write_gpu(again, "m");
	same(written, rewritten);
}

static void entry(const char *text)
{
	AUTO(queue_entry_clear) struct queue_entry w = {0};
	AUTO(queue_entry_clear) struct queue_entry again = {0};
	AUTO_FREE char *written = NULL, *rewritten = NULL;

	if (redis_json_read_entry(text, &w, NULL) < 0)
		return;
	written = redis_json_write_entry(&w, "m");
	if (redis_json_read_entry(written, &again, NULL) < 0)
		abort();
	rewritten = redis_json_write_entry(&again, "m");
	same(written, rewritten);
}

/* The short way reads what the long way reads, or leaves it to that. */
static void plain(const char *text)
{
	AUTO(usage_record_clear) struct usage_record a = {0}, b = {0};
	AUTO_FREE char *one = NULL, *other = NULL;

	if (!redis_usage_take_plain(text, &a))
		return;
	if (redis_json_parse_usage(text, &b, NULL) < 0)
		abort();
	one = redis_json_write_usage(&a);
	other = redis_json_write_usage(&b);
	same(one, other);
}

static void usage(const char *text)
{
	AUTO(usage_record_clear) struct usage_record u = {0};
	AUTO(usage_record_clear) struct usage_record again = {0};
	AUTO_FREE char *written = NULL, *rewritten = NULL;

	if (redis_json_read_usage(text, &u, NULL) < 0)
		return;
	written = redis_json_write_usage(&u);
	if (redis_json_read_usage(written, &again, NULL) < 0)
		abort();
	rewritten = redis_json_write_usage(&again);
	same(written, rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1);
	AUTO(redis_address_clear) struct redis_address address = {0};

	memcpy(text, data, size);
	state(text);
	entry(text);
	usage(text);
	plain(text);
	if (redis_address_parse(text, &address, NULL) == 0 && !address.shown)
		abort();
	return 0;
}
