package verify

import (
	"crypto/sha256"
	"sync"
	"time"
)

// memory remembers tokens that were found good, by their hashes: at most max
// of them. When it is full, the older half is forgotten.
type memory struct {
	max int

	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]remembered
}

type remembered struct {
	claims *Claims
	until  time.Time
}

func newMemory(n int) *memory {
	return &memory{max: max(n/2, 1), young: map[[sha256.Size]byte]remembered{}}
}

// get returns the claims of a known token whose time is not over.
func (m *memory) get(token string, now time.Time) *Claims {
	key := sha256.Sum256([]byte(token))
	m.mu.RLock()
	x, ok := m.young[key]
	if !ok {
		x = m.old[key]
	}
	m.mu.RUnlock()
	if x.claims == nil || !now.Before(x.until) {
		return nil
	}
	return x.claims
}

func (m *memory) put(token string, c *Claims, until time.Time) {
	key := sha256.Sum256([]byte(token))
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.young) >= m.max {
		m.old, m.young = m.young, make(map[[sha256.Size]byte]remembered, m.max)
	}
	m.young[key] = remembered{c, until}
}
