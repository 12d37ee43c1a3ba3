package api

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// patience is the context of a request, which it carries. It ends with the
// client's, when the time for an answer is over, or when it is given.
//
// Most requests ask a database something and are answered within a moment. So
// nothing hangs on the client's context, and there is no timer for each: who is
// waited for is looked at together, every [glance]; see [watch].
type patience struct {
	context.Context // the client's
	rq              *Request
	until           time.Time

	mu   sync.Mutex
	done chan struct{} // nil as long as nobody waits
	err  error         // why it has ended
	then []*func()     // what to do when it ends

	all        *watches
	watch      *watch // the one where it is looked at, while it is
	prev, next *patience
}

// glance is how late the end of a client's patience may be noticed.
const glance = 20 * time.Millisecond

// start begins the wait for the answer to rq.
func (p *patience) start(ctx context.Context, rq *Request, d time.Duration) {
	p.Context, p.rq, p.until, p.all = ctx, rq, time.Now().Add(d), &everybody
}

// end is for when the answer is given.
func (p *patience) end() { p.finish(context.Canceled) }

// finish ends it, unless it has ended.
func (p *patience) finish(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return
	}
	p.err = err
	if p.watch != nil {
		p.watch.remove(p)
	}
	if p.done != nil {
		close(p.done)
	}
	for _, f := range p.then {
		go (*f)()
	}
	p.then = nil
}

// over is why it should have ended by now.
func (p *patience) over(now time.Time) error {
	if err := p.Context.Err(); err != nil {
		return err
	}
	if !now.Before(p.until) {
		return context.DeadlineExceeded
	}
	return nil
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
	if p.done == nil {
		p.done = make(chan struct{})
		if p.err != nil {
			close(p.done)
		}
		p.wait()
	}
	return p.done
}

// wait has somebody look. p.mu is held.
func (p *patience) wait() {
	if p.err == nil && p.watch == nil {
		p.watch = &p.all[rand.IntN(len(p.all))] // #nosec G404 -- nobody gains by guessing it
		p.watch.add(p)
	}
}

// Err implements [context.Context].
func (p *patience) Err() error {
	p.mu.Lock()
	err := p.err
	p.mu.Unlock()
	if err != nil {
		return err
	}
	if err := p.over(time.Now()); err != nil {
		p.finish(err)
		return err
	}
	return nil
}

// Value implements [context.Context].
func (p *patience) Value(key any) any {
	if key == (contextKey{}) {
		return p.rq
	}
	return p.Context.Value(key)
}

// AfterFunc is how package context hangs on it what depends on it, with no
// goroutine for each.
func (p *patience) AfterFunc(f func()) (stop func() bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		go f()
		return func() bool { return false }
	}
	p.wait()
	mine := &f
	p.then = append(p.then, mine)
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		at := slices.Index(p.then, mine)
		if at >= 0 {
			p.then = slices.Delete(p.then, at, at+1)
		}
		return at >= 0
	}
}

// watch is where those who wait are looked at.
type watch struct {
	mu    sync.Mutex
	first *patience
	awake bool        // it looks again in a glance
	seen  []*patience // by a look
}

// watches are several, so that processors don't wait for each other.
type watches [16]watch

var everybody watches

func (w *watch) add(p *patience) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.next = w.first; p.next != nil {
		p.next.prev = p
	}
	w.first = p
	if !w.awake {
		w.awake = true
		time.AfterFunc(glance, w.look)
	}
}

func (w *watch) remove(p *patience) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p.next != nil {
		p.next.prev = p.prev
	}
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		w.first = p.next
	}
	p.prev, p.next = nil, nil
}

// look ends what is over, and goes on as long as anybody waits.
func (w *watch) look() {
	w.mu.Lock()
	for p := w.first; p != nil; p = p.next {
		w.seen = append(w.seen, p)
	}
	w.mu.Unlock()
	// Asking may ask others who wait.
	for _, p := range w.seen {
		_ = p.Err()
	}
	clear(w.seen)
	w.seen = w.seen[:0]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.awake = w.first != nil; w.awake {
		time.AfterFunc(glance, w.look)
	}
}
