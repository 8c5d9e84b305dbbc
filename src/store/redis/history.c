/*
 * Usage records: a sorted set of JSON texts, by the time of their end. Reading goes in chunks by
 * rank. Each begins with the last record of the one before: where that is another one, records have
 * come or gone meanwhile, and its rank is asked for. (To ask for the scores takes the server five
 * times as long, and a script that answers everything ten times.) Very old pools have a key per
 * record instead, which are read where the sorted set is absent.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/redis.h"

#define CHUNK_RECORDS 8192

/* How often the place is looked for again in a history that others change. */
#define ATTEMPTS_MAX 100

struct redis_history {
	int64_t from_ns, to_ns;
	int64_t rank;    /* of the next record; -1: not known yet */
	char *last;      /* the record before; NULL: none */
	int64_t last_ns; /* the end of one that was read not long before */
	size_t newest;   /* so many, newest first, in one chunk; 0: all */
	bool complete;   /* the last chunk was read */
	redisReply *chunk;
	size_t next; /* in chunk, or in old */
	struct usage_record record;
	bool is_old; /* reading `old` */
	struct usage_record *old;
	size_t old_count;
};

/* ---- the last use of each GPU ---- */

int redis_last_use(struct store *base, struct quantity uid, const char *account,
		   int64_t *ret_last_ns, size_t gpus_count, struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *asked = NULL;
	const redisReply *tail;
	int r;

	if (s->loaded) {
		tail = s->loaded->element[LOADED_TAIL];
	} else {
		REDIS_ADD(&s->connection, "ZREVRANGE", REDIS_KEY_HISTORY, "0", REDIS_TAIL);
		r = redis_ask(&s->connection, &asked, e);
		if (r < 0)
			return r;
		tail = asked;
	}
	r = redis_expect_texts(&s->connection, tail, false, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < gpus_count; i++)
		ret_last_ns[i] = TIME_NONE;
	for (size_t i = 0; i < tail->elements; i++) {
		AUTO(usage_record_clear) struct usage_record u = {0};
		const char *text = tail->element[i]->str;

		/* Most records are other people's: their texts need not be taken apart. */
		if (!uid.known && account && !strstr(text, account))
			continue;
		if (redis_json_read_usage(text, &u, NULL) == 0 &&
		    account_is_same(u.uid, u.account, uid, account) && (size_t)u.gpu < gpus_count &&
		    u.end_ns > ret_last_ns[u.gpu])
			ret_last_ns[u.gpu] = u.end_ns;
	}
	return 0;
}

/* ---- reading ---- */

/* A record is one text: brief or not makes no difference. */
int redis_history_begin(struct store *base, int64_t from_ns, int64_t to_ns, bool brief,
			struct err *e)
{
	struct redis_store *s = redis_of(base);
	struct redis_history *h;

	redis_history_end(base);
	h = s->history = mem_alloc(1, sizeof(*h));
	h->from_ns = from_ns;
	h->to_ns = to_ns;
	h->rank = -1;
	return 0;
}

int redis_history_begin_newest(struct store *base, int64_t from_ns, size_t limit, struct err *e)
{
	int r = redis_history_begin(base, from_ns, INT64_MAX, true, e);

	if (r == 0)
		redis_of(base)->history->newest = limit < CHUNK_RECORDS ? limit : CHUNK_RECORDS;
	return r;
}

/* The only chunk of an iteration from the newest. Very old pools have none: they are not read that
   way. */
static int read_newest(struct redis_store *s, struct redis_history *h, struct err *e)
{
	char last[32];
	int r;

	snprintf(last, sizeof(last), "%zu", h->newest - 1);
	REDIS_ADD(&s->connection, "ZREVRANGE", REDIS_KEY_HISTORY, "0", last);
	h->complete = true;
	r = redis_ask(&s->connection, &h->chunk, e);
	if (r == 0)
		r = redis_expect_texts(&s->connection, h->chunk, false, e);
	return r < 0 ? err_prefix(e, "cannot read the usage history (" REDIS_KEY_HISTORY ")") : 0;
}

/* How many records end before that second. */
static int count_before(struct redis_store *s, int64_t time_ns, int64_t *ret_count, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	char score[32];
	int r;

	/* Another program's scores are whole seconds, cut: its records may end later than that. */
	snprintf(score, sizeof(score), "(%" PRId64, time_ns / NS_PER_SECOND);
	REDIS_ADD(&s->connection, "ZCOUNT", REDIS_KEY_HISTORY, "-inf", score);
	r = redis_ask(&s->connection, &reply, e);
	if (r == 0 && reply->type != REDIS_REPLY_INTEGER)
		r = redis_makes_no_sense(&s->connection, e);
	if (r == 0)
		*ret_count = reply->integer;
	return r;
}

/* Where the next record is now. If the last one has gone, all before it have, too. */
static int find_place(struct redis_store *s, struct redis_history *h, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	int r;

	if (!h->last)
		return count_before(s, h->from_ns, &h->rank, e);
	REDIS_ADD(&s->connection, "ZRANK", REDIS_KEY_HISTORY, h->last);
	r = redis_ask(&s->connection, &reply, e);
	if (r < 0)
		return r;
	if (reply->type == REDIS_REPLY_INTEGER) {
		h->rank = reply->integer + 1;
		return 0;
	}
	free(h->last);
	h->last = NULL;
	return count_before(s, h->last_ns, &h->rank, e);
}

/* Asks for the records from the last one on. False: there is another one in its place. */
static int ask_chunk(struct redis_store *s, struct redis_history *h, bool *ret_found, struct err *e)
{
	char first[32], last[32];
	int r;

	redis_reply_clear(&h->chunk);
	snprintf(first, sizeof(first), "%" PRId64, h->rank - (h->last != NULL));
	snprintf(last, sizeof(last), "%" PRId64, h->rank + CHUNK_RECORDS - 1);
	REDIS_ADD(&s->connection, "ZRANGE", REDIS_KEY_HISTORY, first, last);
	r = redis_ask(&s->connection, &h->chunk, e);
	if (r == 0)
		r = redis_expect_texts(&s->connection, h->chunk, false, e);
	if (r == 0)
		*ret_found = !h->last ||
			     (h->chunk->elements && !strcmp(h->chunk->element[0]->str, h->last));
	return r;
}

static int read_chunk(struct redis_store *s, struct redis_history *h, struct err *e)
{
	bool found = false;
	int r = h->rank < 0 ? find_place(s, h, e) : 0;
	size_t count;

	if (r == 0)
		r = ask_chunk(s, h, &found, e);
	for (int i = 0; r == 0 && !found && i < ATTEMPTS_MAX; i++) {
		r = find_place(s, h, e);
		if (r == 0)
			r = ask_chunk(s, h, &found, e);
	}
	if (r == 0 && !found)
		r = err_set(e, EAGAIN, "it changes all the time");
	if (r < 0)
		return err_prefix(e, "cannot read the usage history (" REDIS_KEY_HISTORY ")");
	h->next = h->last != NULL;
	count = h->chunk->elements - h->next;
	h->complete = count < CHUNK_RECORDS;
	h->rank += (int64_t)count;
	if (count)
		mem_replace(&h->last, h->chunk->element[h->chunk->elements - 1]->str);
	return 0;
}

static bool is_in_period(const struct redis_history *h, const struct usage_record *u)
{
	return u->end_ns > h->from_ns && u->start_ns < h->to_ns;
}

/* The next record of the chunk that is in the period: 1, or 0 at its end. Records that nobody can
   read are counted. */
static int next_of_chunk(struct redis_store *s, struct redis_history *h)
{
	while (h->chunk && h->next < h->chunk->elements) {
		const char *text = h->chunk->element[h->next++]->str;

		usage_record_clear(&h->record);
		if (redis_json_read_usage(text, &h->record, NULL) < 0)
			s->base.history_unreadable++;
		else {
			h->last_ns = h->record.end_ns;
			if (is_in_period(h, &h->record))
				return 1;
		}
	}
	return 0;
}

/* ---- very old pools ---- */

/* Reads the values of the keys that one SCAN gave. */
static int read_old_keys(struct redis_store *s, struct redis_history *h, const redisReply *keys,
			 struct err *e)
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
		struct usage_record u = {0};
		const char *text = values->element[i]->str;

		if (!text || redis_json_read_usage(text, &u, NULL) < 0) {
			s->base.history_unreadable += text != NULL;
			continue;
		}
		if (!is_in_period(h, &u)) {
			usage_record_clear(&u);
			continue;
		}
		h->old = mem_resize(h->old, h->old_count + 1, sizeof(*h->old));
		h->old[h->old_count++] = u;
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

/* Collects the records of a pool without a sorted set, and sorts them. SCAN may name a key twice.
 */
static int read_old(struct redis_store *s, struct redis_history *h, struct err *e)
{
	static const char pattern[] = REDIS_KEY_OLD_HISTORY "*";
	char cursor[32] = "0";
	int r;

	h->is_old = true;
	do {
		AUTO(redis_reply_clear) redisReply *reply = NULL;

		REDIS_ADD(&s->connection, "SCAN", cursor, "MATCH", pattern, "COUNT", "1000");
		r = redis_ask(&s->connection, &reply, e);
		if (r < 0)
			return r;
		if (reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING)
			return redis_makes_no_sense(&s->connection, e);
		snprintf(cursor, sizeof(cursor), "%s", reply->element[0]->str);
		r = read_old_keys(s, h, reply->element[1], e);
	} while (r == 0 && strcmp(cursor, "0") != 0);
	if (h->old_count)
		qsort(h->old, h->old_count, sizeof(*h->old), compare_ends);
	return r;
}

static bool is_twice(const struct redis_history *h, size_t i)
{
	const struct usage_record *a = &h->old[i - (i > 0)], *b = &h->old[i];

	return i > 0 && a->gpu == b->gpu && a->start_ns == b->start_ns && a->end_ns == b->end_ns;
}

static int next_old(struct redis_history *h, const struct usage_record **ret_record)
{
	while (h->next < h->old_count && is_twice(h, h->next))
		h->next++;
	if (h->next == h->old_count)
		return 0;
	*ret_record = &h->old[h->next++];
	return 1;
}

/* The first chunk, or the keys of a very old pool where there is no sorted set at all. */
static int read_first(struct redis_store *s, struct redis_history *h, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *exists = NULL;
	int r = read_chunk(s, h, e);

	if (r < 0 || h->chunk->elements)
		return r;
	REDIS_ADD(&s->connection, "EXISTS", REDIS_KEY_HISTORY);
	r = redis_ask(&s->connection, &exists, e);
	if (r == 0 && !exists->integer)
		r = read_old(s, h, e);
	return r;
}

int redis_history_next(struct store *base, const struct usage_record **ret_record, struct err *e)
{
	struct redis_store *s = redis_of(base);
	struct redis_history *h = s->history;
	int r = 0;

	if (!h)
		return err_set(e, EINVAL, "no reading of the history was begun");
	if (!h->chunk && !h->is_old)
		r = h->newest ? read_newest(s, h, e) : read_first(s, h, e);
	if (r < 0)
		return r;
	if (h->is_old)
		return next_old(h, ret_record);
	while (!next_of_chunk(s, h)) {
		if (h->complete)
			return 0;
		r = read_chunk(s, h, e);
		if (r < 0)
			return r;
	}
	*ret_record = &h->record;
	return 1;
}

void redis_history_end(struct store *base)
{
	struct redis_store *s = redis_of(base);
	struct redis_history *h = s->history;

	if (!h)
		return;
	redis_reply_clear(&h->chunk);
	usage_record_clear(&h->record);
	free(h->last);
	for (size_t i = 0; i < h->old_count; i++)
		usage_record_clear(&h->old[i]);
	free(h->old);
	free(h);
	s->history = NULL;
}

/* ---- writing ---- */

const char *redis_score(int64_t end_ns, char buffer[REDIS_SCORE_SIZE])
{
	snprintf(buffer, REDIS_SCORE_SIZE, "%" PRId64 ".%06" PRId64, end_ns / NS_PER_SECOND,
		 end_ns % NS_PER_SECOND / 1000);
	return buffer;
}

/* One ZADD: all or none. A member that is there already stays, so it may be sent twice. */
int redis_history_add(struct store *base, const struct usage_record *records, size_t count,
		      struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	size_t words_count = 2 + 2 * count;
	AUTO_FREE const char **words = mem_alloc(words_count, sizeof(char *));
	AUTO_FREE char **texts = mem_alloc(words_count, sizeof(char *));
	char score[REDIS_SCORE_SIZE];
	int r;

	words[0] = "ZADD";
	words[1] = REDIS_KEY_HISTORY;
	for (size_t i = 0; i < count; i++) {
		texts[2 * i] = mem_strdup(redis_score(records[i].end_ns, score));
		texts[2 * i + 1] = redis_json_write_usage(&records[i]);
		words[2 + 2 * i] = texts[2 * i];
		words[3 + 2 * i] = texts[2 * i + 1];
	}
	redis_add(&s->connection, words_count, words, NULL);
	r = redis_ask(&s->connection, &reply, e);
	for (size_t i = 0; i < words_count; i++)
		free(texts[i]);
	return r;
}

int redis_history_trim(struct store *base, int64_t before_ns, struct err *e)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	char before[32];

	/* Whole seconds, as another program's scores are: nothing goes too early. */
	snprintf(before, sizeof(before), "(%" PRId64, before_ns / NS_PER_SECOND);
	REDIS_ADD(&s->connection, "ZREMRANGEBYSCORE", REDIS_KEY_HISTORY, "-inf", before);
	return redis_ask(&s->connection, &reply, e);
}
