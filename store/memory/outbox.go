package memory

import (
	"context"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// CreateMessage implements [store.Outbox].
func (s *Store) CreateMessage(ctx context.Context, m *store.OutboxMessage) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	m.ID = s.db.last.message.next()
	k := cloneMessage(m)
	k.CreatedAt, k.DueAt = micro(m.CreatedAt), micro(m.DueAt)
	t.messages.set(k.ID, k)
	return nil
}

// ClaimMessages implements [store.Outbox]. It looks at everything that waits.
func (s *Store) ClaimMessages(ctx context.Context, now, until time.Time, limit int) ([]*store.OutboxMessage, error) {
	t, err := s.write(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneWriting()
	var l []*store.OutboxMessage
	for _, m := range t.messages.all() {
		if over(m.DueAt, now) {
			l = append(l, m)
		}
	}
	slices.SortFunc(l, func(a, b *store.OutboxMessage) int { return compareAge(a.CreatedAt, a.ID, b.CreatedAt, b.ID) })
	l = l[:min(len(l), max(limit, 0))]
	for i, m := range l {
		k := *m
		k.DueAt = micro(until)
		t.messages.set(k.ID, &k)
		l[i] = cloneMessage(&k)
	}
	return l, nil
}

// RescheduleMessage implements [store.Outbox].
func (s *Store) RescheduleMessage(ctx context.Context, m *store.OutboxMessage) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	if old, ok := t.messages.get(m.ID); ok {
		k := *old
		k.Attempts, k.DueAt = m.Attempts, micro(m.DueAt)
		t.messages.set(k.ID, &k)
	}
	return nil
}

// DeleteMessage implements [store.Outbox].
func (s *Store) DeleteMessage(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.messages.delete(id)
	return nil
}

// CountMessages implements [store.Outbox].
func (s *Store) CountMessages(ctx context.Context) (int, error) {
	t, err := s.read(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneReading()
	return t.messages.len(), nil
}

// OldestMessage implements [store.Backlog].
func (s *Store) OldestMessage(ctx context.Context) (oldest time.Time, err error) {
	t, err := s.read(ctx)
	if err != nil {
		return oldest, err
	}
	defer s.doneReading()
	for _, m := range t.messages.all() {
		if oldest.IsZero() || m.CreatedAt.Before(oldest) {
			oldest = m.CreatedAt
		}
	}
	return oldest, nil
}

func cloneMessage(m *store.OutboxMessage) *store.OutboxMessage {
	c := *m
	own(&c.Payload)
	return &c
}
