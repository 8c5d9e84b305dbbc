/*
 * What the files of the Redis store share. docs/redis.md describes the keys and values.
 *
 *   redis.c       opening and closing           script.c   runs load.lua and commit.lua
 *   url.c         addresses                     load.c     keys -> struct pool_state
 *   peers.c, sentinel.c  where the server is    commit.c, draft.c, draft_words.c  changes -> keys
 *   connect.c, login.c   the way to it          history*.c  usage records
 *   connection.c  commands and replies          json*.c, ignored.c  values <-> nouns
 *   events.c, seen.c  events; marks and activity
 *   socket.c, tls.c  the bytes                  examine.c, info.c   for `canhazgpu doctor`
 *   reply.c       what replies mean             watch.c    notices of commits
 */
#ifndef STORE_REDIS_REDIS_H
#define STORE_REDIS_REDIS_H

#include "store/redis/connection.h"
#include "store/redis/json.h"
#include "store/store_backend.h"

#define REDIS_KEY_COUNT "canhazgpu:gpu_count"
#define REDIS_KEY_PROVIDER "canhazgpu:provider"
#define REDIS_KEY_GPU "canhazgpu:gpu:"
#define REDIS_KEY_LOCK "canhazgpu:allocation_lock"
#define REDIS_KEY_QUEUE "canhazgpu:queue"
#define REDIS_KEY_ENTRY "canhazgpu:queue:entry:"
#define REDIS_KEY_HISTORY "canhazgpu:usage_history_sorted"
#define REDIS_KEY_OLD_HISTORY "canhazgpu:usage_history:"
/* Ours: which making of the pool this is, the UUIDs of its GPUs, what else is recorded of them,
   which are out of service, which processes do not count, and whose GPUs they are. */
#define REDIS_KEY_POOL "canhazgpu:pool_id"
#define REDIS_KEY_UUIDS "canhazgpu:gpu_uuids"
#define REDIS_KEY_UNITS "canhazgpu:gpu_units"
#define REDIS_KEY_DRAINED "canhazgpu:gpu_drained:"
#define REDIS_KEY_IGNORED "canhazgpu:ignored_processes"
#define REDIS_KEY_HOST "canhazgpu:host"
#define REDIS_KEY_TOPOLOGY "canhazgpu:topology" /* base/topology.h */
/* What reservations do with their GPUs and what was noticed, each a hash; what has happened, a
   stream of about so many entries (commit.lua has the number, too); and the receipt of a commit
   that leaves nothing else of its own. */
#define REDIS_KEY_ACTIVITY "canhazgpu:gpu_activity"
#define REDIS_KEY_MARKS "canhazgpu:marks"
#define REDIS_KEY_EVENTS "canhazgpu:events"
#define REDIS_EVENTS_MAX "100000"
#define REDIS_KEY_COMMIT "canhazgpu:commit:"
/* Where a commit is announced; commit.lua has it, too. */
#define REDIS_CHANNEL "canhazgpu:changed"

/* What the scripts show for a value that is no text: a key of another type, or one with a NUL. */
#define REDIS_NO_TEXT "!"

/* A load for an update brings so many of the newest usage records along: the last use of GPUs by an
   account is searched for in them, without one more round trip. */
#define REDIS_TAIL "256"

struct redis_history; /* one iteration over usage records: history.c */
struct redis_events;  /* one over events: events.c */

/* The keys that a load names, because the last one found them: more can only cost a round trip. */
struct redis_expected {
	size_t gpus;
	char **ids; /* of the entries in the queue */
	size_t ids_count;
};

struct redis_store {
	struct store base;
	struct redis_address address;
	struct redis_connection connection;
	struct redis_connection watcher; /* subscribed to the channel, once store_watch is called */
	int watch_fd, watch_tick_fd;     /* what callers poll, and its timer; -1: not watching */
	uint64_t watch_generation;       /* of the connection that the watch belongs to ... */
	int64_t watch_checked_ns;        /* ... and its last check when the timer was set */
	bool watch_slow;
	bool watch_missed;      /* there was a time without a watch */
	int64_t watch_again_ns; /* monotonic: when to try that again */
	struct redis_expected expected;
	bool names_all;                /* the server minds keys that a script has not named */
	redisReply *loaded;            /* the last reply of the load script with a tail, or NULL */
	struct redis_history *history; /* NULL: no iteration */
	struct redis_events *events;   /* likewise */
};

static inline struct redis_store *redis_of(struct store *base)
{
	return (struct redis_store *)base;
}

/* A script that runs on the server. The build makes these from the .lua files: see `embed`. */
struct redis_script {
	const char *text;
	const char *sha1; /* of the text, hexadecimal */
};

extern const struct redis_script redis_script_load, redis_script_commit;

/* Runs a script by its hash, and by its text where the server does not know it yet. words[0..1] are
   set here; the keys follow words[2], which is their number. */
int redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
		     const char **words, const size_t *lengths, redisReply **ret_reply,
		     struct err *e);

/* The score of a record: seconds, whose fraction keeps the records of one second in order. */
#define REDIS_SCORE_SIZE 40
const char *redis_score(int64_t end_ns, char buffer[REDIS_SCORE_SIZE]);

/* The elements of the load script's reply. */
enum redis_loaded {
	LOADED_COUNT,
	LOADED_PROVIDER,
	LOADED_POOL,
	LOADED_UUIDS,
	LOADED_IGNORED,
	LOADED_HOST,
	LOADED_UNITS,
	LOADED_TOPOLOGY,
	LOADED_ACTIVITY, /* GPU, value, GPU, value, ... */
	LOADED_MARKS,    /* key, value, key, value, ... */
	LOADED_GPUS,
	LOADED_DRAINED, /* per GPU */
	LOADED_QUEUE,   /* id, value, id, value, ... */
	LOADED_TAIL,    /* usage records, newest first */
	LOADED_ELEMENTS,
};

/*
 * The mark of a slot or an entry is the pool's id, a newline, and the raw value: nothing that
 * happens to the value, or to the pool as a whole, stays unseen.
 */
const char *redis_mark_value(const char *seen); /* the raw value behind the newline */

void redis_expect_clear(struct redis_expected *x);
int redis_load(struct store *base, enum store_intent intent, struct pool_state *ret_state,
	       struct err *e);
int redis_commit(struct store *base, const struct pool_state *seen, const struct change *changes,
		 size_t count, struct err *e);
int redis_last_use(struct store *base, struct quantity uid, const char *account,
		   int64_t *ret_last_ns, size_t gpus_count, struct err *e);
int redis_watch(struct store *base);
bool redis_watch_drain(struct store *base);
void redis_unwatch(struct store *base);
void redis_watch_slowly(struct store *base, bool slowly);
void redis_examine(struct store *base, struct findings *f);
int redis_history_begin(struct store *base, int64_t from_ns, int64_t to_ns, bool brief,
			struct err *e);
int redis_history_begin_newest(struct store *base, int64_t from_ns, size_t limit, struct err *e);
int redis_history_next(struct store *base, const struct usage_record **ret_record, struct err *e);
void redis_history_end(struct store *base);
int redis_history_add(struct store *base, const struct usage_record *records, size_t count,
		      struct err *e);
int redis_history_trim(struct store *base, int64_t before_ns, struct err *e);
int redis_events_begin(struct store *base, const struct event_range *range, struct err *e);
int redis_events_next(struct store *base, const struct event **ret_event, struct err *e);
void redis_events_end(struct store *base);
int redis_event_find(struct store *base, const char *id, struct event *ret_event, struct err *e);
int redis_events_add(struct store *base, const struct event *events, size_t count, struct err *e);

#endif
