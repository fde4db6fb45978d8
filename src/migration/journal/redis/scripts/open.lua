#!lua flags=allow-oom
-- open: empties the slot and opens it at an epoch with the start of a run, unless it stands at that epoch or a later one.
--
-- KEYS      slot entry OLD NEW index dropped
-- ARGV      incarnation epoch start
-- OUTCOMES  DONE STANDS MISSING OTHER
--
-- Takes the same time however much there was: UNLINK leaves the freeing to a thread of its own. Answers to writes stay.
local SLOT = KEYS[1]
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
if slot.epoch >= tonumber(ARGV[2]) then return {'STANDS'} end
redis.call('UNLINK', unpack(KEYS, 2))
redis.call('HSET', SLOT, 'epoch', ARGV[2], 'open', '1', 'last', ARGV[3], 'mark', ARGV[3],
  'noted', ARGV[3], 'number', ARGV[2], 'hidden', '0')
return {'DONE'}
