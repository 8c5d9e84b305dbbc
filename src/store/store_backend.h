/*
 * How to add a store: write one file with one `struct store_backend`, add it to the table in
 * store.c, and to the one in tests/contract/store_fixture.c: the contract tests that call
 * fixture_run then run on it, too, and it must pass them. All members of the struct are needed but
 * those that say otherwise. A store of files opens those of the installed pool between
 * privilege_raise and privilege_lower (base/privilege.h), and nothing else.
 *
 * The functions mean what store.h says of the public ones of the same name.
 */
#ifndef STORE_STORE_BACKEND_H
#define STORE_STORE_BACKEND_H

#include "store/store.h"

/* A backend embeds this as first member of its own struct. */
struct store {
	const struct store_backend *backend;
	char *url;                 /* fit to be shown */
	size_t history_unreadable; /* records that the last iteration has skipped */
};

struct store_backend {
	const char *scheme; /* the URL up to the colon: "sqlite" */

	/* Takes the whole URL, returns an allocated struct whose `url` is set. No I/O. */
	int (*open)(const char *url, struct store **ret_store, struct err *e);
	int (*load)(struct store *s, enum store_intent intent, struct pool_state *ret_state,
		    struct err *e);
	int (*commit)(struct store *s, const struct pool_state *seen, const struct change *changes,
		      size_t count, struct err *e);
	void (*abandon)(struct store *s);
	int (*last_use)(struct store *s, struct quantity uid, const char *account,
			int64_t *ret_last_ns, size_t gpus_count, struct err *e);
	/* brief: reason and actor of the records may be left out. */
	int (*history_begin)(struct store *s, int64_t from_ns, int64_t to_ns, bool brief,
			     struct err *e);
	int (*history_begin_newest)(struct store *s, int64_t from_ns, size_t limit, struct err *e);
	int (*history_next)(struct store *s, const struct usage_record **ret_record, struct err *e);
	void (*history_end)(struct store *s);
	int (*history_add)(struct store *s, const struct usage_record *records, size_t count,
			   struct err *e);
	int (*history_trim)(struct store *s, int64_t before_ns, struct err *e);
	int (*events_begin)(struct store *s, const struct event_range *range, struct err *e);
	int (*events_next)(struct store *s, const struct event **ret_event, struct err *e);
	void (*events_end)(struct store *s);
	int (*event_find)(struct store *s, const char *id, struct event *ret_event, struct err *e);
	int (*events_add)(struct store *s, const struct event *events, size_t count, struct err *e);
	int (*watch)(struct store *s);
	bool (*watch_drain)(struct store *s);
	void (*unwatch)(struct store *s);
	void (*watch_slowly)(struct store *s, bool slowly); /* NULL: it makes no difference */
	bool external_writers; /* other programs change it without notifying */
	bool (*owned_by)(struct store *s, uid_t uid); /* NULL: has no owner */
	void (*examine)(struct store *s, struct findings *f);
	/* All NULL: it is no file. */
	bool (*has_file)(const struct store *s, const char *path);
	int (*dump)(struct store *s, struct image *ret_image, struct err *e);
	int (*restore)(struct store *s, const struct image *image, const char *name, bool replace,
		       struct image_contents *ret_contents, struct err *e);
	void (*close)(struct store *s); /* frees s, but not s->url */
};

/*
 * In the stored format, a queue entry that was cancelled gives up at STORED_CANCELLED_NS: to other
 * programs, and to older versions of this one, it has given up long ago. What is stored as
 * give_up_ns, and what is loaded from it:
 */
#define STORED_CANCELLED_NS 1
int64_t store_give_up_ns(const struct queue_entry *q);
void store_set_give_up_ns(struct queue_entry *q, int64_t stored_ns);

/* Whether a commit of these changes wakes no process that watches. */
bool store_is_quiet(const struct change *changes, size_t count);

/* Adds to the failure of a commit that it may have been applied all the same. */
void err_add_outcome_unknown(struct err *e);

/* For store_image_check: images are SQLite databases, whatever the store (sqlite/backup.c). */
int sqlite_image_check(const struct image *image, const char *name,
		       struct image_contents *ret_contents, struct err *e);

extern const struct store_backend store_sqlite, store_redis, store_rediss, store_redis_unix,
	store_redis_sentinel, store_rediss_sentinel;

#endif
