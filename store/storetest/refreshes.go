package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

const grace = 10 * time.Second

func use(s *store.Session, generation int64, at time.Time) *store.Refresh {
	return &store.Refresh{
		SessionID: s.ID, UserID: s.UserID, Epoch: s.Epoch, Generation: generation, Now: at, Grace: grace,
		ExpiresAt: at.Add(2 * time.Hour), IP: "192.0.2.9", UserAgent: "refresher/1",
	}
}

// refreshes tests [store.SessionRefresher] where the store has it.
func refreshes(t *testing.T, open func(t *testing.T) store.Sessions) {
	start := func(t *testing.T) (store.Sessions, store.SessionRefresher, *store.Session) {
		st := open(t)
		r, is := st.(store.SessionRefresher)
		if !is {
			t.Skip("the store refreshes no sessions")
		}
		s := session(owners(t, st)(), 1)
		ok(t, st.CreateSession(t.Context(), s))
		return st, r, s
	}

	t.Run("a refresh changes the generation and touches the session", func(t *testing.T) {
		st, r, s := start(t)
		at := s.CreatedAt.Add(time.Minute)
		back, user, err := r.RefreshSession(t.Context(), use(s, 0, at))
		ok(t, err)
		want := *s
		want.Generation, want.RefreshedAt, want.SeenAt, want.ExpiresAt = 1, at, at, at.Add(2*time.Hour)
		want.IP, want.UserAgent = "192.0.2.9", "refresher/1"
		same(t, back, &want)
		same(t, got(st.Session(t.Context(), s.ID))(t), &want)
		same(t, got(st.SessionByHash(t.Context(), s.TokenHash))(t), &want)
		if users, is := st.(store.Users); is {
			same(t, user, got(users.User(t.Context(), s.UserID))(t))
		}
		later := at.Add(grace)
		back, _, err = r.RefreshSession(t.Context(), use(s, 1, later))
		ok(t, err)
		equal(t, "Generation", back.Generation, 2)
		equal(t, "RefreshedAt", back.RefreshedAt, later)
	})

	t.Run("within the grace the generation stays, for it and the one before", func(t *testing.T) {
		_, r, s := start(t)
		at := s.CreatedAt.Add(time.Minute)
		for i, generation := range []int64{0, 0, 1, 0, 1} {
			back, _, err := r.RefreshSession(t.Context(), use(s, generation, at.Add(time.Duration(i)*time.Second)))
			ok(t, err)
			equal(t, "Generation", back.Generation, 1)
			equal(t, "RefreshedAt", back.RefreshedAt, at)
		}
	})

	t.Run("other generations are refused and change nothing", func(t *testing.T) {
		st, r, s := start(t)
		at := s.CreatedAt.Add(time.Minute)
		for _, generation := range []int64{-1, 1, 2} {
			_, _, err := r.RefreshSession(t.Context(), use(s, generation, at))
			fails(t, err, store.ErrConflict)
		}
		same(t, got(st.Session(t.Context(), s.ID))(t), s)
		for range 3 {
			_, _, err := r.RefreshSession(t.Context(), use(s, int64(at.Sub(s.CreatedAt)/time.Minute)-1, at))
			ok(t, err)
			at = at.Add(time.Minute)
		}
		before := got(st.Session(t.Context(), s.ID))(t)
		equal(t, "Generation", before.Generation, 3)
		for _, generation := range []int64{0, 1, 2, 4} {
			_, _, err := r.RefreshSession(t.Context(), use(s, generation, at))
			fails(t, err, store.ErrConflict)
		}
		_, _, err := r.RefreshSession(t.Context(), use(s, 1, at.Add(-time.Minute))) // two before, within the grace
		fails(t, err, store.ErrConflict)
		same(t, got(st.Session(t.Context(), s.ID))(t), before)
	})

	t.Run("a session that is over, or another's, is not refreshed", func(t *testing.T) {
		st, r, s := start(t)
		at := s.CreatedAt.Add(time.Minute)
		for _, change := range []func(*store.Refresh){
			func(r *store.Refresh) { r.Now = s.ExpiresAt },
			func(r *store.Refresh) { r.Epoch-- },
			func(r *store.Refresh) { r.UserID += "1" },
			func(r *store.Refresh) { r.UserID = "" },
			func(r *store.Refresh) { r.SessionID += "1" },
			func(r *store.Refresh) { r.SessionID = "" },
			func(r *store.Refresh) { r.SessionID = "nonsense" },
		} {
			u := use(s, 0, at)
			change(u)
			_, _, err := r.RefreshSession(t.Context(), u)
			fails(t, err, store.ErrNotFound)
		}
		same(t, got(st.Session(t.Context(), s.ID))(t), s)
		ok(t, st.DeleteSession(t.Context(), s.ID))
		_, _, err := r.RefreshSession(t.Context(), use(s, 0, at))
		fails(t, err, store.ErrNotFound)
		absent(st.Session(t.Context(), s.ID))(t)
	})

	t.Run("saves and touches leave the generation alone", func(t *testing.T) {
		st, r, s := start(t)
		at := s.CreatedAt.Add(time.Minute)
		_, _, err := r.RefreshSession(t.Context(), use(s, 0, at))
		ok(t, err)
		s.State, s.Generation, s.RefreshedAt = []byte("saved"), 7, at.Add(time.Hour)
		ok(t, st.TouchSession(t.Context(), s, s.SeenAt))
		ok(t, st.UpdateSession(t.Context(), s)) // of the version before the refresh
		back := got(st.Session(t.Context(), s.ID))(t)
		equal(t, "Generation", back.Generation, 1)
		equal(t, "RefreshedAt", back.RefreshedAt, at)
		equal(t, "State", string(back.State), "saved")
	})

	t.Run("of many refreshes at once one changes the generation", func(t *testing.T) {
		st, r, s := start(t)
		for round := range rounds(5) {
			at := s.CreatedAt.Add(time.Duration(round+1) * time.Minute)
			for i, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
				back, _, err := r.RefreshSession(ctx, use(s, int64(round), at.Add(time.Duration(i)*time.Millisecond)))
				if err == nil && back.Generation != int64(round)+1 {
					t.Errorf("got generation %d, want %d", back.Generation, round+1)
				}
				return err
			}) {
				if err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
			}
			equal(t, "Generation", got(st.Session(t.Context(), s.ID))(t).Generation, int64(round)+1)
		}
	})
}
