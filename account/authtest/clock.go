package authtest

import (
	"sync"
	"time"
)

// Clock is a clock that stands still until it is moved. The zero Clock shows
// noon on the first of March 2026, UTC.
type Clock struct {
	mu    sync.Mutex
	moved time.Duration
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Now is the time on the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return noon.Add(c.moved)
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved += d
}

// Set moves the clock to a time.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = t.Sub(noon)
}
