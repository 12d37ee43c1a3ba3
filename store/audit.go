package store

import (
	"context"
	"encoding/json"
	"time"
)

// AuditEntry is one line of the audit log: something that happened to an
// account. It outlives the account.
type AuditEntry struct {
	ID string
	// UserID is empty where no account was concerned.
	UserID string
	// Kind is the event's name, such as "user_logged_in".
	Kind string
	// Data is a JSON object with what else is known; it holds no secrets.
	Data          json.RawMessage
	IP, UserAgent string
	At            time.Time
}

// AuditLog is an optional ability of a [Store]: an append-only log.
type AuditLog interface {
	// AppendAudit stores e and fills e.ID. The user need not exist any more.
	AppendAudit(ctx context.Context, e *AuditEntry) error
	// AuditOf lists a user's entries, newest first, at most limit of them. If
	// before is not empty, only those older than the entry with that id.
	AuditOf(ctx context.Context, userID, before string, limit int) ([]*AuditEntry, error)
	// DeleteAuditBefore forgets the entries made before t, and returns how
	// many.
	DeleteAuditBefore(ctx context.Context, t time.Time) (int, error)
}
