package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/headless-auth/headless/store"
)

func (s *Store) nonceKey(key string) string { return s.prefix + "n:{" + key + "}" }

var (
	// mark marks a key until a time, unless it is marked. Empty is for ever.
	mark = newScript(`
local now = redis.call('GET', KEYS[1])
if now and (now == '' or tonumber(now) > tonumber(ARGV[1])) then return 0 end
if ARGV[2] ~= '' and tonumber(ARGV[2]) <= tonumber(ARGV[1]) then return 1 end
redis.call('SET', KEYS[1], ARGV[2])
if ARGV[3] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`)
	// removeMark removes a mark whose time is over.
	removeMark = newScript(`
local now = redis.call('GET', KEYS[1])
if not now or now == '' or tonumber(now) > tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])`)
)

// UseOnce implements [store.Nonces].
func (s *Store) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	if !store.Storable(key) {
		return did(ctx, "use once", errText)
	}
	n, err := mark.Run(ctx, s.client, []string{s.nonceKey(key)}, now.UnixMicro(), micro(until), ttl(now, until)).Int()
	if err == nil && n == 0 {
		err = fmt.Errorf("it was used: %w", store.ErrConflict)
	}
	return did(ctx, "use once", err)
}

// DeleteExpiredNonces implements [store.Nonces].
func (s *Store) DeleteExpiredNonces(ctx context.Context, now time.Time) (int, error) {
	n, err := s.sweep(ctx, "n:", now, func(ctx context.Context, key string) (bool, error) {
		n, err := removeMark.Run(ctx, s.client, []string{key}, now.UnixMicro()).Int()
		return n == 1, err
	})
	return n, did(ctx, "delete expired nonces", err)
}
