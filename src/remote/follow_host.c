/* One host that is followed; see follow_host.h. */
#include "remote/follow_host.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "remote/answer.h"
#include "remote/ask.h"
#include "remote/tidy.h"

/* What is read of a stream in a second; ours says a few hundred bytes. */
#define STREAM_SPEED ((curl_off_t)64 << 10)
#define STREAM_BUFFER 4096L
/* What a host says of itself is read no more often. */
#define ABOUT_NS (30 * NS_PER_SECOND)

static const char *const paths[FOLLOW_TOPICS] = {"/api/status", "/api/queue", "/api/host"};

/* A line of the stream is complete. */
static void end_line(struct follow_host *h)
{
	static const char *const changes[] = {"event: status", "event: change", "event:status",
					      "event:change"};

	h->line[h->line_length < FOLLOW_LINE_SIZE ? h->line_length : FOLLOW_LINE_SIZE - 1] = '\0';
	h->line[strcspn(h->line, "\r")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		h->changed |= !strcmp(h->line, changes[i]);
	h->line_length = 0;
}

static size_t take_stream(char *bytes, size_t size, size_t count, void *argument)
{
	struct follow_host *h = ((struct follow_transfer *)argument)->host;
	size_t length = size * count;

	if (follow_transfer_status(&h->stream) != 200)
		return 0;
	if (strncasecmp(h->stream.type, "text/event-stream", 17) != 0) {
		h->missing = true;
		return 0;
	}
	h->begins |= h->state.stream == FOLLOW_OPENING;
	h->heard = true;
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n')
			end_line(h);
		else if (h->line_length < FOLLOW_LINE_SIZE)
			h->line[h->line_length++] = bytes[i];
	}
	return length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *argument)
{
	struct follow_host *h = ((struct follow_transfer *)argument)->host;
	size_t length = size * count;

	h->too_much = h->body.length + length > REMOTE_ANSWER_MAX;
	if (h->too_much)
		return 0;
	str_add_bytes(&h->body, bytes, length);
	return length;
}

/* Asks for the host's next document, unless it is the one that is known. */
static void ask(struct follow_host *h)
{
	const char *tag = h->documents[h->topic] ? h->tags[h->topic] : "";
	struct curl_slist *old = h->fetch.tagged;

	h->body.length = 0;
	h->too_much = false;
	follow_transfer_stop(&h->fetch);
	h->fetch.tagged = NULL;
	if (*tag) {
		AUTO_FREE char *line = mem_printf("If-None-Match: %s", tag);

		for (struct curl_slist *i = h->fetch.headers; i; i = i->next)
			h->fetch.tagged = (curl.curl_slist_append)(h->fetch.tagged, i->data);
		h->fetch.tagged = (curl.curl_slist_append)(h->fetch.tagged, line);
	}
	CURL_SET(h->fetch.handle, CURLOPT_HTTPHEADER,
		 h->fetch.tagged ? h->fetch.tagged : h->fetch.headers);
	(curl.curl_slist_free_all)(old);
	CURL_SET(h->fetch.handle, CURLOPT_URL, h->urls[h->topic]);
	follow_transfer_begin(&h->fetch);
}

static void drop_documents(struct follow_host *h)
{
	for (int i = 0; i < FOLLOW_TOPICS; i++) {
		json_decref(h->documents[i]);
		h->documents[i] = NULL;
	}
	h->about_ns = -ABOUT_NS;
}

struct follow_action follow_host_step(struct follow_host *h, enum follow_event_kind kind)
{
	struct follow_event event = {
		.kind = kind, .cost_ns = h->cost_ns, .random = erand48(h->shared->seed)};
	enum follow_status before = h->state.status;
	struct follow_action action = follow_step(&h->state, &event, clock_monotonic_ns());

	h->news |= h->state.status != before;
	if (action.close) {
		if (h->state.status != FOLLOW_UP)
			drop_documents(h);
		follow_transfer_stop(&h->stream);
		follow_transfer_stop(&h->fetch);
		h->begins = h->missing = h->heard = h->changed = false;
		h->line_length = 0;
	}
	if (action.open)
		follow_transfer_begin(&h->stream);
	if (action.fetch) {
		h->topic = 0;
		h->cost_ns = 0;
		ask(h);
	}
	return action;
}

static void fail(struct follow_host *h, const char *reason)
{
	AUTO_FREE char *before = mem_steal(&h->problem);
	AUTO_FREE char *shown = text_printable(reason);

	h->problem = mem_printf("%.300s", shown);
	follow_host_step(h, FOLLOW_FAILED);
	h->news |= h->state.status == FOLLOW_AWAY && (!before || strcmp(before, h->problem) != 0);
}

static const char *reason_of(const struct follow_host *h, const struct follow_transfer *t,
			     CURLcode code)
{
	const char *problem = curl_problem(follow_transfer_status(t));

	if (t->headers_size > FOLLOW_HEADERS_MAX)
		return "its answer has too many headers";
	if (t == &h->fetch && h->too_much)
		return "its answer is too long";
	if (code == CURLE_WRITE_ERROR && problem)
		return problem;
	/* What curl adds to these differs each time. */
	if (code == CURLE_COULDNT_CONNECT)
		return "cannot connect to its web server";
	if (code == CURLE_OPERATION_TIMEDOUT)
		return "no answer in time";
	if (code != CURLE_OK)
		return curl_reason(code, t->reason);
	return problem ? problem : "it has closed the event stream";
}

/* Reads the document that is there; NULL, with the reason, where it is none. */
static json_t *read_document(const struct follow_host *h, struct err *e)
{
	enum remote_topic topic = h->topic == FOLLOW_GPUS    ? REMOTE_STATUS
				  : h->topic == FOLLOW_QUEUE ? REMOTE_QUEUE
							     : REMOTE_REPORT;
	json_t *read = NULL, *tidy;

	if (remote_read(topic, str_text(&h->body), h->body.length, &read, e) < 0)
		return NULL;
	tidy = h->topic == FOLLOW_GPUS    ? tidy_gpus(read)
	       : h->topic == FOLLOW_QUEUE ? tidy_entries(read)
					  : tidy_host(read);
	json_decref(read);
	return tidy;
}

/* Takes an answer. False, with the reason: there is none, and without it nothing can be shown. */
static bool take_document(struct follow_host *h, CURLcode code, const char **ret_reason,
			  struct err *e)
{
	long status = follow_transfer_status(&h->fetch);
	bool optional =
		code == CURLE_OK && h->topic != FOLLOW_GPUS && status >= 400 && status < 500;
	json_t *document = NULL;

	if (code == CURLE_OK && status == 304 && h->documents[h->topic])
		return true;
	if (!optional) {
		*ret_reason = reason_of(h, &h->fetch, code);
		if (code != CURLE_OK || status != 200)
			return false;
		document = read_document(h, e);
		*ret_reason = e->text;
		/* A server that has something else there has no such document. */
		if (!document && h->topic == FOLLOW_GPUS)
			return false;
	}
	json_decref(h->documents[h->topic]);
	h->documents[h->topic] = document;
	memcpy(h->tags[h->topic], h->fetch.tag, FOLLOW_TAG_SIZE);
	h->news = true;
	return true;
}

/* Whether the host's next document is to be read: what it says of itself hardly ever changes. */
static bool is_due(struct follow_host *h)
{
	int64_t now_ns = clock_monotonic_ns();

	if (h->topic != FOLLOW_HOST)
		return true;
	if (now_ns < h->about_ns + ABOUT_NS)
		return false;
	h->about_ns = now_ns;
	return true;
}

static void end_fetch(struct follow_host *h, CURLcode code)
{
	int64_t begin_ns = clock_monotonic_ns();
	const char *reason = NULL;
	struct err e = {0};
	bool good = take_document(h, code, &reason, &e);

	if (h->body.capacity > 65536)
		str_clear(&h->body);
	h->cost_ns += clock_monotonic_ns() - begin_ns;
	if (!good) {
		fail(h, reason);
	} else if (++h->topic < FOLLOW_TOPICS && is_due(h)) {
		ask(h);
	} else {
		h->seen_ns = clock_now_ns();
		follow_host_step(h, FOLLOW_FETCHED);
	}
}

static void end_stream(struct follow_host *h, CURLcode code)
{
	long status = follow_transfer_status(&h->stream);

	/* Answers that say that there is no such thing there. */
	if (h->missing || status == 404 || status == 405 || status == 406)
		follow_host_step(h, FOLLOW_STREAM_MISSING);
	else
		fail(h, reason_of(h, &h->stream, code));
	h->missing = false;
}

void follow_host_end(struct follow_transfer *t, CURLcode code)
{
	if (t == &t->host->stream)
		end_stream(t->host, code);
	else
		end_fetch(t->host, code);
}

int64_t follow_host_settle(struct follow_host *h)
{
	struct follow_action action;

	if (h->begins) {
		/* It may be of another version now. */
		h->about_ns = -ABOUT_NS;
		follow_host_step(h, FOLLOW_STREAM_BEGINS);
	}
	if (h->changed)
		follow_host_step(h, FOLLOW_CHANGE);
	else if (h->heard)
		follow_host_step(h, FOLLOW_HEARD);
	h->begins = h->changed = h->heard = false;
	action = follow_host_step(h, FOLLOW_TICK);
	if (action.problem) {
		AUTO_FREE char *before = mem_steal(&h->problem);

		h->problem = mem_strdup(action.problem);
		h->news |= !before || strcmp(before, h->problem) != 0;
	}
	return action.next_ns;
}

struct follow_host *follow_host_new(struct follow_shared *shared,
				    const struct remote_server *server)
{
	struct follow_host *h = mem_alloc(1, sizeof(*h));
	const char *url = server->url;
	struct remote_server document = *server;
	size_t length = strlen(url);
	AUTO_FREE char *stream = NULL;

	while (length && url[length - 1] == '/')
		length--;
	h->shared = shared;
	h->about_ns = -ABOUT_NS;
	h->news = true;
	follow_state_init(&h->state, shared->limit_ns);
	for (int i = 0; i < FOLLOW_TOPICS; i++)
		h->urls[i] = mem_printf("%.*s%s", (int)length, url, paths[i]);
	stream = mem_printf("%.*s/api/events", (int)length, url);
	document.url = stream;
	follow_transfer_open(&h->stream, h, shared,
			     &(struct follow_source){document, "text/event-stream", take_stream});
	CURL_SET(h->stream.handle, CURLOPT_MAX_RECV_SPEED_LARGE, STREAM_SPEED);
	CURL_SET(h->stream.handle, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
	document.url = h->urls[0];
	follow_transfer_open(&h->fetch, h, shared,
			     &(struct follow_source){document, "application/json", take_body});
	CURL_SET(h->fetch.handle, CURLOPT_TIMEOUT_MS, (long)(shared->limit_ns / NS_PER_MS));
	return h;
}

void follow_host_free(struct follow_host *h)
{
	follow_transfer_close(&h->stream);
	follow_transfer_close(&h->fetch);
	drop_documents(h);
	for (int i = 0; i < FOLLOW_TOPICS; i++)
		free(h->urls[i]);
	free(h->problem);
	str_clear(&h->body);
	free(h);
}

bool follow_host_has_news(const struct follow_host *h)
{
	return h->news && (!h->state.fetching || h->state.status == FOLLOW_AWAY);
}
