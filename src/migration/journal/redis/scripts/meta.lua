#!lua
-- meta: the journal as a whole: made with this incarnation and number of slots, unless there is one.
--
-- KEYS      meta
-- ARGV      incarnation slots
-- OUTCOMES  OK
--
-- OK is followed by incarnation, slots, and 1 if all slots were made, else 0.
local META = KEYS[1]
if redis.call('HSETNX', META, 'incarnation', ARGV[1]) == 1 then
  redis.call('HSET', META, 'slots', ARGV[2], 'made', '0')
end
return {'OK', unpack(redis.call('HMGET', META, 'incarnation', 'slots', 'made'))}
