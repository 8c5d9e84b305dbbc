/* HTTP answers; see response.h. */
#include "web/response.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "web/gzip.h"
#include "web/query.h"

/* Less than that fits into one packet anyway. */
#define PACK_LEAST 1200

static const char policy[] =
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

void response_secure(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Content-Security-Policy", policy);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
}

struct MHD_Response *response_new(const void *body, size_t length,
				  enum MHD_ResponseMemoryMode memory, const char *type,
				  const char *cache)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(length, (void *)(uintptr_t)body, memory);

	MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "Cache-Control", cache);
	response_secure(response);
	return response;
}

static struct MHD_Response *error_response(unsigned status, const char *text)
{
	AUTO_FREE char *valid = text_utf8(text);
	json_t *document = json_pack("{s:s}", "error", valid);
	AUTO_FREE char *compact = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);
	char *body = mem_printf("%s\n", compact ? compact : "{}");
	struct MHD_Response *response =
		response_new(body, strlen(body), MHD_RESPMEM_MUST_FREE, TYPE_JSON, CACHE_NEVER);

	json_decref(document);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "2");
	return response;
}

enum MHD_Result response_error(struct MHD_Connection *connection, unsigned status,
			       const char *format, ...)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	response = error_response(status, text);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- documents ---- */

/* The answer to a client that has the document already: its headers without the body. */
static struct MHD_Response *unchanged_new(const char *tag, const char *cache)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);

	MHD_add_response_header(response, "ETag", tag);
	MHD_add_response_header(response, "Cache-Control", cache);
	response_secure(response);
	return response;
}

static struct document *finish(struct MHD_Response *full, const char *tag, const char *cache)
{
	struct document *d = mem_alloc(1, sizeof(*d));

	snprintf(d->tag, sizeof(d->tag), "\"%s\"", tag);
	d->status = MHD_HTTP_OK;
	d->full = full;
	d->unchanged = unchanged_new(d->tag, cache);
	MHD_add_response_header(full, "ETag", d->tag);
	return d;
}

/* There is another form of it: what this one is encoded with, or NULL. */
static void set_vary(struct document *d, const char *encoding)
{
	MHD_add_response_header(d->full, "Vary", "Accept-Encoding");
	MHD_add_response_header(d->unchanged, "Vary", "Accept-Encoding");
	if (encoding)
		MHD_add_response_header(d->full, "Content-Encoding", encoding);
}

/* Two numbers of 64 bits that differ where the texts do; not safe against deliberate collisions. */
static void hash(const char *body, size_t length, char tag[40])
{
	uint64_t a = UINT64_C(0xcbf29ce484222325), b = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < length; i++) {
		a = (a ^ (unsigned char)body[i]) * UINT64_C(0x100000001b3);
		b = (b + (unsigned char)body[i]) * UINT64_C(0xd6e8feb86659fd93);
		b ^= b >> 29;
	}
	snprintf(tag, 40, "%016" PRIx64 "%016" PRIx64, a, b);
}

struct document *document_new(const char *body, size_t length, const char *type)
{
	char *copy = mem_alloc(length + 1, 1);
	struct MHD_Response *full;
	struct document *d;
	char tag[40];

	memcpy(copy, body, length);
	full = response_new(copy, length, MHD_RESPMEM_MUST_FREE, type, CACHE_NEVER);
	hash(body, length, tag);
	d = finish(full, tag, CACHE_NEVER);
	set_vary(d, NULL);
	d->length = length;
	d->body = length >= PACK_LEAST ? copy : NULL;
	return d;
}

/* The document compressed; NULL where that is of no use. */
static struct document *pack(const struct document *d)
{
	const char *type = MHD_get_response_header(d->full, "Content-Type");
	size_t length = 0;
	char *packed = gzip_pack(d->body, d->length, &length);
	char tag[sizeof(d->tag)];
	struct document *made;

	if (!packed)
		return NULL;
	/* Another form of the content is another one to caches. */
	snprintf(tag, sizeof(tag), "%.*s-gzip", (int)strlen(d->tag) - 2, d->tag + 1);
	made = finish(response_new(packed, length, MHD_RESPMEM_MUST_FREE, type, CACHE_NEVER), tag,
		      CACHE_NEVER);
	set_vary(made, "gzip");
	return made;
}

struct document *document_new_static(const void *body, size_t length, const char *type,
				     const char *tag, const char *encoding)
{
	struct MHD_Response *full =
		response_new(body, length, MHD_RESPMEM_PERSISTENT, type, CACHE_ASK);
	char encoded_tag[72];
	struct document *d;

	/* Another form of the content is another one to caches. */
	snprintf(encoded_tag, sizeof(encoded_tag), "%s%s%s", tag, encoding ? "-" : "",
		 encoding ? encoding : "");
	d = finish(full, encoded_tag, CACHE_ASK);
	set_vary(d, encoding);
	return d;
}

struct document *document_new_error(unsigned status, const char *text)
{
	struct document *d = mem_alloc(1, sizeof(*d));

	d->status = status;
	d->full = error_response(status, text);
	return d;
}

struct document *document_free(struct document *d)
{
	if (!d)
		return NULL;
	if (d->full)
		MHD_destroy_response(d->full);
	if (d->unchanged)
		MHD_destroy_response(d->unchanged);
	document_free(d->packed);
	free(d);
	return NULL;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

enum MHD_Result document_answer(struct document *d, struct MHD_Connection *connection)
{
	const char *known =
		d->unchanged ? header_of(connection, MHD_HTTP_HEADER_IF_NONE_MATCH) : NULL;
	const char *encodings =
		d->body ? header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING) : NULL;

	if (encodings && query_takes_gzip(encodings)) {
		if (!d->packed)
			d->packed = pack(d);
		if (!d->packed)
			d->body = NULL;
		else
			d = d->packed;
	}
	if (known && query_tag_matches(known, d->tag))
		return MHD_queue_response(connection, MHD_HTTP_NOT_MODIFIED, d->unchanged);
	return MHD_queue_response(connection, d->status, d->full);
}
