package authtest_test

import (
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/store/storetest"
)

func faulty(t *testing.T) *authtest.FaultyStore {
	t.Helper()
	return authtest.NewFaultyStore(t, memory.New())
}

// Without a fault it is a store like any other.
func TestFaultyStoreIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Store { return faulty(t) })
}

func TestFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	user := func() *store.User { return &store.User{CreatedAt: time.Now()} }

	t.Run("the n-th call fails, and no other", func(t *testing.T) {
		t.Parallel()
		st := faulty(t)
		st.Inject(authtest.Fault{Method: "CreateUser", After: 1, Times: 2, Err: io.ErrUnexpectedEOF})
		var got []bool
		for range 5 {
			err := st.CreateUser(ctx, user())
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			got = append(got, err == nil)
			if _, err := st.User(ctx, "1"); err != nil {
				t.Fatal(err)
			}
		}
		if want := []bool{true, false, false, true, true}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
	t.Run("a commit that fails undoes everything", func(t *testing.T) {
		t.Parallel()
		st := faulty(t)
		u := user()
		st.Inject(authtest.Fault{Method: authtest.Commit})
		err := st.InTx(ctx, func(tx store.Store) error { return tx.CreateUser(ctx, u) })
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if _, err := st.User(ctx, u.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want nobody", err)
		}
		if got, want := st.Calls(), []string{"InTx", "CreateUser", authtest.Commit, "User"}; !slices.Equal(got, want) {
			t.Errorf("got calls %v, want %v", got, want)
		}
	})
	t.Run("a store that hangs does so until the context ends", func(t *testing.T) {
		t.Parallel()
		st := faulty(t)
		st.Inject(authtest.Fault{Times: -1, Block: true})
		ctx, cancel := context.WithCancel(ctx)
		answered := make(chan error)
		go func() { answered <- st.Ping(ctx) }()
		cancel()
		if err := <-answered; !errors.Is(err, context.Canceled) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		st.Heal()
		if err := st.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("every method can fail", func(t *testing.T) {
		t.Parallel()
		st := faulty(t)
		st.Inject(authtest.Fault{Times: -1, Err: io.ErrUnexpectedEOF})
		for m, v := range reflect.ValueOf(st).Methods() {
			if slices.Contains([]string{"Inject", "Heal", "Calls", "Unwrap", "IntegerIDs"}, m.Name) {
				continue
			}
			in := []reflect.Value{reflect.ValueOf(ctx)}
			for i := 1; i < v.Type().NumIn(); i++ {
				in = append(in, reflect.Zero(v.Type().In(i)))
			}
			call := v.Call
			if v.Type().IsVariadic() {
				call = v.CallSlice
			}
			out := call(in)
			if err, _ := out[len(out)-1].Interface().(error); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s answered %v", m.Name, err)
			}
		}
	})
}

// A host's own tables are reached through it, within the same transaction.
func TestFaultyStoreKeepsTheTransaction(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := authtest.NewFaultyStore(t, db)
	if err := st.InTx(t.Context(), func(tx store.Store) error {
		if _, ok := sqlite.Tx(tx); !ok {
			t.Error("the transaction is hidden")
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
