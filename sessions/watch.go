package sessions

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

// Share has stores tell other instances of changes, if sessions are remembered,
// and the stores can. See [Manager.Watch].
func (m *Manager) Share(stores ...any) {
	if m.cache == nil {
		return
	}
	for i, s := range stores {
		w, ok := s.(store.SessionWatcher)
		if !ok || i > 0 && s == stores[0] {
			continue
		}
		w.AnnounceSessions()
		m.watched = append(m.watched, w)
	}
}

// Watch forgets what other instances change, until ctx ends. Before it first
// hears of changes, and where it never does, what is remembered is as old as
// CacheFor allows. Once it hears no more, nothing is remembered until it does.
func (m *Manager) Watch(ctx context.Context, log *slog.Logger) {
	var watching sync.WaitGroup
	for _, w := range m.watched {
		watching.Go(func() { (&watch{m.cache, w, log, time.Time{}}).run(ctx) })
	}
	watching.Wait()
}

// watch is one store's.
type watch struct {
	cache  *cache
	store  store.SessionWatcher
	log    *slog.Logger
	lostAt time.Time // zero: it hears, or never has
}

// How long to wait after a failure.
const (
	leastPause = 100 * time.Millisecond
	mostPause  = 10 * time.Second
)

func (w *watch) run(ctx context.Context) {
	defer w.end()
	for pause := leastPause; ; pause = min(2*pause, mostPause) {
		hears := false
		err := w.store.WatchSessions(ctx, func(userID string) {
			if userID != "" {
				w.cache.drop(userID)
				return
			}
			w.cache.dropAll()
			if !hears {
				hears = true
				w.hears()
			}
		})
		if hears {
			w.lost()
			pause = leastPause
		}
		if ctx.Err() != nil {
			return
		}
		level := slog.LevelDebug
		if hears || pause == leastPause { // the first failure of several
			level = slog.LevelWarn
		}
		w.log.Log(ctx, level, "changes of sessions by other instances are not heard; trying again", "error", err, "remembering", w.lostAt.IsZero())
		t := time.NewTimer(pause/2 + rand.N(pause)) // #nosec G404 -- nobody gains by guessing it
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

func (w *watch) hears() {
	if !w.lostAt.IsZero() {
		w.log.Info("changes of sessions by other instances are heard again", "after", time.Since(w.lostAt))
		w.lostAt = time.Time{}
		w.cache.deaf.Add(-1)
	}
	w.cache.hearing.Add(1)
}

func (w *watch) lost() {
	w.lostAt = time.Now()
	w.cache.deaf.Add(1)
	w.cache.hearing.Add(-1)
}

// end leaves the cache as it was before there was a watch.
func (w *watch) end() {
	w.cache.dropAll()
	if !w.lostAt.IsZero() {
		w.cache.deaf.Add(-1)
	}
}

// CacheStats says what is remembered.
type CacheStats struct {
	// Sessions are in memory now, and take so many Bytes.
	Sessions, Bytes int64
	// Watching is how many stores tell of changes by other instances: those
	// that can, once it is established.
	Watching int64
}

// CacheStats returns them.
func (m *Manager) CacheStats() CacheStats {
	if m.cache == nil {
		return CacheStats{}
	}
	sessions, bytes := m.cache.held()
	return CacheStats{int64(sessions), int64(bytes), m.cache.hearing.Load()}
}
