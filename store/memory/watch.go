package memory

import (
	"context"
	"slices"
	"sync"
)

// watchers are those who want to hear whose sessions change.
type watchers struct {
	mu        sync.Mutex // held while they are told, so that they are told in turn
	announces bool
	all       []*func(userID string)
}

// AnnounceSessions implements [store.SessionWatcher].
func (s *Store) AnnounceSessions() {
	w := &s.db.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	w.announces = true
}

// WatchSessions implements [store.SessionWatcher]. changed is called before
// the change returns.
func (s *Store) WatchSessions(ctx context.Context, changed func(userID string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &s.db.watchers
	w.mu.Lock()
	w.all = append(w.all, &changed)
	changed("")
	w.mu.Unlock()
	<-ctx.Done()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(x *func(string)) bool { return x == &changed })
	return ctx.Err()
}

// tell notes whose sessions a write has changed.
func (t *tables) tell(userID string) {
	if userID != "" {
		t.changed = append(t.changed, userID)
	}
}

// announce tells the watchers what has become visible.
func (d *db) announce(userIDs []string) {
	if len(userIDs) == 0 {
		return
	}
	w := &d.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.announces {
		return
	}
	for _, id := range userIDs {
		for _, changed := range w.all {
			(*changed)(id)
		}
	}
}
