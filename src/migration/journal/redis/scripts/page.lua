#!lua flags=no-writes
-- page: the entries under one name of the index in key order, with the slot as it stands at that moment.
--
-- KEYS      slot debts index
-- ARGV      incarnation from upTo limit skip
-- OUTCOMES  OK MISSING OTHER
--
-- `from` and `upTo` are bounds as ZRANGEBYLEX takes them; `skip` is how many bytes the name has.
-- OK is followed by epoch, open, mark, the last member looked at ('': there are no more), and the entries, four strings each.
local SLOT, DEBTS, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local limit = tonumber(ARGV[4])
local members = redis.call('ZRANGEBYLEX', INDEX, ARGV[2], ARGV[3], 'LIMIT', 0, limit)
for i = 1, #members do members[i] = string.sub(members[i], ARGV[5] + 1) end
local reply = head(slot)
reply[5] = #members == limit and members[limit] or ''
add_entries(reply, SLOT, DEBTS, slot, members)
return reply
