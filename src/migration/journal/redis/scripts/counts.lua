#!lua flags=no-writes
-- counts: how many entries there are and how many each store lacks something of, all of them and from up to the noted counter.
--
-- KEYS      slot debts
-- ARGV      incarnation
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by entries, lacked by OLD, by NEW, noted of OLD, of NEW, and when the oldest was appended ('': there is none).
local SLOT, DEBTS = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local oldest = nil
local reply = {'OK', digits(stored(SLOT) - slot.hidden)}
for i, role in ipairs(ROLES) do
  local dropped = slot.dropped[role]
  reply[2 + i] = digits(debts_of(DEBTS, role, dropped))
  reply[4 + i] = digits(debts_of(DEBTS, role, dropped, slot.noted))
  local first = first_debts(DEBTS, role, dropped, 1)[1]
  if first then
    local since = tonumber(string.match(redis.call('HGET', SLOT, first), '^%d+ (%d+)'))
    oldest = math.min(oldest or since, since)
  end
end
reply[7] = oldest and digits(oldest) or ''
return reply
