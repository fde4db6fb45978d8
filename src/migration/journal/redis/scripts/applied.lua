#!lua flags=allow-oom
-- applied: clears debts of entries that still have the seq which a store now has. Those that no store lacks leave and raise the mark.
--
-- KEYS      slot entry OLD NEW index
-- ARGV      incarnation (role seq key)...
-- OUTCOMES  DONE MISSING OTHER
local SLOT, ENTRY, OLD, NEW, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local mark = slot.mark
for i = 2, #ARGV, 3 do
  local debts, others = NEW, OLD
  if ARGV[i] == 'OLD' then debts, others = OLD, NEW end
  local key = ARGV[i + 2]
  local packed = redis.call('HGET', ENTRY, key)
  if packed then
    local _, seq = cmsgpack.unpack_one(packed)
    local cleared = seq == tonumber(ARGV[i + 1]) and redis.call('ZREM', debts, key) == 1
    if cleared and not redis.call('ZSCORE', others, key) then
      remove(ENTRY, INDEX, key, packed)
      mark = math.max(mark, seq)
    end
  end
end
if mark > slot.mark then redis.call('HSET', SLOT, 'mark', digits(mark)) end
return {'DONE'}
