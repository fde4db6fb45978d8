#!lua flags=allow-oom
-- sweep: looks at some keys whose debts were dropped, and removes the entries of those that are hidden.
--
-- KEYS      slot entry OLD NEW index dropped
-- ARGV      incarnation limit
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by the number of keys that are left to look at.
local SLOT, ENTRY, OLD, NEW, INDEX, DROPPED = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local limit = tonumber(ARGV[2])
if limit > 0 then
  local popped = redis.call('ZPOPMIN', DROPPED, limit)
  local removed = 0
  for i = 1, #popped, 2 do
    local key = popped[i]
    local packed = redis.call('HGET', ENTRY, key)
    if packed and not redis.call('ZSCORE', OLD, key) and not redis.call('ZSCORE', NEW, key) then
      remove(ENTRY, INDEX, key, packed)
      removed = removed + 1
    end
  end
  if removed > 0 then redis.call('HINCRBY', SLOT, 'hidden', -removed) end
end
return {'OK', digits(redis.call('ZCARD', DROPPED))}
