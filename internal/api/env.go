// Package api is the path every request takes, and the only place that knows
// the wire: identify, authorise, limit, decode, flow, save, deliver, reply.
//
// A feature declares [Route]s; a route's flow is a plain function from a
// [Request] to a [Reply] or an error. spec: core.md §2, §3.
package api

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
)

// Client is a kind of front end.
type Client string

// The two kinds of front ends.
const (
	Browser Client = "browser"
	App     Client = "app"
)

// Env is what every request may reach. The root package fills it once.
type Env struct {
	Store    store.Store
	Sessions Sessions
	// SessionStore and Limits may live elsewhere than Store.
	SessionStore store.Sessions
	Limits       store.Limits
	// SharedSessions and SharedLimits: they are part of Store, and of its
	// transactions.
	SharedSessions, SharedLimits bool

	Keys       *secret.Keys
	Rand       io.Reader
	Now        func() time.Time
	Log        *slog.Logger
	CSRF       *csrf.Tokens
	CSRFCookie CSRFCookie
	Origins    *csrf.Origins
	ClientIP   clientip.Resolver
	Rates      map[string][]Rate
	MaxBody    int64
	Timeout    time.Duration
	IntegerIDs bool
	// Scheme of the Authorization header of apps, empty where they have none.
	Scheme string

	// Flows tell, in order, what a caller may do next.
	Flows []FlowSource
	// Display names a user; Extra adds to what the API tells of them.
	Display func(ctx context.Context, u *store.User) string
	Extra   func(ctx context.Context, u *store.User) map[string]any
	// Promise, if set, writes an event down for whoever must hear of it: in the
	// transaction that it happens in, if there is one.
	Promise func(ctx context.Context, rq *Request, event any) error
	// OnEvent hears what happened, after it was saved.
	OnEvent func(ctx context.Context, event any)
	// Observe, if set, hears what was seen of requests, transactions and limits.
	Observe observe.Func
	// Locale chooses the language of messages.
	Locale func(r *http.Request) string

	migrated uint32 // 1: the tables are up to date; read and written atomically
}

// Sessions is what the request path asks of package sessions.
type Sessions interface {
	// Identify finds the session and the user of a request. Gone, if an app
	// presents a token that is no longer good.
	Identify(ctx context.Context, rq *Request) error
	// Save stores the session if it has changed.
	Save(ctx context.Context, st store.Sessions, rq *Request) error
	// Present hands the client what it has to keep: a cookie, or values for
	// the answer's meta.
	Present(ctx context.Context, w http.ResponseWriter, rq *Request) (meta map[string]any, err error)
}

// CSRFCookie says how the cookie with the CSRF token is set.
type CSRFCookie struct {
	Name, Header, Domain string
	Lifetime             time.Duration
	Secure               bool
	SameSite             http.SameSite
}

// IDValue is an id as the API shows it: a number where the store's are.
func (e *Env) IDValue(id string) any {
	if e.IntegerIDs {
		return json.Number(id)
	}
	return id
}

// UserData is what the API tells of a user. spec: core.md §3.2.
func (e *Env) UserData(ctx context.Context, u *store.User) any { return e.userData(ctx, u) }

func (e *Env) userData(ctx context.Context, u *store.User) userData {
	d := userData{
		ID: u.ID, integerID: e.IntegerIDs, Display: e.Display(ctx, u), Email: u.Email,
		HasUsablePassword: u.Password.Usable(), Username: u.Username,
	}
	if e.Extra != nil {
		d.extra = e.Extra(ctx, u)
	}
	return d
}

// userData leaves out what is empty.
type userData struct {
	ID                string
	integerID         bool
	Display           string
	Email             string
	HasUsablePassword bool
	Username          string
	extra             map[string]any // the host's, after ours
}

// MarshalJSON is for where a user is a part of something else.
func (d userData) MarshalJSON() ([]byte, error) {
	b := &buffer{}
	err := d.appendTo(b)
	return b.b, err
}

// merge marshals a struct and appends the members of a map.
func merge(v any, extra map[string]any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil || len(extra) == 0 {
		return b, err
	}
	x, err := json.Marshal(extra)
	if err != nil {
		return nil, err
	}
	if len(b) == 2 {
		return x, nil
	}
	return append(append(b[:len(b)-1], ','), x[1:]...), nil
}
