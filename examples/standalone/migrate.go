package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

// migrateCommands bring a database's tables up to date.
func migrateCommands() []command {
	return []command{
		{name: "status", about: "list the steps that are missing", help: "Ends with status 3 if there are any.", setup: migrateStatusCommand},
		{name: "up", about: "take the steps that are missing",
			help: "It is safe to run while servers are running, by several instances at once, and\nagain after it was stopped midway.", setup: migrateUpCommand},
	}
}

// pending lists the steps that the tables lack.
func (d *database) pending(ctx context.Context) ([]string, error) {
	if m, ok := d.Store.(store.Migrator); ok {
		return m.Pending(ctx)
	}
	return nil, nil
}

// migrations are the steps as SQL.
func (s *settings) migrations() fs.FS {
	if databaseKind(s.Database) == "postgres" {
		return postgres.Migrations()
	}
	return sqlite.Migrations()
}

// toMigrate opens the database and runs do with the steps that are missing.
func (o *options) toMigrate(ctx context.Context, do func(s *settings, db *database, pending []string) error) error {
	s, err := o.settings()
	if err != nil {
		return err
	}
	s.Redis = "" // has no tables
	db, err := s.openDatabase(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	pending, err := db.pending(ctx)
	if err == nil {
		err = do(s, db, pending)
	}
	return errors.Join(err, db.close())
}

func migrateStatusCommand(o *options) action {
	o.config()
	return func(ctx context.Context) error {
		return o.toMigrate(ctx, func(_ *settings, _ *database, pending []string) error {
			for _, step := range pending {
				fmt.Fprintln(o.out, step)
			}
			if n := len(pending); n > 0 {
				return &exitError{exitAbsent, fmt.Errorf("%d steps are missing; standalone migrate up takes them", n)}
			}
			o.say("the tables are up to date")
			return nil
		})
	}
}

func migrateUpCommand(o *options) action {
	o.config()
	dry := o.Bool("dry-run", false, "list the steps, and take none")
	sql := o.Bool("sql", false, "write the SQL of the steps as well")
	return func(ctx context.Context) error {
		return o.toMigrate(ctx, func(s *settings, db *database, pending []string) error {
			for _, step := range pending {
				fmt.Fprintln(o.out, "--", step)
				if !*sql {
					continue
				}
				text, err := fs.ReadFile(s.migrations(), step+".sql")
				if err != nil {
					return err
				}
				fmt.Fprintf(o.out, "%s\n", text)
			}
			switch {
			case len(pending) == 0:
				o.say("the tables are up to date")
				return nil
			case *dry:
				o.say("%d steps are missing; none was taken", len(pending))
				return nil
			}
			if err := db.bringUpToDate(ctx); err != nil {
				return err
			}
			o.say("took %d steps; the tables are up to date", len(pending))
			return nil
		})
	}
}
