#!lua flags=no-writes
-- read: the entries of some keys, with the slot as it stands at that moment.
--
-- KEYS      slot debts
-- ARGV      incarnation member...
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by epoch, open, mark, and the entries that are there, four strings each.
local SLOT, DEBTS = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local reply = head(slot)
add_entries(reply, SLOT, DEBTS, slot, {unpack(ARGV, 2)})
return reply
