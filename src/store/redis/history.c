/*
 * Usage records: a sorted set of JSON texts, by the time of their end. Reading goes in chunks, each
 * of which begins in the second in which the one before has ended. (To ask for the scores takes the
 * server five times as long, and a script that answers everything ten times.) Very old pools have
 * none: see history_old.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis/history_old.h"

#define CHUNK_RECORDS 8192

struct redis_history {
	int64_t from_ns, to_ns;
	char *last;              /* the last record of the last chunk; NULL: none */
	int64_t last_ns;         /* the end of one that ends no later */
	int64_t second_ns, skip; /* the last chunk began so many behind the first of that second */
	size_t newest;           /* so many, newest first, in one chunk; 0: all */
	bool complete;           /* the last chunk was read */
	redisReply *chunk;
	size_t next; /* in chunk, or in old */
	struct usage_record record;
	bool is_old; /* reading `old` */
	struct redis_old_history old;
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

/* Asks for the records that end in that second or later, after so many of them. */
static int ask_chunk(struct redis_store *s, struct redis_history *h, int64_t time_ns, int64_t skip,
		     struct err *e)
{
	char score[32], offset[32], count[32];
	int r;

	redis_reply_clear(&h->chunk);
	h->next = 0;
	/* Another program's scores are whole seconds, cut: its records may end later than that. */
	snprintf(score, sizeof(score), "%" PRId64, time_ns / NS_PER_SECOND);
	snprintf(offset, sizeof(offset), "%" PRId64, skip);
	snprintf(count, sizeof(count), "%d", CHUNK_RECORDS);
	REDIS_ADD(&s->connection, "ZRANGEBYSCORE", REDIS_KEY_HISTORY, score, "+inf", "LIMIT",
		  offset, count);
	r = redis_ask(&s->connection, &h->chunk, e);
	if (r == 0)
		r = redis_expect_texts(&s->connection, h->chunk, false, e);
	h->complete = r == 0 && h->chunk->elements < CHUNK_RECORDS;
	return r;
}

/* Goes on behind the last record, if it is in the chunk. */
static bool pass_last(struct redis_history *h)
{
	for (size_t i = 0; i < h->chunk->elements; i++) {
		if (!strcmp(h->chunk->element[i]->str, h->last)) {
			h->next = i + 1;
			return true;
		}
	}
	return false;
}

/* Looks for the last record among those that end in that second or later: 1 with the chunk behind
   it, or 0. */
static int find_last(struct redis_store *s, struct redis_history *h, int64_t time_ns, int64_t skip,
		     struct err *e)
{
	int r;

	do {
		r = ask_chunk(s, h, time_ns, skip, e);
		if (r < 0)
			return r;
		skip += (int64_t)h->chunk->elements;
		if (!pass_last(h))
			continue;
		h->skip = skip - (int64_t)h->chunk->elements;
		if (h->next < h->chunk->elements || h->complete)
			return 1;
		h->skip = skip;
		r = ask_chunk(s, h, time_ns, skip, e);
		return r < 0 ? r : 1;
	} while (!h->complete);
	return 0;
}

/*
 * The chunk behind the last record. It is among those of its second, nearly always; else it is
 * looked for from the beginning. If it has gone, all before it have, too: the oldest are forgotten
 * first.
 */
static int ask_next(struct redis_store *s, struct redis_history *h, struct err *e)
{
	int64_t second_ns = h->last_ns - h->last_ns % NS_PER_SECOND;
	int r;

	if (second_ns != h->second_ns)
		h->skip = 0;
	h->second_ns = second_ns;
	r = find_last(s, h, second_ns, h->skip, e);
	if (r == 0) {
		h->second_ns = -1; /* what is skipped counts from elsewhere now */
		r = find_last(s, h, h->from_ns, 0, e);
	}
	if (r == 0)
		r = ask_chunk(s, h, h->from_ns, 0, e);
	return r < 0 ? r : 0;
}

static int read_chunk(struct redis_store *s, struct redis_history *h, struct err *e)
{
	int r = h->last ? ask_next(s, h, e) : ask_chunk(s, h, h->from_ns, 0, e);

	if (r < 0)
		return err_prefix(e, "cannot read the usage history (" REDIS_KEY_HISTORY ")");
	if (h->chunk->elements)
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

/* The first chunk, or the keys of a very old pool where there is no sorted set at all. */
static int read_first(struct redis_store *s, struct redis_history *h, struct err *e)
{
	AUTO(redis_reply_clear) redisReply *exists = NULL;
	int r = read_chunk(s, h, e);

	if (r < 0 || h->chunk->elements)
		return r;
	REDIS_ADD(&s->connection, "EXISTS", REDIS_KEY_HISTORY);
	r = redis_ask(&s->connection, &exists, e);
	h->is_old = r == 0 && !exists->integer;
	return h->is_old ? redis_old_history_read(s, h->from_ns, h->to_ns, &h->old, e) : r;
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
	if (h->is_old) {
		if (h->next == h->old.count)
			return 0;
		*ret_record = &h->old.records[h->next++];
		return 1;
	}
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
	redis_old_history_clear(&h->old);
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
