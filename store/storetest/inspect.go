package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Backlog tests the ability [store.Backlog], if the store has it.
func Backlog(t *testing.T, open func(t *testing.T) store.Store) {
	if _, has := open(t).(store.Backlog); !has {
		t.Skip("the store does not know how long messages have been waiting")
	}
	t.Run("the oldest message counts, whenever it is due", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		b := st.(store.Backlog)
		equal(t, "oldest of none", got(b.OldestMessage(ctx))(t), time.Time{})
		young := &store.OutboxMessage{CreatedAt: at, DueAt: at.Add(-time.Hour)}
		old := &store.OutboxMessage{CreatedAt: at.Add(-24 * time.Hour), DueAt: at.Add(time.Hour)}
		ok(t, st.CreateMessage(ctx, young))
		equal(t, "oldest", got(b.OldestMessage(ctx))(t), young.CreatedAt)
		ok(t, st.CreateMessage(ctx, old))
		equal(t, "oldest", got(b.OldestMessage(ctx))(t), old.CreatedAt)
		ok(t, st.DeleteMessage(ctx, old.ID))
		equal(t, "oldest", got(b.OldestMessage(ctx))(t), young.CreatedAt)
	})
	t.Run("a context that has ended is honoured", func(t *testing.T) {
		b := open(t).(store.Backlog)
		honoursContext(t, calls(call{"OldestMessage", func(ctx context.Context) error { return val(b.OldestMessage(ctx)) }}))
	})
}

// Migrator tests the ability [store.Migrator], if the store has it. open
// returns stores whose tables are as they should be.
func Migrator(t *testing.T, open func(t *testing.T) store.Store) {
	if _, has := open(t).(store.Migrator); !has {
		t.Skip("the store has no migrations")
	}
	t.Run("nothing is missing, and to migrate again changes nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m, u := st.(store.Migrator), newUser(t, st)
		for range 2 {
			equal(t, "pending", len(got(m.Pending(ctx))(t)), 0)
			ok(t, m.Migrate(ctx))
		}
		same(t, got(st.User(ctx, u.ID))(t), u)
	})
	t.Run("a context that has ended is honoured", func(t *testing.T) {
		m := open(t).(store.Migrator)
		honoursContext(t, calls(
			call{"Pending", func(ctx context.Context) error { return val(m.Pending(ctx)) }},
			call{"Migrate", m.Migrate},
		))
	})
}

// Clock tests the ability [store.Clock], if what keeps something has it. It is
// taken to be on this machine, or one whose clock is right to the minute.
func Clock(t *testing.T, open func(t *testing.T) any) {
	c, has := open(t).(store.Clock)
	if !has {
		t.Skip("the store has no clock")
	}
	at := got(c.Time(t.Context()))(t)
	equal(t, "location", at.Location(), time.UTC)
	if off := time.Since(at).Abs(); off > time.Minute {
		t.Errorf("the clock is off by %v", off)
	}
	honoursContext(t, calls(call{"Time", func(ctx context.Context) error { return val(c.Time(ctx)) }}))
}

// Scope tests the ability [store.Scope], if what keeps something has it.
func Scope(t *testing.T, open func(t *testing.T) any) {
	s, has := open(t).(store.Scope)
	if !has {
		t.Skip("everybody sees what the store keeps")
	}
	if got := s.Scope(); got != store.ProcessScope && got != store.MachineScope {
		t.Errorf("got %q, which is no scope", got)
	}
}
