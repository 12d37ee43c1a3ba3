package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/store/sqlite"
)

// database is an opened store, with what the server does to it.
type database struct {
	store.Store
	sessions store.Sessions // nil: they are in Store
	limits   store.Limits
	migrate  func(context.Context) error
	closers  []func() error
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

// openDatabase opens what s.Database names and, beside it, what s.Redis does.
// It makes up a secret for a database that forgets everything anyhow.
func (s *settings) openDatabase(ctx context.Context, log *slog.Logger) (*database, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	db, err := s.openStore(ctx, log)
	if err != nil || s.Redis == "" {
		return db, err
	}
	o, err := goredis.ParseURL(s.Redis)
	if err != nil {
		return nil, errors.Join(err, db.close())
	}
	client := goredis.NewClient(o)
	kept := redis.New(client, redis.Options{})
	db.sessions, db.limits = kept, kept
	db.closers = append(db.closers, client.Close)
	if err := kept.Ping(ctx); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func (s *settings) openStore(ctx context.Context, log *slog.Logger) (*database, error) {
	switch databaseKind(s.Database) {
	case "sqlite":
		st, err := sqlite.Open(ctx, strings.TrimPrefix(s.Database, "sqlite:"))
		if err != nil {
			return nil, err
		}
		return &database{Store: st, migrate: st.Migrate, closers: []func() error{st.Close}}, nil
	case "postgres":
		st, err := postgres.Open(ctx, s.Database)
		if err != nil {
			return nil, err
		}
		return &database{Store: st, migrate: st.Migrate, closers: []func() error{st.Close}}, nil
	default:
		log.Warn("the database is in memory: accounts and sessions are gone when the server stops")
		if len(s.Secret) == 0 {
			log.Warn("no secret is set: made one up for as long as the server runs")
			s.Secret = make([]byte, 32)
			_, _ = rand.Read(s.Secret) // never fails
		}
		return &database{Store: memory.New(), migrate: func(context.Context) error { return nil }}, nil
	}
}

// databaseExists refuses a file that is not there, which opening it would make.
func (s *settings) databaseExists() error {
	path, ok := strings.CutPrefix(s.Database, "sqlite:")
	if !ok || path == ":memory:" {
		return nil
	}
	_, err := os.Stat(path)
	return err
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

func (d *database) close() error {
	var errs []error
	for _, c := range slices.Backward(d.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}
