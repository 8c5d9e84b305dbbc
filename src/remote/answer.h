/*
 * What other hosts have answered, read as other people's text: of this version, an older one, a
 * newer one, or the other program on their pool. Whatever they say, the result is within limits.
 * The web server reads the answers of other servers with it, too.
 */
#ifndef REMOTE_ANSWER_H
#define REMOTE_ANSWER_H

#include <jansson.h>

#include "base/err.h"
#include "base/nouns.h"

/* More GPUs or requests are not believed. */
#define REMOTE_ROWS_MAX 4096

enum remote_topic { REMOTE_STATUS, REMOTE_QUEUE, REMOTE_REPORT };

/*
 * Reads one document: an array of objects for the status and the queue (also where it is the member
 * "gpus", "entries" or "queue" of an object), an object for the report. Lines before it are what a
 * shell there has said when it started: they are left out. -EPROTO, with a reason that
 * quotes nothing of it. The caller owns *ret.
 */
int remote_read(enum remote_topic topic, const char *text, size_t length, json_t **ret,
		struct err *e);

/* The state of a GPU, by the word in its answer. */
enum remote_state {
	REMOTE_AVAILABLE,
	REMOTE_IN_USE,
	REMOTE_UNRESERVED,
	REMOTE_OTHER, /* out of service, faulty, unknown, or a word of a later version */
};

/* One GPU of a status. Texts are borrowed from the document, and NULL where they are not there. */
struct remote_gpu {
	int64_t id; /* -1: unknown */
	enum remote_state state;
	const char *status;
	const char *user, *account, *duration, *type, *model, *details, *validation;
	const char *error, *note;
	const char *gpu_model;
	struct quantity memory_mb;
	int64_t since_ns, ends_ns; /* of a reservation; TIME_NONE: unknown */
	bool collected;            /* held for a request that waits */
	bool excluded;             /* out of service */
};

void remote_gpu_read(const json_t *row, struct remote_gpu *ret);

/* When one that is in use is free for whoever comes next. TIME_NONE: unknown, or it is not in
   use, or free for nobody else then: collected, or going out of service. */
int64_t remote_free_ns(const struct remote_gpu *gpu);

/* One request of a queue. */
struct remote_request {
	const char *id, *user, *type, *waiting_for;
	int64_t requested, allocated;
	int64_t since_ns, start_ns; /* TIME_NONE: unknown */
	const char *gpu_type;
};

void remote_request_read(const json_t *row, struct remote_request *ret);

/* A member that is text or a number; NULL or 0 where it is something else. */
const char *remote_text(const json_t *object, const char *name);
double remote_number(const json_t *object, const char *name);

/* A time; TIME_NONE where it is none. */
int64_t remote_time(const json_t *object, const char *name);

/* Adds what every row of ours has, and those of older versions and the other program have not. */
void remote_complete_row(json_t *row);

/* A copy of such a row, complete and with "host" as first member. The caller owns it. */
json_t *remote_row(const char *host, json_t *object);

#endif
