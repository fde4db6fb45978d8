#!lua flags=no-writes
-- owed: entries that a store lacks, in the order of the lowest seq lacked.
--
-- KEYS      slot debts
-- ARGV      incarnation role after limit now
-- OUTCOMES  OK MISSING OTHER
--
-- `after` is a seq; with `now`, entries that their writer still looks after are left out.
-- OK is followed by epoch, open, mark, the last seq looked at ('': there are no more), and the entries, four strings each.
local SLOT, DEBTS = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local role, limit = ARGV[2], tonumber(ARGV[4])
local members, last = first_debts(DEBTS, role, math.max(slot.dropped[role], tonumber(ARGV[3])), limit)
local reply = head(slot)
reply[5] = #members == limit and digits(last) or ''
add_entries(reply, SLOT, DEBTS, slot, members, tonumber(ARGV[5]))
return reply
