/*
 * The JSON values of the Redis store <-> nouns, in the shapes that other programs on the same pool
 * write (docs/redis.md): times are Unix seconds or RFC 3339 strings, null means absent, members may
 * be missing. Pure: no I/O, no clock. Private to the Redis store.
 *
 * There are members of our own besides the shared ones. They are optional on reading, and lost when
 * another program rewrites a value.
 */
#ifndef STORE_REDIS_JSON_H
#define STORE_REDIS_JSON_H

#include "base/change.h"
#include "base/err.h"
#include "base/nouns.h"

/* What the state of a GPU says that nobody holds: as in struct slot. */
struct redis_freed {
	int64_t last_released_ns;
	struct time_base base;
	int64_t lapsed_ns;
};

/* The state of one GPU: its reservation (without GPUs; the caller frees it), or NULL, and when it
   was released. An empty text is a GPU that was never used. */
int redis_json_read_gpu(const char *text, struct reservation **ret_reservation,
			struct redis_freed *ret_freed, struct err *e);

/* `mark` makes each value that is written differ from all others. The caller frees the result. */
char *redis_json_write_gpu(const struct reservation *r, const char *mark);
char *redis_json_write_free(const struct redis_freed *freed, const char *mark);

/* The caller clears *ret_entry. */
int redis_json_read_entry(const char *text, struct queue_entry *ret_entry, struct err *e);
char *redis_json_write_entry(const struct queue_entry *w, const char *mark);

/* The caller clears *ret_record. */
/* The same result as of the next one for a record in the usual form, in a tenth of the time; false:
   that one has to look. */
bool redis_usage_take_plain(const char *text, struct usage_record *ret_record);

int redis_json_read_usage(const char *text, struct usage_record *ret_record, struct err *e);
int redis_json_parse_usage(const char *text, struct usage_record *ret_record, struct err *e);
char *redis_json_write_usage(const struct usage_record *u);

/* UUIDs of GPUs: an array of strings and nulls, of exactly `count` elements; else all stay NULL.
   Written as NULL where none is known. */
void redis_json_read_uuids(const char *text, struct slot *slots, size_t count);
char *redis_json_write_uuids(const struct slot *slots, size_t count);

/* What else is recorded of them, since the array of UUIDs is read by older programs: an array of
   objects and nulls, likewise. */
void redis_json_read_units(const char *text, struct slot *slots, size_t count);
char *redis_json_write_units(const struct slot *slots, size_t count);

/* Whose GPUs these are. An empty or unreadable text: nobody knows. */
void redis_json_read_host(const char *text, struct machine *host);
char *redis_json_write_host(const struct machine *host);

/* The account that has taken a GPU out of service, and when. An empty text: none has; one that
   cannot be read: "unknown", since a GPU that may be out of service is not granted. */
void redis_json_read_drained(const char *text, struct slot *slot);
char *redis_json_write_drained(const struct change_drain *drain);

/* The processes that are ignored: lists them in the state, as many as can be read. An empty text
   is none. */
void redis_json_read_ignored(const char *text, struct pool_state *state);
char *redis_json_write_ignored(const struct pool_state *state, const char *mark);

/* What a reservation has done with a GPU: it counts for the slot that this reservation has. */
void redis_json_read_activity(const char *text, struct slot *slot);
char *redis_json_write_activity(const struct change_activity *c);

/* A mark, which is listed in the state; `commit` as `mark` above. */
void redis_json_read_mark(const char *key, const char *text, struct pool_state *state);
char *redis_json_write_mark(const struct mark *mark, const char *commit);

/* An event, without its id: false where it cannot be read. The caller clears *ret_event. */
bool redis_json_read_event(const char *text, struct event *ret_event);
char *redis_json_write_event(const struct event *event);

#endif
