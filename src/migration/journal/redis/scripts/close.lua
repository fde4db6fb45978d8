#!lua flags=allow-oom
-- close: moves the slot to an epoch, closed, unless it stands at that epoch or a later one.
--
-- KEYS      slot
-- ARGV      incarnation epoch
-- OUTCOMES  DONE STANDS MISSING OTHER
local slot, refusal = slot_at(KEYS[1], ARGV[1])
if not slot then return refusal end
if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'open', '0')
return {'DONE'}
