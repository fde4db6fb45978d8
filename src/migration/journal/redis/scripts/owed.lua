#!lua flags=no-writes
-- owed: entries that a store lacks, in the order of the lowest seq lacked.
--
-- KEYS      slot entry OLD NEW
-- ARGV      incarnation role from limit now
-- OUTCOMES  OK MISSING OTHER
--
-- `from` is a bound as ZRANGEBYSCORE takes it; with `now`, entries that their writer still looks after are left out.
-- OK is followed by epoch, open, mark, the last seq looked at ('': there are no more), and the entries, six strings each.
local SLOT, ENTRY, OLD, NEW = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local debts = ARGV[2] == 'OLD' and OLD or NEW
local limit = tonumber(ARGV[4])
local keys = redis.call('ZRANGEBYSCORE', debts, ARGV[3], '+inf', 'LIMIT', 0, limit)
local reply = head(slot)
reply[5] = #keys == limit and redis.call('ZSCORE', debts, keys[limit]) or ''
add_entries(reply, ENTRY, OLD, NEW, keys, tonumber(ARGV[5]))
return reply
