package sqlstore

import (
	"context"
	"io/fs"
)

// MigrateFrom is Migrate with other migrations.
func (s *Store) MigrateFrom(ctx context.Context, f fs.FS) error { return s.migrate(ctx, f) }

// PendingFrom is Pending with other migrations.
func (s *Store) PendingFrom(ctx context.Context, f fs.FS) ([]string, error) { return s.pending(ctx, f) }
