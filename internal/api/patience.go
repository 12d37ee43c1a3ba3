package api

import (
	"context"
	"sync"
	"time"
)

// patience is the context of a request, which it carries. It ends with the
// client's, when the time for an answer is over, or when it is given. A timer is
// made once somebody waits for that: an answer from memory needs none.
type patience struct {
	context.Context // the client's
	rq              *Request
	until           time.Time

	mu     sync.Mutex
	timed  context.Context // nil as long as nobody waits
	cancel context.CancelFunc
	over   bool
}

func newPatience(ctx context.Context, rq *Request, d time.Duration) *patience {
	return &patience{Context: ctx, rq: rq, until: time.Now().Add(d)}
}

// end is for when the answer is given.
func (p *patience) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	if p.cancel != nil {
		p.cancel()
	}
}

// Deadline implements [context.Context].
func (p *patience) Deadline() (time.Time, bool) {
	if d, ok := p.Context.Deadline(); ok && d.Before(p.until) {
		return d, true
	}
	return p.until, true
}

// Done implements [context.Context].
func (p *patience) Done() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed == nil {
		p.timed, p.cancel = context.WithDeadline(p.Context, p.until)
		if p.over {
			p.cancel()
		}
	}
	return p.timed.Done()
}

// Err implements [context.Context].
func (p *patience) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timed != nil:
		return p.timed.Err()
	case p.Context.Err() != nil:
		return p.Context.Err()
	case p.over:
		return context.Canceled
	case !time.Now().Before(p.until):
		return context.DeadlineExceeded
	}
	return nil
}

// Value implements [context.Context].
func (p *patience) Value(key any) any {
	if key == (contextKey{}) {
		return p.rq
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timed != nil { // what hangs on it hangs on the timer
		return p.timed.Value(key)
	}
	return p.Context.Value(key)
}
