/* Members of JSON objects as the Redis store has them: reading and setting. Private to
 * json*.c.
 */
#ifndef STORE_REDIS_JSON_VALUE_H
#define STORE_REDIS_JSON_VALUE_H

#include <jansson.h>

#include "base/err.h"
#include "base/nouns.h"

/* Reads an object; the caller releases it. */
int redis_json_object(const char *text, json_t **ret_object, struct err *e);

/* Readers: a member that is absent or null leaves the value as it is; another type is an error. */
int redis_json_get_text(const json_t *object, const char *name, char **value, struct err *e);
int redis_json_get_int(const json_t *object, const char *name, int64_t *value, struct err *e);
int redis_json_get_time(const json_t *object, const char *name, int64_t *time_ns, struct err *e);
int redis_json_get_ids(const json_t *object, const char *name, int **ids, size_t *count,
		       struct err *e);
int redis_json_get_id(const json_t *object, const char *name, char id[ID_SIZE], struct err *e);
int redis_json_get_type(const json_t *object, const char *name, enum reservation_type *type,
			struct err *e);

/* Members that only we write, uid and holder (or NULL): what is unreadable there is as good as
   absent. */
void redis_json_get_ours(const json_t *object, struct quantity *uid, struct holder *h);

/* The same of a number that is not negative. */
void redis_json_get_quantity(const json_t *object, const char *name, struct quantity *value);

/* The same of what tells of clocks: a name, struct time_base, struct doubt. */
void redis_json_get_clock(const json_t *object, const char *name, char clock[CLOCK_NAME_SIZE]);
void redis_json_get_base(const json_t *object, struct time_base *base);
void redis_json_get_doubt(const json_t *object, struct doubt *d);

/*
 * A time that is kept twice: in whole seconds, as others read it, and exactly, for us. The exact
 * one counts only where both agree: another program may have changed the first.
 */
int redis_json_get_both(const json_t *object, const char *name, const char *exact, int64_t *time_ns,
			struct err *e);

/* Setters: NULL, TIME_NONE and unknown leave the member out. The first takes over the value. */
void redis_json_set(json_t *object, const char *name, json_t *value);
void redis_json_set_text(json_t *object, const char *name, const char *value);
void redis_json_set_time(json_t *object, const char *name, int64_t time_ns); /* RFC 3339 */
void redis_json_set_both(json_t *object, const char *name, const char *exact, int64_t time_ns,
			 bool round_up);
void redis_json_set_ids(json_t *object, const char *name, const int *ids, size_t count);
void redis_json_set_quantity(json_t *object, const char *name, struct quantity value);
void redis_json_set_uid(json_t *object, struct quantity uid);
void redis_json_set_holder(json_t *object, const struct holder *h);
void redis_json_set_base(json_t *object, const struct time_base *base);
void redis_json_set_doubt(json_t *object, const struct doubt *d);

/* The object as text, which the caller frees; releases the object. */
char *redis_json_text(json_t *object);

#endif
