-- What all scripts share; the loader puts it in front of each of them.
--
-- A slot of the journal is these keys, which share a hash tag, so that a script finds all of them on one server:
--
--   slot            hash: the fields below, and (NUL, key) -> 'SEQ SINCE HELD-UNTIL NAMES\2IMAGE', where the image of a tombstone is '',
--                   and names are those that the entry has in the index, each ended by U+0001
--   debts           sorted set: ('N', NUL, key) with the lowest seq of the key that the new store lacks as its score, ('O', NUL, key) with
--                   that of the old store made negative
--   index           sorted set, all with score 0, of (name, NUL, key): a name is field, NUL, value; that of all entries together is ''
--   write0, write1  hashes: write id -> the seq that the write was given; by turns, each with a time to live
--
-- Fields of the slot: incarnation, epoch, open, last, mark, noted, number; hidden; droppedOLD, droppedNEW; turn, until.
-- A debt of up to `dropped` is none: it was dropped, and is there until it is swept or overwritten. An entry without a debt that counts is
-- no entry and hidden until it is swept or written again; `hidden` counts such ones. `turn` says which hash takes answers, `until` when,
-- in milliseconds of the server's clock, the other one does. Seqs are integers that a double holds exactly.
--
-- `debts`, `index` and the hashes of answers begin with a member that is too long for the form that small ones have: that one is gone
-- through from its start for each member that is added.

local FIELDS = {
  'incarnation', 'epoch', 'open', 'last', 'mark', 'noted', 'number', 'hidden', 'droppedOLD', 'droppedNEW', 'turn', 'until',
}
-- Behind all names of the index, and neither debt of a store.
local PAD = string.rep('\255', 65)
local COUNTERS = 4294967296
local ROLES = {'OLD', 'NEW'}

-- Lua's own conversion keeps 14 digits only.
local function digits(number)
  return string.format('%.0f', number)
end

-- The slot, or nil and the refusal to be returned.
local function slot_at(key, incarnation)
  local found = redis.call('HMGET', key, unpack(FIELDS))
  if not found[1] then return nil, {'MISSING'} end
  if incarnation ~= '' and incarnation ~= found[1] then return nil, {'OTHER', found[1]} end
  return {
    incarnation = found[1],
    epoch = tonumber(found[2]),
    open = found[3] == '1',
    last = tonumber(found[4]),
    mark = tonumber(found[5]),
    noted = tonumber(found[6]),
    number = tonumber(found[7]),
    hidden = tonumber(found[8]),
    dropped = {OLD = tonumber(found[9]), NEW = tonumber(found[10])},
    turn = found[11],
    ['until'] = found[12],
  }
end

-- Makes the slot anew, without entries; `slot` as `slot_at` gives it.
local function make_empty(SLOT, DEBTS, INDEX, slot)
  redis.call('UNLINK', SLOT, DEBTS, INDEX)
  redis.call('HSET', SLOT, 'incarnation', slot.incarnation, 'epoch', digits(slot.epoch), 'open', slot.open and '1' or '0',
    'last', digits(slot.last), 'mark', digits(slot.mark), 'noted', digits(slot.noted), 'number', digits(slot.number), 'hidden', '0',
    'droppedOLD', '0', 'droppedNEW', '0', 'turn', slot.turn, 'until', slot['until'])
  redis.call('ZADD', DEBTS, 0, PAD)
  redis.call('ZADD', INDEX, 0, PAD)
end

-- How many entries the hash has, hidden ones among them.
local function stored(SLOT)
  return redis.call('HLEN', SLOT) - #FIELDS
end

-- How many debts of a store count; with `upTo`, those of up to that seq.
local function debts_of(DEBTS, role, dropped, upTo)
  if role == 'NEW' then return redis.call('ZCOUNT', DEBTS, '(' .. digits(dropped), upTo and digits(upTo) or '+inf') end
  return redis.call('ZCOUNT', DEBTS, upTo and '-' .. digits(upTo) or '-inf', '(-' .. digits(dropped))
end

-- The debts that there may be of these members (NUL, key): two for each of them, of the old and of the new store.
local function debts_for(members)
  local debts = {}
  for i, member in ipairs(members) do debts[2 * i - 1], debts[2 * i] = 'O' .. member, 'N' .. member end
  return debts
end

-- Of these members, two for each of them: the scores of its debts of the old and of the new store, false where there is none.
local function debts_at(DEBTS, members)
  return redis.call('ZMSCORE', DEBTS, unpack(debts_for(members)))
end

-- The seq of such a debt of the old store, of the new one; false if it does not count.
local function old_debt(score, dropped)
  return score and (dropped.OLD == 0 or -tonumber(score) > dropped.OLD) and string.sub(score, 2)
end
local function new_debt(score, dropped)
  return score and (dropped.NEW == 0 or tonumber(score) > dropped.NEW) and score
end

-- The first members (NUL, key) of a store's debts, from above one seq and, with `upTo`, up to another; and the last one's seq.
local function first_debts(DEBTS, role, above, limit, upTo)
  local found
  if role == 'NEW' then
    found = redis.call('ZRANGEBYSCORE', DEBTS, '(' .. digits(above), upTo and digits(upTo) or '+inf', 'WITHSCORES', 'LIMIT', 0, limit)
  else
    local least = upTo and '-' .. digits(upTo) or '-inf'
    found = redis.call('ZREVRANGEBYSCORE', DEBTS, '(-' .. digits(above), least, 'WITHSCORES', 'LIMIT', 0, limit)
  end
  local members = {}
  for i = 1, #found, 2 do members[#members + 1] = string.sub(found[i], 2) end
  return members, #found > 0 and math.abs(tonumber(found[#found]))
end

-- The names of a stored entry, each ended by U+0001. Looking for one character is much cheaper here than a pattern.
local function names_of(packed)
  local from = 0
  for _ = 1, 3 do from = string.find(packed, ' ', from + 1, true) end
  return string.sub(packed, from + 1, string.find(packed, '\2', from, true) - 1)
end

-- Adds to a list, from behind `n`, each of these names in front of the member; how long the list is now.
local function add_names(list, n, names, member)
  local from = 1
  local to = string.find(names, '\1', 1, true)
  while to do
    n = n + 1
    list[n] = string.sub(names, from, to - 1) .. member
    from = to + 1
    to = string.find(names, '\1', from, true)
  end
  return n
end

-- Lua hands on a few thousand values at most, and a script that breaks off keeps what it has done: so many arguments at a time.
local function piecewise(command, key, arguments)
  for i = 1, #arguments, 4000 do redis.call(command, key, unpack(arguments, i, math.min(i + 3999, #arguments))) end
end

-- Removes entries with all that belongs to them; `owed` are their debts as they are stored.
local function remove_all(SLOT, DEBTS, INDEX, members, texts, owed)
  if #members == 0 then return end
  local indexed, n = {}, 0
  for i, member in ipairs(members) do
    n = n + 1
    indexed[n] = member
    n = add_names(indexed, n, names_of(texts[i]), member)
  end
  redis.call('HDEL', SLOT, unpack(members))
  if #owed > 0 then redis.call('ZREM', DEBTS, unpack(owed)) end
  piecewise('ZREM', INDEX, indexed)
end

-- Adds to a reply the entries of these members, four strings each: member, lowest seq lacked by OLD and by NEW ('': nothing), and what is
-- stored.
local function add_entries(reply, SLOT, DEBTS, slot, members)
  if #members == 0 then return end
  local packed = redis.call('HMGET', SLOT, unpack(members))
  local found, texts = {}, {}
  for i, member in ipairs(members) do
    if packed[i] then found[#found + 1], texts[#texts + 1] = member, packed[i] end
  end
  if #found == 0 then return end
  local scores, dropped, n = debts_at(DEBTS, found), slot.dropped, #reply
  for i, member in ipairs(found) do
    local old, new = old_debt(scores[2 * i - 1], dropped), new_debt(scores[2 * i], dropped)
    if old or new then
      reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = member, old or '', new or '', texts[i]
      n = n + 4
    end
  end
end

-- The head of a reply about a slot: epoch, open, mark.
local function head(slot)
  return {'OK', digits(slot.epoch), slot.open and '1' or '0', digits(slot.mark)}
end
