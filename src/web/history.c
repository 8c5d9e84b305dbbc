/*
 * The documents about the past, made when somebody asks and good for some seconds, or until the
 * pool changes. One is read at a time, whoever asks for how many.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "web/query.h"
#include "web/server.h"

#define DAYS_MAX 90

/* What runs gets longer all the time: so long one does not see it. */
#define GOOD_NS (10 * NS_PER_SECOND)
#define WAIT_NS (60 * NS_PER_SECOND)

static struct past *find(struct server *s, int kind, int days)
{
	return &s->histories.pasts[kind][days];
}

static bool is_good(const struct server *s, const struct past *past, int64_t now_ns)
{
	return past->document && now_ns - past->read_ns <= GOOD_NS &&
	       past->read_ns > s->histories.changed_ns;
}

enum MHD_Result history_answer(struct request *r, const char *query, int kind, int fallback_days)
{
	struct server *s = r->server;
	int64_t now_ns = clock_monotonic_ns();
	struct err e = {0};
	struct past *past;
	int days;

	if (query_int(query, "days", 1, DAYS_MAX, fallback_days, &days, &e) < 0)
		return response_error(r->connection, MHD_HTTP_BAD_REQUEST, "%s", e.text);
	past = find(s, kind, days);
	if (!r->waited && !is_good(s, past, now_ns)) {
		past->wanted = true;
		return http_wait(r, (struct need){kind, days}, WAIT_NS);
	}
	if (!past->document)
		return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "the history does not answer");
	return document_answer(past->document, r->connection);
}

/* Asks for the first that is wanted, of the kinds in turn. */
static void ask(struct server *s, int64_t now_ns)
{
	for (int days = 1; days <= DAYS_MAX; days++) {
		for (int kind = ASK_REPORT; kind < QUESTIONS; kind++) {
			struct past *past = find(s, kind, days);

			if (!past->wanted)
				continue;
			if (worker_ask(&s->workers[WORKER_HISTORY],
				       (struct question){kind, days})) {
				past->wanted = false;
				past->read_ns = now_ns;
			}
			return;
		}
	}
}

/* Old ones may be large, and nobody gets them again. */
static void forget(struct server *s, int64_t now_ns)
{
	for (int kind = ASK_REPORT; kind < QUESTIONS; kind++) {
		for (int days = 1; days <= DAYS_MAX; days++) {
			struct past *past = find(s, kind, days);

			if (past->document && now_ns - past->read_ns > 2 * GOOD_NS)
				past->document = document_free(past->document);
		}
	}
}

int64_t history_tick(struct server *s, int64_t now_ns)
{
	struct histories *h = &s->histories;
	bool awaited = http_is_awaited(s, ASK_REPORT) || http_is_awaited(s, ASK_TIMELINE);

	if (awaited && !s->workers[WORKER_HISTORY].busy)
		ask(s, now_ns);
	if (h->check_ns && now_ns >= h->check_ns) {
		forget(s, now_ns);
		h->check_ns = 0;
	}
	if (awaited && !s->workers[WORKER_HISTORY].busy)
		return now_ns + NS_PER_SECOND / 4;
	return h->check_ns ? h->check_ns : INT64_MAX;
}

void history_done(struct server *s, struct question question, const struct answer *answer)
{
	struct past *past = find(s, question.kind, question.days);
	const struct answer_head *head = &answer->head;

	document_free(past->document);
	if (head->code) {
		char reason[1024];

		snprintf(reason, sizeof(reason), "%.*s", (int)head->lengths[ANSWER_PROBLEM],
			 answer->texts[ANSWER_PROBLEM]);
		past->document = document_new_error(MHD_HTTP_SERVICE_UNAVAILABLE, reason);
	} else {
		past->document = document_new(answer->texts[ANSWER_HISTORY],
					      head->lengths[ANSWER_HISTORY], TYPE_JSON);
	}
	s->histories.check_ns = clock_monotonic_ns() + 3 * GOOD_NS;
	/* Who asked after a change that this one does not show gets the next one. */
	http_wake(s, (struct need){question.kind, question.days},
		  past->read_ns > s->histories.changed_ns ? INT64_MAX : past->read_ns);
}

void history_clear(struct server *s)
{
	for (int kind = ASK_REPORT; kind < QUESTIONS; kind++) {
		for (int days = 1; days <= DAYS_MAX; days++)
			document_free(find(s, kind, days)->document);
	}
}
