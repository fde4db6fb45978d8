#!lua flags=no-writes
-- stands: is the slot there?
--
-- KEYS      slot
-- ARGV      incarnation
-- OUTCOMES  OK MISSING OTHER
local slot, refusal = slot_at(KEYS[1], ARGV[1])
return slot and {'OK'} or refusal
