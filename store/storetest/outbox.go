package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

func message(due time.Duration) *store.OutboxMessage {
	at := now()
	return &store.OutboxMessage{Payload: bytes.Clone(binary), Attempts: 2, CreatedAt: at, DueAt: at.Add(due)}
}

// Outbox tests the contract [store.Outbox].
func Outbox(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m := message(0)
		m.ID, m.Payload = "given", bytes.Repeat(binary, 1000)
		ok(t, st.CreateMessage(ctx, m))
		until := now().Add(time.Hour)
		want := clone(m)
		want.DueAt = until
		for range 2 {
			clear(m.Payload)
			l := got(st.ClaimMessages(ctx, until, until, 10))(t)
			same(t, l, []*store.OutboxMessage{want})
			m = l[0]
		}
		ok(t, st.DeleteMessage(ctx, m.ID))
		bare := &store.OutboxMessage{DueAt: now()}
		ok(t, st.CreateMessage(ctx, bare))
		same(t, got(st.ClaimMessages(ctx, bare.DueAt, bare.DueAt, 1))(t), []*store.OutboxMessage{bare})
	})

	t.Run("what is due is claimed, oldest first", func(t *testing.T) {
		st, ctx, at := open(t), t.Context(), now()
		create := func(age, due time.Duration) *store.OutboxMessage {
			m := &store.OutboxMessage{Payload: []byte("x"), CreatedAt: at.Add(-age), DueAt: at.Add(due)}
			ok(t, st.CreateMessage(ctx, m))
			return m
		}
		third := create(0, -time.Minute)
		fourth := create(0, -time.Hour)
		create(time.Hour, time.Microsecond) // not yet
		second := create(time.Microsecond, 0)
		first := create(time.Hour, -time.Second)
		fifth := create(0, 0)
		until := at.Add(time.Minute)
		for _, m := range []*store.OutboxMessage{first, second, third, fourth, fifth} {
			m.DueAt = until
		}
		for _, none := range []int{0, -1} {
			equal(t, "claimed", len(got(st.ClaimMessages(ctx, at, until, none))(t)), 0)
		}
		same(t, got(st.ClaimMessages(ctx, at, until, 2))(t), []*store.OutboxMessage{first, second})
		same(t, got(st.ClaimMessages(ctx, at, until, 2))(t), []*store.OutboxMessage{third, fourth})
		same(t, got(st.ClaimMessages(ctx, at, until, 2))(t), []*store.OutboxMessage{fifth})
		equal(t, "claimed", len(got(st.ClaimMessages(ctx, at, until, 2))(t)), 0)
		equal(t, "waiting", got(st.CountMessages(ctx))(t), 6)
	})

	t.Run("a claim lasts until its time", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m := message(0)
		ok(t, st.CreateMessage(ctx, m))
		at, until := m.DueAt, m.DueAt.Add(time.Minute)
		equal(t, "claimed before it is due", len(got(st.ClaimMessages(ctx, at.Add(-time.Microsecond), until, 9))(t)), 0)
		equal(t, "claimed", len(got(st.ClaimMessages(ctx, at, until, 9))(t)), 1)
		equal(t, "claimed by others", len(got(st.ClaimMessages(ctx, until.Add(-time.Microsecond), until, 9))(t)), 0)
		equal(t, "claimed again", len(got(st.ClaimMessages(ctx, until, until.Add(time.Minute), 9))(t)), 1)
	})

	t.Run("rescheduling saves Attempts and DueAt", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m := message(0)
		ok(t, st.CreateMessage(ctx, m))
		want := *m
		want.Attempts, want.DueAt = 3, m.DueAt.Add(time.Hour)
		ok(t, st.RescheduleMessage(ctx, &store.OutboxMessage{ID: m.ID, Payload: []byte("other"), Attempts: 3, CreatedAt: now().Add(time.Hour), DueAt: want.DueAt}))
		equal(t, "claimed before it is due", len(got(st.ClaimMessages(ctx, want.DueAt.Add(-time.Microsecond), want.DueAt, 9))(t)), 0)
		same(t, got(st.ClaimMessages(ctx, want.DueAt, want.DueAt, 9))(t), []*store.OutboxMessage{&want})
		ok(t, st.RescheduleMessage(ctx, m)) // sooner
		same(t, got(st.ClaimMessages(ctx, m.DueAt, m.DueAt, 9))(t), []*store.OutboxMessage{m})
	})

	t.Run("a removed message stays away", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m, other := message(0), message(0)
		ok(t, st.CreateMessage(ctx, m))
		ok(t, st.CreateMessage(ctx, other))
		equal(t, "waiting", got(st.CountMessages(ctx))(t), 2)
		ok(t, st.DeleteMessage(ctx, m.ID))
		ok(t, st.DeleteMessage(ctx, m.ID))
		ok(t, st.RescheduleMessage(ctx, m))
		equal(t, "waiting", got(st.CountMessages(ctx))(t), 1)
		later := now().Add(time.Hour)
		other.DueAt = later
		same(t, got(st.ClaimMessages(ctx, later, later, 9))(t), []*store.OutboxMessage{other})
	})

	t.Run("ids that were never given out are fine", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		m := message(0)
		ok(t, st.CreateMessage(ctx, m))
		for _, id := range neverIDs(m.ID) {
			ok(t, st.DeleteMessage(ctx, id))
			ok(t, st.RescheduleMessage(ctx, &store.OutboxMessage{ID: id, DueAt: now().Add(time.Hour)}))
		}
		same(t, got(st.ClaimMessages(ctx, m.DueAt, m.DueAt, 9))(t), []*store.OutboxMessage{m})
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st, m := open(t), message(0)
		honoursContext(t, calls(
			call{"CreateMessage", func(ctx context.Context) error { return st.CreateMessage(ctx, m) }},
			call{"ClaimMessages", func(ctx context.Context) error { return val(st.ClaimMessages(ctx, now(), now(), 9)) }},
			call{"RescheduleMessage", func(ctx context.Context) error { return st.RescheduleMessage(ctx, m) }},
			call{"DeleteMessage", func(ctx context.Context) error { return st.DeleteMessage(ctx, "1") }},
			call{"CountMessages", func(ctx context.Context) error { return val(st.CountMessages(ctx)) }},
		))
		equal(t, "waiting", got(st.CountMessages(t.Context()))(t), 0)
	})
}
