package sessions

import (
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

// cache answers for the store for a moment: who a token is, as it was at most
// so long ago. Only those who are logged in are in it. Within this process
// whatever changes a user or a session removes them; other instances notice
// when the moment is over.
//
// Nil is a cache that never knows.
type cache struct {
	lifetime time.Duration
	size     int // half of what is kept at most

	mu         sync.RWMutex
	young, old map[[32]byte]*cached
}

type cached struct {
	session store.Session
	user    store.User
	until   time.Time
}

func newCache(lifetime time.Duration, size int) *cache {
	if lifetime <= 0 {
		return nil
	}
	return &cache{lifetime: lifetime, size: max(size/2, 1), young: map[[32]byte]*cached{}}
}

// get returns copies of a session and its user.
func (c *cache) get(tokenHash []byte, now time.Time) (*store.Session, *store.User) {
	if c == nil || len(tokenHash) != 32 {
		return nil, nil
	}
	key := [32]byte(tokenHash)
	c.mu.RLock()
	x := c.young[key]
	if x == nil {
		x = c.old[key]
	}
	c.mu.RUnlock()
	if x == nil || !now.Before(x.until) {
		return nil, nil
	}
	copied := &struct {
		session store.Session
		user    store.User
	}{x.session, x.user}
	return &copied.session, &copied.user
}

// put keeps what was read from the store; asked is when it was asked.
func (c *cache) put(s *store.Session, u *store.User, asked time.Time) {
	if c == nil || u == nil || len(s.TokenHash) != 32 {
		return
	}
	x := &cached{*s, *u, asked.Add(c.lifetime)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.size {
		c.old, c.young = c.young, make(map[[32]byte]*cached, c.size)
	}
	c.young[[32]byte(s.TokenHash)] = x
}

// drop forgets a user, in all their sessions.
func (c *cache) drop(userID string) {
	if c == nil || userID == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range []map[[32]byte]*cached{c.young, c.old} {
		for key, x := range m {
			if x.user.ID == userID {
				delete(m, key)
			}
		}
	}
}
