/* Connections to hosts that are followed; see follow_transfer.h. */
#include "remote/follow_transfer.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

static size_t take_header(char *bytes, size_t size, size_t count, void *argument)
{
	struct follow_transfer *t = argument;
	size_t length = size * count;
	char line[2 * FOLLOW_TAG_SIZE];
	char *value;

	t->headers_size += length;
	if (t->headers_size > FOLLOW_HEADERS_MAX)
		return 0;
	if (length >= sizeof(line))
		return length;
	memcpy(line, bytes, length);
	line[length] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	value = strchr(line, ':');
	if (!value)
		return length;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (!strcasecmp(line, "etag") && strlen(value) < FOLLOW_TAG_SIZE)
		memcpy(t->tag, value, strlen(value) + 1);
	if (!strcasecmp(line, "content-type") && strlen(value) < FOLLOW_TAG_SIZE)
		memcpy(t->type, value, strlen(value) + 1);
	return length;
}

long follow_transfer_status(const struct follow_transfer *t)
{
	long status = 0;

	(curl.curl_easy_getinfo)(t->handle, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

void follow_transfer_stop(struct follow_transfer *t)
{
	if (t->active)
		(curl.curl_multi_remove_handle)(t->multi, t->handle);
	t->active = false;
}

void follow_transfer_begin(struct follow_transfer *t)
{
	follow_transfer_stop(t);
	t->headers_size = 0;
	*t->tag = *t->type = *t->reason = '\0';
	t->active = (curl.curl_multi_add_handle)(t->multi, t->handle) == CURLM_OK;
}

void follow_transfer_open(struct follow_transfer *t, struct follow_host *h,
			  struct follow_shared *shared, const struct follow_source *source)
{
	*t = (struct follow_transfer){.host = h, .multi = shared->multi};
	t->handle = curl_new(&source->server, source->accept, &t->headers);
	CURL_SET(t->handle, CURLOPT_HEADERFUNCTION, take_header);
	CURL_SET(t->handle, CURLOPT_HEADERDATA, t);
	CURL_SET(t->handle, CURLOPT_WRITEFUNCTION, source->take);
	CURL_SET(t->handle, CURLOPT_WRITEDATA, t);
	CURL_SET(t->handle, CURLOPT_PRIVATE, t);
	CURL_SET(t->handle, CURLOPT_ERRORBUFFER, t->reason);
	CURL_SET(t->handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	CURL_SET(t->handle, CURLOPT_CONNECTTIMEOUT_MS, (long)(shared->limit_ns / NS_PER_MS));
}

void follow_transfer_close(struct follow_transfer *t)
{
	follow_transfer_stop(t);
	(curl.curl_easy_cleanup)(t->handle);
	(curl.curl_slist_free_all)(t->headers);
	(curl.curl_slist_free_all)(t->tagged);
}
