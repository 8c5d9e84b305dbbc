/* The documents of the latest refresh. When there is one is decided in refresh_step.c. */
#include <stdio.h>

#include "base/clock.h"
#include "web/server.h"

static const char *const types[ANSWER_DOCUMENTS] = {
	[ANSWER_STATUS] = TYPE_JSON,
	[ANSWER_QUEUE] = TYPE_JSON,
	[ANSWER_METRICS] = TYPE_METRICS,
	[ANSWER_HOST] = TYPE_JSON,
};

static struct refresh_action step(struct server *s, struct refresh_event event, int64_t now_ns)
{
	return refresh_step(&s->refresh.state, &event, now_ns);
}

bool refresh_must_wait(struct request *r, enum MHD_Result *ret_result)
{
	struct refresh_event event = {.kind = REFRESH_REQUEST, .waited = r->waited};
	int64_t wait_ns = step(r->server, event, clock_monotonic_ns()).wait_ns;

	if (!wait_ns)
		return false;
	*ret_result = http_wait(r, (struct need){.kind = ASK_REFRESH}, wait_ns);
	return true;
}

enum MHD_Result refresh_answer(struct request *r, int text)
{
	const struct refresh *refresh = &r->server->refresh;
	enum MHD_Result result;

	if (refresh_must_wait(r, &result))
		return result;
	if (refresh->documents[text])
		return document_answer(refresh->documents[text], r->connection);
	if (refresh->problem)
		return document_answer(refresh->problem, r->connection);
	return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			      "the pool does not answer");
}

enum MHD_Result refresh_health(struct request *r, bool trusted)
{
	const struct refresh *refresh = &r->server->refresh;
	struct MHD_Response *response;
	enum MHD_Result result;

	if (refresh_must_wait(r, &result))
		return result;
	if (!refresh->documents[ANSWER_STATUS] && !trusted)
		return response_error(r->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				      "the pool cannot be read (a request with the token shows "
				      "why)");
	if (!refresh->documents[ANSWER_STATUS])
		return refresh_answer(r, ANSWER_STATUS);
	response = response_new("ok\n", 3, MHD_RESPMEM_PERSISTENT, TYPE_TEXT, CACHE_NEVER);
	result = MHD_queue_response(r->connection, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

void refresh_changed(struct server *s, int64_t now_ns)
{
	step(s, (struct refresh_event){.kind = REFRESH_CHANGE}, now_ns);
}

int64_t refresh_tick(struct server *s, int64_t now_ns)
{
	const struct question question = {.kind = ASK_REFRESH};
	struct refresh_event tick = {
		.kind = REFRESH_TICK,
		.watched = s->streams.count > 0,
		.awaited = http_is_awaited(s, ASK_REFRESH),
	};
	struct refresh_action action = step(s, tick, now_ns);

	if (action.tell)
		streams_tell(&s->streams);
	if (action.begin && worker_ask(&s->workers[WORKER_REFRESH], question))
		action = step(s, (struct refresh_event){.kind = REFRESH_BEGIN}, now_ns);
	return action.next_ns;
}

static void drop(struct refresh *refresh)
{
	for (int i = 0; i < ANSWER_DOCUMENTS; i++)
		refresh->documents[i] = document_free(refresh->documents[i]);
	refresh->problem = document_free(refresh->problem);
}

void refresh_done(struct server *s, const struct answer *answer)
{
	const struct answer_head *head = &answer->head;
	struct refresh *refresh = &s->refresh;
	struct refresh_event end = {
		.kind = REFRESH_END,
		.failed = head->code != 0,
		.fingerprint = head->fingerprint,
	};
	struct refresh_action action = step(s, end, clock_monotonic_ns());

	drop(refresh);
	if (head->code) {
		char reason[1024];

		snprintf(reason, sizeof(reason), "%.*s", (int)head->lengths[ANSWER_PROBLEM],
			 answer->texts[ANSWER_PROBLEM]);
		refresh->problem = document_new_error(MHD_HTTP_SERVICE_UNAVAILABLE, reason);
	}
	for (int i = 0; i < ANSWER_DOCUMENTS && !head->code; i++)
		refresh->documents[i] = document_new(answer->texts[i], head->lengths[i], types[i]);
	if (!head->code) {
		refresh->metrics.length = refresh->row.length = 0;
		str_add_bytes(&refresh->metrics, answer->texts[ANSWER_METRICS],
			      head->lengths[ANSWER_METRICS]);
		str_add_bytes(&refresh->row, answer->texts[ANSWER_ROWS],
			      head->lengths[ANSWER_ROWS]);
	}
	hosts_refreshed(s);
	if (!head->code && head->lengths[ANSWER_EVENTS])
		streams_log(&s->streams, answer->texts[ANSWER_EVENTS],
			    head->lengths[ANSWER_EVENTS]);
	http_wake(s, (struct need){.kind = ASK_REFRESH}, action.wake_ns);
}

void refresh_clear(struct server *s)
{
	drop(&s->refresh);
	str_clear(&s->refresh.metrics);
	str_clear(&s->refresh.row);
}
