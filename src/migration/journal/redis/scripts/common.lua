-- What all scripts share; the loader puts it in front of each of them.
--
-- A slot of the journal is these keys, which share a hash tag, so that a script finds all of them on one server:
--
--   slot     hash: incarnation, epoch, open, last, mark, noted, number, hidden
--   entry    hash: key -> (seq, since, held until, image or '', names in the index but for '') packed
--   OLD      sorted set: key -> the lowest seq of the key that the old store lacks
--   NEW      the same for the new store
--   index    sorted set, all with score 0, of (name, NUL, key): a name is field, NUL, value; that of all entries together is ''
--   dropped  sorted set: keys of debts that were dropped, among them those of hidden entries
--   write    string, one a write id, with a time to live: the seq that the write was given
--
-- A key in neither OLD nor NEW has no entry. If it is in `entry` all the same, its last debts were dropped and it is hidden until it is swept
-- or written again; `hidden` counts such keys. Seqs are integers that a double holds exactly.

-- Lua's own conversion keeps 14 digits only.
local function digits(number)
  return string.format('%.0f', number)
end

-- The slot, or nil and the refusal to be returned.
local function slot_at(key, incarnation)
  local found = redis.call('HMGET', key, 'incarnation', 'epoch', 'open', 'last', 'mark', 'noted', 'number', 'hidden')
  if not found[1] then return nil, {'MISSING'} end
  if incarnation ~= '' and incarnation ~= found[1] then return nil, {'OTHER', found[1]} end
  return {
    epoch = tonumber(found[2]),
    open = found[3] == '1',
    last = tonumber(found[4]),
    mark = tonumber(found[5]),
    noted = tonumber(found[6]),
    number = tonumber(found[7]),
    hidden = tonumber(found[8]),
  }
end

-- Removes an entry with all that belongs to it, but for its debts.
local function remove(entry, index, key, packed)
  local members = {select(5, cmsgpack.unpack(packed))}
  for i = 1, #members do members[i] = members[i] .. '\0' .. key end
  redis.call('HDEL', entry, key)
  redis.call('ZREM', index, '\0' .. key, unpack(members))
end

-- Adds to a reply the entries of these keys, six strings each: key, seq, since, lowest seq lacked by OLD and by NEW ('': nothing), image
-- ('': tombstone). With `now`, without those that their writer still looks after.
local function add_entries(reply, entry, old, new, keys, now)
  if #keys == 0 then return end
  local packed = redis.call('HMGET', entry, unpack(keys))
  local by_old = redis.call('ZMSCORE', old, unpack(keys))
  local by_new = redis.call('ZMSCORE', new, unpack(keys))
  for i, key in ipairs(keys) do
    if by_old[i] or by_new[i] then
      -- Nothing here removes the one without the other; a server that evicts keys does.
      if not packed[i] then error('an entry of the journal is lost') end
      local seq, since, held, image = cmsgpack.unpack(packed[i])
      if not now or held <= now then
        local n = #reply
        reply[n + 1], reply[n + 2], reply[n + 3] = key, digits(seq), digits(since)
        reply[n + 4], reply[n + 5], reply[n + 6] = by_old[i] or '', by_new[i] or '', image
      end
    end
  end
end

-- The head of a reply about a slot: epoch, open, mark.
local function head(slot)
  return {'OK', digits(slot.epoch), slot.open and '1' or '0', digits(slot.mark)}
end
