#!lua flags=allow-oom
-- note: notes the counter of the slot under a number, unless it was noted under that one or a later one.
--
-- KEYS      slot
-- ARGV      incarnation number
-- OUTCOMES  DONE STANDS MISSING OTHER
local slot, refusal = slot_at(KEYS[1], ARGV[1])
if not slot then return refusal end
if slot.number >= tonumber(ARGV[2]) then return {'STANDS'} end
redis.call('HSET', KEYS[1], 'noted', digits(slot.last), 'number', ARGV[2])
return {'DONE'}
