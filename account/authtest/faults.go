package authtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/headless-auth/headless/store"
)

//go:generate go run generate.go

// Commit is the name of the moment at which a transaction of a [FaultyStore]
// is about to be committed: everything in it has been done.
const Commit = "Commit"

// Fault is something that goes wrong in a [FaultyStore].
type Fault struct {
	// Method that it goes wrong in, such as "CreateUser", "InTx" or [Commit].
	// Default: in whichever is called.
	Method string
	// After is how many calls to it go well first.
	After int
	// Times is how many fail then. Default 1; negative: all of them.
	Times int
	// Err is what they answer. Default [store.ErrUnavailable].
	Err error
	// Block has them wait until their context ends, and answer with its error.
	Block bool
}

// FaultyStore is a store in which things go wrong on request. Where nothing
// does, it is the store that it was made from.
type FaultyStore struct{ hooked }

// NewFaultyStore returns a store on top of st, which must have all abilities
// of package store, as the stores of this module have.
func NewFaultyStore(t testing.TB, st store.Store) *FaultyStore {
	t.Helper()
	f := &faults{}
	h, err := f.wrap(st)
	if err != nil {
		t.Fatal(err)
	}
	return &FaultyStore{*h}
}

// Inject lets something go wrong from now on. Of several faults that fit a
// call, the first one counts.
func (s *FaultyStore) Inject(l ...Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, f := range l {
		if f.Times == 0 {
			f.Times = 1
		}
		if f.Err == nil {
			f.Err = store.ErrUnavailable
		}
		s.faults.pending = append(s.faults.pending, &f)
	}
}

// Heal forgets all faults.
func (s *FaultyStore) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.pending = nil
}

// Calls takes out the names of the methods that were called since the last
// time, in order. A transaction is an "InTx", what is in it, and a [Commit].
func (s *FaultyStore) Calls() []string {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	l := s.faults.calls
	s.faults.calls = nil
	return l
}

// faults are what a store and its transactions share.
type faults struct {
	mu      sync.Mutex
	pending []*Fault
	calls   []string
}

// every is a store with every ability: a wrapper would claim them anyhow.
type every interface {
	store.Store
	store.AuditLog
	store.IntegerIDs
	store.Pinger
	store.SessionRefresher
	store.SessionUser
	store.UserFinder
	store.UserLister
}

// hooked is a store that asks before every call whether it may.
type hooked struct {
	st     every
	faults *faults
}

func (f *faults) wrap(st store.Store) (*hooked, error) {
	e, ok := st.(every)
	if !ok {
		return nil, fmt.Errorf("authtest: %T lacks an ability that a FaultyStore needs, such as store.SessionUser", st)
	}
	return &hooked{e, f}, nil
}

// judge answers a call in place of the store, or with nil lets it happen.
func (h *hooked) judge(ctx context.Context, method string) error {
	f := h.faults.next(method)
	switch {
	case f == nil:
		return nil
	case f.Block:
		<-ctx.Done()
		return errors.Join(store.ErrUnavailable, ctx.Err())
	}
	return fmt.Errorf("authtest: injected into %s: %w", method, f.Err)
}

// next notes a call and finds its fault.
func (f *faults) next(method string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, method)
	for _, p := range f.pending {
		switch {
		case p.Method != "" && p.Method != method, p.Times == 0:
		case p.After > 0:
			p.After--
		default:
			p.Times--
			return p
		}
	}
	return nil
}

// Unwrap returns the store below.
func (h *hooked) Unwrap() store.Store { return h.st }

// IntegerIDs implements [store.IntegerIDs]. It can't fail.
func (h *hooked) IntegerIDs() bool { return h.st.IntegerIDs() }

// InTx implements [store.Store].
func (h *hooked) InTx(ctx context.Context, fn func(store.Store) error) error {
	if err := h.judge(ctx, "InTx"); err != nil {
		return err
	}
	return h.st.InTx(ctx, func(tx store.Store) error {
		inner, err := h.faults.wrap(tx)
		if err != nil {
			return err
		}
		if err := fn(inner); err != nil {
			return err
		}
		return h.judge(ctx, Commit)
	})
}
