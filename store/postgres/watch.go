package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// channel is where changes are told: one for each table of sessions in a
// database. The server says its name, as it knows which table is meant.
const channel = `('auth_sessions_' || 'auth_sessions'::regclass::oid)`

// announced makes a statement tell whose sessions it changes. They are told
// when it is committed, each once.
func announced(statement, column string) string {
	return `with changed as (` + statement + `) select ` + column + ` from changed
		where user_id is null or pg_notify(` + channel + `, user_id::text) is not null`
}

// AnnounceSessions implements [store.SessionWatcher]: by NOTIFY, in the very
// statement that changes something.
func (s *Store) AnnounceSessions() { s.announces.Store(true) }

const (
	// echo begins what listeners tell themselves; ids of users don't.
	echo = "?"
	// echoWithin is how long that may take.
	echoWithin = 5 * time.Second
	// silence is how long nothing may be heard before the connection is tried.
	silence = 10 * time.Second
)

// errDeaf has no other cause than the one it names.
var errDeaf = errors.New("notifications don't arrive; is there a pooler in transaction mode in between?")

// WatchSessions implements [store.SessionWatcher]: by LISTEN, on a connection
// beside the pool.
func (s *Store) WatchSessions(ctx context.Context, changed func(userID string)) error {
	err := s.listen(ctx, changed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !errors.Is(err, errDeaf) {
		err = translate(ctx, err)
	}
	return fmt.Errorf("watch sessions: %w", err)
}

func (s *Store) listen(ctx context.Context, changed func(string)) error {
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(ctx)
	}()
	var name string
	if err := c.QueryRow(ctx, `select `+channel).Scan(&name); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, `listen `+pgx.Identifier{name}.Sanitize()); err != nil {
		return err
	}
	if err := s.hear(ctx, c, name); err != nil {
		return err
	}
	changed("")
	for {
		payload, err := await(ctx, c, silence)
		if err != nil && ctx.Err() == nil && pgconn.Timeout(err) {
			if err = try(ctx, c); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		if !strings.HasPrefix(payload, echo) {
			changed(payload)
		}
	}
}

// connect opens a connection as the pool does, which may be too small to give
// one away for good.
func (s *Store) connect(ctx context.Context) (*pgx.Conn, error) {
	p := s.pool.pool.Config()
	f := p.ConnConfig
	f.OnNotification = nil
	if p.BeforeConnect != nil {
		if err := p.BeforeConnect(ctx, f); err != nil {
			return nil, err
		}
	}
	c, err := pgx.ConnectConfig(ctx, f)
	if err == nil && p.AfterConnect != nil {
		if err = p.AfterConnect(ctx, c); err != nil {
			_ = c.Close(ctx)
		}
	}
	return c, err
}

// hear makes sure that what others say arrives: a pooler may have taken the
// LISTEN to a connection that it has lent to somebody else by now.
func (s *Store) hear(ctx context.Context, c *pgx.Conn, name string) error {
	ctx, cancel := context.WithTimeout(ctx, echoWithin)
	defer cancel()
	word := echo + rand.Text()
	if _, err := s.pool.Exec(ctx, `select pg_notify($1, $2)`, name, word); err != nil {
		return err
	}
	for {
		switch payload, err := await(ctx, c, echoWithin); {
		case err != nil && pgconn.Timeout(err):
			return errDeaf
		case err != nil:
			return err
		case payload == word:
			return nil
		}
	}
}

// await waits for the next notification.
func await(ctx context.Context, c *pgx.Conn, long time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	n, err := c.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return n.Payload, nil
}

// try asks whether the server is still there.
func try(ctx context.Context, c *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, echoWithin)
	defer cancel()
	return c.Ping(ctx)
}
