-- A commit: compares, then sets; all or nothing.
--
-- KEYS: lock, count, pool id, queue, history, activity, marks, events; then the states of GPUs and entries, and all else that is
-- compared or written: servers of some makes refuse to touch a key that is not among them.
-- ARGV: count and pool id as seen ("" for none), this commit's mark; then operations, three words each, which name keys by
-- their numbers; those that only compare ("seen") come first.
-- Returns "done", "changed" (something is not as seen) or "locked" (by the other program).

local mark, changed = ARGV[3], false

-- Whether a value already holds this commit's mark: then it was written by this very commit, whose
-- answer got lost on the way.
local function compare(now, expected)
  if string.find(now, mark, 1, true) then return true end
  changed = changed or expected and now ~= expected
end

local seen = ARGV[1] ~= ''
if compare(value(KEYS[3]) or '', seen and ARGV[2]) then return 'done' end
local first = 4
while ARGV[first] == 'seen' do
  if compare(value(KEYS[tonumber(ARGV[first + 1])]) or '', ARGV[first + 2]) then return 'done' end
  first = first + 3
end
-- Fields of the marks, and the receipt of a commit that leaves no other trace, are compared likewise.
for i = first, #ARGV, 3 do
  if ARGV[i] == 'was' then
    if compare(redis.call('HGET', KEYS[7], ARGV[i + 1]) or '', ARGV[i + 2]) then return 'done' end
  elseif ARGV[i] == 'receipt' and value(KEYS[tonumber(ARGV[i + 1])]) then
    return 'done'
  end
end
-- Where no pool was seen, only its count has to be absent still: what else is left of one does not
-- matter.
local count = value(KEYS[2]) or ''
if seen and tonumber(count) ~= tonumber(ARGV[1]) or not seen and count ~= '' then
  changed = true
end
if changed then return 'changed' end
if redis.call('EXISTS', KEYS[1]) == 1 then return 'locked' end

-- A script that is refused in the middle stays half done. So keys of another type are looked for
-- first, and each command is tried where it does nothing: the lock is absent, and so is a member
-- named like the mark. What ACL rules do not allow is refused here.
local needs = {record = KEYS[5], put = KEYS[4], drop = KEYS[4], clear = KEYS[4],
  note = KEYS[7], forget_note = KEYS[7]}
local types = {note = 'hash', forget_note = 'hash'}
local function add(key) redis.call('ZADD', key, 'XX', 0, mark) end
local function del() redis.call('DEL', KEYS[1]) end
local function remove(key) redis.call('HDEL', key, mark) end
local function note(key)
  remove(key)
  redis.call('HSET', key, mark, '')
  remove(key)
end
local try = {note = note, forget_note = remove, set = function() redis.call('SET', KEYS[1], '', 'XX') end,
  del = del, forget = del, clear = del, put = add, record = add,
  drop = function(key) redis.call('ZREM', key, mark) end}
local forgotten = {}
for i = first, #ARGV, 3 do
  local name = ARGV[i]
  local key = needs[name]
  local type = key and try[name] and redis.call('TYPE', key).ok or 'none'
  if type ~= 'none' and type ~= (types[name] or 'zset') then
    return redis.error_reply('WRONGTYPE ' .. key)
  end
  if name == 'forget' then forgotten[ARGV[i + 2]] = KEYS[tonumber(ARGV[i + 1])] end
  -- A pool that is recreated forgets the requests that were seen, whose number is the first word
  -- ("" where no pool was): not one that has joined since.
  if name == 'clear' then
    local waiting = 0
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
      if not forgotten[id] then return 'changed' end
      if (value(forgotten[id]) or '') ~= '' then waiting = waiting + 1 end
    end
    if ARGV[i + 1] ~= '' and waiting ~= tonumber(ARGV[i + 1]) then return 'changed' end
  end
  if try[name] then try[name](key) end
  try[name] = nil
end

-- An event's id is its time, or the last id and one more where the clock has been set back. A server that
-- takes no stream from us does without events: the pool goes on.
local function event(ms, text)
  local id, last = ms .. '-0', redis.pcall('XREVRANGE', KEYS[8], '+', '-', 'COUNT', 1)
  if last.err then return end
  if last[1] then
    local last_ms, number = string.match(last[1][1], '^(%d+)%-(%d+)$')
    if tonumber(last_ms) >= tonumber(ms) then
      id = string.format('%s-%d', last_ms, tonumber(number) + 1)
    end
  end
  local added = redis.pcall('XADD', KEYS[8], 'MAXLEN', '~', 100000, id, 'e', text)
  if type(added) == 'table' and added.err then
    redis.pcall('XADD', KEYS[8], 'MAXLEN', '~', 100000, '*', 'e', text)
  end
end

-- What a reservation has done counts only while the GPU is that reservation's; like events, it is done without
-- where it is refused.
local function activity(key, text)
  local gpu, id = KEYS[tonumber(key)], string.match(text, '"reservation_id": *"([^"]+)"')
  if id and string.find(value(gpu) or '', id, 1, true) then
    redis.pcall('HSET', KEYS[6], string.match(gpu, '%d+$'), text)
  end
end

local quiet = false
local operations = {
  was = function() end,
  receipt = function(key) redis.call('SET', KEYS[tonumber(key)], '', 'EX', 600) end,
  note = function(field, text) redis.call('HSET', KEYS[7], field, text) end,
  forget_note = function(field) redis.call('HDEL', KEYS[7], field) end,
  activity = activity,
  event = event,
  set = function(key, text) redis.call('SET', KEYS[tonumber(key)], text) end,
  del = function(key) redis.call('DEL', KEYS[tonumber(key)]) end,
  put = function(score, id) redis.call('ZADD', KEYS[4], score, id) end,
  drop = function(id) redis.call('ZREM', KEYS[4], id) end,
  forget = function(key) redis.call('DEL', KEYS[tonumber(key)]) end,
  clear = function() redis.call('DEL', KEYS[4]) end,
  record = function(score, text)
    redis.call('ZADD', KEYS[5], score, text)
    redis.pcall('PERSIST', KEYS[5])
  end,
  quiet = function() quiet = true end,
}
for i = first, #ARGV, 3 do
  operations[ARGV[i]](ARGV[i + 1], ARGV[i + 2])
end
-- The channel is REDIS_CHANNEL of redis.h.
if not quiet then redis.pcall('PUBLISH', 'canhazgpu:changed', mark) end
return 'done'
