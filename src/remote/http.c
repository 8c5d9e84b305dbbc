/* A document of another host's web server; see http.h. */
#include "remote/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/library.h"
#include "base/mem.h"

/* The same interface in Debian's two builds. */
static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

#define FUNCTIONS(X)          \
	X(curl_global_init)   \
	X(curl_easy_init)     \
	X(curl_easy_cleanup)  \
	X(curl_easy_setopt)   \
	X(curl_easy_getinfo)  \
	X(curl_easy_perform)  \
	X(curl_easy_strerror) \
	X(curl_slist_append)  \
	X(curl_slist_free_all)

/* In brackets: the header has macros of the same names, which check the types. */
static struct {
#define POINTER(name) __typeof__(name) *(name);
	FUNCTIONS(POINTER)
#undef POINTER
} curl;

#define NAME(name) #name "\0"
static const char names[] = FUNCTIONS(NAME);
#undef NAME

int http_load(struct err *e)
{
	struct err problem = {0};

	if ((curl.curl_easy_init))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (library_open(files[i], names, &curl, i ? NULL : &problem) == 0)
			return (curl.curl_global_init)(CURL_GLOBAL_DEFAULT) == CURLE_OK
				       ? 0
				       : err_set(e, ENOTSUP, "libcurl does not start");
	}
	return err_set(e, ENOTSUP,
		       "%s is needed for an address: install the package of libcurl (%s)", files[0],
		       problem.text);
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

/* Why an answer is none; NULL: it is one. */
static const char *problem_of(long status)
{
	if (status == 200)
		return NULL;
	if (status == 401 || status == 403)
		return "it wants another token, or another host name (see --allow-host)";
	if (status >= 300 && status < 400)
		return "it redirects to another address, which is not followed";
	return "its web server has no such document";
}

static struct curl_slist *headers_for(const char *token)
{
	AUTO_FREE char *line = token ? mem_printf("Authorization: Bearer %s", token) : NULL;
	struct curl_slist *headers = (curl.curl_slist_append)(NULL, "Accept: application/json");

	return line ? (curl.curl_slist_append)(headers, line) : headers;
}

int http_get(const char *url, const char *token, int64_t timeout_ns, int out, char *ret_reason,
	     size_t size)
{
	CURL *handle = (curl.curl_easy_init)();
	struct curl_slist *headers = headers_for(token);
	char text[CURL_ERROR_SIZE] = "";
	const char *problem;
	long status = 0;
	CURLcode code;

#define SET(option, value) (curl.curl_easy_setopt)(handle, option, value)
	SET(CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_FAILONERROR, 0L);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)(timeout_ns / NS_PER_MS));
	SET(CURLOPT_USERAGENT, "canhazgpu/" CANHAZGPU_VERSION);
	SET(CURLOPT_ERRORBUFFER, text);
	SET(CURLOPT_WRITEFUNCTION, take);
	SET(CURLOPT_WRITEDATA, &out);
#undef SET
	code = (curl.curl_easy_perform)(handle);
	(curl.curl_easy_getinfo)(handle, CURLINFO_RESPONSE_CODE, &status);
	problem = problem_of(status);
	if (code != CURLE_OK)
		snprintf(ret_reason, size, "%s", *text ? text : (curl.curl_easy_strerror)(code));
	else if (problem)
		snprintf(ret_reason, size, "%s (HTTP status %ld)", problem, status);
	(curl.curl_slist_free_all)(headers);
	(curl.curl_easy_cleanup)(handle);
	return code == CURLE_OK && !problem ? 0 : -1;
}
