/*
 * libcurl, loaded when an address is asked (a command that asks none must not pay for it). Called
 * as (curl.curl_easy_init)(): in brackets, because its header has macros of the same names.
 */
#ifndef REMOTE_CURL_H
#define REMOTE_CURL_H

#include <curl/curl.h>

#include "base/err.h"
#include "remote/server.h"

#define CURL_FUNCTIONS(X)           \
	X(curl_global_init)         \
	X(curl_easy_init)           \
	X(curl_easy_cleanup)        \
	X(curl_easy_setopt)         \
	X(curl_easy_getinfo)        \
	X(curl_easy_perform)        \
	X(curl_easy_strerror)       \
	X(curl_slist_append)        \
	X(curl_slist_free_all)      \
	X(curl_multi_init)          \
	X(curl_multi_cleanup)       \
	X(curl_multi_setopt)        \
	X(curl_multi_add_handle)    \
	X(curl_multi_remove_handle) \
	X(curl_multi_assign)        \
	X(curl_multi_socket_action) \
	X(curl_multi_info_read)

struct curl_functions {
#define POINTER(name) __typeof__(name) *(name);
	CURL_FUNCTIONS(POINTER)
#undef POINTER
};

extern struct curl_functions curl;

#define CURL_SET(handle, option, value) (curl.curl_easy_setopt)(handle, option, value)

/* Loads it. -ENOTSUP, with what to install, where it is not there. */
int curl_load(struct err *e);

/* A handle for a document of a server: plain HTTP or HTTPS, no redirects. The list is freed after
 * the handle. */
CURL *curl_new(const struct remote_server *server, const char *accept,
	       struct curl_slist **ret_headers);

/* Why a transfer has failed, in one line; `text`: in libcurl's words, or "". */
const char *curl_reason(CURLcode code, const char *text);

/* Why an answer with that status is none; NULL: it is one. */
const char *curl_problem(long status);

#endif
