package store

import (
	"context"
	"time"
)

// OutboxMessage is a mail or text message that has been promised and is not
// yet known to be delivered.
type OutboxMessage struct {
	ID string
	// Payload is encrypted: messages carry keys and codes.
	Payload []byte
	// Attempts counts the failed deliveries.
	Attempts  int
	CreatedAt time.Time
	// DueAt says when somebody may (again) try to deliver it.
	DueAt time.Time
}

// Outbox keeps messages from the commit of the work that they belong to until
// they are delivered.
type Outbox interface {
	// CreateMessage stores m and fills m.ID.
	CreateMessage(ctx context.Context, m *OutboxMessage) error
	// ClaimMessages returns up to max messages that are due at now, oldest
	// first, and makes them due again at until, so that nobody else claims
	// them before.
	ClaimMessages(ctx context.Context, now, until time.Time, max int) ([]*OutboxMessage, error)
	// RescheduleMessage saves Attempts and DueAt. An absent message is fine.
	RescheduleMessage(ctx context.Context, m *OutboxMessage) error
	// DeleteMessage removes a message: it was delivered, or given up. An absent
	// one is fine.
	DeleteMessage(ctx context.Context, id string) error
	// CountMessages returns how many are waiting.
	CountMessages(ctx context.Context) (int, error)
}
