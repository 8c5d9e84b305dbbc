/* The event streams; see stream.h. */
#include "web/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "web/response.h"

/* Keeps proxies from closing idle connections, and finds those that are gone. */
#define BEAT_NS (15 * NS_PER_SECOND)

/* A message is shorter than that. */
#define MESSAGE_SIZE 128

struct stream {
	TAILQ_ENTRY(stream) entry;
	struct streams *streams;
	struct MHD_Connection *connection;
	bool sleeping, begun, beat_due;
	uint64_t told; /* the version that it was told last */
	char message[MESSAGE_SIZE];
	size_t length, sent; /* of the message */
};

void streams_init(struct streams *s)
{
	*s = (struct streams){.version = 1};
	TAILQ_INIT(&s->list);
}

/* Puts what there is to say into the message. False where there is nothing. */
static bool compose(struct stream *stream)
{
	uint64_t version = stream->streams->version;

	stream->sent = stream->length = 0;
	if (!stream->begun) {
		stream->length = (size_t)snprintf(
			stream->message, MESSAGE_SIZE,
			"retry: 2000\nevent: status\ndata: {\"version\":%" PRIu64 "}\n\n", version);
	} else if (stream->told != version) {
		stream->length = (size_t)snprintf(
			stream->message, MESSAGE_SIZE,
			"event: change\ndata: {\"version\":%" PRIu64 "}\n\n", version);
	} else if (stream->beat_due) {
		stream->length = (size_t)snprintf(stream->message, MESSAGE_SIZE, ":\n\n");
	}
	stream->begun = true;
	stream->told = version;
	stream->beat_due = false;
	return stream->length > 0;
}

/* Called by libmicrohttpd when it can send: gives it the next bytes, or goes to sleep. */
static ssize_t read_stream(void *argument, uint64_t position, char *buffer, size_t size)
{
	struct stream *stream = argument;
	size_t n;

	(void)position;
	if (stream->streams->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->sent == stream->length && !compose(stream)) {
		stream->sleeping = true;
		MHD_suspend_connection(stream->connection);
		return 0;
	}
	n = stream->length - stream->sent;
	n = n < size ? n : size;
	memcpy(buffer, stream->message + stream->sent, n);
	stream->sent += n;
	return (ssize_t)n;
}

static void free_stream(void *argument)
{
	struct stream *stream = argument;

	TAILQ_REMOVE(&stream->streams->list, stream, entry);
	stream->streams->count--;
	free(stream);
}

enum MHD_Result streams_open(struct streams *s, struct MHD_Connection *connection)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	struct stream *stream;

	if (s->count >= STREAMS_MAX)
		return response_error(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "%d event streams are open, which is the limit", STREAMS_MAX);
	stream = mem_alloc(1, sizeof(*stream));
	stream->streams = s;
	stream->connection = connection;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, MESSAGE_SIZE, read_stream,
						     stream, free_stream);
	TAILQ_INSERT_TAIL(&s->list, stream, entry);
	s->count++;
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	MHD_add_response_header(response, "Cache-Control", CACHE_NEVER);
	/* nginx would collect messages instead of sending them. */
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	response_secure(response);
	result = MHD_queue_response(connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

static void wake(struct stream *stream)
{
	if (!stream->sleeping)
		return;
	stream->sleeping = false;
	stream->streams->woken = true;
	MHD_resume_connection(stream->connection);
}

static void wake_all(struct streams *s)
{
	struct stream *stream;

	for (stream = TAILQ_FIRST(&s->list); stream; stream = TAILQ_NEXT(stream, entry))
		wake(stream);
}

void streams_tell(struct streams *s)
{
	s->version++;
	wake_all(s);
}

int64_t streams_beat(struct streams *s, int64_t now_ns)
{
	struct stream *stream;

	if (!s->count) {
		s->next_beat_ns = 0;
		return INT64_MAX;
	}
	if (!s->next_beat_ns)
		s->next_beat_ns = now_ns + BEAT_NS;
	if (now_ns < s->next_beat_ns)
		return s->next_beat_ns;
	s->next_beat_ns = now_ns + BEAT_NS;
	for (stream = TAILQ_FIRST(&s->list); stream; stream = TAILQ_NEXT(stream, entry))
		stream->beat_due = true;
	wake_all(s);
	return s->next_beat_ns;
}

void streams_close(struct streams *s)
{
	s->closing = true;
	wake_all(s);
}
