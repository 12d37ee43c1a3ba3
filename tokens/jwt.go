package tokens

import (
	"context"

	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/jwt"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens/verify"
)

var (
	errPublicOnly = errors.New("is a public key; the private one is needed to sign")
	errOneKey     = errors.New("needs exactly one of Private, Public and Secret")
)

// JWTConfig says how [JWT] makes tokens. Keys is required.
type JWTConfig struct {
	// Keys sign, or are still accepted; see [Key].
	Keys []Key
	// Issuer and Audience are written into tokens and, if they are set,
	// required of them. Default empty, as in the reference; set Issuer to the
	// site's URL where other services read the tokens.
	Issuer, Audience string
	// AccessLifetime is how long an access token is good. Default 5 minutes:
	// services that don't ask for the session notice a logout only then.
	AccessLifetime time.Duration
	// RefreshLifetime is how long a refresh token is good. Default 1 day.
	RefreshLifetime time.Duration
	// AbsoluteLifetime ends all refresh tokens of a session that long after
	// login, however often they are traded. Default 90 days.
	AbsoluteLifetime time.Duration
	// KeepRefreshToken lets a refresh token stay good until it expires, rather
	// than be traded for a new one each time. A stolen one is then not noticed.
	KeepRefreshToken bool
	// Grace is how long a refresh token that was traded in still counts, for
	// clients that use it twice at once or have lost the answer. A use after
	// that ends the session, as somebody must have stolen the token. Default 10
	// seconds, at most 1 minute; negative for none.
	Grace time.Duration
	// Stateful makes an access token of a session that is over count as none,
	// which is answered 401, rather than as a dead one, 410. Either way the API
	// asks for the session.
	Stateful bool
	// Scheme of the Authorization header, in any case. Default "Bearer".
	Scheme string
	// Leeway is how long access tokens count after their time; at most a
	// minute. Default 0.
	Leeway time.Duration
	// Claims adds to access tokens. The claims that tokens always have can't be
	// replaced. An error fails the request.
	Claims func(ctx context.Context, u *store.User) (map[string]any, error)
	// Remember is how many access tokens are remembered as good until they
	// expire, so that each is checked once. Only their hashes are kept. Default
	// 10000, some 10 MB at most; negative for none.
	Remember int
	// Rand is the random source. Default crypto/rand.
	Rand io.Reader
}

// JWT is the strategy of signed tokens (RFC 7519), besides session tokens.
// spec: sessions-tokens.md §7.
type JWT struct {
	config JWTConfig
	keys   []key
	all    []*jwt.Key
	rules  jwt.Rules
	access *verify.Verifier
}

// NewJWT returns a strategy. All mistakes of the configuration are in the one
// error.
func NewJWT(c JWTConfig) (*JWT, error) {
	var problems []error
	add := func(field string, err error) { problems = append(problems, fmt.Errorf("tokens: %s: %w", field, err)) }
	for _, d := range []struct {
		field string
		value *time.Duration
		usual time.Duration
	}{
		{"AccessLifetime", &c.AccessLifetime, 5 * time.Minute},
		{"RefreshLifetime", &c.RefreshLifetime, 24 * time.Hour},
		{"AbsoluteLifetime", &c.AbsoluteLifetime, 90 * 24 * time.Hour},
	} {
		if *d.value == 0 {
			*d.value = d.usual
		}
		if *d.value < time.Second {
			add(d.field, fmt.Errorf(`%v is too short; write a duration such as "%v"`, *d.value, d.usual))
		}
	}
	switch {
	case c.Grace == 0:
		c.Grace = 10 * time.Second
	case c.Grace < 0:
		c.Grace = 0
	case c.Grace > time.Minute:
		add("Grace", fmt.Errorf("%v is too long to notice a thief; use at most 1m", c.Grace))
	}
	if c.Leeway < 0 || c.Leeway > time.Minute {
		add("Leeway", fmt.Errorf("is %v; use at most 1m", c.Leeway))
	}
	if c.Scheme == "" {
		c.Scheme = "Bearer"
	}
	if strings.ContainsAny(c.Scheme, " \t,") {
		add("Scheme", fmt.Errorf("%q is no scheme; write one word such as Bearer", c.Scheme))
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	j := &JWT{config: c, rules: jwt.Rules{Issuer: c.Issuer, Audience: c.Audience}}
	for i, k := range c.Keys {
		own, err := newKey(k)
		if err != nil {
			add(fmt.Sprintf("Keys[%d]", i), err)
			continue
		}
		j.keys, j.all = append(j.keys, own), append(j.all, own.Key)
	}
	switch {
	case len(c.Keys) == 0:
		add("Keys", errors.New("is missing; make a key with: openssl genpkey -algorithm ed25519"))
	case len(problems) == 0 && signer(j.keys, time.Unix(1<<40, 0)) == nil:
		add("Keys", errors.New("has none that signs"))
	}
	if c.Remember == 0 {
		c.Remember = 10000
	}
	if len(problems) == 0 {
		j.access = j.Verifier(nil, c.Remember)
	}
	return j, errors.Join(problems...)
}

// Locate implements [Strategy]. A session token counts before an access token;
// an access token that is not good is none. spec: sessions-tokens.md §7.1.
func (j *JWT) Locate(r *http.Request, now time.Time) (Ref, error) {
	if token := r.Header.Get(SessionHeader); token != "" {
		return Ref{TokenHash: secret.HashToken(token)}, nil
	}
	token := jwt.Bearer(r.Header.Get("Authorization"), j.config.Scheme)
	if token == "" {
		return Ref{}, nil
	}
	c, err := j.access.VerifyAt(r.Context(), token, now)
	if err != nil {
		return Ref{}, nil
	}
	return Ref{SessionID: c.SessionID, UserID: c.Subject, Lenient: j.config.Stateful}, nil
}

// Scheme is that of the Authorization header.
func (j *JWT) Scheme() string { return j.config.Scheme }

// Policy is what a strategy's tokens are worth, without its keys.
type Policy struct {
	AccessLifetime   time.Duration
	KeepRefreshToken bool
	// SignsSince is the SignsFrom of the key that signs; zero if it has none.
	SignsSince time.Time
}

// Policy returns what tokens are worth now.
func (j *JWT) Policy(now time.Time) Policy {
	p := Policy{AccessLifetime: j.config.AccessLifetime, KeepRefreshToken: j.config.KeepRefreshToken}
	if k := signing(j.keys, now); k != nil {
		p.SignsSince = k.from
	}
	return p
}

// Grant implements [Strategy].
func (j *JWT) Grant(ctx context.Context, s *store.Session, u *store.User, w When) (g Grant, err error) {
	k := signer(j.keys, w.Now)
	if k == nil {
		return g, errors.New("tokens: no key signs yet; set SignsFrom of the first one to the zero time")
	}
	var further map[string]any
	if j.config.Claims != nil {
		if further, err = j.config.Claims(ctx, u); err != nil {
			return g, fmt.Errorf("claims hook: %w", err)
		}
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(j.config.Rand, id); err != nil {
		return g, fmt.Errorf("random source: %w", err)
	}
	c := jwt.Claims{
		Issuer: j.config.Issuer, Subject: u.ID, SessionID: s.ID, Use: jwt.Access, ID: base64.RawURLEncoding.EncodeToString(id),
		IssuedAt: jwt.Seconds(w.Now), ExpiresAt: jwt.Seconds(w.Now.Add(j.config.AccessLifetime)),
	}
	if j.config.Audience != "" {
		c.Audience = jwt.Audience{j.config.Audience}
	}
	if g.AccessToken, err = k.Sign(c, further); err != nil || w.Refreshed.IsZero() {
		return g, err
	}
	// Nothing in it is random: whoever has to be given it twice gets the same.
	end := w.Refreshed.Add(j.config.RefreshLifetime)
	if last := s.CreatedAt.Add(j.config.AbsoluteLifetime); last.Before(end) {
		end = last
	}
	c.Use, c.ID = jwt.Refresh, fmt.Sprintf("%s.%d.%d", s.ID, s.Epoch, s.Generation)
	c.IssuedAt, c.ExpiresAt = jwt.Seconds(w.Refreshed), jwt.Seconds(end)
	g.RefreshToken, err = k.Sign(c, nil)
	return g, err
}

// Refresh implements [Strategy].
func (j *JWT) Refresh(refreshToken string, now time.Time) (r Refresh, err error) {
	payload, err := jwt.Open(refreshToken, func(id, algorithm string) ([]*jwt.Key, error) {
		return jwt.Find(j.all, id, algorithm), nil
	})
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	c, err := j.rules.Read(payload, jwt.Refresh, now)
	if err != nil {
		return r, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	r = Refresh{SessionID: c.SessionID, UserID: c.Subject, Keep: j.config.KeepRefreshToken, Grace: j.config.Grace}
	f := strings.Split(strings.TrimPrefix(c.ID, c.SessionID+"."), ".")
	if len(f) != 2 {
		return r, ErrRefused
	}
	var err1, err2 error
	r.Epoch, err1 = strconv.ParseInt(f[0], 10, 64)
	r.Generation, err2 = strconv.ParseInt(f[1], 10, 64)
	if err1 != nil || err2 != nil {
		return r, ErrRefused
	}
	return r, nil
}

// Verifier returns what checks this strategy's access tokens without asking for
// the session: for routes that can do with what a token says. now may be nil
// for the usual clock; remember is how many good tokens are remembered.
func (j *JWT) Verifier(now func() time.Time, remember int) *verify.Verifier {
	c := verify.Config{
		Issuer: j.config.Issuer, Audience: j.config.Audience, Scheme: j.config.Scheme, Leeway: j.config.Leeway,
		Now: now, Remember: max(remember, 0),
	}
	for _, k := range j.config.Keys {
		switch {
		case k.Private != nil:
			c.Keys = append(c.Keys, verify.Key{Public: k.Private.Public(), Algorithm: k.Algorithm})
		case k.Public != nil:
			c.Keys = append(c.Keys, verify.Key{Public: k.Public, Algorithm: k.Algorithm})
		default:
			c.Keys = append(c.Keys, verify.Key{Secret: k.Secret, Algorithm: k.Algorithm})
		}
	}
	v, err := verify.New(c)
	if err != nil {
		panic(err) // everything was judged by NewJWT
	}
	return v
}

// PublicKeys returns the keys that others may know, as a JWK Set (RFC 7517); nil
// if there are none.
func (j *JWT) PublicKeys() []byte {
	set := jwt.Publish(j.all)
	if len(set.Keys) == 0 {
		return nil
	}
	b, err := json.Marshal(set)
	if err != nil {
		panic(err) // text only
	}
	return b
}
