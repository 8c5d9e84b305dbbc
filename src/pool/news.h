/*
 * What has happened since somebody was told last: for src/tell, which tells it. A cursor in the
 * pool (the mark "told") says how far that has come; who moves it tells what lies before it, so
 * that of two passes at once one tells, and nothing is told twice.
 */
#ifndef POOL_NEWS_H
#define POOL_NEWS_H

#include "base/event.h"
#include "pool/pool.h"

/* Events that are older are not told any more. */
#define NEWS_AGE_NS PLAN_TOLD_NS
/* Where nobody was told yet, only those of so long ago. */
#define NEWS_FIRST_NS (600 * NS_PER_SECOND)
/* The most events of one pass; the others come with the next one. */
#define NEWS_MAX 1000

struct pool_news {
	struct event *events; /* of the last hour, in the order in which they happened */
	size_t count;
	int64_t read_ns;     /* when */
	int64_t since_ns;    /* what is older is not told any more */
	size_t told;         /* so many of them were told before */
	char *cursor;        /* the text of the mark when they were read; NULL: there was none */
	int64_t cursor_ns;   /* when it was moved last */
	struct mark *wanted; /* those that begin with PLAN_WISH */
	size_t wanted_count;
	char token[ID_SIZE]; /* of who tells them */
};

/* Reads them; changes nothing. The caller clears *ret_news. */
int pool_news_read(struct pool *pool, struct pool_news *ret_news, struct err *e);
void pool_news_clear(struct pool_news *n);

/* Moves the cursor behind them: 1; 0: somebody else was faster, and tells them. Forgets wishes
   about reservations that ended a while ago. */
int pool_news_take(struct pool *pool, const struct pool_news *news, struct err *e);

/* Whether the cursor was moved by that token, one of the last few times: 1 or 0. For a pool that
   was opened by another process than the one that has moved it. */
int pool_news_is_taken(struct pool *pool, const char *token, struct err *e);

#endif
