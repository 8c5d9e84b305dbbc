/* What the web server reads of a request: targets, and headers with lists, cookies and names. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "web/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_alloc(size + 1, 1), *target = NULL, *cookie = NULL;
	struct err e = {0};
	const char *query;
	int days = -1;

	if (size > 0)
		memcpy(text, data, size);
	target = mem_strdup(text);
	query_split(target, &query);
	if (strchr(target, '?') || strlen(target) + strlen(query) > strlen(text))
		abort();
	if (query_int(query, "days", 1, 90, 30, &days, &e) < 0) {
		if (days != -1 || !e.text[0])
			abort();
	} else if (days < 1 || days > 90) {
		abort();
	}
	cookie = query_cookie(text, "token");
	if (cookie && strlen(cookie) >= size)
		abort();
	(void)query_takes_gzip(text);
	(void)query_tag_matches(text, "\"abc\"");
	if (query_host_in(text, "localhost,[::1]") && strncasecmp(text, "localhost", 9) != 0 &&
	    strncmp(text, "[::1]", 5) != 0)
		abort();
	(void)query_host_in("localhost:1", text);
	return 0;
}
