package memory

import (
	"context"
	"slices"
	"time"

	"github.com/headless-auth/headless/store"
)

// AppendAudit implements [store.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, e *store.AuditEntry) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	e.ID = s.db.last.audit.next()
	k := cloneEntry(e)
	k.At = micro(e.At)
	t.audit.set(k.ID, k)
	l, _ := t.auditOf.get(k.UserID)
	if i := olderThan(l, k); i < len(l) {
		l = slices.Concat(l[:i], []*store.AuditEntry{k}, l[i:])
	} else {
		l = append(l, k)
	}
	t.auditOf.set(k.UserID, l)
	return nil
}

// AuditOf implements [store.AuditLog]. Entries of one time are listed against
// the order they were made in. An unknown before has nothing older. The empty
// user has the entries where no account was concerned.
func (s *Store) AuditOf(ctx context.Context, userID, before string, limit int) ([]*store.AuditEntry, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l, _ := t.auditOf.get(userID)
	if before != "" {
		e, ok := t.audit.get(before)
		if !ok {
			return nil, nil
		}
		l = l[:olderThan(l, e)]
	}
	l = slices.Clone(l[len(l)-min(len(l), max(limit, 0)):])
	slices.Reverse(l)
	return copies(l, cloneEntry), nil
}

// DeleteAuditBefore implements [store.AuditLog].
func (s *Store) DeleteAuditBefore(ctx context.Context, before time.Time) (int, error) {
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	defer t.shrink()
	users := map[string]bool{}
	n := t.audit.sweep(func(e *store.AuditEntry) bool {
		old := e.At.Before(before)
		if old {
			users[e.UserID] = true
		}
		return old
	})
	for id := range users {
		l, _ := t.auditOf.get(id)
		i := slices.IndexFunc(l, func(e *store.AuditEntry) bool { return !e.At.Before(before) })
		if i < 0 {
			t.auditOf.delete(id)
		} else {
			t.auditOf.set(id, slices.Clone(l[i:]))
		}
	}
	return n, nil
}

// olderThan returns how many of l are older than e.
func olderThan(l []*store.AuditEntry, e *store.AuditEntry) int {
	i, _ := slices.BinarySearchFunc(l, e, func(a, b *store.AuditEntry) int { return compareAge(a.At, a.ID, b.At, b.ID) })
	return i
}

func cloneEntry(e *store.AuditEntry) *store.AuditEntry {
	c := *e
	own((*[]byte)(&c.Data))
	return &c
}
