package sqlstore

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed migrations
var embedded embed.FS

// Migrations returns the migrations of a dialect, named like
// "0001_initial.sql", in the order of their names.
func Migrations(dialect string) fs.FS {
	f, err := fs.Sub(embedded, "migrations/"+dialect)
	if err != nil {
		panic(err) // only for names that are none
	}
	return f
}

// migration is one step of the schema.
type migration struct {
	version       int64
	name          string // without ".sql"
	sql, checksum string
}

// migrations reads them in order. The n-th has number n.
func migrations(f fs.FS) ([]migration, error) {
	names, err := fs.Glob(f, "*.sql")
	if err != nil {
		return nil, err
	}
	var l []migration
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil || v != int64(i+1) {
			return nil, fmt.Errorf("migration %s should have number %d", name, i+1)
		}
		b, err := fs.ReadFile(f, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		l = append(l, migration{v, strings.TrimSuffix(path.Base(name), ".sql"), string(b), hex.EncodeToString(sum[:])})
	}
	return l, nil
}

// Migrate applies the migrations that are missing, each in one transaction.
func (s *Store) Migrate(ctx context.Context) error {
	return did("migrate", s.migrate(ctx, Migrations(s.db.Dialect)))
}

func (s *Store) migrate(ctx context.Context, f fs.FS) error {
	all, err := migrations(f)
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := retry(ctx, func() error {
			return s.once(ctx, s.db.BeginMigration, func(tx *Store) (err error) {
				done, err = tx.step(ctx, all)
				return err
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	appliedMigrations = `select version, name, checksum from auth_migrations order by version`
	recordMigration   = `insert into auth_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4)`
)

// step applies the first migration that is missing, if any.
func (s *Store) step(ctx context.Context, all []migration) (done bool, err error) {
	applied, err := list(ctx, s, scanMigration, appliedMigrations)
	if err != nil {
		return false, err
	}
	pending, err := compare(all, applied)
	if err != nil || len(pending) == 0 {
		return true, err
	}
	next := pending[0]
	if _, err := s.tx.Exec(ctx, next.sql); err != nil {
		return false, did(next.name, err)
	}
	_, err = s.exec(ctx, recordMigration, next.version, next.name, next.checksum, time.Now())
	return len(pending) == 1, did("record "+next.name, err)
}

func scanMigration(row Scan) (m migration, err error) {
	err = row(&m.version, &m.name, &m.checksum)
	return m, err
}

// compare returns those of all that were not applied.
func compare(all, applied []migration) (pending []migration, err error) {
	for i, a := range applied {
		switch {
		case i >= len(all):
			return nil, fmt.Errorf("the database is newer than this program: it has migration %s, the last one known is %s",
				applied[len(applied)-1].name, all[len(all)-1].name)
		case a.version != all[i].version || a.name != all[i].name:
			return nil, fmt.Errorf("the database has migration %s where this program has %s", a.name, all[i].name)
		case a.checksum != all[i].checksum:
			return nil, fmt.Errorf("migration %s was changed after it was applied", a.name)
		}
	}
	return all[len(applied):], nil
}

// Pending names the migrations that are missing.
func (s *Store) Pending(ctx context.Context) ([]string, error) {
	names, err := s.pending(ctx, Migrations(s.db.Dialect))
	return names, did("list pending migrations", err)
}

// errLook ends a transaction in which there was only something to look at.
var errLook = errors.New("nothing to keep")

func (s *Store) pending(ctx context.Context, f fs.FS) ([]string, error) {
	all, err := migrations(f)
	if err != nil {
		return nil, err
	}
	var pending []migration
	err = retry(ctx, func() error {
		return s.once(ctx, s.db.BeginMigration, func(tx *Store) error {
			applied, err := list(ctx, tx, scanMigration, appliedMigrations)
			if err == nil {
				pending, err = compare(all, applied)
			}
			if err == nil {
				err = errLook
			}
			return err
		})
	})
	if err != nil && !errors.Is(err, errLook) {
		return nil, err
	}
	names := make([]string, len(pending))
	for i, m := range pending {
		names[i] = m.name
	}
	return names, nil
}
