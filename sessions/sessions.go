// Package sessions keeps clients recognised: it finds the session of a
// request, begins, rotates and ends sessions, and hands out what the client
// has to keep.
//
// Hosts set [Config], in the root package's Config, and hear the events of this
// package: [ClientChanged], [Crowded], [Ended] and [RefreshTokenReused]. Who is
// calling they ask the root package. [Manager] and [Slot] are for the other
// packages of this module. docs/sessions.md tells how long what lives.
package sessions

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

// Config says how long sessions live and how browsers carry them.
type Config struct {
	// Lifetime is how long a session lives after it was last saved or, if
	// Sliding, after it was last used. Default 14 days. One in which nobody is
	// logged in lives a day at most.
	Lifetime time.Duration
	// Sliding renews a logged-in session as it is used, so that Lifetime
	// becomes the time it may lie idle. Off by default, as in the reference.
	Sliding bool
	// AbsoluteLifetime ends a session that long after login, however much it
	// is used. Default 0: no such end.
	AbsoluteLifetime time.Duration
	// List serves auth/sessions, where users see and end their sessions. Off by
	// default, as in the reference.
	List bool
	// TrackActivity keeps up to date when, from which address and by which user
	// agent a session was last used, and shows the time in the list.
	TrackActivity bool
	// TouchEvery is how often, at most, use is written down. Default 1 minute.
	TouchEvery time.Duration
	// MaxPerUser ends a user's oldest sessions when a login makes more of them.
	// Default 0: no bound.
	MaxPerUser int
	// CacheFor is how long an instance may remember who a token is, rather than
	// ask the store with every request: for requests that change nothing, and
	// for the host's own routes. With PostgreSQL and Redis, and while Auth.Run
	// runs, instances tell each other of changes at once; otherwise a session
	// that was ended on another instance counts there for so long. The hash of a
	// user's password is not remembered; see [store.PasswordNotTold]. Default 0:
	// the store is always asked. At most 1 minute.
	CacheFor time.Duration
	// CacheSize is how many sessions are remembered, in 256 bytes each at most,
	// on average. Default 10000.
	CacheSize int
	// RotateOnReauthentication gives a session a new token when its user proves
	// again who they are. Off by default: requests under way still carry the
	// old one.
	RotateOnReauthentication bool
	// CookieName of the browser's session cookie. Default "sessionid".
	CookieName string
	// CookieDomain of the session and CSRF cookies. Default empty: the very
	// host only. Set it to share both with sibling hosts.
	CookieDomain string
	// CookieSameSite is "lax" (default), "strict" or "none".
	CookieSameSite string
	// InsecureCookies leaves out Secure even on an https site. For
	// development only.
	InsecureCookies bool
	// UntilBrowserCloses makes the session cookie vanish with the browser.
	UntilBrowserCloses bool
	// CSRFCookieName is the cookie with the CSRF token. Default "csrftoken".
	CSRFCookieName string
	// CSRFHeader is the header that repeats it. Default "X-CSRFToken".
	CSRFHeader string
}

// Problems returns what is wrong with a configuration, by field, and fills in
// the defaults.
func (c *Config) Problems() map[string]string {
	p := map[string]string{}
	def(&c.Lifetime, 14*24*time.Hour)
	def(&c.TouchEvery, time.Minute)
	def(&c.CacheSize, 10000)
	def(&c.CookieName, "sessionid")
	def(&c.CSRFCookieName, "csrftoken")
	def(&c.CSRFHeader, "X-CSRFToken")
	def(&c.CookieSameSite, "lax")
	if c.Lifetime < 0 {
		p["Lifetime"] = `can't be negative; write a duration such as "336h"`
	}
	if c.AbsoluteLifetime < 0 {
		p["AbsoluteLifetime"] = `can't be negative; write a duration such as "2160h", or 0 for no end`
	}
	if c.TouchEvery < 0 {
		p["TouchEvery"] = `can't be negative; write a duration such as "1m"`
	}
	if c.CacheFor < 0 || c.CacheFor > time.Minute {
		p["CacheFor"] = `must be at most "1m", so that ended sessions end`
	}
	if c.CacheSize < 0 {
		p["CacheSize"] = "can't be negative; write a number of sessions"
	}
	if c.MaxPerUser < 0 {
		p["MaxPerUser"] = "can't be negative; write a number of sessions, or 0 for no bound"
	}
	if c.TrackActivity && !c.List {
		p["TrackActivity"] = "needs List, which shows it"
	}
	if _, ok := sameSite[c.CookieSameSite]; !ok {
		p["CookieSameSite"] = `must be "lax", "strict" or "none"`
	}
	for field, name := range map[string]string{"CookieName": c.CookieName, "CSRFCookieName": c.CSRFCookieName} {
		if (&http.Cookie{Name: name, Value: "x"}).Valid() != nil {
			p[field] = "is no cookie name; use letters, digits, - and _"
		}
	}
	if c.CookieName == c.CSRFCookieName {
		p["CSRFCookieName"] = "must differ from CookieName"
	}
	return p
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

var sameSite = map[string]http.SameSite{"lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode}

// Manager keeps sessions. It implements [api.Sessions].
type Manager struct {
	config   Config
	strategy tokens.Strategy
	secure   bool
	cache    *cache
	watched  []store.SessionWatcher // who tell of changes by other instances
	csrf     atomic.Pointer[attributes]
}

// New returns a manager; secure says that the site is served over https.
func New(c Config, strategy tokens.Strategy, secure bool) *Manager {
	return &Manager{config: c, strategy: strategy, secure: secure && !c.InsecureCookies, cache: newCache(c.CacheFor, c.CacheSize, c.Lifetime)}
}

// maxToken bounds what is hashed of a presented token.
const maxToken = 512

// Identify implements [api.Sessions]. One question to the store identifies a
// request with a credential; without one there is none.
func (m *Manager) Identify(ctx context.Context, rq *api.Request) error {
	ref, err := m.locate(rq)
	if err != nil {
		return err
	}
	rq.Credential.Present = ref.TokenHash != nil || ref.SessionID != ""
	switch {
	case !rq.Credential.Present:
		return nil
	case rq.Client == api.Browser:
		rq.Credential.Kind = api.Cookie
	case ref.TokenHash != nil:
		rq.Credential.Kind = api.SessionToken
	default:
		rq.Credential.Kind = api.AccessToken
	}
	s, u, r, err := m.find(ctx, rq, ref)
	if errors.Is(err, store.ErrNotFound) || err == nil && (!m.alive(rq, s, u) || ref.UserID != "" && ref.UserID != s.UserID) {
		if rq.Client == api.App && !ref.Lenient {
			return api.Gone()
		}
		return nil
	}
	if err != nil {
		return err
	}
	rq.Session, rq.Credential.Epoch = s, s.Epoch
	// A disabled user is nobody, but the session stays: see account.md §2.3.
	if u != nil && !u.Disabled {
		rq.User, rq.Started = u, u.ID
	}
	return m.touch(ctx, rq, r)
}

func (m *Manager) locate(rq *api.Request) (tokens.Ref, error) {
	if rq.Client == api.Browser {
		token := api.CookieValue(rq.HTTP, m.config.CookieName)
		switch {
		case token == "":
			return tokens.Ref{}, nil
		case len(token) > maxToken:
			return tokens.Ref{TokenHash: []byte{}}, nil
		}
		return tokens.Ref{TokenHash: secret.HashToken(token)}, nil
	}
	if len(rq.HTTP.Header.Get(tokens.SessionHeader)) > maxToken {
		return tokens.Ref{TokenHash: []byte{}}, nil
	}
	return m.strategy.Locate(rq.HTTP, rq.Now)
}

// find is find that may remember the answer, and says as of when it is.
func (m *Manager) find(ctx context.Context, rq *api.Request, ref tokens.Ref) (*store.Session, *store.User, reading, error) {
	if m.cache == nil || ref.TokenHash == nil || !rq.MayBeStale() {
		s, u, err := find(ctx, rq, ref)
		return s, u, reading{}, err
	}
	if s, u, r := m.cache.get(ref.TokenHash, rq.Now); s != nil {
		return s, u, r, nil
	}
	r := m.cache.begin(rq.Now)
	s, u, err := find(ctx, rq, ref)
	if err == nil {
		m.cache.put(s, u, r)
	}
	return s, u, r, err
}

func find(ctx context.Context, rq *api.Request, ref tokens.Ref) (*store.Session, *store.User, error) {
	// Sessions that live elsewhere have no users beside them.
	if both, ok := rq.Sessions().(store.SessionUser); ok && rq.Env.SharedSessions {
		if ref.TokenHash != nil {
			return both.SessionAndUser(ctx, ref.TokenHash)
		}
		return both.SessionAndUserByID(ctx, ref.SessionID)
	}
	var s *store.Session
	var err error
	if ref.TokenHash != nil {
		s, err = rq.Sessions().SessionByHash(ctx, ref.TokenHash)
	} else {
		s, err = rq.Sessions().Session(ctx, ref.SessionID)
	}
	if err != nil || s.UserID == "" {
		return s, nil, err
	}
	u, err := rq.Store().User(ctx, s.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return s, nil, nil
	}
	return s, u, err
}

// alive reports whether a session still counts: it is not over, its user has
// not vanished, and was not logged out everywhere since.
func (m *Manager) alive(rq *api.Request, s *store.Session, u *store.User) bool {
	if !rq.Now.Before(s.ExpiresAt) {
		return false
	}
	if m.config.AbsoluteLifetime > 0 && s.UserID != "" && !rq.Now.Before(s.CreatedAt.Add(m.config.AbsoluteLifetime)) {
		return false
	}
	return s.UserID == "" || u != nil && u.Epoch == s.Epoch
}

// touch writes down that a logged-in session is used, now and then.
func (m *Manager) touch(ctx context.Context, rq *api.Request, r reading) error {
	s := rq.Session
	if !m.config.Sliding && !m.config.TrackActivity || rq.User == nil || rq.Now.Sub(s.SeenAt) < m.config.TouchEvery {
		return nil
	}
	m.describe(rq)
	if m.config.Sliding {
		m.renew(rq)
		rq.Credential.Touched = true
	}
	// Of the requests that come at once, one writes.
	err := rq.Sessions().TouchSession(ctx, s, rq.Now.Add(-m.config.TouchEvery))
	if err == nil && !r.at.IsZero() {
		// Known to be touched, but no longer than before: nobody was asked
		// whether the session goes on.
		m.cache.put(s, rq.User, r)
	}
	return err
}

// describe notes when and from where the session is used.
func (m *Manager) describe(rq *api.Request) {
	s := rq.Session
	from, to := Client{s.IP, s.UserAgent}, Client{rq.IP.String(), UserAgent(rq.HTTP)}
	if m.config.TrackActivity && rq.Started != "" && s.UserID == rq.Started && from != to {
		rq.Emit(ClientChanged{User: rq.User, Session: s.ID, From: from, To: to})
	}
	s.SeenAt, s.IP, s.UserAgent = rq.Now, to.IP, to.UserAgent
}

// strangerLifetime is how long a session lives at most in which nobody is logged
// in. Strangers can make any number of them, and all that such a session holds
// is over sooner. Requirement DOS-2.
const strangerLifetime = 24 * time.Hour

// renew lets the session live on from now.
func (m *Manager) renew(rq *api.Request) {
	s := rq.Session
	s.ExpiresAt = rq.Now.Add(m.config.Lifetime)
	if s.UserID == "" {
		s.ExpiresAt = rq.Now.Add(min(m.config.Lifetime, strangerLifetime))
	}
	if end := s.CreatedAt.Add(m.config.AbsoluteLifetime); m.config.AbsoluteLifetime > 0 && end.Before(s.ExpiresAt) {
		s.ExpiresAt = end
	}
}

// UserAgent is what a client calls itself, cut to 200 characters. What no
// database holds is replaced: NUL, as bytes are that are not UTF-8.
func UserAgent(r *http.Request) string {
	ua := []rune(strings.ReplaceAll(r.UserAgent(), "\x00", "\uFFFD"))
	return string(ua[:min(len(ua), 200)])
}

// Save implements [api.Sessions].
func (m *Manager) Save(ctx context.Context, st store.Sessions, rq *api.Request) error {
	changed, rotate, ended := rq.Pending()
	m.cache.drop(rq.Started)
	m.Forget(rq, rq.Started) // again: until then, others read what was
	for _, id := range ended {
		if err := st.DeleteSession(ctx, id); err != nil {
			return err
		}
	}
	s := rq.Session
	switch {
	case !changed:
	case empty(s) && s.Version == 0:
	default:
		if s.Version == 0 {
			s.CreatedAt = rq.Now
			rotate = true
		}
		m.describe(rq)
		m.renew(rq)
		if rotate {
			token, hash, err := secret.Token(rq.Env.Rand)
			if err != nil {
				return err
			}
			rq.NewToken, s.TokenHash = token, hash
		}
		if err := m.write(ctx, st, rq); err != nil {
			return err
		}
		rq.Credential.Touched = true
		if err := m.crowdOut(ctx, st, rq); err != nil {
			return err
		}
	}
	rq.Saved()
	return nil
}

// crowdOut ends the oldest sessions of a user who has just logged in once more
// than is allowed. Logins at the very same moment may not see each other; the
// next one sees both.
func (m *Manager) crowdOut(ctx context.Context, st store.Sessions, rq *api.Request) error {
	s := rq.Session
	if m.config.MaxPerUser == 0 || s.UserID == "" || s.UserID == rq.Started {
		return nil
	}
	l, err := st.SessionsOf(ctx, s.UserID)
	if err != nil {
		return err
	}
	l = slices.DeleteFunc(l, func(x *store.Session) bool { return x.ID == s.ID || !m.alive(rq, x, rq.User) })
	for len(l) >= m.config.MaxPerUser {
		if err := st.DeleteSession(ctx, l[0].ID); err != nil {
			return err
		}
		rq.Emit(Crowded{User: rq.User, Session: l[0].ID})
		l = l[1:]
	}
	return nil
}

// empty reports that there is nothing worth keeping.
func empty(s *store.Session) bool {
	return s.UserID == "" && len(s.Methods) == 0 && len(s.State) == 0
}

// Login makes u the user of the request's session, under a new token. A
// session that was somebody else's is ended, with all it held.
func (m *Manager) Login(rq *api.Request, u *store.User) {
	if rq.Session.UserID != "" && rq.Session.UserID != u.ID {
		kept := rq.Session.Methods
		rq.EndSession()
		rq.Session.Methods = kept
	}
	s := rq.Session
	if s.UserID == "" {
		s.CreatedAt = rq.Now
	}
	s.UserID, s.Epoch = u.ID, u.Epoch
	s.State = atLogin(s.State)
	rq.User = u
	rq.Rotate()
}

// Reauthenticated notes that the user has proven again who they are.
func (m *Manager) Reauthenticated(rq *api.Request) {
	if m.config.RotateOnReauthentication {
		rq.Rotate()
	}
}

// Logout ends the request's session.
func (m *Manager) Logout(rq *api.Request) { rq.EndSession() }

// Forget has this instance ask the store about a user whom the request changes.
func (m *Manager) Forget(rq *api.Request, userID string) {
	rq.AfterCommit(func() { m.cache.drop(userID) })
}

// EndAll ends every session of a user, who is left with nothing but the
// request's own session if it is theirs. u.Epoch must have been stored before.
func (m *Manager) EndAll(ctx context.Context, rq *api.Request, u *store.User) error {
	m.Forget(rq, u.ID)
	own := ""
	if rq.Session.UserID == u.ID {
		own = rq.Session.ID
	}
	return rq.Sessions().DeleteSessionsOf(ctx, u.ID, own)
}

// Present implements [api.Sessions].
func (m *Manager) Present(ctx context.Context, w http.ResponseWriter, rq *api.Request) (map[string]any, error) {
	if !rq.MayBeStale() { // it may have changed anything of its user
		m.cache.drop(rq.Started)
		if rq.User != nil {
			m.cache.drop(rq.User.ID)
		}
	}
	if rq.Client == api.Browser {
		return nil, m.setCookies(w, rq)
	}
	granted := rq.User != nil && (rq.User.ID != rq.Started || rq.Session.Epoch != rq.Credential.Epoch)
	if rq.NewToken == "" && !granted {
		return nil, nil
	}
	meta := map[string]any{}
	if rq.NewToken != "" {
		meta["session_token"] = rq.NewToken
	}
	// After a password change the tokens from before it are dead; the client
	// that has made it goes on with new ones. spec: sessions-tokens.md §7.6.
	if granted {
		g, err := m.strategy.Grant(ctx, rq.Session, rq.User, tokens.When{Now: rq.Now, Refreshed: rq.Now})
		if err != nil {
			return nil, err
		}
		if g.AccessToken != "" {
			meta["access_token"] = g.AccessToken
		}
		if g.RefreshToken != "" {
			meta["refresh_token"] = g.RefreshToken
		}
		maps.Copy(meta, g.Extra)
	}
	return meta, nil
}
