package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

const createMessage = `insert into auth_outbox (payload, attempts, created_at, due_at)
	values ($1, $2, $3, $4) returning id`

// CreateMessage implements [store.Outbox].
func (s *Store) CreateMessage(ctx context.Context, m *store.OutboxMessage) error {
	var id int64
	err := s.save(ctx, &id, createMessage, filled(m.Payload), m.Attempts, m.CreatedAt, m.DueAt)
	if err != nil {
		return did("create outbox message", err)
	}
	m.ID = text(id)
	return nil
}

// Between the two stands [Database.SkipLocked].
const (
	claimMessagesDue = `with due as (select id from auth_outbox where due_at <= $1 order by created_at, id limit $3`
	claimMessages    = `) update auth_outbox set due_at = $2 from due where auth_outbox.id = due.id
		returning auth_outbox.id, payload, attempts, created_at, due_at`
)

// ClaimMessages implements [store.Outbox].
func (s *Store) ClaimMessages(ctx context.Context, now, until time.Time, limit int) ([]*store.OutboxMessage, error) {
	type row struct {
		id int64
		*store.OutboxMessage
	}
	var rows []row
	err := s.again(ctx, func() error {
		rows = nil
		return s.write.Query(ctx, func(scan Scan) error {
			m := row{OutboxMessage: &store.OutboxMessage{}}
			err := scan(&m.id, &m.Payload, &m.Attempts, &m.CreatedAt, &m.DueAt)
			m.ID = text(m.id)
			rows = append(rows, m)
			return err
		}, claimMessagesDue+s.db.SkipLocked+claimMessages, now, until, max(limit, 0))
	})
	if err != nil {
		return nil, did("claim outbox messages", err)
	}
	// An update returns its rows in no order.
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.id, b.id))
	})
	var l []*store.OutboxMessage
	for _, m := range rows {
		l = append(l, m.OutboxMessage)
	}
	return l, nil
}

const rescheduleMessage = `update auth_outbox set attempts = $2, due_at = $3 where id = $1`

// RescheduleMessage implements [store.Outbox].
func (s *Store) RescheduleMessage(ctx context.Context, m *store.OutboxMessage) error {
	_, err := s.exec(ctx, rescheduleMessage, number(m.ID), m.Attempts, m.DueAt)
	return did("reschedule outbox message", err)
}

const deleteMessage = `delete from auth_outbox where id = $1`

// DeleteMessage implements [store.Outbox].
func (s *Store) DeleteMessage(ctx context.Context, id string) error {
	_, err := s.exec(ctx, deleteMessage, number(id))
	return did("delete outbox message", err)
}

const countMessages = `select count(*) from auth_outbox`

// CountMessages implements [store.Outbox].
func (s *Store) CountMessages(ctx context.Context) (int, error) {
	n, err := one(ctx, s, scanInt, countMessages)
	return n, did("count outbox messages", err)
}

const oldestMessage = `select created_at from auth_outbox order by created_at limit 1`

// OldestMessage implements [store.Backlog].
func (s *Store) OldestMessage(ctx context.Context) (time.Time, error) {
	at, err := one(ctx, s, scanTime, oldestMessage)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return at, did("find the oldest outbox message", err)
}
