#!lua flags=allow-oom
-- sweep: looks at some debts that were dropped, and removes them with the entries that are hidden.
--
-- KEYS      slot debts index
-- ARGV      incarnation limit
-- OUTCOMES  OK MISSING OTHER
--
-- OK is followed by the number of debts that are left to look at.
local SLOT, DEBTS, INDEX = unpack(KEYS)
local slot, refusal = slot_at(SLOT, ARGV[1])
if not slot then return refusal end

local function sweep_debts(role, members)
  local packed = redis.call('HMGET', SLOT, unpack(members))
  local scores, dropped = debts_at(DEBTS, members), slot.dropped
  local over, hidden, texts = {}, {}, {}
  for i, member in ipairs(members) do
    over[#over + 1] = string.sub(role, 1, 1) .. member
    if packed[i] and not old_debt(scores[2 * i - 1], dropped) and not new_debt(scores[2 * i], dropped) then
      hidden[#hidden + 1], texts[#texts + 1] = member, packed[i]
      over[#over + 1] = (role == 'OLD' and 'N' or 'O') .. member
    end
  end
  redis.call('ZREM', DEBTS, unpack(over))
  remove_all(SLOT, DEBTS, INDEX, hidden, texts, {})
  if #hidden > 0 then redis.call('HINCRBY', SLOT, 'hidden', -#hidden) end
end

local limit = tonumber(ARGV[2])
local left = 0
for _, role in ipairs(ROLES) do
  local dropped = slot.dropped[role]
  if limit > 0 and dropped > 0 then
    local members = first_debts(DEBTS, role, 0, limit, dropped)
    limit = limit - #members
    if #members > 0 then sweep_debts(role, members) end
  end
  if dropped > 0 then left = left + debts_of(DEBTS, role, 0, dropped) end
end
return {'OK', digits(left)}
