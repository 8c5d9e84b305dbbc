-- What the other scripts begin with: the build puts it in front of each.

-- The text of a key: false where it is absent; "!" where the key has the wrong type (MGET would show
-- nothing), or its text a NUL.
local function value(key)
  local v = redis.pcall('GET', key)
  if type(v) == 'table' and v.err then
    if string.find(v.err, 'WRONGTYPE', 1, true) then return '!' end
    return redis.call('GET', key)
  end
  if v and string.find(v, '\0', 1, true) then return '!' end
  return v
end

