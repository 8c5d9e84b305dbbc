/* Following other hosts' web servers; see follow.h. */
#include "remote/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "remote/answer.h"
#include "remote/ask.h"
#include "remote/curl.h"
#include "remote/tidy.h"

/* Headers of a response, of all of them together. */
#define HEADERS_MAX ((size_t)32 << 10)
/* What is read of a stream in a second; ours says a few hundred bytes. */
#define STREAM_SPEED ((curl_off_t)64 << 10)
#define STREAM_BUFFER 4096L
/* What a host says of itself is read no more often. */
#define ABOUT_NS (30 * NS_PER_SECOND)
/* A line of a stream that matters is shorter. */
#define LINE_SIZE 64
#define TAG_SIZE 100

static const char *const paths[FOLLOW_TOPICS] = {"/api/status", "/api/queue", "/api/host"};

/* A connection to a host: one for its stream, one for its documents. */
struct transfer {
	struct host *host;
	CURL *handle;
	struct curl_slist *headers, *tagged; /* with a tag that is known; NULL: none is */
	bool active;
	size_t headers_size;
	char tag[TAG_SIZE];
	char type[TAG_SIZE];
	char reason[CURL_ERROR_SIZE];
};

struct host {
	struct follower *follower;
	const char *token;
	char *urls[FOLLOW_TOPICS];
	struct follow_state state;
	struct transfer stream, fetch;
	/* The stream, as it is read. */
	bool begins, missing, heard, changed;
	char line[LINE_SIZE];
	size_t line_length;
	/* The documents, as they are read. */
	int topic;
	struct str body;
	bool too_much;
	int64_t cost_ns;
	int64_t about_ns; /* when FOLLOW_HOST was read */
	char tags[FOLLOW_TOPICS][TAG_SIZE];
	/* What is known. */
	json_t *documents[FOLLOW_TOPICS];
	char *problem;
	int64_t seen_ns;
	bool news; /* it was not taken yet */
};

struct follower {
	CURLM *multi;
	int epoll_fd;
	int64_t limit_ns, timer_ns; /* when libcurl wants to be called */
	struct host **hosts;        /* pointers: libcurl has the addresses */
	size_t count, turn;
	bool wanted;
	unsigned short seed[3];
};

#define SET(handle, option, value) (curl.curl_easy_setopt)(handle, option, value)

/* ---- what libcurl calls ---- */

static size_t take_header(char *bytes, size_t size, size_t count, void *argument)
{
	struct transfer *t = argument;
	size_t length = size * count;
	char line[2 * TAG_SIZE];
	char *value;

	t->headers_size += length;
	if (t->headers_size > HEADERS_MAX)
		return 0;
	if (length >= sizeof(line))
		return length;
	memcpy(line, bytes, length);
	line[length] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	value = strchr(line, ':');
	if (!value)
		return length;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (!strcasecmp(line, "etag") && strlen(value) < TAG_SIZE)
		memcpy(t->tag, value, strlen(value) + 1);
	if (!strcasecmp(line, "content-type") && strlen(value) < TAG_SIZE)
		memcpy(t->type, value, strlen(value) + 1);
	return length;
}

static long status_of(const struct transfer *t)
{
	long status = 0;

	(curl.curl_easy_getinfo)(t->handle, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* A line of the stream is complete. */
static void end_line(struct host *h)
{
	static const char *const changes[] = {"event: status", "event: change", "event:status",
					      "event:change"};

	h->line[h->line_length < LINE_SIZE ? h->line_length : LINE_SIZE - 1] = '\0';
	h->line[strcspn(h->line, "\r")] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		h->changed |= !strcmp(h->line, changes[i]);
	h->line_length = 0;
}

static size_t take_stream(char *bytes, size_t size, size_t count, void *argument)
{
	struct host *h = ((struct transfer *)argument)->host;
	size_t length = size * count;

	if (status_of(&h->stream) != 200)
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
		else if (h->line_length < LINE_SIZE)
			h->line[h->line_length++] = bytes[i];
	}
	return length;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *argument)
{
	struct host *h = ((struct transfer *)argument)->host;
	size_t length = size * count;

	h->too_much = h->body.length + length > REMOTE_ANSWER_MAX;
	if (h->too_much)
		return 0;
	str_add_bytes(&h->body, bytes, length);
	return length;
}

static int watch_socket(CURL *handle, curl_socket_t fd, int what, void *argument, void *known)
{
	struct follower *f = argument;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
		epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	return 0;
}

static int set_timer(CURLM *multi, long ms, void *argument)
{
	struct follower *f = argument;

	f->timer_ns = ms < 0 ? INT64_MAX : clock_monotonic_ns() + ms * NS_PER_MS;
	return 0;
}

/* ---- connections ---- */

static void stop(struct transfer *t)
{
	if (t->active)
		(curl.curl_multi_remove_handle)(t->host->follower->multi, t->handle);
	t->active = false;
}

static void begin(struct transfer *t)
{
	stop(t);
	t->headers_size = 0;
	*t->tag = *t->type = *t->reason = '\0';
	t->active = (curl.curl_multi_add_handle)(t->host->follower->multi, t->handle) == CURLM_OK;
}

static void open_transfer(struct transfer *t, struct host *h, const char *url, const char *accept,
			  curl_write_callback take)
{
	*t = (struct transfer){.host = h};
	t->handle = curl_new(url, h->token, accept, &t->headers);
	SET(t->handle, CURLOPT_HEADERFUNCTION, take_header);
	SET(t->handle, CURLOPT_HEADERDATA, t);
	SET(t->handle, CURLOPT_WRITEFUNCTION, take);
	SET(t->handle, CURLOPT_WRITEDATA, t);
	SET(t->handle, CURLOPT_PRIVATE, t);
	SET(t->handle, CURLOPT_ERRORBUFFER, t->reason);
	SET(t->handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(t->handle, CURLOPT_CONNECTTIMEOUT_MS, (long)(h->follower->limit_ns / NS_PER_MS));
}

static void close_transfer(struct transfer *t)
{
	stop(t);
	(curl.curl_easy_cleanup)(t->handle);
	(curl.curl_slist_free_all)(t->headers);
	(curl.curl_slist_free_all)(t->tagged);
}

/* Asks for the host's next document, unless it is the one that is known. */
static void ask(struct host *h)
{
	const char *tag = h->documents[h->topic] ? h->tags[h->topic] : "";
	struct curl_slist *old = h->fetch.tagged;

	h->body.length = 0;
	h->too_much = false;
	stop(&h->fetch);
	h->fetch.tagged = NULL;
	if (*tag) {
		AUTO_FREE char *line = mem_printf("If-None-Match: %s", tag);

		for (struct curl_slist *i = h->fetch.headers; i; i = i->next)
			h->fetch.tagged = (curl.curl_slist_append)(h->fetch.tagged, i->data);
		h->fetch.tagged = (curl.curl_slist_append)(h->fetch.tagged, line);
	}
	SET(h->fetch.handle, CURLOPT_HTTPHEADER,
	    h->fetch.tagged ? h->fetch.tagged : h->fetch.headers);
	(curl.curl_slist_free_all)(old);
	SET(h->fetch.handle, CURLOPT_URL, h->urls[h->topic]);
	begin(&h->fetch);
}

/* ---- hosts ---- */

static void drop_documents(struct host *h)
{
	for (int i = 0; i < FOLLOW_TOPICS; i++) {
		json_decref(h->documents[i]);
		h->documents[i] = NULL;
	}
}

static struct follow_action step(struct host *h, enum follow_event_kind kind)
{
	struct follow_event event = {
		.kind = kind, .cost_ns = h->cost_ns, .random = erand48(h->follower->seed)};
	enum follow_status before = h->state.status;
	struct follow_action action = follow_step(&h->state, &event, clock_monotonic_ns());

	h->news |= h->state.status != before;
	if (action.close) {
		if (h->state.status != FOLLOW_UP)
			drop_documents(h);
		stop(&h->stream);
		stop(&h->fetch);
		h->begins = h->missing = h->heard = h->changed = false;
		h->line_length = 0;
	}
	if (action.open)
		begin(&h->stream);
	if (action.fetch) {
		h->topic = 0;
		h->cost_ns = 0;
		ask(h);
	}
	return action;
}

static void fail(struct host *h, const char *reason)
{
	AUTO_FREE char *before = mem_steal(&h->problem);
	AUTO_FREE char *shown = text_printable(reason);

	h->problem = mem_printf("%.300s", shown);
	step(h, FOLLOW_FAILED);
	h->news |= h->state.status == FOLLOW_AWAY && (!before || strcmp(before, h->problem) != 0);
}

static const char *reason_of(const struct host *h, const struct transfer *t, CURLcode code)
{
	const char *problem = curl_problem(status_of(t));

	if (t->headers_size > HEADERS_MAX)
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
		return *t->reason ? t->reason : (curl.curl_easy_strerror)(code);
	return problem ? problem : "it has closed the event stream";
}

/* Reads the document that is there; NULL, with the reason, where it is none. */
static json_t *read_document(const struct host *h, struct err *e)
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
static bool take_document(struct host *h, CURLcode code, const char **ret_reason, struct err *e)
{
	long status = status_of(&h->fetch);
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
	memcpy(h->tags[h->topic], h->fetch.tag, TAG_SIZE);
	h->news = true;
	return true;
}

/* Whether the host's next document is to be read: what it says of itself hardly ever changes. */
static bool is_due(struct host *h)
{
	int64_t now_ns = clock_monotonic_ns();

	if (h->topic != FOLLOW_HOST)
		return true;
	if (h->documents[FOLLOW_HOST] && now_ns < h->about_ns + ABOUT_NS)
		return false;
	h->about_ns = now_ns;
	return true;
}

static void end_fetch(struct host *h, CURLcode code)
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
		step(h, FOLLOW_FETCHED);
	}
}

static void end_stream(struct host *h, CURLcode code)
{
	long status = status_of(&h->stream);

	/* Answers that say that there is no such thing there. */
	if (h->missing || status == 404 || status == 405 || status == 406)
		step(h, FOLLOW_STREAM_MISSING);
	else
		fail(h, reason_of(h, &h->stream, code));
	h->missing = false;
}

static void take_ends(struct follower *f)
{
	CURLMsg *message;
	int left;

	while ((message = (curl.curl_multi_info_read)(f->multi, &left))) {
		CURLcode code = message->data.result;
		CURL *handle = message->easy_handle;
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(curl.curl_easy_getinfo)(handle, CURLINFO_PRIVATE, &t);
		stop(t);
		if (t == &t->host->stream)
			end_stream(t->host, code);
		else
			end_fetch(t->host, code);
	}
}

/* What the stream of a host has said, and what is due. Returns when something is due next. */
static int64_t settle(struct host *h)
{
	struct follow_action action;

	if (h->begins) {
		/* It may be of another version now. */
		h->about_ns = -ABOUT_NS;
		step(h, FOLLOW_STREAM_BEGINS);
	}
	if (h->changed)
		step(h, FOLLOW_CHANGE);
	else if (h->heard)
		step(h, FOLLOW_HEARD);
	h->begins = h->changed = h->heard = false;
	action = step(h, FOLLOW_TICK);
	if (action.problem) {
		AUTO_FREE char *before = mem_steal(&h->problem);

		h->problem = mem_strdup(action.problem);
		h->news |= !before || strcmp(before, h->problem) != 0;
	}
	return action.next_ns;
}

/* ---- the follower ---- */

int follower_new(int64_t limit_ns, struct follower **ret, struct err *e)
{
	struct follower *f;
	int r = curl_load(e);

	if (r < 0)
		return r;
	f = mem_alloc(1, sizeof(*f));
	f->limit_ns = limit_ns;
	f->timer_ns = INT64_MAX;
	f->seed[0] = (unsigned short)getpid();
	f->seed[1] = (unsigned short)clock_monotonic_ns();
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	f->multi = (curl.curl_multi_init)();
	if (f->epoll_fd < 0 || !f->multi) {
		free(f);
		return err_set(e, EIO, "libcurl does not start");
	}
	(curl.curl_multi_setopt)(f->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	(curl.curl_multi_setopt)(f->multi, CURLMOPT_SOCKETDATA, f);
	(curl.curl_multi_setopt)(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(curl.curl_multi_setopt)(f->multi, CURLMOPT_TIMERDATA, f);
	*ret = f;
	return 0;
}

static void free_host(struct host *h)
{
	close_transfer(&h->stream);
	close_transfer(&h->fetch);
	drop_documents(h);
	for (int i = 0; i < FOLLOW_TOPICS; i++)
		free(h->urls[i]);
	free(h->problem);
	str_clear(&h->body);
	free(h);
}

struct follower *follower_free(struct follower *f)
{
	if (!f)
		return NULL;
	for (size_t i = 0; i < f->count; i++)
		free_host(f->hosts[i]);
	free(f->hosts);
	(curl.curl_multi_cleanup)(f->multi);
	close(f->epoll_fd);
	free(f);
	return NULL;
}

void follower_add(struct follower *f, const char *url, const char *token)
{
	struct host *h = mem_alloc(1, sizeof(*h));
	size_t length = strlen(url);
	AUTO_FREE char *stream = NULL;

	while (length && url[length - 1] == '/')
		length--;
	h->follower = f;
	h->token = token;
	h->news = true;
	follow_state_init(&h->state, f->limit_ns);
	for (int i = 0; i < FOLLOW_TOPICS; i++)
		h->urls[i] = mem_printf("%.*s%s", (int)length, url, paths[i]);
	stream = mem_printf("%.*s/api/events", (int)length, url);
	open_transfer(&h->stream, h, stream, "text/event-stream", take_stream);
	SET(h->stream.handle, CURLOPT_MAX_RECV_SPEED_LARGE, STREAM_SPEED);
	SET(h->stream.handle, CURLOPT_BUFFERSIZE, STREAM_BUFFER);
	open_transfer(&h->fetch, h, h->urls[0], "application/json", take_body);
	SET(h->fetch.handle, CURLOPT_TIMEOUT_MS, (long)(f->limit_ns / NS_PER_MS));
	f->hosts = mem_resize(f->hosts, f->count + 1, sizeof(struct host *));
	f->hosts[f->count++] = h;
}

void follower_want(struct follower *f, bool wanted)
{
	if (wanted == f->wanted)
		return;
	f->wanted = wanted;
	for (size_t i = 0; i < f->count; i++)
		step(f->hosts[i], wanted ? FOLLOW_WANT : FOLLOW_REST);
}

int follower_fd(const struct follower *f)
{
	return f->epoll_fd;
}

int64_t follower_run(struct follower *f)
{
	struct epoll_event events[64];
	int64_t next_ns = INT64_MAX;
	int running, n = epoll_wait(f->epoll_fd, events, ARRAY_SIZE(events), 0);

	for (int i = 0; i < n; i++) {
		int mask = (events[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
			   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			   (events[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);

		(curl.curl_multi_socket_action)(f->multi, events[i].data.fd, mask, &running);
	}
	if (clock_monotonic_ns() >= f->timer_ns) {
		f->timer_ns = INT64_MAX;
		(curl.curl_multi_socket_action)(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	take_ends(f);
	for (size_t i = 0; i < f->count; i++) {
		int64_t due_ns = settle(f->hosts[i]);

		next_ns = due_ns < next_ns ? due_ns : next_ns;
	}
	return f->timer_ns < next_ns ? f->timer_ns : next_ns;
}

/* Not in the middle of a fetch: its status may be newer than its queue. */
static bool has_news(const struct host *h)
{
	return h->news && (!h->state.fetching || h->state.status == FOLLOW_AWAY);
}

bool follower_has_news(const struct follower *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (has_news(f->hosts[i]))
			return true;
	}
	return false;
}

bool follower_next(struct follower *f, size_t *ret_which, struct followed *ret)
{
	/* In turn, so that one that changes all the time keeps no other from being shown. */
	for (size_t n = 0; n < f->count; n++) {
		size_t i = (f->turn + n) % f->count;
		struct host *h = f->hosts[i];

		if (!has_news(h))
			continue;
		h->news = false;
		f->turn = i + 1;
		*ret_which = i;
		*ret = (struct followed){
			.status = h->state.status, .problem = h->problem, .seen_ns = h->seen_ns};
		for (int k = 0; k < FOLLOW_TOPICS; k++)
			ret->documents[k] = h->documents[k];
		return true;
	}
	return false;
}

size_t follower_undecided(const struct follower *f)
{
	size_t count = 0;

	for (size_t i = 0; i < f->count; i++)
		count += f->hosts[i]->state.status == FOLLOW_CONNECTING;
	return count;
}
