/*
 * The connections to hosts that are followed: one to each for its event stream, one for its
 * documents. What their bytes mean is in follow_host.c.
 */
#ifndef REMOTE_FOLLOW_TRANSFER_H
#define REMOTE_FOLLOW_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/curl.h"

/* Headers of a response, of all of them together. */
#define FOLLOW_HEADERS_MAX ((size_t)32 << 10)
#define FOLLOW_TAG_SIZE 100

struct follow_host;

/* What all hosts have in common. */
struct follow_shared {
	CURLM *multi;
	int64_t limit_ns; /* for an answer to begin */
	unsigned short seed[3];
};

struct follow_transfer {
	struct follow_host *host;
	CURLM *multi;
	CURL *handle;
	struct curl_slist *headers, *tagged; /* with a tag that is known; NULL: none is */
	bool active;
	size_t headers_size;
	char tag[FOLLOW_TAG_SIZE];
	char type[FOLLOW_TAG_SIZE];
	char reason[CURL_ERROR_SIZE];
};

/* Where a connection leads; `take` gets the transfer as its argument. */
struct follow_source {
	struct remote_server server;
	const char *accept;
	curl_write_callback take;
};

/* Only prepares it. The transfer must stay where it is: libcurl has its address. */
void follow_transfer_open(struct follow_transfer *t, struct follow_host *h,
			  struct follow_shared *shared, const struct follow_source *source);
void follow_transfer_close(struct follow_transfer *t);

/* Sends the request, again where it was sent before. */
void follow_transfer_begin(struct follow_transfer *t);
void follow_transfer_stop(struct follow_transfer *t);

/* The HTTP status of the answer; 0: there is none yet. */
long follow_transfer_status(const struct follow_transfer *t);

#endif
