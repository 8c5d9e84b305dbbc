/* Picks the backend by the URL's scheme and hands every call to it. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/url.h"
#include "store/store_backend.h"

static const struct store_backend *const backends[] = {
	&store_sqlite,     &store_redis,          &store_rediss,
	&store_redis_unix, &store_redis_sentinel, &store_rediss_sentinel,
};

int store_open(const char *url, struct store **ret_store, struct err *e)
{
	AUTO_FREE char *shown = NULL;
	size_t scheme = strcspn(url, ":");

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		if (url[scheme] == ':' && strlen(backends[i]->scheme) == scheme &&
		    !memcmp(backends[i]->scheme, url, scheme))
			return backends[i]->open(url, ret_store, e);
	}
	shown = url_without_password(url);
	return err_usage(e,
			 "unknown store '%.200s' (use sqlite:/path/to/file.db, "
			 "redis://host:port/db, rediss://..., "
			 "redis+sentinel://host:port,host:port/primary/db, or "
			 "unix:///path/to/socket?db=0)",
			 shown);
}

int store_load(struct store *s, enum store_intent intent, struct pool_state *ret_state,
	       struct err *e)
{
	return s->backend->load(s, intent, ret_state, e);
}

int store_commit(struct store *s, const struct pool_state *seen, const struct change *changes,
		 size_t count, struct err *e)
{
	return s->backend->commit(s, seen, changes, count, e);
}

void store_abandon(struct store *s)
{
	s->backend->abandon(s);
}

int store_last_use(struct store *s, struct quantity uid, const char *account, int64_t *ret_last_ns,
		   size_t gpus_count, struct err *e)
{
	return s->backend->last_use(s, uid, account, ret_last_ns, gpus_count, e);
}

int store_history_begin(struct store *s, int64_t from_ns, int64_t to_ns, struct err *e)
{
	s->history_unreadable = 0;
	return s->backend->history_begin(s, from_ns, to_ns, false, e);
}

int store_history_begin_brief(struct store *s, int64_t from_ns, int64_t to_ns, struct err *e)
{
	s->history_unreadable = 0;
	return s->backend->history_begin(s, from_ns, to_ns, true, e);
}

int store_history_begin_newest(struct store *s, int64_t from_ns, size_t limit, struct err *e)
{
	s->history_unreadable = 0;
	return s->backend->history_begin_newest(s, from_ns, limit, e);
}

int store_history_next(struct store *s, const struct usage_record **ret_record, struct err *e)
{
	return s->backend->history_next(s, ret_record, e);
}

void store_history_end(struct store *s)
{
	s->backend->history_end(s);
}

size_t store_history_unreadable(const struct store *s)
{
	return s->history_unreadable;
}

int store_history_add(struct store *s, const struct usage_record *records, size_t count,
		      struct err *e)
{
	return count ? s->backend->history_add(s, records, count, e) : 0;
}

int store_history_trim(struct store *s, int64_t before_ns, struct err *e)
{
	return s->backend->history_trim(s, before_ns, e);
}

int store_events_begin(struct store *s, const struct event_range *range, struct err *e)
{
	return s->backend->events_begin(s, range, e);
}

int store_events_next(struct store *s, const struct event **ret_event, struct err *e)
{
	return s->backend->events_next(s, ret_event, e);
}

void store_events_end(struct store *s)
{
	s->backend->events_end(s);
}

int store_event_find(struct store *s, const char *id, struct event *ret_event, struct err *e)
{
	return s->backend->event_find(s, id, ret_event, e);
}

int store_events_add(struct store *s, const struct event *events, size_t count, struct err *e)
{
	return count ? s->backend->events_add(s, events, count, e) : 0;
}

int64_t store_give_up_ns(const struct queue_entry *q)
{
	return q->cancelled ? STORED_CANCELLED_NS : q->give_up_ns;
}

void store_set_give_up_ns(struct queue_entry *q, int64_t stored_ns)
{
	q->cancelled = stored_ns == STORED_CANCELLED_NS;
	q->give_up_ns = q->cancelled ? TIME_NONE : stored_ns;
}

bool store_is_quiet(const struct change *changes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!changes[i].quiet)
			return false;
	}
	return true;
}

void err_add_outcome_unknown(struct err *e)
{
	size_t used = e ? strlen(e->text) : 0;

	if (e)
		snprintf(e->text + used, sizeof(e->text) - used,
			 "; whether the change was made is unknown (see 'canhazgpu status')");
}

bool store_has_external_writers(const struct store *s)
{
	return s->backend->external_writers;
}

int store_watch(struct store *s)
{
	return s->backend->watch(s);
}

bool store_watch_drain(struct store *s)
{
	return s->backend->watch_drain(s);
}

void store_unwatch(struct store *s)
{
	s->backend->unwatch(s);
}

void store_watch_slowly(struct store *s, bool slowly)
{
	if (s->backend->watch_slowly)
		s->backend->watch_slowly(s, slowly);
}

bool store_has_owner(const struct store *s)
{
	return s->backend->owned_by != NULL;
}

bool store_owned_by(struct store *s, uid_t uid)
{
	return s->backend->owned_by && s->backend->owned_by(s, uid);
}

void store_examine(struct store *s, struct findings *f)
{
	s->backend->examine(s, f);
}

bool store_is_file(const struct store *s)
{
	return s->backend->dump != NULL;
}

bool store_has_file(const struct store *s, const char *path)
{
	return s->backend->has_file && s->backend->has_file(s, path);
}

int store_dump(struct store *s, struct image *ret_image, struct err *e)
{
	return s->backend->dump(s, ret_image, e);
}

int store_image_check(const struct image *image, const char *name,
		      struct image_contents *ret_contents, struct err *e)
{
	return sqlite_image_check(image, name, ret_contents, e);
}

int store_restore(struct store *s, const struct image *image, const char *name, bool replace,
		  struct image_contents *ret_contents, struct err *e)
{
	return s->backend->restore(s, image, name, replace, ret_contents, e);
}

const char *store_url(const struct store *s)
{
	return s->url;
}

struct store *store_close(struct store *s)
{
	char *url;

	if (!s)
		return NULL;
	url = s->url;
	s->backend->close(s);
	free(url);
	return NULL;
}

void store_closep(struct store **s)
{
	*s = store_close(*s);
}
