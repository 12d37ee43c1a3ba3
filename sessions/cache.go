package sessions

import (
	"encoding/binary"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/headless-auth/headless/store"
)

// cache answers for the store for a moment: who a token is, as it was at most
// so long ago. Only those who are logged in are in it. Whatever changes a user
// or their sessions drops the user; see watch.go for what happens elsewhere.
//
// Nothing that was asked of the store before a user was dropped is an answer
// afterwards, however late it comes: drops are counted, a [reading] notes the
// count before it asks, and a user's last drop is remembered. Users share the
// places where that is, so dropping one may drop a few others.
//
// Nil is a cache that never knows.
type cache struct {
	lifetime time.Duration
	shards   []shard
	seed     maphash.Seed

	drops   atomic.Uint64   // counts
	dropped []atomic.Uint64 // the count of the last drop, by the user's hash
	void    atomic.Uint64   // the count when everybody was dropped
	deaf    atomic.Int64    // how many who have told of changes can't any more
	hearing atomic.Int64    // how many can
}

// reading is the moment at which the store was asked.
type reading struct {
	at    time.Time
	drops uint64
}

// How many sessions share a place for drops, and what sessions take at most,
// on average.
const (
	perDrop  = 4
	fairSize = 256
)

// newCache returns a cache; life is how long a session is likely to live from
// when it was last seen.
func newCache(lifetime time.Duration, size int, life time.Duration) *cache {
	if lifetime <= 0 {
		return nil
	}
	c := &cache{lifetime: lifetime, seed: maphash.MakeSeed(), dropped: make([]atomic.Uint64, max(size/perDrop, 64))}
	c.shards = make([]shard, 1)
	if size >= 4096 {
		c.shards = make([]shard, 16)
	}
	for i := range c.shards {
		c.shards[i] = newShard(max(size/len(c.shards), 1), lifetime, life)
	}
	return c
}

// begin is to be called before the store is asked.
func (c *cache) begin(now time.Time) reading {
	if c == nil {
		return reading{}
	}
	return reading{now, c.drops.Load()}
}

// get returns a session and its user, and when they were read.
func (c *cache) get(tokenHash []byte, now time.Time) (s *store.Session, u *store.User, r reading) {
	if c == nil || len(tokenHash) != 32 || c.deaf.Load() > 0 {
		return nil, nil, reading{}
	}
	s, u, r = c.shard(tokenHash).get(tokenHash)
	// A session that is over may have been prolonged elsewhere since.
	if s == nil || !now.Before(r.at.Add(c.lifetime)) || !now.Before(s.ExpiresAt) || !c.stands(u.ID, r) {
		return nil, nil, reading{}
	}
	return s, u, r
}

// put keeps what was read from the store then.
func (c *cache) put(s *store.Session, u *store.User, r reading) {
	if c == nil || u == nil || u.ID != s.UserID || len(s.TokenHash) != 32 || c.deaf.Load() > 0 || !c.stands(u.ID, r) {
		return
	}
	c.shard(s.TokenHash).put(s, u, r)
}

func (c *cache) shard(tokenHash []byte) *shard {
	return &c.shards[int(tokenHash[keySize-1])%len(c.shards)]
}

// stands reports whether a reading is later than the last drop of its user.
func (c *cache) stands(userID string, r reading) bool {
	return r.drops >= c.void.Load() && r.drops >= c.place(userID).Load()
}

func (c *cache) place(userID string) *atomic.Uint64 {
	return &c.dropped[maphash.String(c.seed, userID)%uint64(len(c.dropped))]
}

// drop forgets a user, in all their sessions. It is to be called after the
// change.
func (c *cache) drop(userID string) {
	if c != nil && userID != "" {
		raise(c.place(userID), c.drops.Add(1))
	}
}

// dropAll forgets everybody.
func (c *cache) dropAll() {
	if c != nil {
		raise(&c.void, c.drops.Add(1))
	}
}

// raise makes v at least n.
func raise(v *atomic.Uint64, n uint64) {
	for old := v.Load(); old < n && !v.CompareAndSwap(old, n); old = v.Load() {
	}
}

// held returns how many sessions are kept, and in how many bytes.
func (c *cache) held() (entries, bytes int) {
	for i := range c.shards {
		n, b := c.shards[i].held()
		entries, bytes = entries+n, bytes+b
	}
	return entries, bytes + len(c.dropped)*binary.Size(uint64(0))
}
