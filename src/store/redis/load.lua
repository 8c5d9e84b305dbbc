-- The whole state in one round trip, and of one moment.
--
-- KEYS: count, provider, pool id, UUIDs, queue, history, host.
-- ARGV: most GPUs of a pool; prefixes of the keys of GPUs, of entries and of drains; number of usage
-- records.
-- Returns what enum redis_loaded names, in that order.

-- "!" where the key has the wrong type (MGET would show nothing), or its text a NUL.
local function value(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' and v.err then
    if string.find(v.err, 'WRONGTYPE', 1, true) then return '!' end
    return redis.call('GET', key)
  end
  if v and string.find(v, '\0', 1, true) then return '!' end
  return v
end

local count = value(KEYS[1])
local queue, tail = {}, {}

-- The values of GPUs 0 to count - 1 below a prefix.
local function per_gpu(prefix)
  local keys, texts = {}, {}
  for i = 0, math.min(tonumber(count) or 0, tonumber(ARGV[1])) - 1 do
    keys[i + 1] = prefix .. string.format('%d', i)
  end
  if keys[1] then texts = redis.call('MGET', unpack(keys)) end
  for i, text in ipairs(texts) do
    if not text then texts[i] = value(keys[i])
    elseif string.find(text, '\0', 1, true) then texts[i] = '!' end
  end
  return texts
end

local ids = redis.call('TYPE', KEYS[5]).ok
if ids == 'zset' then
  for _, id in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
    queue[#queue + 1] = id
    queue[#queue + 1] = value(ARGV[3] .. id)
  end
elseif ids ~= 'none' then
  return redis.error_reply('WRONGTYPE ' .. KEYS[5])
end
if ARGV[5] ~= '0' and redis.call('TYPE', KEYS[6]).ok == 'zset' then
  tail = redis.call('ZREVRANGE', KEYS[6], 0, ARGV[5] - 1)
end
return {count, value(KEYS[2]), value(KEYS[3]), value(KEYS[4]), value(KEYS[7]),
  per_gpu(ARGV[2]), per_gpu(ARGV[4]), queue, tail}
