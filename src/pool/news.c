/* What has happened since somebody was told last; see news.h. */
#include "pool/news.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "plan/plan.h"
#include "pool/private.h"

/* The cursor is the mark PLAN_TOLD. Its text: the id of the last event that was told, and the
   tokens of the last who have moved it, the newest first, between spaces. */
#define TOKENS_KEPT 8
/* Of what was told before, so many are read at most. */
#define NEWS_KNOWN_MAX 10000

static void forget_events(struct pool_news *n)
{
	for (size_t i = 0; i < n->count; i++)
		event_clear(&n->events[i]);
	n->count = 0;
}

void pool_news_clear(struct pool_news *n)
{
	forget_events(n);
	for (size_t i = 0; i < n->wanted_count; i++)
		mark_clear(&n->wanted[i]);
	free(n->events);
	free(n->cursor);
	free(n->wanted);
	*n = (struct pool_news){0};
}

static bool is_wish(const struct mark *m)
{
	return !strncmp(m->key, PLAN_WISH, strlen(PLAN_WISH));
}

/* The id in the cursor's text. */
static char *cursor_id(const char *cursor)
{
	return cursor ? mem_printf("%.*s", (int)strcspn(cursor, " "), cursor) : NULL;
}

static int read_marks(struct pool *p, struct pool_news *n, bool *ret_initialized, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	const struct mark *cursor;
	int r = pool_load(p, STORE_READ, &state, e);

	if (r < 0)
		return r;
	*ret_initialized = state.initialized;
	cursor = pool_state_mark(&state, PLAN_TOLD);
	n->cursor = mem_strdup(cursor ? cursor->text : NULL);
	n->cursor_ns = cursor ? cursor->seen_ns : TIME_NONE;
	n->wanted = mem_alloc(state.marks_count, sizeof(*n->wanted));
	for (size_t i = 0; i < state.marks_count; i++) {
		if (is_wish(&state.marks[i]))
			mark_copy(&n->wanted[n->wanted_count++], &state.marks[i]);
	}
	return 0;
}

/* How events are read: at most so many, and no further than that id. */
struct reading {
	struct event_range range;
	size_t most;
	const char *until; /* NULL: to the end */
};

static int read_events(struct pool *p, const struct reading *reading, struct pool_news *n,
		       struct err *e)
{
	const struct event *event = NULL;
	size_t before = n->count, room = n->count;
	int r = store_events_begin(p->store, &reading->range, e);

	while (r == 0 && n->count - before < reading->most &&
	       (r = store_events_next(p->store, &event, e)) > 0) {
		if (n->count == room)
			n->events = mem_resize(n->events, room = room * 2 + 64, sizeof(*n->events));
		event_copy(&n->events[n->count++], event);
		r = reading->until && !strcmp(event->id, reading->until);
	}
	store_events_end(p->store);
	return r < 0 ? r : 0;
}

static int64_t later_ns(int64_t a_ns, int64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

/* Those behind the cursor. One of another kind of store, from which the pool was copied, says
   nothing but when it was moved last. */
static int read_new(struct pool *p, struct pool_news *n, const char *last, struct err *e)
{
	const struct reading after = {.range = {.since_ns = n->since_ns, .after = last},
				      .most = NEWS_MAX};
	const struct reading later = {.range = {.since_ns = later_ns(n->cursor_ns, n->since_ns)},
				      .most = NEWS_MAX};
	struct err of_cursor = {0};
	int r = read_events(p, &after, n, last ? &of_cursor : e);

	if (r == -EINVAL && last)
		return read_events(p, &later, n, e);
	if (r < 0 && last && e)
		*e = of_cursor;
	return r;
}

/* Those up to the cursor are read for what was told lately, those behind it are new. */
static int read_both(struct pool *p, struct pool_news *n, struct err *e)
{
	AUTO_FREE char *last = cursor_id(n->cursor);
	const struct reading before = {.range = {.since_ns = n->read_ns - NEWS_AGE_NS},
				       .most = NEWS_KNOWN_MAX,
				       .until = last};
	int r = last ? read_events(p, &before, n, e) : 0;

	/* A cursor of more than an hour ago, or so many events that it was not reached: nothing is
	   known of what was told. */
	if (last && (!n->count || strcmp(n->events[n->count - 1].id, last) != 0))
		forget_events(n);
	n->told = n->count;
	n->since_ns = n->read_ns - (last ? NEWS_AGE_NS : NEWS_FIRST_NS);
	return r < 0 ? r : read_new(p, n, last, e);
}

int pool_news_read(struct pool *pool, struct pool_news *ret_news, struct err *e)
{
	AUTO(pool_news_clear) struct pool_news news = {0};
	bool initialized = false;
	int r;

	news.read_ns = clock_now_ns();
	r = read_marks(pool, &news, &initialized, e);
	if (r == 0 && initialized)
		r = read_both(pool, &news, e);
	if (r < 0)
		return r;
	id_new(news.token);
	*ret_news = news;
	news = (struct pool_news){0};
	return 0;
}

/* The cursor's text behind these events: who has moved it before is kept. */
static char *next_cursor(const struct pool_news *n)
{
	const char *tokens = n->cursor ? strchr(n->cursor, ' ') : NULL;
	size_t most = TOKENS_KEPT * ID_SIZE;

	return mem_printf("%s %s%.*s", n->events[n->count - 1].id, n->token, (int)most,
			  tokens ? tokens : "");
}

/* What was committed until then is told with these events. */
static int64_t told_until(const struct pool_news *n, int64_t now_ns)
{
	int64_t until_ns =
		n->count - n->told < NEWS_MAX ? n->read_ns : n->events[n->count - 1].time_ns;

	return until_ns < now_ns ? until_ns : now_ns;
}

struct take {
	const struct pool_news *news;
	bool late; /* somebody else was faster */
};

static int decide_take(const struct pool_state *state, const struct plan_facts *facts,
		       void *argument, struct plan *plan, struct err *e)
{
	struct take *take = argument;
	const struct mark *cursor = pool_state_mark(state, PLAN_TOLD);
	const char *was = take->news->cursor, *is = cursor ? cursor->text : NULL;
	struct mark *moved;

	take->late = (was && is) ? strcmp(was, is) != 0 : was != is;
	if (take->late)
		return 0;
	plan_guard_untold(state, facts, cursor ? cursor->seen_ns : TIME_NONE, take->news->since_ns,
			  plan);
	moved = plan_put_mark(plan, state, facts, PLAN_TOLD);
	moved->seen_ns = told_until(take->news, facts->now_ns);
	moved->text = plan_own(plan, next_cursor(take->news));
	plan_forget_wishes(plan, state, facts);
	return 0;
}

int pool_news_take(struct pool *pool, const struct pool_news *news, struct err *e)
{
	struct take take = {.news = news};
	struct transaction t = {.decide = decide_take,
				.argument = &take,
				.host = HOST_ANY,
				.without_liveness = true};
	int r = pool_transact(pool, &t, NULL, e);

	return r < 0 ? r : !take.late;
}

int pool_news_is_taken(struct pool *pool, const char *token, struct err *e)
{
	AUTO(pool_state_clear) struct pool_state state = {0};
	const struct mark *cursor;
	int r = pool_load(pool, STORE_READ, &state, e);

	if (r < 0)
		return r;
	cursor = pool_state_mark(&state, PLAN_TOLD);
	return cursor && cursor->text && strstr(cursor->text, token) != NULL;
}
