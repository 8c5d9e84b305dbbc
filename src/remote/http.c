/* A document of another host's web server; see http.h. */
#include "remote/http.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "remote/curl.h"

int http_load(struct err *e)
{
	return curl_load(e);
}

static size_t take(char *bytes, size_t size, size_t count, void *argument)
{
	const int *out = argument;
	size_t length = size * count;
	ssize_t n;

	for (size_t done = 0; done < length; done += (size_t)n) {
		n = write(*out, bytes + done, length - done);
		if (n < 0)
			return 0;
	}
	return length;
}

int http_get(const struct remote_server *server, int64_t timeout_ns, int out, char *ret_reason,
	     size_t size)
{
	struct curl_slist *headers;
	CURL *handle = curl_new(server, "application/json", &headers);
	char text[CURL_ERROR_SIZE] = "";
	const char *problem;
	long status = 0;
	CURLcode code;

	CURL_SET(handle, CURLOPT_TIMEOUT_MS, (long)(timeout_ns / NS_PER_MS));
	CURL_SET(handle, CURLOPT_ERRORBUFFER, text);
	CURL_SET(handle, CURLOPT_WRITEFUNCTION, take);
	CURL_SET(handle, CURLOPT_WRITEDATA, &out);
	code = (curl.curl_easy_perform)(handle);
	(curl.curl_easy_getinfo)(handle, CURLINFO_RESPONSE_CODE, &status);
	problem = curl_problem(status);
	if (code != CURLE_OK)
		snprintf(ret_reason, size, "%s", curl_reason(code, text));
	else if (problem)
		snprintf(ret_reason, size, "%s (HTTP status %ld)", problem, status);
	(curl.curl_easy_cleanup)(handle);
	(curl.curl_slist_free_all)(headers);
	return code == CURLE_OK && !problem ? 0 : -1;
}
