package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// SessionWatcher runs the part for stores that tell of changes. open returns
// the same store as two processes have it, or twice the same; if it keeps
// users as well, their changes are told, too.
func SessionWatcher(t *testing.T, open func(t *testing.T) (one, other store.Sessions)) {
	start := func(t *testing.T) *watching {
		one, other := open(t)
		a, is := one.(store.SessionWatcher)
		if !is {
			t.Skip("the store can't be watched")
		}
		a.AnnounceSessions()
		return watch(t, one, other)
	}

	t.Run("who has changed sessions is told", func(t *testing.T) {
		w := start(t)
		user := owners(t, w.one)
		a, b, c := user(), user(), user()
		kept, s, last := w.session(a), w.session(a), w.session(b)
		s.Methods = store.Methods(`[{"method":"password","at":1}]`)
		ok(t, w.one.UpdateSession(t.Context(), s))
		w.hears(a)
		equal(t, "methods", len(got(w.other.Session(t.Context(), s.ID))(t).Methods.List()), 1)
		ok(t, w.one.DeleteSession(t.Context(), s.ID))
		w.hears(a)
		absent(w.other.Session(t.Context(), s.ID))(t)
		w.session(a)
		ok(t, w.one.DeleteSessionsOf(t.Context(), a, kept.ID))
		w.hears(a)
		equal(t, "sessions", len(got(w.other.SessionsOf(t.Context(), a))(t)), 1)
		login := w.session("") // somebody logs in, and out
		login.UserID = c
		ok(t, w.one.UpdateSession(t.Context(), login))
		w.hears(c)
		ok(t, w.one.DeleteSession(t.Context(), last.ID))
		w.hears(b)
	})

	t.Run("what changes no answer is not told", func(t *testing.T) {
		w := start(t)
		user := owners(t, w.one)
		a, last := user(), w.session(user())
		s := w.session(a)
		s.SeenAt, s.IP = s.SeenAt.Add(time.Hour), "203.0.113.9"
		ok(t, w.one.TouchSession(t.Context(), s, s.SeenAt.Add(-time.Minute)))
		ok(t, val(w.one.Session(t.Context(), s.ID)))
		ok(t, val(w.one.SessionsOf(t.Context(), a)))
		ok(t, w.one.DeleteSession(t.Context(), "999999999"))
		if u, is := w.one.(store.Users); is {
			ok(t, u.RecordLogin(t.Context(), a, now()))
			ok(t, u.UpgradePassword(t.Context(), a, "", "x"))
		}
		w.onlyHears(last.UserID, a, func() { ok(t, w.one.DeleteSession(t.Context(), last.ID)) })
	})

	t.Run("who has changed is told", func(t *testing.T) {
		w := start(t)
		st, is := w.one.(interface {
			store.Users
			store.Emails
		})
		if !is {
			t.Skip("the store keeps no users")
		}
		u := newUser(t, st)
		u.Disabled = true
		ok(t, st.UpdateUser(t.Context(), u))
		w.hears(u.ID)
		equal(t, "disabled", got(w.other.(store.Users).User(t.Context(), u.ID))(t).Disabled, true)
		first := &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Primary: true, CreatedAt: now()}
		second := &store.EmailAddress{UserID: u.ID, Email: "b@example.org", CreatedAt: now()}
		ok(t, st.CreateEmail(t.Context(), first))
		w.hears(u.ID)
		ok(t, st.CreateEmail(t.Context(), second))
		ok(t, st.ChangeEmail(t.Context(), first.ID, "c@example.org"))
		w.hears(u.ID)
		ok(t, st.MakePrimaryEmail(t.Context(), u.ID, second.ID))
		w.hears(u.ID)
		ok(t, st.DeleteEmail(t.Context(), second.ID))
		w.hears(u.ID)
		ok(t, st.DeleteUser(t.Context(), u.ID))
		w.hears(u.ID)
		absent(w.other.(store.Users).User(t.Context(), u.ID))(t)
	})

	t.Run("a transaction tells when it is committed", func(t *testing.T) {
		w := start(t)
		st, is := w.one.(store.Store)
		if !is {
			t.Skip("the store has no transactions")
		}
		undone, u := w.session(newUser(t, st).ID), newUser(t, st)
		failed := errors.New("it is not to be")
		fails(t, st.InTx(t.Context(), func(tx store.Store) error {
			ok(t, tx.DeleteSession(t.Context(), undone.ID))
			return failed
		}), failed)
		w.onlyHears(u.ID, undone.UserID, func() {
			ok(t, st.InTx(t.Context(), func(tx store.Store) error {
				u.Epoch++
				ok(t, tx.UpdateUser(t.Context(), u))
				return tx.DeleteSessionsOf(t.Context(), u.ID, "")
			}))
		})
		equal(t, "epoch", got(w.other.(store.Users).User(t.Context(), u.ID))(t).Epoch, 1)
	})

	t.Run("watching ends with its context", func(t *testing.T) {
		w := start(t)
		w.end()
		if err := <-w.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %q", err, context.Canceled)
		}
		honoursContext(t, calls(call{"WatchSessions", func(ctx context.Context) error {
			return w.other.(store.SessionWatcher).WatchSessions(ctx, func(string) {})
		}}))
		// Whoever goes on is not held up.
		ok(t, w.one.DeleteSession(t.Context(), w.session(owners(t, w.one)()).ID))
	})
}

// watching is a store that one process changes and another watches.
type watching struct {
	t          *testing.T
	one, other store.Sessions
	heard      chan string
	end        context.CancelFunc
	ended      chan error
}

// watch returns once it hears.
func watch(t *testing.T, one, other store.Sessions) *watching {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	w := &watching{t, one, other, make(chan string, 1000), end, make(chan error, 1)}
	go func() {
		w.ended <- other.(store.SessionWatcher).WatchSessions(ctx, func(userID string) { w.heard <- userID })
		close(w.ended)
	}()
	t.Cleanup(func() {
		end()
		<-w.ended
	})
	w.hears("")
	return w
}

// next is who is heard of next.
func (w *watching) next() string {
	w.t.Helper()
	select {
	case id := <-w.heard:
		return id
	case err := <-w.ended:
		w.t.Fatalf("watching ended: %v", err)
	case <-time.After(10 * time.Second):
		w.t.Fatal("nothing is heard")
	}
	return ""
}

// hears waits for a user to be told of, once; that they were told of before
// the last change, twice, is fine.
func (w *watching) hears(userID string) {
	w.t.Helper()
	for w.next() != userID {
	}
}

// onlyHears does something, and hears of one user but not of the other.
func (w *watching) onlyHears(userID, not string, do func()) {
	w.t.Helper()
	do()
	for {
		switch w.next() {
		case userID:
			return
		case not:
			w.t.Fatal("heard of somebody who was not changed")
		}
	}
}

// session makes a session of a user.
func (w *watching) session(userID string) *store.Session {
	w.t.Helper()
	hash := make([]byte, 32)
	_, _ = rand.Read(hash)
	s := &store.Session{TokenHash: hash, UserID: userID, CreatedAt: now(), SeenAt: now(), ExpiresAt: now().Add(time.Hour)}
	ok(w.t, w.one.CreateSession(w.t.Context(), s))
	return s
}
