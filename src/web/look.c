/*
 * The documents of the latest look at the pool, and when to look again. However many clients there
 * are: one look per interval while anybody watches, one at each change of the pool, none otherwise.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "web/server.h"

/* A change is told this long after it was noticed, even if the look at it takes longer. */
#define TELL_NS (50 * NS_PER_MS)
/* Changes that follow each other this fast are told together. */
#define GATHER_NS (40 * NS_PER_MS)

/* A look at a driver that hangs takes this long at most, as a rule; for so much longer than the
 * interval the documents before it are still good. */
#define SLOW_NS (6 * NS_PER_SECOND)

/* Who asks right after a change gets the state after it, if that does not take longer than this. */
#define FRESH_NS (300 * NS_PER_MS)
#define WAIT_NS (35 * NS_PER_SECOND)

static const char *const types[ANSWER_TEXTS] = {
	[ANSWER_STATUS] = TYPE_JSON,
	[ANSWER_QUEUE] = TYPE_JSON,
	[ANSWER_METRICS] = TYPE_METRICS,
	[ANSWER_HOST] = TYPE_JSON,
};

/* How long a request has to wait for a newer look; 0: what there is is good. */
static int64_t look_wait_ns(struct server *s, int64_t now_ns)
{
	const struct looks *l = &s->looks;
	int64_t age_ns = now_ns - l->shown_ns, interval_ns = s->config->interval_ns;
	bool busy = s->workers[WORKER_LOOK].busy;

	if (!l->ever || age_ns > 2 * interval_ns + SLOW_NS)
		return WAIT_NS;
	if (l->changed || (busy && l->tell_ns != INT64_MAX))
		return FRESH_NS;
	return age_ns <= 2 * interval_ns || busy ? 0 : WAIT_NS;
}

/* True where the request has to wait; *ret_result is what its handler returns then. */
static bool must_wait(struct request *r, enum MHD_Result *ret_result)
{
	struct server *s = r->server;
	int64_t now_ns = clock_monotonic_ns(), wait_ns;

	s->looks.asked_ns = now_ns;
	if (r->waited)
		return false;
	wait_ns = look_wait_ns(s, now_ns);
	if (!wait_ns)
		return false;
	*ret_result = http_wait(r, (struct need){.kind = ASK_LOOK}, wait_ns);
	return true;
}

enum MHD_Result look_answer(struct request *r, int text)
{
	const struct looks *l = &r->server->looks;
	enum MHD_Result result;

	if (must_wait(r, &result))
		return result;
	if (l->documents[text])
		return document_answer(l->documents[text], r->connection);
	if (l->problem)
		return document_answer(l->problem, r->connection);
	return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "the pool does not answer");
}

enum MHD_Result look_health(struct request *r, bool trusted)
{
	const struct looks *l = &r->server->looks;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (must_wait(r, &result))
		return result;
	if (!l->documents[ANSWER_STATUS] && !trusted)
		return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "the pool cannot be read; the token shows why");
	if (!l->documents[ANSWER_STATUS])
		return look_answer(r, ANSWER_STATUS);
	response = response_new("ok\n", 3, MHD_RESPMEM_PERSISTENT, TYPE_TEXT, CACHE_NEVER);
	result = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

/* Tells the streams at a time, or a moment later if they have just been told. */
static void tell_at(struct looks *l, int64_t time_ns)
{
	if (time_ns < l->told_ns + GATHER_NS)
		time_ns = l->told_ns + GATHER_NS;
	if (time_ns < l->tell_ns)
		l->tell_ns = time_ns;
}

void look_changed(struct server *s, int64_t now_ns)
{
	s->looks.changed = true;
	tell_at(&s->looks, now_ns + TELL_NS);
}

/* Whether somebody should look now, or when. */
static int64_t next_look_ns(const struct server *s, int64_t now_ns)
{
	const struct looks *l = &s->looks;
	int64_t interval_ns = s->config->interval_ns, next_ns = INT64_MAX;

	if (s->streams.count || now_ns - l->asked_ns <= interval_ns)
		next_ns = l->changed ? now_ns : l->begun_ns + interval_ns;
	if (http_is_awaited(s, ASK_LOOK))
		next_ns = now_ns;
	return next_ns < l->resume_ns ? l->resume_ns : next_ns;
}

int64_t look_tick(struct server *s, int64_t now_ns)
{
	struct worker *w = &s->workers[WORKER_LOOK];
	struct looks *l = &s->looks;
	int64_t next_ns = INT64_MAX;

	if (now_ns >= l->tell_ns) {
		l->tell_ns = INT64_MAX;
		l->told_ns = now_ns;
		streams_tell(&s->streams);
	}
	if (!w->busy) {
		next_ns = next_look_ns(s, now_ns);
		if (now_ns >= next_ns) {
			next_ns = now_ns + NS_PER_SECOND / 4;
			if (worker_ask(w, (struct question){.kind = ASK_LOOK})) {
				l->begun_ns = now_ns;
				l->changed = false;
				next_ns = INT64_MAX; /* its answer comes first */
			}
		}
	}
	return next_ns < l->tell_ns ? next_ns : l->tell_ns;
}

static void drop(struct looks *l)
{
	for (int i = 0; i < ANSWER_TEXTS; i++)
		l->documents[i] = document_free(l->documents[i]);
	l->problem = document_free(l->problem);
}

void look_done(struct server *s, const struct answer *answer)
{
	struct looks *l = &s->looks;
	const struct answer_head *head = &answer->head;
	int64_t now_ns = clock_monotonic_ns();
	bool different = !l->ever || (l->problem != NULL) != (head->code != 0) ||
			 head->fingerprint != l->fingerprint;

	drop(l);
	l->ever = true;
	l->shown_ns = l->begun_ns;
	l->fingerprint = head->fingerprint;
	if (head->code) {
		char reason[1024];

		snprintf(reason, sizeof(reason), "%.*s", (int)head->lengths[ANSWER_PROBLEM],
			 answer->texts[ANSWER_PROBLEM]);
		l->problem = document_new_error(MHD_HTTP_SERVICE_UNAVAILABLE, reason);
	}
	for (int i = 0; i < ANSWER_TEXTS && !head->code; i++)
		l->documents[i] = document_new(answer->texts[i], head->lengths[i], types[i]);
	/* Where looking is slow, no more than half of the time goes into it. */
	l->resume_ns = 2 * now_ns - l->begun_ns;
	/* A change that came during the look is told by the next one, and who asked after it waits
	   for that. */
	if (different || (l->tell_ns != INT64_MAX && !l->changed))
		tell_at(l, now_ns);
	http_wake(s, (struct need){.kind = ASK_LOOK}, l->changed ? l->begun_ns : INT64_MAX);
}

void look_clear(struct server *s)
{
	drop(&s->looks);
}
