/* Loading libcurl, and what all requests have in common; see curl.h. */
#include "remote/curl.h"

#include <errno.h>
#include <string.h>

#include "base/library.h"
#include "base/mem.h"

/* The same interface in Debian's two builds. */
static const char *const files[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

struct curl_functions curl;

#define NAME(name) #name "\0"
static const char names[] = CURL_FUNCTIONS(NAME);
#undef NAME

int curl_load(struct err *e)
{
	struct curl_functions loaded;
	struct err problem = {0};

	if ((curl.curl_easy_init))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (library_open(files[i], names, &loaded, i ? NULL : &problem) < 0)
			continue;
		if ((loaded.curl_global_init)(CURL_GLOBAL_DEFAULT) != CURLE_OK)
			return err_set(e, ENOTSUP, "libcurl does not start");
		curl = loaded;
		return 0;
	}
	return err_set(e, ENOTSUP,
		       "%s is needed for an address: install the package of libcurl (%s)", files[0],
		       problem.text);
}

const char *curl_problem(long status)
{
	if (status == 200)
		return NULL;
	if (status == 401 || status == 403)
		return "it wants another token, or another host name (see --allow-host)";
	if (status >= 300 && status < 400)
		return "it redirects to another address, which is not followed";
	if (status >= 500)
		return "its web server cannot answer at present";
	return "its web server has no such document";
}

const char *curl_reason(CURLcode code, const char *text)
{
	/* A name that does not match, or a time that is over, is said well enough. */
	if (code == CURLE_PEER_FAILED_VERIFICATION &&
	    (strstr(text, "issuer") || strstr(text, "self")))
		return "its certificate is signed by nobody known here (ca-file: an authority of "
		       "your own)";
	return *text ? text : (curl.curl_easy_strerror)(code);
}

CURL *curl_new(const struct remote_server *server, const char *accept,
	       struct curl_slist **ret_headers)
{
	AUTO_FREE char *accepts = mem_printf("Accept: %s", accept);
	AUTO_FREE char *line =
		server->token ? mem_printf("Authorization: Bearer %s", server->token) : NULL;
	CURL *handle = (curl.curl_easy_init)();

	*ret_headers = (curl.curl_slist_append)(NULL, accepts);
	if (line)
		*ret_headers = (curl.curl_slist_append)(*ret_headers, line);
	CURL_SET(handle, CURLOPT_URL, server->url);
#if LIBCURL_VERSION_NUM >= 0x075500
	CURL_SET(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	CURL_SET(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (server->ca_file) {
		CURL_SET(handle, CURLOPT_CAINFO, server->ca_file);
		CURL_SET(handle, CURLOPT_CAPATH, NULL);
	}
	CURL_SET(handle, CURLOPT_FOLLOWLOCATION, 0L);
	CURL_SET(handle, CURLOPT_FAILONERROR, 0L);
	CURL_SET(handle, CURLOPT_HTTPHEADER, *ret_headers);
	CURL_SET(handle, CURLOPT_NOSIGNAL, 1L);
	CURL_SET(handle, CURLOPT_USERAGENT, "canhazgpu/" CANHAZGPU_VERSION);
	return handle;
}
