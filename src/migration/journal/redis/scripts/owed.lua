#!lua flags=no-writes
-- owed: entries that a store lacks, in the order of the lowest seq lacked.
--
-- KEYS      slot debts
-- ARGV      incarnation role after limit now
-- OUTCOMES  OK MISSING OTHER
--
-- `after` is a seq; with `now`, entries that their writer still looks after are left out.
-- OK is followed by epoch, open, mark, the last seq looked at ('': there are no more), and the entries, two strings each: member and what
-- is stored. A debt that counts makes an entry one; what else the stores lack of it is not looked up.
local SLOT, DEBTS = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local role, limit = ARGV[2], tonumber(ARGV[4])
local members, last = first_debts(DEBTS, role, math.max(slot.dropped[role], tonumber(ARGV[3])), limit)
local reply = head(slot)
reply[5] = #members == limit and digits(last) or ''
if #members > 0 then
  local packed, now, n = redis.call('HMGET', SLOT, unpack(members)), tonumber(ARGV[5]), 5
  for i, member in ipairs(members) do
    local text = packed[i]
    if text and (not now or tonumber(string.match(text, '^%d+ %d+ (%d+)')) <= now) then
      reply[n + 1], reply[n + 2] = member, text
      n = n + 2
    end
  end
end
return reply
