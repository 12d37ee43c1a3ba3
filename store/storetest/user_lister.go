package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// UserLister tests the ability [store.UserLister], if the store has it.
func UserLister(t *testing.T, open func(t *testing.T) store.Store) {
	if _, has := open(t).(store.UserLister); !has {
		t.Skip("the store does not list its users")
	}
	lister := func(t *testing.T) (store.UserLister, store.Store) {
		st := open(t)
		return st.(store.UserLister), st
	}

	t.Run("users are listed as they were stored, page by page", func(t *testing.T) {
		l, st := lister(t)
		ctx := t.Context()
		equal(t, "users at first", len(got(l.ListUsers(ctx, "", 10))(t)), 0)
		var want []*store.User
		for i := range 12 { // so that ids have one digit, and two
			u := fullUser()
			u.Username += string(rune('a' + i))
			u.CreatedAt = now().Add(-time.Duration(i) * time.Hour) // whatever that says
			ok(t, st.CreateUser(ctx, u))
			ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: u.ID + "@example.org", Primary: true}))
			want = append(want, got(st.User(ctx, u.ID))(t))
		}
		same(t, got(l.ListUsers(ctx, "", 100))(t), want)
		for size := 1; size <= 13; size++ {
			var all []*store.User
			for after := ""; ; after = all[len(all)-1].ID {
				page := got(l.ListUsers(ctx, after, size))(t)
				if len(page) > size {
					t.Fatalf("got a page of %d, want at most %d", len(page), size)
				}
				if len(page) == 0 || len(all) > len(want) {
					break
				}
				all = append(all, page...)
			}
			same(t, all, want)
		}
		for _, none := range []int{0, -1} {
			equal(t, "users", len(got(l.ListUsers(ctx, "", none))(t)), 0)
		}
	})

	t.Run("a page goes on after a user who has gone", func(t *testing.T) {
		l, st := lister(t)
		ctx := t.Context()
		a, b, c := newUser(t, st), newUser(t, st), newUser(t, st)
		ok(t, st.DeleteUser(ctx, b.ID))
		same(t, got(l.ListUsers(ctx, a.ID, 10))(t), []*store.User{c})
		same(t, got(l.ListUsers(ctx, b.ID, 10))(t), []*store.User{c})
	})

	t.Run("a transaction sees its own", func(t *testing.T) {
		_, st := lister(t)
		ctx := t.Context()
		newUser(t, st)
		ok(t, st.InTx(ctx, func(tx store.Store) error {
			if err := tx.CreateUser(ctx, &store.User{}); err != nil {
				return err
			}
			l, has := tx.(store.UserLister)
			if !has {
				t.Fatal("the store lists its users, but not in a transaction")
			}
			equal(t, "users", len(got(l.ListUsers(ctx, "", 10))(t)), 2)
			return nil
		}))
	})

	t.Run("what is handed out is the caller's", func(t *testing.T) {
		l, st := lister(t)
		ctx := t.Context()
		u := fullUser()
		ok(t, st.CreateUser(ctx, u))
		want := got(st.User(ctx, u.ID))(t)
		page := got(l.ListUsers(ctx, "", 1))(t)
		page[0].Username = "changed"
		clear(page[0].Fields)
		same(t, got(st.User(ctx, u.ID))(t), want)
	})

	t.Run("ids that were never given out have nobody after them", func(t *testing.T) {
		l, st := lister(t)
		u := newUser(t, st)
		for _, id := range neverIDs(u.ID) {
			if id != "" {
				equal(t, "users after "+id, len(got(l.ListUsers(t.Context(), id, 10))(t)), 0)
			}
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		l, _ := lister(t)
		honoursContext(t, calls(
			call{"ListUsers", func(ctx context.Context) error { return val(l.ListUsers(ctx, "", 1)) }},
		))
	})
}
