-- Sets the values of parties, each where it is as expected, and in the same instant appends its log records and changes
-- its counts. Each party stands for itself: what one is refused does not keep the next from being done.
-- KEYS, for each party: the value, the log of its bucket, for each tally the counts of its account.
-- ARGV, for each party: what is expected to be stored (the whole of it, or its version alone: 8 bytes, big-endian; 8
-- zeros for none), the new value with its version in front, the party, the new version in digits, the log's maximum ("" to
-- leave it untrimmed this time), how many tallies, how many records, for each tally the field of its fence, the field of
-- its count, what is added and for how many ms it is kept (0 for ever), the records.
-- Returns for each party 1 when it is done, 2 where a count is fenced, 3 where one would be beyond its maximum, the error
-- that Redis gave, else the current value (nil for none); unless it is done nothing was changed.
local VERSION_BYTES = 8
local NONE = '\0\0\0\0\0\0\0\0'

local function commit(key, at, tallies, records)
    local value, log, expected = KEYS[key], KEYS[key + 1], ARGV[at]
    local current = redis.pcall('GET', value)
    if type(current) == 'table' then
        return current
    end
    local found = current or NONE
    if #expected == VERSION_BYTES then
        found = string.sub(found, 1, VERSION_BYTES)
    end
    if found ~= expected then
        return current
    end
    local first = at + 7
    local sums = {}
    for i = 0, tallies - 1 do
        local counts_key, argument = KEYS[key + 2 + i], first + 4 * i
        local field = ARGV[argument + 1]
        local held = redis.pcall('HMGET', counts_key, ARGV[argument], field)
        if held.err then
            return held
        end
        if held[1] then
            return 2
        end
        local counts = sums[counts_key] or {}
        local sum = counts[field] or tonumber(held[2] or '0')
        if not sum then
            return redis.error_reply('WRONGTYPE a count is not a number')
        end
        sum = sum + tonumber(ARGV[argument + 2])
        -- Numbers are exact up to here.
        if sum > 9007199254740991 or sum < -9007199254740991 then
            return 3
        end
        counts[field] = sum
        sums[counts_key] = counts
    end
    local done = redis.pcall('SET', value, ARGV[at + 1])
    if done.err then
        return done
    end
    local last = first + 4 * tallies + records - 1
    for i = first + 4 * tallies, last do
        done = redis.pcall('XADD', log, '*', 'p', ARGV[at + 2], 'v', ARGV[at + 3], 'r', ARGV[i])
        if type(done) == 'table' then
            return done
        end
    end
    if ARGV[at + 4] ~= '' then
        redis.pcall('XTRIM', log, 'MAXLEN', '~', ARGV[at + 4])
    end
    for i = 0, tallies - 1 do
        local counts_key, argument = KEYS[key + 2 + i], first + 4 * i
        local field, keep_ms = ARGV[argument + 1], ARGV[argument + 3]
        redis.pcall('HSET', counts_key, field, string.format('%.0f', sums[counts_key][field]))
        if keep_ms == '0' then
            redis.pcall('PERSIST', counts_key)
        else
            redis.pcall('PEXPIRE', counts_key, keep_ms)
        end
    end
    return 1
end

local answers, key, at = {}, 1, 1
while KEYS[key] do
    local tallies, records = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
    answers[#answers + 1] = commit(key, at, tallies, records)
    key = key + 2 + tallies
    at = at + 7 + 4 * tallies + records
end
return answers
