/* HTTP answers with the headers that all of them have. Called by all files that answer requests. */
#ifndef WEB_RESPONSE_H
#define WEB_RESPONSE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#define TYPE_JSON "application/json"
#define TYPE_TEXT "text/plain; charset=utf-8"
#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"

#define CACHE_NEVER "no-store"
/* May be kept, and is asked for again each time. */
#define CACHE_ASK "no-cache"

/* A response with a body of its own kind of memory, a type and a cache rule. */
struct MHD_Response *response_new(const void *body, size_t length,
				  enum MHD_ResponseMemoryMode memory, const char *type,
				  const char *cache);

/* Adds the headers that every answer has. */
void response_secure(struct MHD_Response *response);

/* Answers {"error": text}, and with Allow for 405, WWW-Authenticate for 401, Retry-After for 503.
 */
enum MHD_Result response_error(struct MHD_Connection *connection, unsigned status,
			       const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * A body that many clients ask for: made once, answered by reference, and not sent to a client that
 * has it already (If-None-Match). A client that is still receiving it when it is dropped gets it to
 * the end.
 */
struct document {
	char tag[80]; /* "\"...\"" */
	unsigned status;
	size_t length; /* bytes of the body, for limits of memory */
	struct MHD_Response *full, *unchanged;
	const char
		*body; /* of `full`, where it may be compressed when somebody takes it; else NULL */
	struct document *packed; /* the same compressed, as soon as somebody took it */
};

/* Copies the body. The tag is made from it. Compressed for clients that take that. */
struct document *document_new(const char *body, size_t length, const char *type);

/* The same for a body that stays where it is, with a tag and a header for its encoding (or NULL).
 */
struct document *document_new_static(const void *body, size_t length, const char *type,
				     const char *tag, const char *encoding);

/* {"error": text} with a status. */
struct document *document_new_error(unsigned status, const char *text);

struct document *document_free(struct document *d); /* NULL is harmless; returns NULL */

enum MHD_Result document_answer(struct document *d, struct MHD_Connection *connection);

#endif
