/*
 * The documents about the past, made on request and valid for some seconds, or until the pool
 * changes. One is read at a time, however many are asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "stats/usage.h"
#include "web/query.h"
#include "web/server.h"

/* Running jobs get longer all the time: for so long that does not show. */
#define GOOD_NS (10 * NS_PER_SECOND)
#define WAIT_NS (60 * NS_PER_SECOND)

/* There may be 210 of each kind, and a timeline of a busy pool has more than a MiB. */
#define KEEP_NS (2 * GOOD_NS)
#define KEEP_BYTES ((size_t)16 << 20)

static struct past *find(struct server *s, int kind, int days)
{
	int place =
		days <= QUESTION_DAYS_MAX ? days : 1 + QUESTION_DAYS_MAX + days % HISTORY_MONTHS;

	return &s->histories.pasts[kind][place];
}

/* A failure is not: the next request finds out whether all is well again. */
static bool is_good(const struct server *s, const struct past *past, int64_t now_ns)
{
	return past->document && past->document->status == MHD_HTTP_OK &&
	       now_ns - past->read_ns <= GOOD_NS && past->read_ns > s->histories.changed_ns;
}

/* month=2026-10: one of the latest, as `days` of a question. */
static int read_month(const char *month, int *ret_days, struct err *e)
{
	struct date now = date_month_of(clock_now_ns(), 0), date;
	int months, this_month = now.year * 12 + now.month - 1;

	if (parse_date(month, &date, NULL) < 0 || date.day)
		return err_set(e, EINVAL, "'month' must be a month such as 2026-10");
	months = date.year * 12 + date.month - 1;
	if (months > this_month || months <= this_month - HISTORY_MONTHS)
		return err_set(e, EINVAL, "'month' must be one of the latest %d months",
			       HISTORY_MONTHS);
	*ret_days = QUESTION_MONTHS + months;
	return 0;
}

/* What a report is to be of: its period, and whether it has a row for each day of a user. */
static int read_report(const char *query, int *kind, int *days, struct err *e)
{
	AUTO_FREE char *month = NULL, *by = NULL, *number = NULL;
	int r = query_value(query, "month", &month, e);

	if (r == 0)
		r = query_value(query, "by", &by, e);
	if (r == 0)
		r = query_value(query, "days", &number, e);
	if (r < 0)
		return r;
	if (month && number)
		return err_set(e, EINVAL, "only one of 'days' and 'month' can be given");
	if (by && !strcmp(by, usage_by_name(USAGE_BY_USER_DAY)))
		*kind = ASK_REPORT_BY_DAY;
	else if (by && strcmp(by, usage_by_name(USAGE_BY_USER)) != 0)
		return err_set(e, EINVAL, "'by' must be user or user,day");
	return month ? read_month(month, days, e) : 0;
}

enum MHD_Result history_answer(struct request *r, const char *query, int kind, int fallback_days)
{
	struct server *s = r->server;
	int64_t now_ns = clock_monotonic_ns();
	struct err e = {0};
	struct past *past;
	int days;

	if (query_int(query, "days", 1, QUESTION_DAYS_MAX, fallback_days, &days, &e) < 0 ||
	    (kind == ASK_REPORT && read_report(query, &kind, &days, &e) < 0))
		return response_error(r->connection, MHD_HTTP_BAD_REQUEST, "%s", e.text);
	past = find(s, kind, days);
	if (!r->waited && !is_good(s, past, now_ns))
		return http_wait(r, (struct need){kind, days}, WAIT_NS);
	if (!past->document)
		return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "the history does not answer");
	return document_answer(past->document, r->connection);
}

/* The request that has waited longest for a document of these; NULL: none does. */
static const struct request *first_waiting(const struct server *s)
{
	const struct request *r;

	for (r = TAILQ_FIRST(&s->waiting); r; r = TAILQ_NEXT(r, entry)) {
		if (r->need.kind != ASK_REFRESH && r->need.kind < QUESTIONS)
			return r;
	}
	return NULL;
}

/* The oldest of all documents, how many there are, and how large they are together. */
static struct past *find_oldest(struct server *s, size_t *ret_count, size_t *ret_bytes)
{
	struct past *oldest = NULL;

	*ret_count = *ret_bytes = 0;
	for (int kind = ASK_REPORT; kind < QUESTIONS; kind++) {
		for (int place = 0; place < HISTORY_PLACES; place++) {
			struct past *past = &s->histories.pasts[kind][place];

			if (!past->document)
				continue;
			++*ret_count;
			*ret_bytes += past->document->length;
			if (!oldest || past->read_ns < oldest->read_ns)
				oldest = past;
		}
	}
	return oldest;
}

/* Drops what is no longer valid, and the oldest of what is too much together. Returns when to call
   this again. */
static int64_t forget(struct server *s, int64_t now_ns)
{
	struct past *oldest;
	size_t count, bytes;

	while ((oldest = find_oldest(s, &count, &bytes))) {
		if (now_ns < oldest->read_ns + KEEP_NS && (bytes <= KEEP_BYTES || count == 1))
			return oldest->read_ns + KEEP_NS;
		oldest->document = document_free(oldest->document);
	}
	return INT64_MAX;
}

int64_t history_tick(struct server *s, int64_t now_ns)
{
	struct worker *w = &s->workers[WORKER_HISTORY];
	struct histories *h = &s->histories;
	const struct request *r = first_waiting(s);

	if (now_ns >= h->check_ns)
		h->check_ns = forget(s, now_ns);
	if (!r || w->busy)
		return h->check_ns;
	h->asked_ns = now_ns;
	if (worker_ask(w, (struct question){r->need.kind, r->need.days}))
		return h->check_ns;
	return now_ns + NS_PER_SECOND / 4;
}

void history_done(struct server *s, struct question question, const struct answer *answer)
{
	struct past *past = find(s, question.kind, question.days);
	const struct answer_head *head = &answer->head;
	struct histories *h = &s->histories;

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
	past->read_ns = h->asked_ns;
	h->check_ns = 0;
	/* A request that came after a change that this one does not show gets the next one. */
	http_wake(s, (struct need){question.kind, question.days},
		  past->read_ns > h->changed_ns ? INT64_MAX : past->read_ns);
}

void history_clear(struct server *s)
{
	for (int kind = ASK_REPORT; kind < QUESTIONS; kind++) {
		for (int place = 0; place < HISTORY_PLACES; place++)
			document_free(s->histories.pasts[kind][place].document);
	}
}
