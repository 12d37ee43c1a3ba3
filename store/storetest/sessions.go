package storetest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

func session(userID string, n int) *store.Session {
	at := now()
	return &store.Session{
		UserID: userID, TokenHash: hash(n), Epoch: 3, Methods: store.Methods(`[{"method":"password","at":1711555057.065702,"username":"ü"}]`),
		State: bytes.Clone(binary), IP: "192.0.2.1", UserAgent: "Mozilla/5.0 (ü)",
		CreatedAt: at, SeenAt: at.Add(time.Second), ExpiresAt: at.Add(time.Hour),
	}
}

// Sessions tests the contract [store.Sessions], and [store.SessionUser] and
// [store.SessionRefresher] where the store has them.
func Sessions(t *testing.T, open func(t *testing.T) store.Sessions) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		user := owners(t, st)()
		s := session(user, 1)
		s.ID, s.Version = "given", 9
		ok(t, st.CreateSession(ctx, s))
		if s.ID == "" || s.ID == "given" {
			t.Fatalf("ID was not filled: %q", s.ID)
		}
		equal(t, "Version", s.Version, 1)
		same(t, got(st.Session(ctx, s.ID))(t), s)
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), s)
		same(t, got(st.SessionsOf(ctx, user))(t), []*store.Session{s})
	})

	t.Run("nothing is kept as nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		s := &store.Session{TokenHash: hash(1), ExpiresAt: now().Add(time.Hour)}
		ok(t, st.CreateSession(ctx, s))
		back := got(st.SessionByHash(ctx, hash(1)))(t)
		same(t, back, s)
		if back.State != nil {
			t.Errorf("State: got %q, want nil", back.State)
		}
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		user := owners(t, st)()
		s := session(user, 1)
		ok(t, st.CreateSession(ctx, s))
		want := clone(got(st.SessionByHash(ctx, hash(1)))(t))
		scribble := func(s *store.Session) {
			s.UserID, s.Epoch = "", 99
			for _, b := range [][]byte{s.TokenHash, s.Methods, s.State} {
				clear(b)
				_ = append(b, "scribble"...)
			}
		}
		scribble(s)
		scribble(got(st.Session(ctx, want.ID))(t))
		scribble(got(st.SessionByHash(ctx, hash(1)))(t))
		scribble(got(st.SessionsOf(ctx, user))(t)[0])
		if both, is := st.(store.SessionUser); is {
			s, u, err := both.SessionAndUser(ctx, hash(1))
			ok(t, err)
			scribble(s)
			if u != nil {
				u.FirstName = "scribble"
				clear(u.Fields)
			}
		}
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), want)
		changed := got(st.Session(ctx, want.ID))(t)
		ok(t, st.UpdateSession(ctx, changed))
		scribble(changed)
		want.Version = 2
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), want)
	})

	t.Run("a token is known once", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		a, b := session("", 1), session("", 2)
		ok(t, st.CreateSession(ctx, a))
		ok(t, st.CreateSession(ctx, b))
		dup := session("", 1)
		fails(t, st.CreateSession(ctx, dup), store.ErrConflict)
		if dup.ID != "" || dup.Version != 0 {
			t.Errorf("got id %q and version %d after a refusal", dup.ID, dup.Version)
		}
		x := got(st.Session(ctx, b.ID))(t)
		x.TokenHash = hash(1)
		fails(t, st.UpdateSession(ctx, x), store.ErrConflict)
		equal(t, "Version after a refused update", x.Version, 1)
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), a)
		same(t, got(st.SessionByHash(ctx, hash(2)))(t), b)
		ok(t, st.DeleteSession(ctx, a.ID))
		ok(t, st.UpdateSession(ctx, x))
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), x)
	})

	t.Run("no token finds nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, none := range [][]byte{nil, {}} {
			_ = st.CreateSession(ctx, &store.Session{TokenHash: none, ExpiresAt: now().Add(time.Hour)}) // better refused
			absent(st.SessionByHash(ctx, none))(t)
			if both, is := st.(store.SessionUser); is {
				_, _, err := both.SessionAndUser(ctx, none)
				fails(t, err, store.ErrNotFound)
			}
		}
		ok(t, st.CreateSession(ctx, session("", 1)))
		for _, near := range [][]byte{nil, {}, hash(1)[:31], append(hash(1), 0), hash(2), []byte("%"), {0}} {
			absent(st.SessionByHash(ctx, near))(t)
		}
	})

	t.Run("an update saves everything, and the new token at once", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		newUser := owners(t, st)
		first, second := newUser(), newUser()
		s := &store.Session{TokenHash: hash(1), ExpiresAt: now().Add(time.Minute)}
		ok(t, st.CreateSession(ctx, s))
		x := session(first, 2)
		x.ID, x.Version = s.ID, s.Version
		ok(t, st.UpdateSession(ctx, x))
		equal(t, "Version", x.Version, 2)
		absent(st.SessionByHash(ctx, hash(1)))(t)
		same(t, got(st.SessionByHash(ctx, hash(2)))(t), x)
		same(t, got(st.Session(ctx, s.ID))(t), x)
		same(t, got(st.SessionsOf(ctx, first))(t), []*store.Session{x})
		x.UserID = second
		ok(t, st.UpdateSession(ctx, x))
		equal(t, "sessions of the former user", len(got(st.SessionsOf(ctx, first))(t)), 0)
		same(t, got(st.SessionsOf(ctx, second))(t), []*store.Session{x})
		x.UserID, x.Methods, x.State, x.IP, x.UserAgent, x.Epoch = "", nil, nil, "", "", 0
		ok(t, st.UpdateSession(ctx, x))
		equal(t, "Version", x.Version, 4)
		equal(t, "sessions of the former user", len(got(st.SessionsOf(ctx, second))(t)), 0)
		same(t, got(st.SessionByHash(ctx, hash(2)))(t), x)
		ok(t, st.CreateSession(ctx, session("", 1))) // the old token is free
	})

	t.Run("an update of what was saved or ended is refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		s := session("", 1)
		ok(t, st.CreateSession(ctx, s))
		first, second := got(st.Session(ctx, s.ID))(t), got(st.Session(ctx, s.ID))(t)
		first.State, second.State, second.TokenHash = []byte("first"), []byte("second"), hash(2)
		ok(t, st.UpdateSession(ctx, first))
		fails(t, st.UpdateSession(ctx, second), store.ErrConflict)
		equal(t, "Version after a refused update", second.Version, 1)
		second.Version = 3 // one that is yet to come
		fails(t, st.UpdateSession(ctx, second), store.ErrConflict)
		absent(st.SessionByHash(ctx, hash(2)))(t)
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), first)
		ok(t, st.DeleteSession(ctx, s.ID))
		first.TokenHash = hash(3)
		fails(t, st.UpdateSession(ctx, first), store.ErrConflict)
		for n := 1; n <= 3; n++ {
			absent(st.SessionByHash(ctx, hash(n)))(t)
		}
		absent(st.Session(ctx, s.ID))(t)
	})

	t.Run("a touch sets four fields and changes no version", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		newUser := owners(t, st)
		user, other := newUser(), newUser()
		s := session(user, 1)
		ok(t, st.CreateSession(ctx, s))
		touch := session(other, 2)
		touch.ID, touch.Version, touch.Epoch, touch.State, touch.Methods = s.ID, 9, 9, nil, nil
		touch.SeenAt, touch.ExpiresAt, touch.CreatedAt = s.SeenAt.Add(time.Minute), s.ExpiresAt.Add(time.Minute), s.CreatedAt.Add(time.Minute)
		touch.IP, touch.UserAgent = "192.0.2.2", "other"
		ok(t, st.TouchSession(ctx, touch, touch.SeenAt))
		want := *s
		want.SeenAt, want.ExpiresAt, want.IP, want.UserAgent = touch.SeenAt, touch.ExpiresAt, touch.IP, touch.UserAgent
		same(t, got(st.Session(ctx, s.ID))(t), &want)
		same(t, got(st.SessionByHash(ctx, hash(1)))(t), &want)
		same(t, got(st.SessionsOf(ctx, user))(t), []*store.Session{&want})
		absent(st.SessionByHash(ctx, hash(2)))(t)
		equal(t, "sessions of another", len(got(st.SessionsOf(ctx, other))(t)), 0)
		s.State = []byte("a save of the version before the touch")
		ok(t, st.UpdateSession(ctx, s))
		same(t, got(st.Session(ctx, s.ID))(t), s)
	})

	t.Run("a touch of what was seen since does nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		s := session("", 1)
		ok(t, st.CreateSession(ctx, s))
		touch := *s
		touch.SeenAt, touch.IP = s.SeenAt.Add(time.Minute), "192.0.2.2"
		ok(t, st.TouchSession(ctx, &touch, s.SeenAt.Add(-time.Microsecond)))
		same(t, got(st.Session(ctx, s.ID))(t), s)
		ok(t, st.TouchSession(ctx, &touch, s.SeenAt))
		same(t, got(st.Session(ctx, s.ID))(t), &touch)
	})

	t.Run("a touch moves the end for the sweep, both ways", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		at := now().Add(time.Hour)
		longer, shorter := session("", 1), session("", 2)
		longer.ExpiresAt, shorter.ExpiresAt = at, at.Add(time.Hour)
		ok(t, st.CreateSession(ctx, longer))
		ok(t, st.CreateSession(ctx, shorter))
		longer.ExpiresAt, shorter.ExpiresAt = at.Add(time.Hour), at
		ok(t, st.TouchSession(ctx, longer, longer.SeenAt))
		ok(t, st.TouchSession(ctx, shorter, shorter.SeenAt))
		equal(t, "swept", got(st.DeleteExpiredSessions(ctx, at))(t), 1)
		same(t, got(st.Session(ctx, longer.ID))(t), longer)
		absent(st.Session(ctx, shorter.ID))(t)
	})

	t.Run("a touch brings nothing back", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		user := owners(t, st)()
		s := session(user, 1)
		ok(t, st.CreateSession(ctx, s))
		ok(t, st.DeleteSession(ctx, s.ID))
		ok(t, st.TouchSession(ctx, s, s.SeenAt))
		absent(st.Session(ctx, s.ID))(t)
		absent(st.SessionByHash(ctx, hash(1)))(t)
		equal(t, "sessions", len(got(st.SessionsOf(ctx, user))(t)), 0)
	})

	t.Run("a user's sessions are listed oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		newUser := owners(t, st)
		user, other, at := newUser(), newUser(), now()
		var l []*store.Session
		for i, age := range []time.Duration{0, 0, time.Microsecond, 0, time.Minute} {
			s := session(user, i)
			s.CreatedAt = at.Add(-age)
			ok(t, st.CreateSession(ctx, s))
			ok(t, st.CreateSession(ctx, session(other, 100+i)))
			l = append(l, s)
		}
		same(t, got(st.SessionsOf(ctx, user))(t), []*store.Session{l[4], l[2], l[0], l[1], l[3]})
		l[4].CreatedAt = at.Add(time.Minute) // as a login does
		ok(t, st.UpdateSession(ctx, l[4]))
		same(t, got(st.SessionsOf(ctx, user))(t), []*store.Session{l[2], l[0], l[1], l[3], l[4]})
	})

	t.Run("a user's sessions are ended but one", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		newUser := owners(t, st)
		user, other := newUser(), newUser()
		var l []*store.Session
		for i := range 4 {
			l = append(l, session(user, i))
			ok(t, st.CreateSession(ctx, l[i]))
		}
		theirs, nobodys := session(other, 10), session("", 11)
		ok(t, st.CreateSession(ctx, theirs))
		ok(t, st.CreateSession(ctx, nobodys))
		ok(t, st.DeleteSessionsOf(ctx, user, l[2].ID))
		same(t, got(st.SessionsOf(ctx, user))(t), []*store.Session{l[2]})
		for i := range l {
			if i != 2 {
				absent(st.SessionByHash(ctx, hash(i)))(t)
				absent(st.Session(ctx, l[i].ID))(t)
				fails(t, st.UpdateSession(ctx, l[i]), store.ErrConflict)
			}
		}
		ok(t, st.DeleteSessionsOf(ctx, user, theirs.ID)) // which is another's
		equal(t, "sessions", len(got(st.SessionsOf(ctx, user))(t)), 0)
		ok(t, st.DeleteSessionsOf(ctx, user, ""))
		same(t, got(st.SessionsOf(ctx, other))(t), []*store.Session{theirs})
		same(t, got(st.Session(ctx, nobodys.ID))(t), nobodys)
		ok(t, st.CreateSession(ctx, session(user, 0))) // the old token is free
	})

	t.Run("nobody has no sessions", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		s := session("", 1)
		ok(t, st.CreateSession(ctx, s))
		equal(t, "sessions", len(got(st.SessionsOf(ctx, ""))(t)), 0)
		ok(t, st.DeleteSessionsOf(ctx, "", ""))
		same(t, got(st.Session(ctx, s.ID))(t), s)
	})

	t.Run("expired sessions are swept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		user, at := owners(t, st)(), now().Add(time.Hour)
		for i, end := range []time.Time{at.Add(-time.Minute), at, at.Add(time.Microsecond), {}} {
			s := session(user, i)
			s.ExpiresAt = end
			ok(t, st.CreateSession(ctx, s))
		}
		s := session("", 9)
		s.ExpiresAt = at
		ok(t, st.CreateSession(ctx, s))
		equal(t, "swept", got(st.DeleteExpiredSessions(ctx, at))(t), 3)
		equal(t, "swept again", got(st.DeleteExpiredSessions(ctx, at))(t), 0)
		for _, n := range []int{0, 1, 9} {
			absent(st.SessionByHash(ctx, hash(n)))(t)
		}
		got(st.SessionByHash(ctx, hash(2)))(t)
		if !got(st.SessionByHash(ctx, hash(3)))(t).ExpiresAt.IsZero() {
			t.Error("the zero time did not come back as it was")
		}
		equal(t, "sessions", len(got(st.SessionsOf(ctx, user))(t)), 2)
		equal(t, "swept later", got(st.DeleteExpiredSessions(ctx, at.Add(time.Microsecond)))(t), 1)
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		user := owners(t, st)()
		s := session(user, 1)
		ok(t, st.CreateSession(ctx, s))
		for _, id := range neverIDs(s.ID) {
			absent(st.Session(ctx, id))(t)
			x := session("", 2)
			x.ID, x.Version = id, 1
			fails(t, st.UpdateSession(ctx, x), store.ErrConflict)
			ok(t, st.TouchSession(ctx, x, x.SeenAt))
			ok(t, st.DeleteSession(ctx, id))
		}
		for _, id := range neverIDs(user) {
			equal(t, "sessions", len(got(st.SessionsOf(ctx, id))(t)), 0)
			ok(t, st.DeleteSessionsOf(ctx, id, ""))
		}
		absent(st.SessionByHash(ctx, hash(2)))(t)
		same(t, got(st.Session(ctx, s.ID))(t), s)
	})

	t.Run("long and odd texts are kept or refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for i, text := range append(oddTexts, strings.Repeat("ü", 10_000)) {
			s := &store.Session{TokenHash: hash(i), IP: text, UserAgent: text, State: bytes.Repeat([]byte{0, 0xFF}, 50_000), ExpiresAt: now().Add(time.Hour)}
			err := st.CreateSession(ctx, s)
			faithful(t, text, err, func() (string, error) {
				same(t, got(st.Session(ctx, s.ID))(t), s)
				return s.UserAgent, nil
			})
		}
	})

	t.Run("a session is found with its user", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		both, is := st.(store.SessionUser)
		users, has := st.(store.Users)
		if !is || !has {
			t.Skip("the store can't find both at once")
		}
		u := fullUser()
		ok(t, users.CreateUser(ctx, u))
		s, nobodys := session(u.ID, 1), session("", 2)
		ok(t, st.CreateSession(ctx, s))
		ok(t, st.CreateSession(ctx, nobodys))
		gotSession, gotUser, err := both.SessionAndUser(ctx, hash(1))
		ok(t, err)
		same(t, gotSession, s)
		same(t, gotUser, got(users.User(ctx, u.ID))(t))
		gotSession, gotUser, err = both.SessionAndUser(ctx, hash(2))
		ok(t, err)
		same(t, gotSession, nobodys)
		same(t, gotUser, nil)
		_, _, err = both.SessionAndUser(ctx, hash(3))
		fails(t, err, store.ErrNotFound)
		for _, want := range []*store.Session{s, nobodys} {
			gotSession, gotUser, err = both.SessionAndUserByID(ctx, want.ID)
			ok(t, err)
			same(t, gotSession, want)
			if want == nobodys {
				same(t, gotUser, nil)
			} else {
				same(t, gotUser, got(users.User(ctx, u.ID))(t))
			}
		}
		for _, id := range neverIDs(s.ID) {
			_, _, err = both.SessionAndUserByID(ctx, id)
			fails(t, err, store.ErrNotFound)
		}
		ok(t, users.DeleteUser(ctx, u.ID))
		_, _, err = both.SessionAndUser(ctx, hash(1))
		fails(t, err, store.ErrNotFound)
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st, x := open(t), session("", 1)
		l := calls(
			call{"CreateSession", func(ctx context.Context) error { return st.CreateSession(ctx, x) }},
			call{"SessionByHash", func(ctx context.Context) error { return val(st.SessionByHash(ctx, hash(1))) }},
			call{"Session", func(ctx context.Context) error { return val(st.Session(ctx, "1")) }},
			call{"UpdateSession", func(ctx context.Context) error { return st.UpdateSession(ctx, x) }},
			call{"TouchSession", func(ctx context.Context) error { return st.TouchSession(ctx, x, x.SeenAt) }},
			call{"DeleteSession", func(ctx context.Context) error { return st.DeleteSession(ctx, "1") }},
			call{"SessionsOf", func(ctx context.Context) error { return val(st.SessionsOf(ctx, "1")) }},
			call{"DeleteSessionsOf", func(ctx context.Context) error { return st.DeleteSessionsOf(ctx, "1", "") }},
			call{"DeleteExpiredSessions", func(ctx context.Context) error { return val(st.DeleteExpiredSessions(ctx, now())) }},
		)
		if both, is := st.(store.SessionUser); is {
			l = append(l, call{"SessionAndUser", func(ctx context.Context) error { _, _, err := both.SessionAndUser(ctx, hash(1)); return err }})
		}
		if r, is := st.(store.SessionRefresher); is {
			l = append(l, call{"RefreshSession", func(ctx context.Context) error { _, _, err := r.RefreshSession(ctx, use(x, 0, now())); return err }})
		}
		honoursContext(t, l)
		absent(st.SessionByHash(t.Context(), hash(1)))(t)
	})

	refreshes(t, open)
	raceSessions(t, open)
}
