#!lua flags=allow-oom
-- advance: moves the slot to an epoch, open, and notes its counter under that number, unless it stands there or later; with `role`, drops the
-- debts of that store and raises the mark to the last seq given out.
--
-- KEYS      slot debts
-- ARGV      incarnation epoch role
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- Takes the same time however many debts there are: those of up to the last seq do not count any more, and an entry that has no other is
-- hidden thereby.
local SLOT, DEBTS = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end
if slot.number < tonumber(ARGV[2]) then
  redis.call('HSET', SLOT, 'noted', digits(slot.last), 'number', ARGV[2])
end
redis.call('HSET', SLOT, 'epoch', ARGV[2], 'open', '1')
if ARGV[3] ~= '' then
  local other = ARGV[3] == 'OLD' and 'NEW' or 'OLD'
  local hidden = stored(SLOT) - debts_of(DEBTS, other, slot.dropped[other])
  redis.call('HSET', SLOT, 'hidden', digits(hidden), 'mark', digits(slot.last), 'dropped' .. ARGV[3], digits(slot.last))
end
return {'DONE'}
