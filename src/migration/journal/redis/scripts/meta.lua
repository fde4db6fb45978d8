#!lua
-- meta: the journal as a whole: noted with this incarnation and number of slots, unless it is, or is but of the incarnation to replace.
--
-- KEYS      meta
-- ARGV      incarnation slots replaced
-- OUTCOMES  OK
--
-- OK is followed by incarnation, slots, and 1 if all slots were made, else 0.
local META = KEYS[1]
local found = redis.call('HGET', META, 'incarnation')
if not found or found == ARGV[3] then
  redis.call('HSET', META, 'incarnation', ARGV[1], 'slots', ARGV[2], 'made', '0')
end
return {'OK', unpack(redis.call('HMGET', META, 'incarnation', 'slots', 'made'))}
