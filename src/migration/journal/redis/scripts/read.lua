#!lua flags=no-writes
-- read: the entries of some keys, with the slot as it stands at that moment.
--
-- KEYS      slot entry OLD NEW
-- ARGV      incarnation key...
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by epoch, open, mark, and the entries that are there, six strings each.
local SLOT, ENTRY, OLD, NEW = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local reply = head(slot)
add_entries(reply, ENTRY, OLD, NEW, {unpack(ARGV, 2)})
return reply
