/* Reads the whole state: keys of the server -> struct pool_state. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parse.h"
#include "store/redis/redis.h"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

const char *redis_mark_value(const char *seen)
{
	return strchr(seen, '\n') + 1;
}

/* The text of a reply; "" where the key was not there. */
static const char *text_of(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING ? reply->str : "";
}

static int not_ours(const struct redis_store *s, const char *key, const char *why, struct err *e)
{
	return err_set(e, EBADMSG, "Redis at %s: the key %s %s (check with redis-cli)",
		       s->address.server, key, why);
}

static char *make_mark(const char *pool, const char *value)
{
	return mem_printf("%s\n%s", pool, value);
}

static void add_gpu(struct reservation *r, int gpu)
{
	r->gpus = mem_resize(r->gpus, r->gpus_count + 1, sizeof(*r->gpus));
	r->gpus[r->gpus_count++] = gpu;
}

/* The reservation that this part belongs to: the same id, held by the same account. */
static struct reservation *find_whole(const struct pool_state *state,
				      const struct reservation *part)
{
	struct reservation *whole = *part->id ? pool_state_find(state, part->id) : NULL;

	if (!whole || whole->type != part->type || !whole->account || !part->account ||
	    strcmp(whole->account, part->account) != 0)
		return NULL;
	return whole;
}

/* One GPU's state. What cannot be read makes this GPU unusable, and no other. */
static void load_gpu(struct pool_state *state, int gpu, const char *text)
{
	struct reservation *part = NULL, *whole;
	struct slot *slot = &state->slots[gpu];
	struct redis_freed freed = {0};
	struct err e = {0};
	int r;

	if (!strcmp(text, REDIS_NO_TEXT))
		r = err_set(&e, EBADMSG, "it is not text");
	else
		r = redis_json_read_gpu(text, &part, &freed, &e);
	slot->last_released_ns = freed.last_released_ns;
	slot->released_base = freed.base;
	slot->lapsed_ns = freed.lapsed_ns;
	if (r < 0)
		slot->problem = mem_printf(
			"its state in Redis (" REDIS_KEY_GPU "%d) is unreadable: %s", gpu, e.text);
	if (!part)
		return;
	whole = find_whole(state, part);
	if (!whole) {
		add_gpu(part, gpu);
		pool_state_add(state, part);
		return;
	}
	add_gpu(whole, gpu);
	if (part->heartbeat_ns > whole->heartbeat_ns)
		whole->heartbeat_ns = part->heartbeat_ns;
	slot->reservation = whole;
	reservation_free(part);
}

/* An entry whose value is gone or unreadable, or that has no id, belongs to no process: the one
   that waited by it sees it gone. */
static void load_entry(struct pool_state *state, const char *pool, const char *id, const char *text)
{
	struct queue_entry w = {0};

	if (!*text || redis_json_read_entry(text, &w, NULL) < 0 || !*w.id || strcmp(w.id, id)) {
		state->queue_unreadable += *text != '\0';
		queue_entry_clear(&w);
		return;
	}
	w.version = make_mark(pool, text);
	*pool_state_add_waiter(state) = w;
}

/* Entries that let others pass are among the last ones for other programs alone. */
static void order_queue(struct pool_state *state)
{
	for (size_t i = 1; i < state->queue_count; i++) {
		struct queue_entry q = state->queue[i];
		size_t place = i;

		while (q.lets_pass && place && state->queue[place - 1].enqueued_ns > q.enqueued_ns)
			place--;
		memmove(&state->queue[place + 1], &state->queue[place],
			(i - place) * sizeof(*state->queue));
		state->queue[place] = q;
	}
}

static int load_count(const struct redis_store *s, const redisReply *reply, int64_t *ret_count,
		      struct err *e)
{
	*ret_count = 0;
	if (reply->type != REDIS_REPLY_STRING)
		return 0;
	if (parse_int(reply->str, 1, POOL_GPUS_MAX, ret_count, NULL) < 0)
		return not_ours(s, REDIS_KEY_COUNT,
				"is not a number of GPUs from 1 to " TEXT(POOL_GPUS_MAX), e);
	return 0;
}

static bool is_complete(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != LOADED_ELEMENTS)
		return false;
	for (size_t i = LOADED_ACTIVITY; i < LOADED_ELEMENTS; i++) {
		if (reply->element[i]->type != REDIS_REPLY_ARRAY)
			return false;
	}
	return true;
}

/* What was noticed, and what reservations do. */
static void load_seen(struct pool_state *state, const redisReply *activity, const redisReply *marks)
{
	for (size_t i = 0; i + 1 < activity->elements; i += 2) {
		int64_t gpu;

		if (parse_int(text_of(activity->element[i]), 0, POOL_GPUS_MAX - 1, &gpu, NULL) ==
			    0 &&
		    (size_t)gpu < state->slots_count)
			redis_json_read_activity(text_of(activity->element[i + 1]),
						 &state->slots[gpu]);
	}
	for (size_t i = 0; i + 1 < marks->elements; i += 2)
		redis_json_read_mark(text_of(marks->element[i]), text_of(marks->element[i + 1]),
				     state);
}

static int read_state(const struct redis_store *s, const redisReply *reply,
		      struct pool_state *state, struct err *e)
{
	const redisReply *gpus, *drained, *queue;
	const char *provider, *pool;
	int64_t count;
	int r;

	if (!is_complete(reply))
		return redis_makes_no_sense(&s->connection, e);
	r = load_count(s, reply->element[LOADED_COUNT], &count, e);
	if (r < 0 || !count)
		return r;
	gpus = reply->element[LOADED_GPUS];
	drained = reply->element[LOADED_DRAINED];
	queue = reply->element[LOADED_QUEUE];
	provider = text_of(reply->element[LOADED_PROVIDER]);
	pool = text_of(reply->element[LOADED_POOL]);
	if (!strcmp(provider, REDIS_NO_TEXT))
		return not_ours(s, REDIS_KEY_PROVIDER, "is no text", e);
	if (strchr(pool, '\n'))
		return not_ours(s, REDIS_KEY_POOL, "is no id", e);
	if (gpus->elements != (size_t)count || drained->elements != (size_t)count)
		return not_ours(s, REDIS_KEY_COUNT, "is not a decimal number", e);
	state->initialized = true;
	/* Very old pools do not name it. */
	state->provider = mem_strdup(*provider ? provider : "nvidia");
	pool_state_make_slots(state, (size_t)count);
	for (size_t i = 0; i < state->slots_count; i++) {
		const char *text = text_of(gpus->element[i]);

		state->slots[i].version = make_mark(pool, text);
		load_gpu(state, (int)i, text);
		redis_json_read_drained(text_of(drained->element[i]), &state->slots[i]);
	}
	state->ignored_version = make_mark(pool, text_of(reply->element[LOADED_IGNORED]));
	if (*text_of(reply->element[LOADED_TOPOLOGY]))
		state->topology = mem_strdup(text_of(reply->element[LOADED_TOPOLOGY]));
	redis_json_read_ignored(text_of(reply->element[LOADED_IGNORED]), state);
	state->host_version = mem_strdup(text_of(reply->element[LOADED_HOST]));
	redis_json_read_host(state->host_version, &state->host);
	redis_json_read_uuids(text_of(reply->element[LOADED_UUIDS]), state->slots,
			      state->slots_count);
	redis_json_read_units(text_of(reply->element[LOADED_UNITS]), state->slots,
			      state->slots_count);
	load_seen(state, reply->element[LOADED_ACTIVITY], reply->element[LOADED_MARKS]);
	for (size_t i = 0; i + 1 < queue->elements; i += 2)
		load_entry(state, pool, text_of(queue->element[i]), text_of(queue->element[i + 1]));
	order_queue(state);
	return 0;
}

/* ---- the keys ---- */

/* Pools that are no larger need no second round trip. */
#define EXPECTED_GPUS 16
/* The queue changes between two of them, too, but hardly each time. After so many, servers that do
   not mind are asked for whatever is in it. */
#define ROUNDS_NAMED 3
#define ROUNDS_MAX 50

void redis_expect_clear(struct redis_expected *x)
{
	for (size_t i = 0; i < x->ids_count; i++)
		free(x->ids[i]);
	free(x->ids);
	*x = (struct redis_expected){0};
}

/* Remembers what the next load has to name. `step`: from one id to the next. */
static void expect(struct redis_expected *x, size_t gpus, const redisReply *queue, size_t step)
{
	redis_expect_clear(x);
	x->gpus = gpus;
	x->ids = mem_alloc(queue->elements / step, sizeof(char *));
	for (size_t i = 0; i + step <= queue->elements; i += step)
		x->ids[x->ids_count++] = mem_strdup(text_of(queue->element[i]));
}

/* Whether the script only says which keys it needs. */
static int wants_keys(struct redis_store *s, const redisReply *reply, struct err *e)
{
	int64_t count = 0;
	int r;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
		return 0;
	if (redis_expect_texts(&s->connection, reply->element[1], false, e) < 0)
		return -EPROTO;
	r = load_count(s, reply->element[0], &count, e);
	if (r < 0)
		return r;
	expect(&s->expected, (size_t)count, reply->element[1], 1);
	return 1;
}

/* Runs the script with the keys that are expected; `others`: entries that are not among them are
   read as well. */
static int run_load(struct redis_store *s, const char *tail, bool others, redisReply **ret_reply,
		    struct err *e)
{
	const char *fixed[] = {
		REDIS_KEY_COUNT, REDIS_KEY_PROVIDER, REDIS_KEY_POOL,     REDIS_KEY_UUIDS,
		REDIS_KEY_QUEUE, REDIS_KEY_HISTORY,  REDIS_KEY_IGNORED,  REDIS_KEY_HOST,
		REDIS_KEY_UNITS, REDIS_KEY_TOPOLOGY, REDIS_KEY_ACTIVITY, REDIS_KEY_MARKS,
	};
	const struct redis_expected *x = &s->expected;
	size_t gpus = x->gpus > EXPECTED_GPUS ? x->gpus : EXPECTED_GPUS;
	size_t keys = ARRAY_SIZE(fixed) + 2 * gpus + x->ids_count, count = 0;
	size_t words_count = keys + x->ids_count + 7;
	AUTO_FREE const char **words = mem_alloc(words_count, sizeof(char *));
	AUTO_FREE char **made = mem_alloc(keys + 2, sizeof(char *));
	size_t made_count = 0;
	int r;

	words[2] = made[made_count++] = mem_printf("%zu", keys);
	count = 3;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		words[count++] = fixed[i];
	for (size_t i = 0; i < 2 * gpus; i++)
		words[count++] = made[made_count++] =
			i < gpus ? mem_printf(REDIS_KEY_GPU "%zu", i)
				 : mem_printf(REDIS_KEY_DRAINED "%zu", i - gpus);
	for (size_t i = 0; i < x->ids_count; i++)
		words[count++] = made[made_count++] = mem_printf(REDIS_KEY_ENTRY "%s", x->ids[i]);
	words[count++] = TEXT(POOL_GPUS_MAX);
	words[count++] = tail;
	words[count++] = made[made_count++] = mem_printf("%zu", gpus);
	words[count++] = others ? REDIS_KEY_ENTRY : "";
	for (size_t i = 0; i < x->ids_count; i++)
		words[count++] = x->ids[i];
	r = redis_run_script(s, &redis_script_load, count, words, NULL, ret_reply, e);
	for (size_t i = 0; i < made_count; i++)
		free(made[i]);
	return r;
}

int redis_load(struct store *base, enum store_intent intent, struct pool_state *ret_state,
	       struct err *e)
{
	struct redis_store *s = redis_of(base);
	const char *tail = intent == STORE_UPDATE ? REDIS_TAIL : "0";
	AUTO(pool_state_clear) struct pool_state state = {0};
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	int r = 1;

	redis_reply_clear(&s->loaded);
	for (int round = 0; r > 0; round++) {
		bool others = round >= ROUNDS_NAMED && !s->names_all;

		redis_reply_clear(&reply);
		if (round == ROUNDS_MAX)
			return err_set(e, EIO, "Redis at %s: the queue changes all the time",
				       s->address.server);
		r = run_load(s, tail, others, &reply, others ? NULL : e);
		if (r < 0 && others) {
			s->names_all = true;
			r = 1;
		} else if (r == 0) {
			r = wants_keys(s, reply, e);
		}
	}
	if (r == 0)
		r = read_state(s, reply, &state, e);
	if (r < 0)
		return r;
	expect(&s->expected, state.slots_count, reply->element[LOADED_QUEUE], 2);
	if (intent == STORE_UPDATE)
		s->loaded = mem_steal(&reply);
	*ret_state = state;
	state = (struct pool_state){0};
	return 0;
}
