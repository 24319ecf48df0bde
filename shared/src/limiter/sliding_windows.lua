-- Takes from every window of a policy or from none. Per window the keys, the arithmetic and the expiry are those of
-- slidingWindow in @upstash/ratelimit 2.
-- KEYS: per window its current and its previous counter. ARGV: now (ms), rate; per window its limit and its length (ms).
-- Answers per window what is left, or -1 where it refuses.
local now = ARGV[1]
local rate = tonumber(ARGV[2])
local weighted, left, refused = {}, {}, false
for i = 1, #KEYS / 2 do
  local limit = tonumber(ARGV[2 * i + 1])
  local window = tonumber(ARGV[2 * i + 2])
  local current = tonumber(redis.call("GET", KEYS[2 * i - 1]) or 0)
  local previous = tonumber(redis.call("GET", KEYS[2 * i]) or 0)
  local elapsed = (now % window) / window
  weighted[i] = math.floor((1 - elapsed) * previous)
  left[i] = limit - (current + weighted[i])
  if rate > 0 and left[i] <= 0 then
    left[i] = -1
    refused = true
  end
end
if refused then
  return left
end
for i = 1, #KEYS / 2 do
  local key = KEYS[2 * i - 1]
  local limit = tonumber(ARGV[2 * i + 1])
  local window = tonumber(ARGV[2 * i + 2])
  local count = redis.call("INCRBY", key, rate)
  if count == rate then
    redis.call("PEXPIRE", key, window * 2 + 1000)
  end
  left[i] = limit - (count + weighted[i])
end
return left
