-- Sets a party's value where its version is the expected one, and appends the log records in the same instant.
-- KEYS: the value, the log of its bucket (one hash slot).
-- ARGV: the expected version as stored (8 bytes, big-endian; 8 zeros for none), the new value with its version in
-- front, the party, the new version in digits, the log's maximum ("" to leave it untrimmed this time), the records.
-- Returns 1 when it is done, else the current value ("" for none); then nothing was changed.
local current = redis.call('GETRANGE', KEYS[1], 0, 7)
if current == '' then
    current = '\0\0\0\0\0\0\0\0'
end
if current ~= ARGV[1] then
    return redis.call('GETRANGE', KEYS[1], 0, -1)
end
redis.call('SET', KEYS[1], ARGV[2])
for i = 6, #ARGV do
    redis.call('XADD', KEYS[2], '*', 'p', ARGV[3], 'v', ARGV[4], 'r', ARGV[i])
end
if ARGV[5] ~= '' then
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[5])
end
return 1
