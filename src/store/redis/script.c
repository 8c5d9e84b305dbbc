/* The two scripts that work on the server, and how they are run. Called by load.c and
   commit.c. */
#include <string.h>

#include "base/mem.h"
#include "store/redis/redis.h"

/*
 * The whole state in one round trip, and of one moment.
 * KEYS: count, provider, pool id, UUIDs, queue, history. ARGV: most GPUs of a pool, prefixes of the
 * keys of GPUs, of entries and of drains, number of usage records. Where a key has the wrong type
 * (which MGET shows as nothing), or a text a NUL, there is a "!" instead.
 */
const struct redis_script redis_script_load = {
	.text = "local function value(key)\n"
		"  local v = redis.pcall('GET', key)\n"
		"  if type(v) == 'table' and v.err then\n"
		"    if string.find(v.err, 'WRONGTYPE', 1, true) then return '!' end\n"
		"    return redis.call('GET', key)\n"
		"  end\n"
		"  if v and string.find(v, '\\0', 1, true) then return '!' end\n"
		"  return v\n"
		"end\n"
		"local count = value(KEYS[1])\n"
		"local queue, tail = {}, {}\n"
		"local function per_gpu(prefix)\n"
		"  local keys, texts = {}, {}\n"
		"  for i = 0, math.min(tonumber(count) or 0, tonumber(ARGV[1])) - 1 do\n"
		"    keys[i + 1] = prefix .. string.format('%d', i)\n"
		"  end\n"
		"  if keys[1] then texts = redis.call('MGET', unpack(keys)) end\n"
		"  for i, text in ipairs(texts) do\n"
		"    if not text then texts[i] = value(keys[i])\n"
		"    elseif string.find(text, '\\0', 1, true) then texts[i] = '!' end\n"
		"  end\n"
		"  return texts\n"
		"end\n"
		"local ids = redis.call('TYPE', KEYS[5]).ok\n"
		"if ids == 'zset' then\n"
		"  for _, id in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do\n"
		"    queue[#queue + 1] = id\n"
		"    queue[#queue + 1] = value(ARGV[3] .. id)\n"
		"  end\n"
		"elseif ids ~= 'none' then\n"
		"  return redis.error_reply('WRONGTYPE ' .. KEYS[5])\n"
		"end\n"
		"if ARGV[5] ~= '0' and redis.call('TYPE', KEYS[6]).ok == 'zset' then\n"
		"  tail = redis.call('ZREVRANGE', KEYS[6], 0, ARGV[5] - 1)\n"
		"end\n"
		"return {count, value(KEYS[2]), value(KEYS[3]), value(KEYS[4]), per_gpu(ARGV[2]), "
		"per_gpu(ARGV[4]), queue, tail}\n",
	.sha1 = "e49e40798aa95b518b1e4d0f1d03d04d9af34357",
};

/*
 * A commit: compares, then sets; all or nothing.
 * KEYS: lock, count, pool id, queue, history; then the states of GPUs and entries. ARGV: count and
 * pool id as seen ("" for none), this commit's mark, the number n of values to compare, those n
 * values for the first n states; then operations.
 *
 * A value that already holds this commit's mark was written by this very commit, whose answer got
 * lost on the way. Where no pool was seen, only its count has to be absent still: what else is left
 * of one does not count.
 *
 * A pool that is made anew forgets who waits: not who has joined since (the second word of `clear`
 * is how many were seen, "" where no pool was).
 *
 * A script that is refused in the middle stays half done. So keys of another type are looked for
 * first, and each command is tried where it does nothing: the lock is absent, and so is a member
 * named like the mark. What ACL rules do not allow is refused there.
 */
const struct redis_script redis_script_commit = {
	.text = "local function value(key)\n"
		"  local v = redis.pcall('GET', key)\n"
		"  if type(v) == 'table' and v.err then\n"
		"    if string.find(v.err, 'WRONGTYPE', 1, true) then return '!' end\n"
		"    return redis.call('GET', key)\n"
		"  end\n"
		"  if v and string.find(v, '\\0', 1, true) then return '!' end\n"
		"  return v or ''\n"
		"end\n"
		"local mark, n, changed = ARGV[3], tonumber(ARGV[4]), false\n"
		"local function compare(key, expected)\n"
		"  local now = value(key)\n"
		"  if string.find(now, mark, 1, true) then return true end\n"
		"  changed = changed or expected and now ~= expected\n"
		"end\n"
		"local seen = ARGV[1] ~= ''\n"
		"if compare(KEYS[3], seen and ARGV[2]) then return 'done' end\n"
		"for i = 1, n do\n"
		"  if compare(KEYS[5 + i], ARGV[4 + i]) then return 'done' end\n"
		"end\n"
		"local count = value(KEYS[2])\n"
		"if seen and tonumber(count) ~= tonumber(ARGV[1]) or not seen and count ~= '' then\n"
		"  changed = true\n"
		"end\n"
		"if changed then return 'changed' end\n"
		"if redis.call('EXISTS', KEYS[1]) == 1 then return 'locked' end\n"
		"local needs = {record = KEYS[5], put = KEYS[4], drop = KEYS[4], clear = KEYS[4]}\n"
		"local function add(key) redis.call('ZADD', key, 'XX', 0, mark) end\n"
		"local function del() redis.call('DEL', KEYS[1]) end\n"
		"local try = {set = function() redis.call('SET', KEYS[1], '', 'XX') end,\n"
		"  del = del, clear = del, put = add, record = add,\n"
		"  drop = function(key) redis.call('ZREM', key, mark) end}\n"
		"for i = 5 + n, #ARGV, 3 do\n"
		"  local name = ARGV[i]\n"
		"  local key = needs[name]\n"
		"  local type = key and try[name] and redis.call('TYPE', key).ok or 'none'\n"
		"  if type ~= 'none' and type ~= 'zset' then\n"
		"    return redis.error_reply('WRONGTYPE ' .. key)\n"
		"  end\n"
		"  if name == 'clear' and ARGV[i + 2] ~= '' then\n"
		"    local waiting = 0\n"
		"    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do\n"
		"      if value(ARGV[i + 1] .. id) ~= '' then waiting = waiting + 1 end\n"
		"    end\n"
		"    if waiting ~= tonumber(ARGV[i + 2]) then return 'changed' end\n"
		"  end\n"
		"  if try[name] then try[name](key) end\n"
		"  try[name] = nil\n"
		"end\n"
		"local quiet = false\n"
		"local operations = {\n"
		"  set = function(key, text) redis.call('SET', KEYS[tonumber(key)], text) end,\n"
		"  del = function(key) redis.call('DEL', KEYS[tonumber(key)]) end,\n"
		"  put = function(score, id) redis.call('ZADD', KEYS[4], score, id) end,\n"
		"  drop = function(id) redis.call('ZREM', KEYS[4], id) end,\n"
		"  clear = function(prefix)\n"
		"    for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do\n"
		"      redis.call('DEL', prefix .. id)\n"
		"    end\n"
		"    redis.call('DEL', KEYS[4])\n"
		"  end,\n"
		"  record = function(score, text)\n"
		"    redis.call('ZADD', KEYS[5], score, text)\n"
		"    redis.pcall('PERSIST', KEYS[5])\n"
		"  end,\n"
		"  quiet = function() quiet = true end,\n"
		"}\n"
		"for i = 5 + n, #ARGV, 3 do\n"
		"  operations[ARGV[i]](ARGV[i + 1], ARGV[i + 2])\n"
		"end\n"
		"if not quiet then redis.pcall('PUBLISH', '" REDIS_CHANNEL "', mark) end\n"
		"return 'done'\n",
	.sha1 = "7d43060a346324a6196e2537e56ba8f2db8dcfd5",
};

int redis_run_script(struct redis_store *s, const struct redis_script *script, size_t count,
		     const char **words, const size_t *lengths, redisReply **ret_reply,
		     struct err *e)
{
	struct redis_connection *c = &s->connection;
	redisReply *reply = NULL;
	int r;

	words[0] = "EVALSHA";
	words[1] = script->sha1;
	redis_add(c, count, words, lengths);
	r = redis_exchange(c, &reply, 1, e);
	if (r == 0 && redis_is_error(reply, "NOSCRIPT")) {
		redis_reply_clear(&reply);
		words[0] = "EVAL";
		words[1] = script->text;
		redis_add(c, count, words, lengths);
		r = redis_exchange(c, &reply, 1, e);
	}
	if (r == 0 && reply->type == REDIS_REPLY_ERROR) {
		r = redis_refused(c, reply->str, e);
		redis_reply_clear(&reply);
	}
	if (r == 0)
		*ret_reply = reply;
	return r;
}
