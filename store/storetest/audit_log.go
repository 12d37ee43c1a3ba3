package storetest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// AuditLog tests the ability [store.AuditLog], if the store has it.
func AuditLog(t *testing.T, open func(t *testing.T) store.Store) {
	if _, has := open(t).(store.AuditLog); !has {
		t.Skip("the store keeps no audit log")
	}
	log := func(t *testing.T) (store.AuditLog, store.Store) {
		st := open(t)
		return st.(store.AuditLog), st
	}
	add := func(t *testing.T, l store.AuditLog, userID string, at time.Time) *store.AuditEntry {
		t.Helper()
		e := &store.AuditEntry{UserID: userID, Kind: "user_logged_in", At: at}
		ok(t, l.AppendAudit(t.Context(), e))
		return e
	}

	t.Run("every field is kept", func(t *testing.T) {
		l, st := log(t)
		ctx, u := t.Context(), newUser(t, st)
		e := &store.AuditEntry{
			ID: "given", UserID: u.ID, Kind: "user_logged_in", Data: json.RawMessage(`{"method":"ü","n":9007199254740993}`),
			IP: "2001:db8::1", UserAgent: "Mozilla/5.0 (ü)", At: now(),
		}
		ok(t, l.AppendAudit(ctx, e))
		want := clone(e)
		clear(e.Data)
		back := got(l.AuditOf(ctx, u.ID, "", 10))(t)
		same(t, back, []*store.AuditEntry{want})
		clear(back[0].Data)
		same(t, got(l.AuditOf(ctx, u.ID, "", 10))(t), []*store.AuditEntry{want})
	})

	t.Run("entries are listed newest first, page by page", func(t *testing.T) {
		l, st := log(t)
		ctx, at := t.Context(), now()
		u, other := newUser(t, st), newUser(t, st)
		var made []*store.AuditEntry
		for _, age := range []int{3, 0, 0, 0, 5, 1} {
			made = append(made, add(t, l, u.ID, at.Add(-time.Duration(age)*time.Microsecond)))
			add(t, l, other.ID, at)
		}
		want := []*store.AuditEntry{made[3], made[2], made[1], made[5], made[0], made[4]}
		same(t, got(l.AuditOf(ctx, u.ID, "", 100))(t), want)
		for size := 1; size <= 7; size++ {
			var all []*store.AuditEntry
			for before := ""; ; before = all[len(all)-1].ID {
				page := got(l.AuditOf(ctx, u.ID, before, size))(t)
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
			equal(t, "entries", len(got(l.AuditOf(ctx, u.ID, "", none))(t)), 0)
		}
	})

	t.Run("entries outlive their user, and may concern nobody", func(t *testing.T) {
		l, st := log(t)
		ctx, u, at := t.Context(), newUser(t, st), now()
		first := add(t, l, u.ID, at)
		add(t, l, "", at)
		ok(t, st.DeleteUser(ctx, u.ID))
		second := add(t, l, u.ID, at.Add(time.Second))
		same(t, got(l.AuditOf(ctx, u.ID, "", 10))(t), []*store.AuditEntry{second, first})
	})

	t.Run("old entries are forgotten", func(t *testing.T) {
		l, st := log(t)
		ctx, u, at := t.Context(), newUser(t, st), now()
		old := add(t, l, u.ID, at.Add(-time.Microsecond))
		just := add(t, l, u.ID, at)
		add(t, l, "", at.Add(-time.Hour))
		last := add(t, l, u.ID, at.Add(time.Hour))
		equal(t, "forgotten", got(l.DeleteAuditBefore(ctx, at))(t), 2)
		equal(t, "forgotten again", got(l.DeleteAuditBefore(ctx, at))(t), 0)
		same(t, got(l.AuditOf(ctx, u.ID, "", 10))(t), []*store.AuditEntry{last, just})
		equal(t, "older than what is forgotten", len(got(l.AuditOf(ctx, u.ID, old.ID, 10))(t)), 0)
		equal(t, "forgotten in the end", got(l.DeleteAuditBefore(ctx, at.AddDate(1, 0, 0)))(t), 2)
		equal(t, "entries", len(got(l.AuditOf(ctx, u.ID, "", 10))(t)), 0)
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		l, st := log(t)
		ctx, u := t.Context(), newUser(t, st)
		e := add(t, l, u.ID, now())
		for _, id := range neverIDs(e.ID) {
			if id != "" {
				equal(t, "entries before "+id, len(got(l.AuditOf(ctx, u.ID, id, 10))(t)), 0)
			}
		}
		for _, id := range neverIDs(u.ID) {
			equal(t, "entries of "+id, len(got(l.AuditOf(ctx, id, "", 10))(t)), 0)
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		l, st := log(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"AppendAudit", func(ctx context.Context) error { return l.AppendAudit(ctx, &store.AuditEntry{UserID: u.ID, At: now()}) }},
			call{"AuditOf", func(ctx context.Context) error { return val(l.AuditOf(ctx, u.ID, "", 1)) }},
			call{"DeleteAuditBefore", func(ctx context.Context) error { return val(l.DeleteAuditBefore(ctx, now())) }},
		))
		equal(t, "entries", len(got(l.AuditOf(t.Context(), u.ID, "", 1))(t)), 0)
	})
}
