-- Stores a catalog version where the newest is the expected one. Versions are never overwritten.
-- KEYS: the number of the newest version, the new version (one hash slot).
-- ARGV: the expected version in digits, the new version in digits, the catalog.
-- Returns 1 when it is done, else the newest version in digits; then nothing was changed.
local newest = redis.call('GET', KEYS[1]) or '0'
if newest ~= ARGV[1] then
    return newest
end
redis.call('SET', KEYS[2], ARGV[3])
redis.call('SET', KEYS[1], ARGV[2])
return 1
