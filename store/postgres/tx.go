package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/store/internal/sqlstore"
)

// tx is a transaction. What can travel together does: its beginning goes with
// the first statement, and what nobody waits for with the next one, or with the
// commit.
type tx struct {
	ctx   context.Context // that it lives in
	conn  *pgxpool.Conn
	tx    pgx.Tx // nil until it has begun
	hosts bool   // the host has it too
	later []later
	// failed is why it has not begun, or is without what waited: it stays so. Or
	// that it is over.
	failed error
}

// later is a statement that waits for company.
type later struct {
	each  func(sqlstore.Scan) error
	query string
	args  []any
}

// Later implements [sqlstore.Tx].
func (t *tx) Later(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return translate(ctx, err)
	}
	switch {
	case t.failed != nil:
		return t.failed
	case t.hosts: // who asks it without us
		return t.Query(ctx, each, query, args...)
	}
	t.later = append(t.later, later{each, query, args})
	return nil
}

// alone reports that nothing has to travel with the next statement.
func (t *tx) alone() bool { return t.tx != nil && len(t.later) == 0 }

// message has what has to travel with the next statement.
func (t *tx) message() *pgx.Batch {
	b := &pgx.Batch{}
	if t.tx == nil {
		b.BeginTx(pgx.TxOptions{})
	}
	for _, l := range t.later {
		b.Queue(l.query, l.args...)
	}
	return b
}

// send sends a message. What was added to it, rest reads the answers to.
func (t *tx) send(ctx context.Context, b *pgx.Batch, rest func(pgx.BatchResults) error) (err error) {
	waiting := t.later
	t.later = nil
	var answers pgx.BatchResults
	if t.tx != nil {
		answers = t.tx.SendBatch(ctx, b)
	} else {
		answers = t.conn.SendBatch(ctx, b)
		if _, err = answers.Exec(); err == nil {
			t.tx = answers.Tx()
		}
		err = translate(ctx, err)
	}
	for i := 0; err == nil && i < len(waiting); i++ {
		err = answer(ctx, answers, waiting[i].each)
	}
	if t.failed == nil && (len(waiting) > 0 || t.tx == nil) {
		t.failed = err
	}
	if err == nil {
		err = rest(answers)
	}
	if closed := answers.Close(); err == nil {
		err = translate(ctx, closed)
	}
	return err
}

// answer reads the next answer, and calls each for every row.
func answer(ctx context.Context, answers pgx.BatchResults, each func(sqlstore.Scan) error) error {
	rows, err := answers.Query()
	return scan(ctx, rows, err, each)
}

// flush sends what waits.
func (t *tx) flush(ctx context.Context) error {
	if t.alone() {
		return nil
	}
	return t.send(ctx, t.message(), func(pgx.BatchResults) error { return nil })
}

// Exec implements [sqlstore.Querier]. Without arguments the query may be
// several statements, which can't be part of a message.
func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.alone() || len(args) == 0 {
		if err := t.flush(ctx); err != nil {
			return 0, err
		}
		tag, err := t.tx.Exec(ctx, query, args...)
		return tag.RowsAffected(), translate(ctx, err)
	}
	b := t.message()
	b.Queue(query, args...)
	var tag pgconn.CommandTag
	err := t.send(ctx, b, func(answers pgx.BatchResults) (err error) {
		tag, err = answers.Exec()
		return translate(ctx, err)
	})
	return tag.RowsAffected(), err
}

// Query implements [sqlstore.Querier].
func (t *tx) Query(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	if t.alone() {
		rows, err := t.tx.Query(ctx, query, args...)
		return scan(ctx, rows, err, each)
	}
	b := t.message()
	b.Queue(query, args...)
	return t.send(ctx, b, func(answers pgx.BatchResults) error { return answer(ctx, answers, each) })
}

// Write implements [sqlstore.Querier]. An error spoils a transaction for good,
// so the statement runs behind a savepoint. All goes in one message; only a
// refusal costs another.
func (t *tx) Write(ctx context.Context, each func(sqlstore.Scan) error, query string, args ...any) error {
	b := t.message()
	b.Queue("savepoint auth_write")
	b.Queue(query, args...)
	b.Queue("release savepoint auth_write")
	saved := false
	err := t.send(ctx, b, func(answers pgx.BatchResults) error {
		if _, err := answers.Exec(); err != nil {
			return translate(ctx, err)
		}
		saved = true
		return answer(ctx, answers, each)
	})
	if e := (*pgconn.PgError)(nil); saved && errors.As(err, &e) {
		_, undone := t.tx.Exec(ctx, "rollback to savepoint auth_write; release savepoint auth_write")
		err = errors.Join(err, translate(ctx, undone))
	}
	return err
}

// Commit implements [sqlstore.Tx]. Whether it was sent is for us to say: to the
// driver a commit is safe to retry also if the connection ends before the
// answer, as it meets its own closed connection when it reads on.
func (t *tx) Commit(ctx context.Context) error {
	defer t.Rollback(ctx) // gives the connection back
	switch {
	case t.failed != nil:
		return t.failed
	case t.tx == nil && len(t.later) == 0:
		return nil
	case t.conn.Conn().IsClosed() || ctx.Err() != nil || gone(t.conn.Conn().PgConn().Conn()):
		return translate(ctx, pgconn.ErrConnClosed)
	}
	err := t.commit(ctx)
	var told *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	if err == nil || errors.As(err, &told) && !strings.HasPrefix(told.Code, lost) || errors.As(err, &unsent) || errors.Is(err, pgx.ErrTxCommitRollback) {
		return translate(ctx, err)
	}
	// No answer came. Nobody may believe that nothing was written, so this is
	// neither "unavailable" nor the end of the time for it.
	return fmt.Errorf("nobody knows whether the transaction was committed: %v", err)
}

// lost is the class of errors with which a pooler says that it has lost the
// server, and knows no more than we.
const lost = "08"

func (t *tx) commit(ctx context.Context) error {
	if t.alone() {
		return t.tx.Commit(ctx)
	}
	b := t.message()
	b.Queue("commit")
	var tag pgconn.CommandTag
	err := t.send(ctx, b, func(answers pgx.BatchResults) (err error) {
		tag, err = answers.Exec()
		return err
	})
	switch tag.String() {
	case "COMMIT": // whatever came after it
		return nil
	case "ROLLBACK":
		return pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback implements [sqlstore.Tx].
func (t *tx) Rollback(ctx context.Context) {
	if t.tx != nil && t.conn.Conn().PgConn().TxStatus() != idle {
		// Without an answer the connection is closed, which rolls back too.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = t.tx.Rollback(ctx)
	}
	t.conn.Release()
	// Whoever has kept it must not get at a connection that is others' by now.
	t.tx, t.later, t.failed = closed, nil, pgx.ErrTxClosed
}

const idle = 'I' // the status of a connection outside of transactions

// Native implements [sqlstore.Tx]. A transaction that can't begin is a closed
// one to the host.
func (t *tx) Native() (any, error) {
	t.hosts = true
	err := t.flush(t.ctx)
	if t.tx == nil {
		return closed, err
	}
	return t.tx, err
}

// closed is a transaction that is over.
var closed = func() pgx.Tx {
	b := &pgx.Batch{}
	b.BeginTx(pgx.TxOptions{})
	return pgx.FailedBatchResults(b, pgx.ErrTxClosed).Tx()
}()
