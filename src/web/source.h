/*
 * Where the documents come from: the pool, or the simulation of --demo. Called by work.c, in the
 * processes behind the server.
 */
#ifndef WEB_SOURCE_H
#define WEB_SOURCE_H

#include "base/event.h"
#include "conf/reload.h"
#include "pool/web_config.h"
#include "stats/usage.h"
#include "web/metrics.h"
#include "web/worker.h"

struct source {
	const struct web_config *config;
	struct pool *pool;     /* NULL with --demo */
	struct settings *host; /* the limits of the host as of the start, none: they are ... */
	struct reload *reload; /* ... read when it refreshes */
	bool follows_host;     /* the pool has them: no longer those of the server's start */
	struct metrics metrics;
	int64_t events_ns;         /* what has happened since is sent to the streams ... */
	char event[EVENT_ID_SIZE]; /* ... behind that event; "": all of it */
};

/* What the pool shows, as documents in the order of ANSWER_.... */
struct source_texts {
	struct str texts[ANSWER_TEXTS];
	uint64_t fingerprint;
};

int source_open(struct source *s, struct err *e);
void source_close(struct source *s);

/* The caller clears *ret_texts, also after an error. */
int source_refresh(struct source *s, struct source_texts *ret_texts, struct err *e);
void source_texts_clear(struct source_texts *t);

/* The document of the last `days` times 24 hours, added to ret_text; a report also of a month: see
   QUESTION_MONTHS. */
int source_report(struct source *s, int days, enum usage_by by, struct str *ret_text,
		  struct err *e);
int source_timeline(struct source *s, int days, struct str *ret_text, struct err *e);
int source_events(struct source *s, int days, struct str *ret_text, struct err *e);

/* See store_watch; -1 with --demo. */
int source_watch(struct source *s);
bool source_watch_drain(struct source *s);

#endif
