#!lua flags=allow-oom
-- advance: moves the slot to an epoch, open, and notes its counter under that number, unless it stands there or later; with `role`, drops the
-- debts of that store and raises the mark to the last seq given out.
--
-- KEYS      slot entry OLD NEW dropped
-- ARGV      incarnation epoch role
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- Takes the same time however many debts there are: an entry that is in neither OLD nor NEW any more is hidden thereby. The keys of
-- the debts are kept for the sweep only if entries are hidden.
local SLOT, ENTRY, OLD, NEW, DROPPED = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end
if slot.number < tonumber(ARGV[2]) then
  redis.call('HSET', SLOT, 'noted', digits(slot.last), 'number', ARGV[2])
end
redis.call('HSET', SLOT, 'epoch', ARGV[2], 'open', '1')
if ARGV[3] ~= '' then
  local debts, others = NEW, OLD
  if ARGV[3] == 'OLD' then debts, others = OLD, NEW end
  local hidden = redis.call('HLEN', ENTRY) - redis.call('ZCARD', others)
  if hidden == slot.hidden then
    redis.call('UNLINK', debts)
  elseif redis.call('EXISTS', DROPPED) == 1 then
    redis.call('ZUNIONSTORE', DROPPED, 2, DROPPED, debts)
    redis.call('UNLINK', debts)
  else
    redis.call('RENAME', debts, DROPPED)
  end
  redis.call('HSET', SLOT, 'hidden', digits(hidden), 'mark', digits(slot.last))
end
return {'DONE'}
