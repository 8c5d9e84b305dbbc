/* Usage records of very old pools; see history_old.h. */
#include "store/redis/history_old.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Adds the record, unless it cannot be read or does not touch the period. */
static void take(struct redis_store *s, const char *text, int64_t from_ns, int64_t to_ns,
		 struct redis_old_history *old)
{
	struct usage_record u = {0};

	if (redis_json_read_usage(text, &u, NULL) < 0) {
		s->base.history_unreadable++;
		return;
	}
	if (u.end_ns <= from_ns || u.start_ns >= to_ns) {
		usage_record_clear(&u);
		return;
	}
	old->records = mem_resize(old->records, old->count + 1, sizeof(*old->records));
	old->records[old->count++] = u;
}

/* Reads the values of the keys that one SCAN gave. */
static int read_keys(struct redis_store *s, const redisReply *keys, int64_t from_ns, int64_t to_ns,
		     struct redis_old_history *old, struct err *e)
{
	AUTO_FREE const char **words = mem_alloc(keys->elements + 1, sizeof(char *));
	AUTO(redis_reply_clear) redisReply *values = NULL;
	int r = redis_expect_texts(&s->connection, keys, false, e);

	if (r < 0 || !keys->elements)
		return r;
	words[0] = "MGET";
	for (size_t i = 0; i < keys->elements; i++)
		words[i + 1] = keys->element[i]->str;
	redis_add(&s->connection, keys->elements + 1, words, NULL);
	r = redis_ask(&s->connection, &values, e);
	if (r == 0)
		r = redis_expect_texts(&s->connection, values, true, e);
	for (size_t i = 0; r == 0 && i < values->elements; i++) {
		if (values->element[i]->str)
			take(s, values->element[i]->str, from_ns, to_ns, old);
	}
	return r;
}

/* By end; those of one moment so that two copies of a record are adjacent. */
static int compare_ends(const void *a, const void *b)
{
	const struct usage_record *x = a, *y = b;

	if (x->end_ns != y->end_ns)
		return x->end_ns > y->end_ns ? 1 : -1;
	if (x->gpu != y->gpu)
		return x->gpu > y->gpu ? 1 : -1;
	return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* Sorts them, and leaves each once: SCAN may name a key twice. */
static void tidy(struct redis_old_history *old)
{
	size_t kept = 0;

	if (old->count)
		qsort(old->records, old->count, sizeof(*old->records), compare_ends);
	for (size_t i = 0; i < old->count; i++) {
		if (kept && !compare_ends(&old->records[kept - 1], &old->records[i]))
			usage_record_clear(&old->records[i]);
		else
			old->records[kept++] = old->records[i];
	}
	old->count = kept;
}

int redis_old_history_read(struct redis_store *s, int64_t from_ns, int64_t to_ns,
			   struct redis_old_history *ret_old, struct err *e)
{
	static const char pattern[] = REDIS_KEY_OLD_HISTORY "*";
	char cursor[32] = "0";
	int r;

	*ret_old = (struct redis_old_history){0};
	do {
		AUTO(redis_reply_clear) redisReply *reply = NULL;

		REDIS_ADD(&s->connection, "SCAN", cursor, "MATCH", pattern, "COUNT", "1000");
		r = redis_ask(&s->connection, &reply, e);
		if (r < 0)
			return r;
		if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING)
			return redis_makes_no_sense(&s->connection, e);
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		r = read_keys(s, reply->element[1], from_ns, to_ns, ret_old, e);
	} while (r == 0 && strcmp(cursor, "0") != 0);
	tidy(ret_old);
	return r;
}

void redis_old_history_clear(struct redis_old_history *old)
{
	for (size_t i = 0; i < old->count; i++)
		usage_record_clear(&old->records[i]);
	free(old->records);
	*old = (struct redis_old_history){0};
}
