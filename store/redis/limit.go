package redis

import (
	"context"
	"strconv"
	"time"

	"github.com/headless-auth/headless/store"
)

func (s *Store) limitKey(key string) string { return s.prefix + "l:{" + key + "}" }

// A bucket is a sorted set of its takes, by their times in microseconds. Of
// several in one moment each has a number. The member "per" has the length of
// the window, negated, for its score.
//
// look tells how long until there is room for a take, of which so many are to
// be thought of as made already.
const look = `
local now, per, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if amount < 1 then return math.max(per, 1) end
local old = '(' .. string.format('%.0f', math.max(now - per, 0))
local live = redis.call('ZCOUNT', KEYS[1], old, '+inf')
local thought = tonumber(ARGV[4])
if live + thought >= amount then
  if thought >= amount then return per end
  local frees = redis.call('ZREVRANGE', KEYS[1], amount - thought - 1, amount - thought - 1, 'WITHSCORES')
  return math.max(tonumber(frees[2]) + per - now, 1)
end
`

var (
	peekLimit = newScript(look + `return 0`)
	takeLimit = newScript(look + `
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, string.format('%.0f', math.max(now - per, 0)))
local same = redis.call('ZCOUNT', KEYS[1], ARGV[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[1] .. string.format(':%07d', same), -per, 'per')
local left, life = redis.call('PTTL', KEYS[1]), tonumber(ARGV[5])
if left < life then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
return 0`)
	// giveBack removes the last of the takes of a moment.
	giveBack = newScript(`
local l = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[1], 'LIMIT', 0, 1)
if #l == 0 then return 0 end
redis.call('ZREM', KEYS[1], l[1])
if redis.call('ZCARD', KEYS[1]) == 1 then redis.call('DEL', KEYS[1]) end
return 1`)
	// removeLimit removes a bucket that limits nothing any more.
	removeLimit = newScript(`
local per = redis.call('ZSCORE', KEYS[1], 'per')
if not per then return 0 end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if tonumber(last[2]) - tonumber(per) > tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])`)
)

func (s *Store) ask(ctx context.Context, script *script, now time.Time, b store.Bucket, thought int) (time.Duration, error) {
	per := max(b.Per.Microseconds(), 1)
	life := (b.Per + slack).Milliseconds()
	n, err := script.Run(ctx, s.client, []string{s.limitKey(b.Key)}, now.UnixMicro(), per, b.Amount, thought, life).Int64()
	return time.Duration(n) * time.Microsecond, err
}

// Take implements [store.Limits].
func (s *Store) Take(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	for _, b := range buckets {
		if !store.Storable(b.Key) {
			return 0, did(ctx, "take", errText)
		}
		if wait, err := s.ask(ctx, takeLimit, now, b, 0); err != nil || wait > 0 {
			return wait, did(ctx, "take", err)
		}
	}
	return 0, did(ctx, "take", ctx.Err())
}

// Peek implements [store.Limits].
func (s *Store) Peek(ctx context.Context, now time.Time, buckets ...store.Bucket) (time.Duration, error) {
	for i, b := range buckets {
		thought := 0
		for _, earlier := range buckets[:i] {
			if earlier.Key == b.Key {
				thought++
			}
		}
		if wait, err := s.ask(ctx, peekLimit, now, b, thought); err != nil || wait > 0 {
			return wait, did(ctx, "peek", err)
		}
	}
	return 0, did(ctx, "peek", ctx.Err())
}

// GiveBack implements [store.Limits].
func (s *Store) GiveBack(ctx context.Context, takenAt time.Time, keys ...string) error {
	if takenAt.IsZero() || takenAt.UnixMicro() < 0 {
		return ctx.Err()
	}
	at := strconv.FormatInt(takenAt.UnixMicro(), 10)
	for _, key := range keys {
		if err := giveBack.Run(ctx, s.client, []string{s.limitKey(key)}, at).Err(); err != nil {
			return did(ctx, "give back", err)
		}
	}
	return did(ctx, "give back", ctx.Err())
}

// ClearLimits implements [store.Limits].
func (s *Store) ClearLimits(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := s.client.Del(ctx, s.limitKey(key)).Err(); err != nil {
			return did(ctx, "clear limits", err)
		}
	}
	return did(ctx, "clear limits", ctx.Err())
}

// DeleteExpiredLimits implements [store.Limits].
func (s *Store) DeleteExpiredLimits(ctx context.Context, now time.Time) (int, error) {
	n, err := s.sweep(ctx, "l:", now, func(ctx context.Context, key string) (bool, error) {
		n, err := removeLimit.Run(ctx, s.client, []string{key}, now.UnixMicro()).Int()
		return n == 1, err
	})
	return n, did(ctx, "delete expired limits", err)
}
