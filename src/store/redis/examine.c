/*
 * What `canhazgpu doctor` wants to know of a Redis store: the server, what it keeps when it
 * restarts, and what its rules let us do. See store_examine in store.h; docs/redis.md says why.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/redis/connect.h"
#include "store/redis/info.h"
#include "store/redis/redis.h"

/* A server slower than this makes every command slow. */
#define SLOW_NS (100 * NS_PER_MS)

/* Heartbeats of other hosts are compared with the clock of this one: 5 minutes are the limit. */
#define SKEW_MAX_NS (30 * NS_PER_SECOND)

/*
 * Tries every command that the store needs where it does nothing: the key is never there, so that
 * nothing is set, and what is published there has no subscribers. Gives what was refused, one per
 * line.
 */
#define PROBE_BEGIN                          \
	"local key, refused = KEYS[1], {}\n" \
	"for _, words in ipairs({"
#define PROBE_END                                                     \
	"}) do\n"                                                     \
	"  local answer = redis.pcall(unpack(words))\n"               \
	"  if type(answer) == 'table' and answer.err then\n"          \
	"    refused[#refused + 1] = words[1] .. ' ' .. answer.err\n" \
	"  end\n"                                                     \
	"end\n"                                                       \
	"return refused\n"

static const char probe[] = PROBE_BEGIN
	"{'GET', key}, {'MGET', key}, {'EXISTS', key}, {'TYPE', key},\n"
	"    {'ZRANGE', key, '0', '-1'}, {'ZREVRANGE', key, '0', '0'},\n"
	"    {'ZRANGEBYSCORE', key, '0', '1'}, {'SET', key, '', 'XX'}, {'DEL', key},\n"
	"    {'ZADD', key, 'XX', '0', 'x'}, {'ZREM', key, 'x'},\n"
	"    {'ZREMRANGEBYSCORE', key, '0', '1'}, {'PERSIST', key}, {'PUBLISH', key, ''}" PROBE_END;

/* The same of what a pool can do without. What one sets, the last one deletes. */
static const char probe_more[] = PROBE_BEGIN
	"{'XREVRANGE', key, '+', '-'}, {'XRANGE', key, '-', '+'}, {'XADD', key, '*', 'e', ''},\n"
	"    {'DEL', key}, {'HGETALL', key}, {'HGET', key, 'x'}, {'HDEL', key, 'x'},\n"
	"    {'HSET', key, 'x', ''}, {'DEL', key}" PROBE_END;

/* One command whose answer has that type; NULL, with the reason, where it is refused. */
static redisReply *ask(struct redis_store *s, int type, struct err *e)
{
	redisReply *reply = NULL;

	if (redis_ask(&s->connection, &reply, e) < 0)
		return NULL;
	if (reply->type != type) {
		redis_makes_no_sense(&s->connection, e);
		redis_reply_clear(&reply);
	}
	return reply;
}

/* Whether a command was refused by the rules of the server, and not by its state. */
static bool is_forbidden(const char *error)
{
	return strstr(error, "NOPERM") || strstr(error, "no permissions") ||
	       strstr(error, "ACL failure") || strstr(error, "executing the script can't");
}

static void examine_rights(struct findings *f, struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	AUTO(str_clear) struct str missing = {0};
	const char *other = NULL;
	struct err e = {0};

	REDIS_ADD(&s->connection, "EVAL", probe, "1", REDIS_KEY_NEVER);
	reply = ask(s, REDIS_REPLY_ARRAY, &e);
	if (!reply || redis_expect_texts(&s->connection, reply, false, &e) < 0) {
		findings_add(f, "store-write", FINDING_FAILED, NULL, "%s", e.text);
		return;
	}
	for (size_t i = 0; i < reply->elements; i++) {
		const char *text = reply->element[i]->str;

		if (is_forbidden(text))
			str_addf(&missing, " %.*s", (int)strcspn(text, " "), text);
		else
			other = text + strcspn(text, " ") + 1;
	}
	if (missing.length) {
		findings_add(f, "store-write", FINDING_FAILED,
			     "see docs/redis.md for the rules needed",
			     "the server's rules forbid%s", str_text(&missing));
	} else if (other) {
		redis_refused(&s->connection, other, &e);
		findings_add(f, "store-write", FINDING_FAILED, NULL, "%s", e.text);
	} else {
		findings_add(f, "store-write", FINDING_OK, NULL,
			     "every command that a commit needs is allowed");
	}
}

/* Old servers have no streams. */
static void examine_events(struct findings *f, struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	AUTO(str_clear) struct str missing = {0};

	REDIS_ADD(&s->connection, "EVAL", probe_more, "1", REDIS_KEY_NEVER);
	reply = ask(s, REDIS_REPLY_ARRAY, NULL);
	if (!reply || redis_expect_texts(&s->connection, reply, false, NULL) < 0)
		return;
	for (size_t i = 0; i < reply->elements; i++) {
		const char *text = reply->element[i]->str;

		if (is_forbidden(text) || strstr(text, "nknown"))
			str_addf(&missing, " %.*s", (int)strcspn(text, " "), text);
	}
	if (missing.length)
		findings_add(f, "store-events", FINDING_WARNING,
			     "see docs/redis.md for the rules needed",
			     "the server does not allow%s: what happens and how GPUs are used is "
			     "not recorded",
			     str_text(&missing));
}

/* What the server keeps when it restarts. */
static void examine_persistence(struct findings *f, const char *info, const char *save)
{
	char aof[16], rdb[16];
	bool append = redis_info_is(info, "aof_enabled", "1");

	findings_add(f, "redis-persistence", FINDING_OK, NULL, "appendonly %s, save %s",
		     append ? "yes" : "no",
		     !save   ? "unknown (CONFIG is not allowed)"
		     : *save ? save
			     : "never");
	if (!append && save && !*save)
		findings_extend(f, FINDING_WARNING, "set appendonly yes in redis.conf",
				"the pool is lost when the server restarts");
	else if (!append)
		findings_extend(f, FINDING_WARNING, "set appendonly yes in redis.conf",
				"the last minutes may be lost when the server restarts");
	redis_info_field(info, "aof_last_write_status", aof, sizeof(aof));
	redis_info_field(info, "rdb_last_bgsave_status", rdb, sizeof(rdb));
	if ((*aof && strcmp(aof, "ok") != 0) || (*rdb && strcmp(rdb, "ok") != 0))
		findings_extend(f, FINDING_FAILED, "check its log and its disk",
				"its last attempt to save its data failed");
}

/* Whether the server drops keys when memory is short: a state that is gone is a GPU that is free.
 */
static void examine_memory(struct findings *f, const char *info)
{
	char policy[32], limit[32];
	bool limited;

	redis_info_field(info, "maxmemory_policy", policy, sizeof(policy));
	redis_info_field(info, "maxmemory", limit, sizeof(limit));
	limited = strcmp(limit, "0") != 0;
	if (!*policy)
		return;
	if (!strcmp(policy, "noeviction"))
		findings_add(f, "redis-memory", FINDING_OK, NULL, "maxmemory-policy noeviction");
	else
		findings_add(f, "redis-memory", limited ? FINDING_FAILED : FINDING_WARNING,
			     "set maxmemory-policy noeviction in redis.conf",
			     "maxmemory-policy %s: when memory is short the server forgets who "
			     "holds a GPU%s",
			     policy, limited ? "" : " (maxmemory is not set)");
}

static char *ask_save(struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;

	REDIS_ADD(&s->connection, "CONFIG", "GET", "save");
	reply = ask(s, REDIS_REPLY_ARRAY, NULL);
	if (!reply || reply->elements != 2 || reply->element[1]->type != REDIS_REPLY_STRING)
		return NULL;
	return mem_strdup(reply->element[1]->str);
}

/* What the server says of itself, where its rules allow that. */
static void examine_server(struct findings *f, struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	AUTO_FREE char *save = NULL;
	char product[64], mode[32], role[32];
	struct err e = {0};

	REDIS_ADD(&s->connection, "INFO");
	reply = ask(s, REDIS_REPLY_STRING, &e);
	if (!reply) {
		findings_add(f, "redis-server", FINDING_NOTE,
			     "ask whoever runs it for appendonly, save and maxmemory-policy",
			     "its rules do not allow INFO: version and persistence are unknown");
		return;
	}
	redis_info_product(reply->str, product, sizeof(product));
	redis_info_field(reply->str, "redis_mode", mode, sizeof(mode));
	redis_info_field(reply->str, "role", role, sizeof(role));
	findings_add(f, "redis-server", FINDING_OK, NULL, "%s, %s, %s", product, mode, role);
	if (!strcmp(mode, "cluster"))
		findings_extend(f, FINDING_FAILED, "use a server that is not in a cluster",
				"a cluster is not supported");
	if (!strcmp(role, "slave"))
		findings_extend(f, FINDING_FAILED, "name the primary with --redis-host",
				"it is a read-only replica");
	save = ask_save(s);
	examine_persistence(f, reply->str, save);
	examine_memory(f, reply->str);
}

/* The lock of the other program; it expires, unless something is wrong. */
static void examine_lock(struct findings *f, struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *exists = NULL, *left = NULL;

	REDIS_ADD(&s->connection, "EXISTS", REDIS_KEY_LOCK);
	exists = ask(s, REDIS_REPLY_INTEGER, NULL);
	if (!exists || !exists->integer) {
		findings_add(f, "redis-lock", FINDING_OK, NULL, "no other program holds its lock");
		return;
	}
	REDIS_ADD(&s->connection, "PTTL", REDIS_KEY_LOCK);
	left = ask(s, REDIS_REPLY_INTEGER, NULL);
	if (left && left->integer == -1)
		findings_add(f, "redis-lock", FINDING_FAILED,
			     "redis-cli DEL " REDIS_KEY_LOCK ", if no other program is running",
			     "another program's lock never expires: nothing can be changed");
	else
		findings_add(f, "redis-lock", FINDING_NOTE,
			     "check again in 10 seconds, when it will have expired",
			     "another program holds its lock");
}

/* The clock of the server compared with that of this host: other hosts use theirs. */
static void examine_skew(struct findings *f, struct redis_store *s)
{
	AUTO(redis_reply_clear) redisReply *reply = NULL;
	int64_t skew_ns;

	REDIS_ADD(&s->connection, "TIME");
	reply = ask(s, REDIS_REPLY_ARRAY, NULL);
	if (!reply || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING)
		return;
	skew_ns = clock_now_ns() - strtoll(reply->element[0]->str, NULL, 10) * NS_PER_SECOND;
	if (llabs(skew_ns) > SKEW_MAX_NS)
		findings_extend(f, FINDING_WARNING, "synchronise the clocks of both hosts",
				"its clock and that of this host are %lld s apart",
				llabs(skew_ns) / NS_PER_SECOND);
}

void redis_examine(struct store *base, struct findings *f)
{
	struct redis_store *s = redis_of(base);
	AUTO(redis_reply_clear) redisReply *first = NULL, *second = NULL;
	struct err e = {0};
	char peer[REDIS_PEER_NAME_SIZE];
	int64_t begin_ns, took_ns;

	/* The first one connects; the second measures how far the server is. */
	REDIS_ADD(&s->connection, "PING");
	first = ask(s, REDIS_REPLY_STATUS, &e);
	begin_ns = clock_monotonic_ns();
	if (first) {
		REDIS_ADD(&s->connection, "PING");
		second = ask(s, REDIS_REPLY_STATUS, &e);
	}
	took_ns = clock_monotonic_ns() - begin_ns;
	if (!second) {
		findings_add(f, "store", FINDING_FAILED, NULL, "%s", e.text);
		return;
	}
	redis_peer_name(&s->connection.peer, peer);
	findings_add(f, "store", took_ns > SLOW_NS ? FINDING_WARNING : FINDING_OK,
		     took_ns > SLOW_NS ? "use a server nearby" : NULL,
		     "%s%s%s%s, answers in %.1f ms", base->url,
		     s->address.primary ? " (primary " : "", s->address.primary ? peer : "",
		     s->address.primary ? ")" : "", (double)took_ns / NS_PER_MS);
	examine_skew(f, s);
	examine_server(f, s);
	examine_rights(f, s);
	examine_events(f, s);
	examine_lock(f, s);
}
