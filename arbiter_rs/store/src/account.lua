-- Sets an account's value where its version is the expected one.
-- KEYS: the value.
-- ARGV: the expected version as stored (8 bytes, big-endian; 8 zeros for none), the new value with its version in
-- front, for how many ms it is kept (0 for ever).
-- Returns 1 when it is done, else the current value ("" for none); then nothing was changed.
local current = redis.call('GETRANGE', KEYS[1], 0, 7)
if current == '' then
    current = '\0\0\0\0\0\0\0\0'
end
if current ~= ARGV[1] then
    return redis.call('GETRANGE', KEYS[1], 0, -1)
end
if ARGV[3] == '0' then
    redis.call('SET', KEYS[1], ARGV[2])
else
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
