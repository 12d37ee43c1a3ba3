package providers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How long what a provider publishes about itself is believed.
const (
	cacheFresh = time.Hour        // then it is read again
	cacheStale = 24 * time.Hour   // so long it will do when the provider does not answer
	cacheRetry = time.Minute      // how often, at most, something newer is asked for
	failRetry  = 10 * time.Second // how often, at most, a dead provider is asked
)

// cached keeps a document that a provider publishes.
type cached[T any] struct {
	mu      sync.Mutex
	value   T
	loadAt  time.Time // of value; zero: there is none
	triedAt time.Time
	failed  error // of the last try

	once    sync.Once
	loading chan struct{} // held by who loads
}

// get returns the document, loaded if need be. newer asks for one that is newer
// than what was returned before, and gets it if none was asked for lately.
func (c *cached[T]) get(ctx context.Context, now time.Time, newer bool, load func(context.Context) (T, error)) (T, error) {
	if v, err, ok := c.peek(now, newer); ok {
		return v, err
	}
	c.once.Do(func() { c.loading = make(chan struct{}, 1) })
	select {
	case c.loading <- struct{}{}:
		defer func() { <-c.loading }()
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
	if v, err, ok := c.peek(now, newer); ok { // somebody else has just loaded it
		return v, err
	}
	v, err := load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return v, err // the client went away, which tells nothing of the provider
	}
	c.triedAt, c.failed = now, err
	if err == nil {
		c.value, c.loadAt = v, now
		return v, nil
	}
	if !c.loadAt.IsZero() && now.Sub(c.loadAt) < cacheStale {
		return c.value, nil
	}
	return v, err
}

// peek answers from what is known; ok tells whether that will do.
func (c *cached[T]) peek(now time.Time, newer bool) (v T, err error, ok bool) { //nolint:revive // the flag belongs last
	c.mu.Lock()
	defer c.mu.Unlock()
	age, tried := now.Sub(c.loadAt), now.Sub(c.triedAt)
	known := !c.loadAt.IsZero() && age < cacheStale
	switch {
	case known && age < cacheFresh && !newer:
		return c.value, nil, true
	case known && tried < cacheRetry:
		return c.value, nil, true
	case !known && c.failed != nil && tried < failRetry:
		return c.value, c.failed, true
	}
	return v, nil, false
}
