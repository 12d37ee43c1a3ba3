package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// database is an opened store, with what the server does to it.
type database struct {
	store.Store
	migrate func(context.Context) error
	close   func() error
}

// databaseKind is the kind of database that a setting names, or empty.
func databaseKind(text string) string {
	scheme, rest, _ := strings.Cut(text, ":")
	switch {
	case text == "memory:":
		return "memory"
	case scheme == "sqlite" && rest != "":
		return "sqlite"
	case scheme == "postgres" || scheme == "postgresql":
		return "postgres"
	}
	return ""
}

// openTimeout bounds the wait for a database that does not answer.
const openTimeout = 10 * time.Second

// openDatabase opens what s.Database names, and makes up a secret for one that
// forgets everything anyhow.
func (s *settings) openDatabase(ctx context.Context, log *slog.Logger) (*database, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	switch databaseKind(s.Database) {
	case "sqlite":
		st, err := sqlite.Open(ctx, strings.TrimPrefix(s.Database, "sqlite:"))
		if err != nil {
			return nil, err
		}
		return &database{st, st.Migrate, st.Close}, nil
	case "postgres":
		st, err := postgres.Open(ctx, s.Database)
		if err != nil {
			return nil, err
		}
		return &database{st, st.Migrate, st.Close}, nil
	default:
		log.Warn("the database is in memory: accounts and sessions are gone when the server stops")
		if len(s.Secret) == 0 {
			log.Warn("no secret is set: made one up for as long as the server runs")
			s.Secret = make([]byte, 32)
			_, _ = rand.Read(s.Secret) // never fails
		}
		return &database{memory.New(), func(context.Context) error { return nil }, func() error { return nil }}, nil
	}
}

// migrateTimeout bounds what the start waits for migrations, those of other
// instances included.
const migrateTimeout = 5 * time.Minute

func (d *database) bringUpToDate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	if err := d.migrate(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// ping asks whether the database answers.
func (d *database) ping(ctx context.Context) error {
	if p, ok := d.Store.(store.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}
