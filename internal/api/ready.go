package api

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/headless-auth/headless/store"
)

// Ready reports whether requests could be answered now: whatever keeps
// something answers, and its tables are up to date.
func (e *Env) Ready(ctx context.Context) error {
	kept := []any{e.Store}
	if !e.SharedSessions {
		kept = append(kept, e.SessionStore)
	}
	if !e.SharedLimits {
		kept = append(kept, e.Limits)
	}
	for _, st := range kept {
		if p, ok := st.(store.Pinger); ok {
			if err := p.Ping(ctx); err != nil {
				return fmt.Errorf("ping: %w", err)
			}
		}
	}
	// Tables that were up to date once stay so for this program.
	m, ok := e.Store.(store.Migrator)
	if !ok || atomic.LoadUint32(&e.migrated) == 1 {
		return nil
	}
	pending, err := m.Pending(ctx)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fmt.Errorf("%d migrations are missing: %s", len(pending), strings.Join(pending, ", "))
	}
	atomic.StoreUint32(&e.migrated, 1)
	return nil
}
