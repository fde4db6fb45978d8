#!lua
-- make: the slot of this incarnation, empty and closed, unless it is there. One of another incarnation is of a journal that is gone.
--
-- KEYS      slot debts index
-- ARGV      incarnation epoch
-- OUTCOMES  MADE STANDS
local SLOT, DEBTS, INDEX = unpack(KEYS)
local found = redis.call('HMGET', SLOT, 'incarnation', 'epoch')
if found[1] == ARGV[1] then return {'STANDS'} end
local epoch = math.max(tonumber(ARGV[2]), tonumber(found[2] or 0))
make_empty(SLOT, DEBTS, INDEX, {
  incarnation = ARGV[1], epoch = epoch, open = false, last = 0, mark = 0, noted = 0, number = 0, turn = '0', ['until'] = '0',
})
return {'MADE'}
