/*
 * Where the pool is kept. src/pool calls this; each backend implements store_backend.h.
 *
 * The cycle is load, decide, commit:
 *
 *     do {
 *         store_load(s, STORE_UPDATE, &state, e);
 *         ... decide, without I/O ...
 *         r = store_commit(s, &state, changes, count, e);
 *     } while (r == -EAGAIN);          // changed meanwhile: load and decide again, a few times
 *
 * A commit applies all its changes or none. It applies only if every slot and queue entry that a
 * change touches still carries the version with which it was loaded. No store decides
 * anything: policy lives in src/plan.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/change.h"
#include "base/err.h"
#include "base/finding.h"
#include "base/image.h"
#include "base/nouns.h"

struct store;

enum store_intent {
	STORE_READ,   /* to read; a commit may still follow, and is checked like any other */
	STORE_UPDATE, /* a commit follows at once. The backend may keep others out until
			 store_commit, store_abandon or store_close: no slow work in between */
};

/*
 * Opens by URL: "sqlite:/path/to/file.db", "redis://host:port/db", "rediss://...",
 * "redis+sentinel://host:port,host:port/primary/db", "rediss+sentinel://..." or
 * "unix:///path/to/socket?db=0" (docs/redis.md). Nothing is created or locked yet. The caller
 * closes it. EINVAL with exit status 2 for a URL that no backend takes.
 */
int store_open(const char *url, struct store **ret_store, struct err *e);

/*
 * Reads everything that is agreed. A store that does not exist yet gives an uninitialized state and
 * is not created. The caller clears *ret_state. Wait limit: 10 s, then ETIMEDOUT naming the process
 * that blocks. Readers need not wait for processes that are stopped; where that does not help, the
 * limit begins a moment later.
 */
int store_load(struct store *s, enum store_intent intent, struct pool_state *ret_state,
	       struct err *e);

/*
 * Applies the changes in order. -EAGAIN: changed meanwhile, nothing was applied. On success the
 * changes are durable. `seen` is the state they were decided on. Ends what STORE_UPDATE began,
 * whatever it returns, also for no changes at all. -EINVAL for changes that contradict the state
 * they were decided on (a grant on a slot that is not free, an id that the pool has not, a
 * CHANGE_INIT that leaves reservations): a mistake of the caller.
 */
int store_commit(struct store *s, const struct pool_state *seen, const struct change *changes,
		 size_t count, struct err *e);

/* Ends what store_load(STORE_UPDATE) began, without a change. Harmless at any other time. */
void store_abandon(struct store *s);

/*
 * When an account last used each GPU, for picking the one it had before: ret_last_ns[id] is the end
 * of its newest usage record there, TIME_NONE if there is none. Matches by uid where both are
 * known, else by account name. May be called between load and commit.
 */
int store_last_use(struct store *s, struct quantity uid, const char *account, int64_t *ret_last_ns,
		   size_t gpus_count, struct err *e);

/*
 * Reads usage records that overlap from_ns..to_ns, oldest end first, one per call of
 * store_history_next: 1 and *ret_record (borrowed: valid until the next call), 0 at the end, or a
 * negative errno. One iteration at a time; store_history_end ends it early or late.
 */
int store_history_begin(struct store *s, int64_t from_ns, int64_t to_ns, struct err *e);
int store_history_next(struct store *s, const struct usage_record **ret_record, struct err *e);
void store_history_end(struct store *s);

/* The same without `reason` and `actor`, which are not to be relied on then: faster, for adding up
   long histories. */
int store_history_begin_brief(struct store *s, int64_t from_ns, int64_t to_ns, struct err *e);

/* As brief, newest end first, and no more than the newest `limit` (at most STORE_NEWEST_MAX, at
   least 1) of those that ended after from_ns: this costs the same however long the
   history is. */
#define STORE_NEWEST_MAX 8192
int store_history_begin_newest(struct store *s, int64_t from_ns, size_t limit, struct err *e);

/* How many unreadable records that iteration has skipped. */
size_t store_history_unreadable(const struct store *s);

/* Adds usage records that come from another store. All or none; a store without a pool may have
   some. */
int store_history_add(struct store *s, const struct usage_record *records, size_t count,
		      struct err *e);

/* Deletes usage records that ended before before_ns. */
int store_history_trim(struct store *s, int64_t before_ns, struct err *e);

/*
 * Reads events, one per call of store_events_next: 1 and *ret_event (borrowed: valid until the next
 * call), 0 at the end, or a negative errno. What is older than the range is not read. One iteration
 * at a time, beside one of usage records; store_events_end ends it early or late.
 */
int store_events_begin(struct store *s, const struct event_range *range, struct err *e);
int store_events_next(struct store *s, const struct event **ret_event, struct err *e);
void store_events_end(struct store *s);

/* The event of that id: 1 and *ret_event, which the caller clears; 0: there is none, or none any
   more. */
int store_event_find(struct store *s, const char *id, struct event *ret_event, struct err *e);

/* Adds events that come from another store, in the order in which they happened, behind those that
   there are; they get new ids. All or none. */
int store_events_add(struct store *s, const struct event *events, size_t count, struct err *e);

/*
 * Watching for commits: a descriptor to poll, which becomes readable when somebody commits; -1
 * where there can be none at present. The first call begins, and later ones begin again where the
 * watch was lost. Have a timer, too: other programs do not notify, nor does a process that dies
 * right after a commit. store_watch_drain takes the notices that have arrived, if any; call it when
 * the descriptor is readable, and before a load that makes them obsolete.
 */
int store_watch(struct store *s);
bool store_watch_drain(struct store *s);

/* For one of many who only wait for their turn: it may take 16 s instead of 3 until a watch notices
   that its server has moved. */
void store_watch_slowly(struct store *s, bool slowly);

/* Ends watching: descriptors of that kind are few (128 inotify instances per account). Harmless
   where nothing is watched. */
void store_unwatch(struct store *s);

/* Whether programs that do not notify of their changes may work on this kind of store. */
bool store_has_external_writers(const struct store *s);

/*
 * Whether the store is somebody's, and whether it is that account's, which so may unmake what
 * others have in it. A store that is not there yet is anybody's; one without an owner (Redis)
 * relies on its own access rules.
 */
bool store_has_owner(const struct store *s);
bool store_owned_by(struct store *s, uid_t uid);

/* What `canhazgpu doctor` wants to know of the store itself: where and what it is, whether it is
   whole, safe, and can be read and written. Changes nothing. */
void store_examine(struct store *s, struct findings *f);

/* Whether this kind of store is a database file, as images (base/image.h) are; others are copied
 * into one (pool/backup.c). */
bool store_is_file(const struct store *s);

/* Whether that path is a file of the store: then nothing else may be written there. */
bool store_has_file(const struct store *s, const char *path);

/* Everything in it, as of one moment, while it is in use. The caller clears *ret_image. */
int store_dump(struct store *s, struct image *ret_image, struct err *e);

/* Checks that it is a pool of ours, of a version that is known here, and whole. `name` is for the
 * error. */
int store_image_check(const struct image *image, const char *name,
		      struct image_contents *ret_contents, struct err *e);

/*
 * Puts an image, which is checked first, in the place of what the store holds, in one step. -EEXIST
 * where there is a pool, or records of one, unless `replace`: then one that cannot be read is moved
 * away. Commits that were decided on the former state fail with -EAGAIN.
 */
int store_restore(struct store *s, const struct image *image, const char *name, bool replace,
		  struct image_contents *ret_contents, struct err *e);

/* The URL as people may see it (a password is left out). Owned by s. */
const char *store_url(const struct store *s);

/* Abandons, closes, frees. NULL is harmless. Always returns NULL. */
struct store *store_close(struct store *s);
void store_closep(struct store **s); /* for AUTO(store_closep) */

#endif
