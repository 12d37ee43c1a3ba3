// Package redis keeps sessions, rate limits and marks of single use in Redis,
// beside a database that keeps everything else.
//
//	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: …})
//	kept := headlessredis.New(client, headlessredis.Options{})
//	headless.Config{Store: db, SessionStore: kept, LimitStore: kept, …}
//
// Requests end in time whatever the client's own timeouts; only that of a
// cluster has to be made with ContextTimeoutEnabled for it.
//
// One server, Sentinel and Redis Cluster are alike: each step changes one key,
// in a script, so that nothing has to be in one slot with anything else. What
// spans several keys is ordered so that a crash in between leaves nothing that
// would let anybody in, and is put right when it is next read; see [Store].
//
// Redis must not evict keys by itself (maxmemory-policy noeviction). What it
// loses of its last second is logged out, or counted anew. When it can't be
// reached, every operation fails with [store.ErrUnavailable], and requests that
// need it are answered 503.
package redis

import (
	"context"
	"crypto/fips140"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/store"
)

// Options are optional.
type Options struct {
	// Prefix begins every key, and the channel of [Store.WatchSessions]. Default
	// "headless:". Two sites on one server need two, whatever their databases'
	// numbers: channels have none.
	Prefix string
}

// Store implements [store.Sessions], [store.SessionRefresher],
// [store.SessionWatcher], [store.Limits] and [store.Nonces]. It is safe for use
// by several goroutines.
//
// A session is a hash under its id. A token points to the id, in a key of its
// own, and counts only if the session says that it is its token: a pointer that
// is left over finds nothing. A user's ids are in a set, to which an id is
// added before the session is made or given to them, so that no session is
// missing there; ids that are left over are passed over, and removed.
type Store struct {
	client redis.UniversalClient
	prefix string
	ids    idMaker
	tokens tokenCache

	announces atomic.Bool
}

var _ interface {
	store.Sessions
	store.SessionRefresher
	store.SessionWatcher
	store.Limits
	store.Nonces
	store.Pinger
	store.Clock
} = (*Store)(nil)

// New returns a store on a client, which remains the caller's to close.
func New(client redis.UniversalClient, o Options) *Store {
	if o.Prefix == "" {
		o.Prefix = "headless:"
	}
	return &Store{client: inTime(client), prefix: o.Prefix}
}

// inTime is a client on the same connections that ends when a context does. By
// itself a client ends after timeouts of its own, which may be longer than a
// request. A client of a cluster can't be changed, so it is up to who made it.
func inTime(client redis.UniversalClient) redis.UniversalClient {
	c, ok := client.(*redis.Client)
	if !ok || c.Options().ContextTimeoutEnabled {
		return client
	}
	own := c.WithTimeout(c.Options().ReadTimeout)
	own.Options().ContextTimeoutEnabled = true
	return own
}

// Ping implements [store.Pinger].
func (s *Store) Ping(ctx context.Context) error { return did(ctx, "ping", s.client.Ping(ctx).Err()) }

// Time implements [store.Clock].
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	t, err := s.client.Time(ctx).Result()
	return t.UTC(), did(ctx, "ask for the time", err)
}

// temporary are the first words of a server's answers that another server, or
// the same one a little later, would not give.
var temporary = []string{"LOADING", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "TRYAGAIN", "NOREPLICAS", "BUSY", "OOM", "MISCONF", "UNBLOCKED", "ERR max number of clients"}

// did says what failed, in the store's terms.
func did(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	var reply redis.Error
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("%w: %w: %w", store.ErrUnavailable, ctx.Err(), err)
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrConflict), errors.As(err, new(defect)):
	case errors.As(err, &reply) && !isTemporary(reply.Error()):
	default: // the network, the pool, or a server that is not ready
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return fmt.Errorf("redis: %s: %w", what, err)
}

// defect is an error that does not come from the server.
type defect string

// errText: every other store would refuse such a key, too.
const errText = defect("the key holds a NUL byte or is not UTF-8")

func (d defect) Error() string { return string(d) }

func isTemporary(reply string) bool {
	for _, word := range temporary {
		if strings.HasPrefix(reply, word) {
			return true
		}
	}
	return false
}

// Keys live longer by this than what they hold, so that clocks may differ.
const (
	slack   = time.Hour
	longest = 100 * 365 * 24 * time.Hour
)

// ttl is how long to keep what ends at end, in milliseconds; 0 is for ever.
func ttl(now, end time.Time) int64 {
	if end.IsZero() {
		return 0
	}
	return (min(max(end.Sub(now), 0), longest) + slack).Milliseconds()
}

// micro writes a time. Empty is the zero time, which is never.
func micro(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}

func readMicro(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMicro(n).UTC(), err
}

// sweepSkew is how far the caller's clock may be from the server's before a
// sweep looks for itself. Redis removes by itself what has expired by its own
// clock, so usually there is nothing to do.
const sweepSkew = 30 * time.Second

// sweep runs remove for each key that begins with the prefix and kind, and
// counts what it reports as removed.
func (s *Store) sweep(ctx context.Context, kind string, now time.Time, remove func(ctx context.Context, key string) (bool, error)) (n int, err error) {
	server, err := s.client.Time(ctx).Result()
	if err != nil || now.Sub(server).Abs() < sweepSkew {
		return 0, err
	}
	var mu sync.Mutex
	each := func(ctx context.Context, node redis.Cmdable) error {
		for it := node.Scan(ctx, 0, escape(s.prefix+kind)+"*", 1000).Iterator(); ; {
			if !it.Next(ctx) {
				return it.Err()
			}
			gone, err := remove(ctx, it.Val())
			if err != nil {
				return err
			}
			if gone {
				mu.Lock()
				n++
				mu.Unlock()
			}
		}
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return each(ctx, node) })
	} else {
		err = each(ctx, s.client)
	}
	return n, err
}

// escape writes a text so that a pattern means just that.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(text)
}

// idMaker makes ids: integers below 2^53 that grow, so that they tell which
// session is older. Each is the time in microseconds, or the one before plus
// one.
type idMaker struct {
	mu   sync.Mutex
	last int64
}

// age is how long ago an id was made.
func age(id string) time.Duration {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0
	}
	return time.Since(idEpoch.Add(time.Duration(n) * time.Microsecond))
}

var idEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func (m *idMaker) next() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = max(m.last+1, time.Since(idEpoch).Microseconds())
	return strconv.FormatInt(m.last, 10)
}

// script is a script that is prepared when it is first run.
type script struct {
	text     string
	once     sync.Once
	prepared *redis.Script
}

func newScript(text string) *script { return &script{text: text} }

// Run runs it. Its name on the server is a SHA-1, which protects nothing and
// must not stop us in FIPS 140-only mode.
func (s *script) Run(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd {
	s.once.Do(func() {
		fips140.WithoutEnforcement(func() { s.prepared = redis.NewScript(s.text) })
	})
	return s.prepared.Run(ctx, c, keys, args...)
}
