#!lua flags=allow-oom
-- applied: clears debts of entries that still have the seq which a store now has. Those that no store lacks leave and raise the mark.
--
-- KEYS      slot debts index
-- ARGV      incarnation (role seq member)...
-- OUTCOMES  DONE MISSING OTHER
local SLOT, DEBTS, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end
local members, at = {}, {}
for i = 4, #ARGV, 3 do
  if not at[ARGV[i]] then
    members[#members + 1] = ARGV[i]
    at[ARGV[i]] = #members
  end
end
local packed = redis.call('HMGET', SLOT, unpack(members))
local lacks, any = lacked(DEBTS, slot.dropped, members)
local cleared, leaving, texts, debts = {}, {}, {}, {}
local mark = slot.mark
for i = 2, #ARGV, 3 do
  local role, seq, n = ARGV[i], ARGV[i + 1], at[ARGV[i + 2]]
  if packed[n] and lacks[n][role] and string.match(packed[n], '^%d+') == seq then
    lacks[n][role] = nil
    if lacks[n].OLD or lacks[n].NEW then
      cleared[#cleared + 1] = string.sub(role, 1, 1) .. members[n]
    else
      leaving[#leaving + 1], texts[#texts + 1], debts[#debts + 1] = members[n], packed[n], any[n]
      mark = math.max(mark, tonumber(seq))
    end
  end
end
if #cleared > 0 then redis.call('ZREM', DEBTS, unpack(cleared)) end
remove_all(SLOT, DEBTS, INDEX, leaving, texts, debts)
if mark > slot.mark then redis.call('HSET', SLOT, 'mark', digits(mark)) end
return {'DONE'}
