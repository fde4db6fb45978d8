#!lua flags=no-writes
-- page: the entries under one name of the index in key order, with the slot as it stands at that moment.
--
-- KEYS      slot entry OLD NEW index
-- ARGV      incarnation from upTo limit skip
-- OUTCOMES  OK MISSING OTHER
--
-- `from` and `upTo` are bounds as ZRANGEBYLEX takes them; `skip` is how many bytes members have in front of the key.
-- OK is followed by epoch, open, mark, the last key looked at ('': there are no more), and the entries, six strings each.
local SLOT, ENTRY, OLD, NEW, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local limit = tonumber(ARGV[4])
local keys = redis.call('ZRANGEBYLEX', INDEX, ARGV[2], ARGV[3], 'LIMIT', 0, limit)
for i = 1, #keys do keys[i] = string.sub(keys[i], ARGV[5] + 1) end
local reply = head(slot)
reply[5] = #keys == limit and keys[limit] or ''
add_entries(reply, ENTRY, OLD, NEW, keys)
return reply
