-- The whole state in one round trip, and of one moment.
--
-- KEYS: count, provider, pool id, UUIDs, queue, history, ignored processes, host, units, topology, activity, marks; then
-- those that the caller expects: the states of n GPUs, their drains, and entries.
-- ARGV: most GPUs of a pool; number of usage records; n; the beginning of the keys of other entries, or '';
-- then the ids of those entries.
-- Returns what enum redis_loaded names, in that order. Servers of some makes refuse to touch a key that
-- is not in KEYS: where the pool has more GPUs or other entries, their number and the ids are returned
-- alone, and the caller comes again. A queue that changes each time is read by that beginning.

local FIXED = 12 -- keys in front of those of GPUs
local count, n = value(KEYS[1]), tonumber(ARGV[3])
local gpus = math.min(tonumber(count) or 0, tonumber(ARGV[1]))
local ids, queue, tail, entries = {}, {}, {}, {}

local kind = redis.call('TYPE', KEYS[5]).ok
if kind == 'zset' then ids = redis.call('ZRANGE', KEYS[5], 0, -1)
elseif kind ~= 'none' then return redis.error_reply('WRONGTYPE ' .. KEYS[5]) end

for i = 5, #ARGV do entries[ARGV[i]] = KEYS[FIXED + 2 * n + i - 4] end
local expected = gpus <= n
for _, id in ipairs(ids) do
  if not entries[id] and ARGV[4] ~= '' then entries[id] = ARGV[4] .. id end
  expected = expected and entries[id]
end
if not expected then return {count, ids} end

-- The values of all GPUs, whose keys begin behind `before`.
local function per_gpu(before)
  local keys, texts = {}, {}
  for i = 1, gpus do keys[i] = KEYS[before + i] end
  if keys[1] then texts = redis.call('MGET', unpack(keys)) end
  for i, text in ipairs(texts) do
    if not text then texts[i] = value(keys[i])
    elseif string.find(text, '\0', 1, true) then texts[i] = '!' end
  end
  return texts
end

for _, id in ipairs(ids) do
  queue[#queue + 1] = id
  queue[#queue + 1] = value(entries[id])
end
-- A hash, as field, value, field, ...; nothing where the key is of another type.
local function hash(key)
  local fields = redis.pcall('HGETALL', key)
  return fields.err and {} or fields
end

if ARGV[2] ~= '0' and redis.call('TYPE', KEYS[6]).ok == 'zset' then
  tail = redis.call('ZREVRANGE', KEYS[6], 0, ARGV[2] - 1)
end
return {count, value(KEYS[2]), value(KEYS[3]), value(KEYS[4]), value(KEYS[7]), value(KEYS[8]),
  value(KEYS[9]), value(KEYS[10]), hash(KEYS[11]), hash(KEYS[12]), per_gpu(FIXED), per_gpu(FIXED + n), queue, tail}
