/* The other hosts, as the process that follows them has told; see server.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/remotes.h"
#include "host/process.h"
#include "web/server.h"

/* For so long after the last request or stream the hosts are followed: those who fetch metrics come
   more often. */
#define REST_NS (180 * NS_PER_SECOND)
/* Streams are told of other hosts no more often. */
#define TELL_NS NS_PER_SECOND
/* How long a request waits for hosts that have just been asked. */
#define LIST_WAIT_NS NS_PER_SECOND
#define DOCUMENT_WAIT_NS (3 * NS_PER_SECOND)

void hosts_init(struct server *s)
{
	s->others.items = mem_alloc(s->config->hosts_count + 1, sizeof(*s->others.items));
	s->others.resting = true;
	s->others.asked_ns = INT64_MIN / 2;
	s->others.undecided = (int)s->config->hosts_count;
}

int hosts_find(const struct server *s, const char *name)
{
	AUTO_FREE char *own = s->config->demo ? mem_strdup("demo") : host_name();

	for (size_t i = 0; i < s->config->hosts_count; i++) {
		if (!strcasecmp(s->config->hosts[i].name, name))
			return (int)i;
	}
	return remotes_is_own(name, own) ? HOST_HERE : HOST_UNKNOWN;
}

static void drop_documents(struct other *other)
{
	for (int i = 0; i < ANSWER_DOCUMENTS; i++)
		other->documents[i] = document_free(other->documents[i]);
	free(mem_steal(&other->problem));
}

static void drop_lists(struct others *o)
{
	o->list = document_free(o->list);
	o->scraped = document_free(o->scraped);
}

void hosts_refreshed(struct server *s)
{
	drop_lists(&s->others);
}

static void note_interest(struct server *s)
{
	s->others.asked_ns = clock_monotonic_ns();
}

/* Whether it has answered, or failed. */
static bool is_decided(const struct other *other)
{
	return other->documents[ANSWER_STATUS] || other->problem;
}

/* True where hosts have just been asked, and the request waits for their answers. */
static bool must_wait(struct request *r, int host, int64_t limit_ns, enum MHD_Result *ret_result)
{
	const struct others *o = &r->server->others;
	bool known = host < 0 ? !o->undecided : is_decided(&o->items[host]);

	if (known || r->waited_hosts)
		return false;
	r->waited_hosts = true;
	*ret_result = http_wait(r, (struct need){.kind = ASK_HOSTS, .days = host + 1}, limit_ns);
	return true;
}

enum MHD_Result hosts_answer_list(struct request *r)
{
	const struct refresh *refresh = &r->server->refresh;
	struct others *o = &r->server->others;
	AUTO(str_clear) struct str text = {0};
	enum MHD_Result result;

	note_interest(r->server);
	if (refresh_must_wait(r, &result) || must_wait(r, -1, LIST_WAIT_NS, &result))
		return result;
	if (!o->list) {
		str_add(&text, "{\"hosts\":[");
		/* A pool that cannot be read keeps nobody from the others. */
		if (refresh->documents[ANSWER_STATUS])
			str_addf(&text, "%.*s", (int)strcspn(str_text(&refresh->row), "\n"),
				 str_text(&refresh->row));
		if (refresh->documents[ANSWER_STATUS] && o->rows.length)
			str_add(&text, ",");
		str_add(&text, str_text(&o->rows));
		str_add(&text, "]}\n");
		o->list = document_new(str_text(&text), text.length, TYPE_JSON);
	}
	return document_answer(o->list, r->connection);
}

enum MHD_Result hosts_answer_metrics(struct request *r)
{
	const struct refresh *refresh = &r->server->refresh;
	struct others *o = &r->server->others;
	AUTO(str_clear) struct str text = {0};
	enum MHD_Result result;

	if (!r->server->config->hosts_count)
		return refresh_answer(r, ANSWER_METRICS);
	note_interest(r->server);
	if (refresh_must_wait(r, &result))
		return result;
	if (!refresh->documents[ANSWER_METRICS])
		return refresh_answer(r, ANSWER_METRICS);
	if (!o->scraped) {
		str_add(&text, str_text(&refresh->metrics));
		str_add(&text, str_text(&o->metrics));
		o->scraped = document_new(str_text(&text), text.length, TYPE_METRICS);
	}
	return document_answer(o->scraped, r->connection);
}

enum MHD_Result hosts_answer(struct request *r, int host, int text)
{
	const struct other *other = &r->server->others.items[host];
	const char *name = r->server->config->hosts[host].name;
	enum MHD_Result result;

	note_interest(r->server);
	if (must_wait(r, host, DOCUMENT_WAIT_NS, &result))
		return result;
	if (other->documents[text])
		return document_answer(other->documents[text], r->connection);
	return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE, "%s %s%s", name,
			      other->problem ? "is away: " : "has not answered yet",
			      other->problem ? other->problem : "");
}

int64_t hosts_tick(struct server *s, int64_t now_ns)
{
	struct worker *w = &s->workers[WORKER_HOSTS];
	struct others *o = &s->others;
	bool wanted = s->streams.count > 0 || now_ns < o->asked_ns + REST_NS;
	int64_t next_ns = INT64_MAX;

	if (!s->config->hosts_count)
		return INT64_MAX;
	if ((wanted || !o->resting) && !w->busy) {
		if (worker_ask(w, (struct question){.kind = ASK_HOSTS, .days = wanted}))
			o->resting = !wanted;
		else
			next_ns = now_ns + NS_PER_SECOND;
	}
	if (o->news && now_ns >= o->told_ns + TELL_NS) {
		o->news = false;
		o->told_ns = now_ns;
		streams_tell_hosts(&s->streams);
	}
	if (o->news && o->told_ns + TELL_NS < next_ns)
		next_ns = o->told_ns + TELL_NS;
	return next_ns;
}

/* The documents of one host, or why there are none. */
static void take_documents(struct other *other, const struct answer *answer)
{
	static const int texts[] = {ANSWER_STATUS, ANSWER_QUEUE, ANSWER_HOST};
	const uint32_t *lengths = answer->head.lengths;

	drop_documents(other);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (lengths[texts[i]])
			other->documents[texts[i]] =
				document_new(answer->texts[texts[i]], lengths[texts[i]], TYPE_JSON);
	}
	if (lengths[ANSWER_EVENTS])
		other->problem = mem_printf("%.*s", (int)lengths[ANSWER_EVENTS],
					    answer->texts[ANSWER_EVENTS]);
}

/* Takes a text of the answer. Returns whether it is another one. */
static bool replace(struct str *text, const struct answer *answer, int which)
{
	size_t length = answer->head.lengths[which];
	bool same = text->length == length && !memcmp(str_text(text), answer->texts[which], length);

	text->length = 0;
	str_add_bytes(text, answer->texts[which], length);
	return !same;
}

void hosts_done(struct server *s, const struct answer *answer)
{
	const struct answer_head *head = &answer->head;
	struct others *o = &s->others;

	/* Its process has ended: the next one tells everything. */
	if (head->code)
		return;
	for (size_t i = 0; o->resting && i < s->config->hosts_count; i++)
		drop_documents(&o->items[i]);
	if (head->host >= 0 && (size_t)head->host < s->config->hosts_count) {
		take_documents(&o->items[head->host], answer);
		o->news = true;
		if (is_decided(&o->items[head->host]))
			http_wake(s, (struct need){.kind = ASK_HOSTS, .days = head->host + 1},
				  INT64_MAX);
	}
	if (head->lengths[ANSWER_ROWS]) {
		o->news |= replace(&o->rows, answer, ANSWER_ROWS);
		replace(&o->metrics, answer, ANSWER_METRICS);
		drop_lists(o);
		o->undecided = head->undecided;
		if (!o->undecided)
			http_wake(s, (struct need){.kind = ASK_HOSTS}, INT64_MAX);
	}
}

void hosts_clear(struct server *s)
{
	for (size_t i = 0; i < s->config->hosts_count; i++)
		drop_documents(&s->others.items[i]);
	free(s->others.items);
	drop_lists(&s->others);
	str_clear(&s->others.rows);
	str_clear(&s->others.metrics);
}
