#!lua
-- append: takes writes, each if its slot is open at its epoch and nothing has changed since its writer read.
--
-- KEYS      slot debts index write0 write1
-- ARGV      incarnation now answersMs full (epoch writes (id member expected heldUntil owed names image)...)...
-- OUTCOMES  APPENDED CHANGED FENCED FULL MISSING OTHER
--
-- Keys are five a slot; for each slot there are its epoch, the number of its writes, and these, of which no two have the same member.
-- `expected` is 's' or 'm' with the entry's seq or the mark; `owed` holds O, N or both; each name, a field, NUL and a value, is ended by
-- U+0001. `full` is 1 when the server has no room for more. The reply has an outcome for each write, in their order; APPENDED is followed by the seq.
local INCARNATION, NOW, ANSWERS_MS, FULL = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local ASKED = {'incarnation', 'epoch', 'open', 'last', 'mark', 'turn', 'until'}
local replies = {}
-- By the server's clock, which stands still while the script runs.
local server_now

-- What there is of a key before the write: seq, since, names, debts. nil: no entry; a hidden one is removed.
local function entry_at(SLOT, DEBTS, INDEX, member, packed)
  local dropped = redis.call('HMGET', SLOT, 'droppedOLD', 'droppedNEW')
  dropped = {OLD = tonumber(dropped[1]), NEW = tonumber(dropped[2])}
  local scores = debts_at(DEBTS, {member})
  local old, new = old_debt(scores[1], dropped), new_debt(scores[2], dropped)
  if old or new then
    local seq, since = string.match(packed, '^(%d+) (%d+) ')
    return {seq = seq, since = since, names = names_of(packed), lacks = {OLD = old, NEW = new}}
  end
  remove_all(SLOT, DEBTS, INDEX, {member}, {packed}, debts_for({member}))
  redis.call('HINCRBY', SLOT, 'hidden', -1)
  return nil
end

-- From when on the hash takes answers, it does for as long as they count, and is asked for as long again. It ends by itself only later still:
-- UNLINK frees it beside the commands, and the end of its time in the middle of one.
local function turned(SLOT, turn, now, write)
  redis.call('UNLINK', write)
  redis.call('HSET', write, '', PAD)
  redis.call('PEXPIREAT', write, digits(now + 3 * ANSWERS_MS))
  redis.call('HSET', SLOT, 'turn', turn, 'until', digits(now + ANSWERS_MS))
end

local function append_to(first, at, writes)
  local SLOT, DEBTS, INDEX = KEYS[first], KEYS[first + 1], KEYS[first + 2]
  local ids = {}
  for i = 1, writes do
    local a = at + 7 * (i - 1)
    ids[i], ASKED[7 + i] = ARGV[a], ARGV[a + 1]
  end
  local found = redis.call('HMGET', SLOT, unpack(ASKED, 1, 7 + writes))
  local refusal
  if not found[1] then refusal = {'MISSING'}
  elseif INCARNATION ~= '' and INCARNATION ~= found[1] then refusal = {'OTHER', found[1]} end
  if refusal then
    for _ = 1, writes do replies[#replies + 1] = refusal end
    return
  end
  local turn = tonumber(found[6])
  local recent = redis.call('HMGET', KEYS[first + 3 + turn], unpack(ids))
  local older = redis.call('HMGET', KEYS[first + 4 - turn], unpack(ids))
  local fenced = found[3] ~= '1' or found[2] ~= ARGV[at - 2]
  local last, mark = tonumber(found[4]), 'm' .. found[5]
  local fields, debts, members, answers = {}, {}, {}, {}
  for i = 1, writes do
    local a = at + 7 * (i - 1)
    local answered = recent[i] or older[i]
    local member, before = ARGV[a + 1], nil
    if not answered and not fenced and found[7 + i] then
      before = entry_at(SLOT, DEBTS, INDEX, member, found[7 + i])
    end
    if answered then replies[#replies + 1] = {'APPENDED', answered}
    elseif fenced then replies[#replies + 1] = {'FENCED'}
    elseif ARGV[a + 2] ~= (before and 's' .. before.seq or mark) then replies[#replies + 1] = {'CHANGED'}
    -- The counter is the lower 32 bits: the next one would be a seq of another run.
    elseif FULL or (last + 1) % COUNTERS == 0 then replies[#replies + 1] = {'FULL'}
    else
      last = last + 1
      local number, owed, names = digits(last), ARGV[a + 4], ARGV[a + 5]
      local lacks, since, fresh = {}, NOW, names
      if before then
        lacks, since, fresh = before.lacks, before.since, ''
        names = before.names
        for name in string.gmatch(ARGV[a + 5], '[^\1]*\1') do
          if not string.find('\1' .. names, '\1' .. name, 1, true) then names, fresh = names .. name, fresh .. name end
        end
      end
      local f = #fields
      fields[f + 1], fields[f + 2] = member, number .. ' ' .. since .. ' ' .. ARGV[a + 3] .. ' ' .. names .. '\2' .. ARGV[a + 6]
      -- A store that lacks an older seq of this key goes on lacking that one.
      local d = #debts
      if owed ~= 'N' and owed ~= '' and not lacks.OLD then debts[d + 1], debts[d + 2], d = '-' .. number, 'O' .. member, d + 2 end
      if owed ~= 'O' and owed ~= '' and not lacks.NEW then debts[d + 1], debts[d + 2] = number, 'N' .. member end
      if not before then members[#members + 1] = member end
      add_names(members, #members, fresh, member)
      local w = #answers
      answers[w + 1], answers[w + 2] = ids[i], number
      replies[#replies + 1] = {'APPENDED', number}
    end
  end
  if #fields == 0 then return end
  fields[#fields + 1], fields[#fields + 2] = 'last', digits(last)
  redis.call('HSET', SLOT, unpack(fields))
  if #debts > 0 then redis.call('ZADD', DEBTS, unpack(debts)) end
  local scored = {}
  for i, member in ipairs(members) do scored[2 * i - 1], scored[2 * i] = '0', member end
  piecewise('ZADD', INDEX, scored)
  if not server_now then
    local time = redis.call('TIME')
    server_now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if server_now >= tonumber(found[7]) then
    turn = 1 - turn
    turned(SLOT, turn, server_now, KEYS[first + 3 + turn])
  end
  redis.call('HSET', KEYS[first + 3 + turn], unpack(answers))
end

local at = 5
for first = 1, #KEYS, 5 do
  local writes = tonumber(ARGV[at + 1])
  append_to(first, at + 2, writes)
  at = at + 2 + 7 * writes
end
return replies
