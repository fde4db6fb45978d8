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
local packed, scores, dropped = redis.call('HMGET', SLOT, unpack(members)), debts_at(DEBTS, members), slot.dropped
local cleared, leaving, texts = {}, {}, {}
local mark = slot.mark
for i = 2, #ARGV, 3 do
  local n = at[ARGV[i + 2]]
  local old, new = old_debt(scores[2 * n - 1], dropped), new_debt(scores[2 * n], dropped)
  local mine, others = new, old
  if ARGV[i] == 'OLD' then mine, others = old, new end
  if packed[n] and mine and string.sub(packed[n], 1, #ARGV[i + 1] + 1) == ARGV[i + 1] .. ' ' then
    local mine_at, others_at = 2 * n, 2 * n - 1
    if ARGV[i] == 'OLD' then mine_at, others_at = others_at, mine_at end
    cleared[#cleared + 1] = string.sub(ARGV[i], 1, 1) .. members[n]
    scores[mine_at] = false
    if not others then
      if scores[others_at] then cleared[#cleared + 1] = (ARGV[i] == 'OLD' and 'N' or 'O') .. members[n] end
      leaving[#leaving + 1], texts[#texts + 1] = members[n], packed[n]
      packed[n] = false
      mark = math.max(mark, tonumber(ARGV[i + 1]))
    end
  end
end
if mark > slot.mark then redis.call('HSET', SLOT, 'mark', digits(mark)) end
remove_all(SLOT, DEBTS, INDEX, leaving, texts, cleared)
if #leaving == 0 and #cleared > 0 then redis.call('ZREM', DEBTS, unpack(cleared)) end
return {'DONE'}
