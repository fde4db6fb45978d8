#!lua flags=allow-oom
-- open: empties the slot and opens it at an epoch with the start of a run, unless it stands at that epoch or a later one.
--
-- KEYS      slot debts index
-- ARGV      incarnation epoch start
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- Takes the same time however much there was: UNLINK leaves the freeing to a thread of its own. Answers to writes stay.
local SLOT, DEBTS, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local epoch, start = tonumber(ARGV[2]), tonumber(ARGV[3])
if slot.epoch >= epoch then return {'STANDS'} end
slot.epoch, slot.number, slot.open = epoch, epoch, true
slot.last, slot.mark, slot.noted = start, start, start
make_empty(SLOT, DEBTS, INDEX, slot)
return {'DONE'}
