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

/* What libmicrohttpd asks for at once. */
#define BLOCK_SIZE 512

/* So much is kept of what has happened, for streams that are slow. */
#define LOG_BYTES 65536

struct stream {
	TAILQ_ENTRY(stream) entry;
	struct streams *streams;
	struct MHD_Connection *connection;
	bool sleeping, begun, beat_due;
	uint64_t told; /* the version that it was told last */
	uint64_t hosts_told;
	uint64_t log_told; /* so many bytes of the log */
	struct str message;
	size_t sent; /* of the message */
};

void streams_init(struct streams *s)
{
	*s = (struct streams){.version = 1};
	TAILQ_INIT(&s->list);
}

static uint64_t log_end(const struct streams *s)
{
	return s->log_begin + s->log.length;
}

/* What the stream has not been told of the log, as far as that is still there. */
static void add_log(struct stream *stream)
{
	const struct streams *s = stream->streams;
	uint64_t from = stream->log_told > s->log_begin ? stream->log_told : s->log_begin;

	str_add_bytes(&stream->message, s->log.text + (from - s->log_begin),
		      (size_t)(log_end(s) - from));
	stream->log_told = log_end(s);
}

/* Puts what there is to say into the message. False where there is nothing. */
static bool compose(struct stream *stream)
{
	uint64_t version = stream->streams->version;

	stream->sent = stream->message.length = 0;
	if (!stream->begun) {
		str_addf(&stream->message,
			 "retry: 2000\nevent: status\ndata: {\"version\":%" PRIu64 "}\n\n",
			 version);
		stream->log_told = log_end(stream->streams);
		stream->hosts_told = stream->streams->hosts_version;
	} else if (stream->told != version) {
		str_addf(&stream->message, "event: change\ndata: {\"version\":%" PRIu64 "}\n\n",
			 version);
	} else if (stream->hosts_told != stream->streams->hosts_version) {
		str_addf(&stream->message, "event: hosts\ndata: {\"version\":%" PRIu64 "}\n\n",
			 stream->streams->hosts_version);
		stream->hosts_told = stream->streams->hosts_version;
	} else if (stream->log_told != log_end(stream->streams)) {
		add_log(stream);
	} else if (stream->beat_due) {
		str_add(&stream->message, ":\n\n");
	}
	stream->begun = true;
	stream->told = version;
	stream->beat_due = false;
	return stream->message.length > 0;
}

/* Called by libmicrohttpd when it can send: gives it the next bytes, or goes to sleep. */
static ssize_t read_stream(void *argument, uint64_t position, char *buffer, size_t size)
{
	struct stream *stream = argument;
	size_t n;

	(void)position;
	if (stream->streams->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (stream->sent == stream->message.length && !compose(stream)) {
		stream->sleeping = true;
		MHD_suspend_connection(stream->connection);
		return 0;
	}
	n = stream->message.length - stream->sent;
	n = n < size ? n : size;
	memcpy(buffer, stream->message.text + stream->sent, n);
	stream->sent += n;
	return (ssize_t)n;
}

static void free_stream(void *argument)
{
	struct stream *stream = argument;

	TAILQ_REMOVE(&stream->streams->list, stream, entry);
	stream->streams->count--;
	str_clear(&stream->message);
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
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_stream,
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

void streams_tell_hosts(struct streams *s)
{
	s->hosts_version++;
	wake_all(s);
}

/* Cuts whole messages off the front until the rest fits. */
static void forget_log(struct streams *s)
{
	const char *rest = str_text(&s->log), *end;
	struct str kept = {0};

	while (strlen(rest) > LOG_BYTES && (end = strstr(rest, "\n\n")))
		rest = end + 2;
	s->log_begin += (uint64_t)(rest - str_text(&s->log));
	str_add(&kept, rest);
	str_clear(&s->log);
	s->log = kept;
}

void streams_log(struct streams *s, const char *messages, size_t length)
{
	str_add_bytes(&s->log, messages, length);
	if (s->log.length > LOG_BYTES)
		forget_log(s);
	wake_all(s);
}

void streams_clear(struct streams *s)
{
	str_clear(&s->log);
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
