#!lua flags=allow-oom
-- discard: drops all entries of a slot that is closed at this epoch.
--
-- KEYS      slot debts index
-- ARGV      incarnation epoch
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- DONE is followed by the number of entries.
local SLOT, DEBTS, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
if slot.open or slot.epoch ~= tonumber(ARGV[2]) then return {'STANDS'} end
local entries = stored(SLOT) - slot.hidden
slot.mark = slot.last
make_empty(SLOT, DEBTS, INDEX, slot)
return {'DONE', digits(entries)}
