-- Sets a party's value where its version is the expected one, appends the log records and changes the counts in the
-- same instant. Without tallies it does nothing for them.
-- KEYS: the value, the log of its bucket, for each tally the counts of its account (one hash slot).
-- ARGV: the expected version as stored (8 bytes, big-endian; 8 zeros for none), the new value with its version in
-- front, the party, the new version in digits, the log's maximum ("" to leave it untrimmed this time), for each tally
-- the field of its fence, the field of its count, what is added and for how many ms it is kept (0 for ever), the records.
-- Returns 1 when it is done, 2 where a count is fenced, 3 where one would be beyond its maximum, else the current value
-- ("" for none); unless it is done nothing was changed.
local current = redis.call('GETRANGE', KEYS[1], 0, 7)
if current == '' then
    current = '\0\0\0\0\0\0\0\0'
end
if current ~= ARGV[1] then
    return redis.call('GETRANGE', KEYS[1], 0, -1)
end
local at = 6
local sums = {}
for i = 3, #KEYS do
    local fence, field, delta = ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local held = redis.call('HMGET', KEYS[i], fence, field)
    if held[1] then
        return 2
    end
    local counts = sums[KEYS[i]] or {}
    local sum = counts[field] or tonumber(held[2] or '0')
    if not sum then
        return redis.error_reply('WRONGTYPE a count is not a number')
    end
    sum = sum + tonumber(delta)
    -- Numbers are exact up to here.
    if sum > 9007199254740991 or sum < -9007199254740991 then
        return 3
    end
    counts[field] = sum
    sums[KEYS[i]] = counts
    at = at + 4
end
redis.call('SET', KEYS[1], ARGV[2])
for i = at, #ARGV do
    redis.call('XADD', KEYS[2], '*', 'p', ARGV[3], 'v', ARGV[4], 'r', ARGV[i])
end
if ARGV[5] ~= '' then
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[5])
end
for i = 3, #KEYS do
    local field, keep_ms = ARGV[4 * i - 5], ARGV[4 * i - 3]
    redis.call('HSET', KEYS[i], field, string.format('%.0f', sums[KEYS[i]][field]))
    if keep_ms == '0' then
        redis.call('PERSIST', KEYS[i])
    else
        redis.call('PEXPIRE', KEYS[i], keep_ms)
    end
end
return 1
