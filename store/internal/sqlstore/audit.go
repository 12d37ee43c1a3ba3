package sqlstore

import (
	"context"
	"time"

	"github.com/headless-auth/headless/store"
)

func scanAudit(row Scan) (*store.AuditEntry, error) {
	var e store.AuditEntry
	var id int64
	err := row(&id, &e.UserID, &e.Kind, (*[]byte)(&e.Data), &e.IP, &e.UserAgent, &e.At)
	e.ID, e.Data = text(id), filled(e.Data)
	return &e, err
}

const appendAudit = `insert into auth_audit (user_id, kind, data, ip, user_agent, created_at)
	values ($1, $2, $3, $4, $5, $6) returning id`

// AppendAudit implements [store.AuditLog].
func (s *Store) AppendAudit(ctx context.Context, e *store.AuditEntry) error {
	var id int64
	err := s.save(ctx, &id, appendAudit, e.UserID, e.Kind, string(e.Data), e.IP, e.UserAgent, e.At)
	if err != nil {
		return did("append to audit log", err)
	}
	e.ID = text(id)
	return nil
}

const (
	auditOf = `select id, user_id, kind, data, ip, user_agent, created_at from auth_audit
		where user_id = $1 order by created_at desc, id desc limit $2`
	auditOfBefore = `select id, user_id, kind, data, ip, user_agent, created_at from auth_audit
		where user_id = $1 and (created_at, id) < (select b.created_at, b.id from auth_audit b where b.id = $3)
		order by created_at desc, id desc limit $2`
)

// AuditOf implements [store.AuditLog].
func (s *Store) AuditOf(ctx context.Context, userID, before string, limit int) (l []*store.AuditEntry, err error) {
	if limit = max(limit, 0); before == "" {
		l, err = list(ctx, s, scanAudit, auditOf, userID, limit)
	} else {
		l, err = list(ctx, s, scanAudit, auditOfBefore, userID, limit, number(before))
	}
	return l, did("list audit entries", err)
}

const deleteAuditBefore = `delete from auth_audit where created_at < $1`

// DeleteAuditBefore implements [store.AuditLog].
func (s *Store) DeleteAuditBefore(ctx context.Context, t time.Time) (int, error) {
	n, err := s.exec(ctx, deleteAuditBefore, t)
	return int(n), did("delete audit entries", err)
}
