#!lua
-- make: the slot of this incarnation, empty and closed, unless it is there. One of another incarnation is of a journal that is gone.
--
-- KEYS      slot entry OLD NEW index dropped
-- ARGV      incarnation epoch
-- OUTCOMES  MADE STANDS
local SLOT = KEYS[1]
local found = redis.call('HMGET', SLOT, 'incarnation', 'epoch')
if found[1] == ARGV[1] then return {'STANDS'} end
redis.call('UNLINK', unpack(KEYS))
local epoch = math.max(tonumber(ARGV[2]), tonumber(found[2] or 0))
redis.call('HSET', SLOT, 'incarnation', ARGV[1], 'epoch', digits(epoch), 'open', '0', 'last', '0', 'mark', '0',
  'noted', '0', 'number', '0', 'hidden', '0')
return {'MADE'}
