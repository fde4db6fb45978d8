#!lua
-- append: takes a write, if its slot is open at its epoch and nothing has changed since the writer read.
--
-- KEYS      slot entry OLD NEW index write
-- ARGV      incarnation epoch key seq|mark expected now heldUntil answersMs full image owedTo name...
-- OUTCOMES  APPENDED CHANGED FENCED FULL MISSING OTHER
--
-- APPENDED is followed by the seq. `full` is 1 when the server has no room for more; `owedTo` holds OLD, NEW or both; each
-- name is a field, NUL and a value, under which the entry is listed from now on.
local SLOT, ENTRY, OLD, NEW, INDEX, WRITE = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local answered = redis.call('GET', WRITE)
if answered then return {'APPENDED', answered} end
if not slot.open or slot.epoch ~= tonumber(ARGV[2]) then return {'FENCED'} end

local key = ARGV[3]
local packed = redis.call('HGET', ENTRY, key)
local hidden = packed and not redis.call('ZSCORE', OLD, key) and not redis.call('ZSCORE', NEW, key)
local seq, since, _, before
local names = {}
if packed and not hidden then
  before = {cmsgpack.unpack(packed)}
  if ARGV[4] ~= 'seq' or tonumber(ARGV[5]) ~= before[1] then return {'CHANGED'} end
  since = before[2]
  for i = 5, #before do names[#names + 1] = before[i] end
else
  if ARGV[4] ~= 'mark' or tonumber(ARGV[5]) ~= slot.mark then return {'CHANGED'} end
  since = tonumber(ARGV[6])
end
seq = slot.last + 1
-- The counter is the lower 32 bits: the next one would be a seq of another run.
if ARGV[9] == '1' or seq % 4294967296 == 0 then return {'FULL'} end

if hidden then
  remove(ENTRY, INDEX, key, packed)
  redis.call('HINCRBY', SLOT, 'hidden', -1)
end
local members = before and {} or {0, '\0' .. key}
for i = 12, #ARGV do
  local known = false
  for j = 1, #names do known = known or names[j] == ARGV[i] end
  if not known then
    names[#names + 1] = ARGV[i]
    members[#members + 1] = 0
    members[#members + 1] = ARGV[i] .. '\0' .. key
  end
end
local number = digits(seq)
redis.call('HSET', ENTRY, key, cmsgpack.pack(seq, since, tonumber(ARGV[7]), ARGV[10], unpack(names)))
-- A store that lacks an older seq of this key goes on lacking that one.
if string.find(ARGV[11], 'OLD', 1, true) then redis.call('ZADD', OLD, 'NX', number, key) end
if string.find(ARGV[11], 'NEW', 1, true) then redis.call('ZADD', NEW, 'NX', number, key) end
if #members > 0 then redis.call('ZADD', INDEX, unpack(members)) end
redis.call('HSET', SLOT, 'last', number)
redis.call('SET', WRITE, number, 'PX', ARGV[8])
return {'APPENDED', number}
