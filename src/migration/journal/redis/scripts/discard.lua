#!lua flags=allow-oom
-- discard: drops all entries of a slot that is closed at this epoch.
--
-- KEYS      slot entry OLD NEW index dropped
-- ARGV      incarnation epoch
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- DONE is followed by the number of entries.
local SLOT, ENTRY = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
if slot.open or slot.epoch ~= tonumber(ARGV[2]) then return {'STANDS'} end
local entries = redis.call('HLEN', ENTRY) - slot.hidden
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('HSET', SLOT, 'hidden', '0', 'mark', digits(slot.last))
return {'DONE', digits(entries)}
