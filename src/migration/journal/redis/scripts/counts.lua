#!lua flags=no-writes
-- counts: how many entries there are and how many each store lacks something of, all of them and from up to the noted counter.
--
-- KEYS      slot entry OLD NEW
-- ARGV      incarnation
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by entries, lacked by OLD, by NEW, noted of OLD, of NEW, and when the oldest was appended ('': there is none).
local SLOT, ENTRY, OLD, NEW = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local oldest = nil
for _, debts in ipairs({OLD, NEW}) do
  local first = redis.call('ZRANGE', debts, 0, 0)[1]
  if first then
    local _, _, since = cmsgpack.unpack_limit(redis.call('HGET', ENTRY, first), 2)
    oldest = math.min(oldest or since, since)
  end
end
local noted = digits(slot.noted)
return {
  'OK',
  digits(redis.call('HLEN', ENTRY) - slot.hidden),
  digits(redis.call('ZCARD', OLD)),
  digits(redis.call('ZCARD', NEW)),
  digits(redis.call('ZCOUNT', OLD, '-inf', noted)),
  digits(redis.call('ZCOUNT', NEW, '-inf', noted)),
  oldest and digits(oldest) or '',
}
