package socialaccount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// ErrNoToken reports that there is no token to call a provider with: none was
// kept, or the one there is has expired and can't be renewed.
var ErrNoToken = errors.New("there is no token for this provider")

const purposeToken = "socialaccount.token"

// early is how long before its end a token is renewed.
const early = 30 * time.Second

func tokenSecret(t *oauth2.Token) string {
	if t == nil {
		return ""
	}
	s, _ := t.Extra(TokenSecret).(string)
	return s
}

// app names the client that a provider's tokens are made for.
func (e *entry) app() string {
	if len(e.ClientIDs) > 0 {
		return e.ClientIDs[0]
	}
	return e.ID
}

// keepToken stores a provider's token, encrypted and bound to the account. An
// answer without refresh token leaves the old one in force.
// spec: socialaccount.md §10.
func (s *Social) keepToken(ctx context.Context, rq *api.Request, e *entry, a *store.SocialAccount, t *oauth2.Token) error {
	if !s.Config.StoreTokens || t == nil {
		return nil
	}
	row := &store.SocialToken{AccountID: a.ID, App: e.app(), Token: s.sealToken(rq.Env, t.AccessToken, a.ID), ExpiresAt: t.Expiry}
	if second := cmp.Or(t.RefreshToken, tokenSecret(t)); second != "" {
		row.Secret = s.sealToken(rq.Env, second, a.ID)
	} else if old, err := rq.Store().SocialToken(ctx, a.ID, e.app()); err == nil {
		row.Secret = old.Secret
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return rq.Store().SetSocialToken(ctx, row)
}

func (s *Social) sealToken(env *api.Env, text, accountID string) []byte {
	return env.Keys.Seal([]byte(text), purposeToken, accountID)
}

func openToken(env *api.Env, box []byte, accountID string) (string, error) {
	if len(box) == 0 {
		return "", nil
	}
	b, err := env.Keys.Open(box, purposeToken, accountID)
	return string(b), err
}

// ProviderToken returns a source of tokens to call a provider with for a user:
// that of the account that they have linked first. It renews what has expired.
// [ErrNoToken], also from the source.
func (s *Social) ProviderToken(ctx context.Context, env *api.Env, userID, provider string) (oauth2.TokenSource, error) {
	e := s.byID(provider)
	if e == nil {
		return nil, fmt.Errorf("%q is no provider that is configured: %w", provider, ErrNoToken)
	}
	rows, err := env.Store.SocialAccountsOf(ctx, userID)
	if err != nil {
		return nil, err
	}
	for _, a := range rows {
		if a.Provider != provider {
			continue
		}
		_, err := env.Store.SocialToken(ctx, a.ID, e.app())
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &tokenSource{ctx: ctx, s: s, env: env, e: e, a: a}, nil
	}
	return nil, ErrNoToken
}

// SetProviderToken keeps a token for an account that is linked.
func (s *Social) SetProviderToken(ctx context.Context, env *api.Env, provider, uid string, t *oauth2.Token) error {
	e := s.byID(provider)
	if e == nil {
		return fmt.Errorf("%q is no provider that is configured", provider)
	}
	if !s.Config.StoreTokens {
		return errors.New("no tokens are kept: Config.Social.StoreTokens is off")
	}
	return env.Act(ctx, func(ctx context.Context, rq *api.Request) error {
		a, err := rq.Store().SocialAccount(ctx, provider, uid)
		if err != nil {
			return err
		}
		return s.keepToken(ctx, rq, e, a, t)
	})
}

type tokenSource struct {
	ctx context.Context //nolint:containedctx // the interface has no place for it
	s   *Social
	env *api.Env
	e   *entry
	a   *store.SocialAccount
}

// Token implements [oauth2.TokenSource].
func (t *tokenSource) Token() (*oauth2.Token, error) {
	token, err := t.read()
	if err != nil || token.Expiry.IsZero() || t.env.Now().Before(token.Expiry.Add(-early)) {
		return token, err
	}
	// One at a time: a provider may take each refresh token once only.
	unlock, err := t.s.refreshes.lock(t.ctx, t.a.ID)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if token, err = t.read(); err != nil || t.env.Now().Before(token.Expiry.Add(-early)) {
		return token, err
	}
	return t.renew(token)
}

func (t *tokenSource) read() (*oauth2.Token, error) {
	row, err := t.env.Store.SocialToken(t.ctx, t.a.ID, t.e.app())
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoToken
	}
	if err != nil {
		return nil, err
	}
	access, err1 := openToken(t.env, row.Token, t.a.ID)
	second, err2 := openToken(t.env, row.Secret, t.a.ID)
	if err := errors.Join(err1, err2); err != nil {
		return nil, errors.Join(ErrNoToken, err)
	}
	token := &oauth2.Token{AccessToken: access, Expiry: row.ExpiresAt}
	if _, refreshes := t.e.provider.(Refresher); refreshes {
		token.RefreshToken = second
	} else {
		token = token.WithExtra(map[string]any{TokenSecret: second})
	}
	return token, nil
}

func (t *tokenSource) renew(old *oauth2.Token) (*oauth2.Token, error) {
	r, ok := t.e.provider.(Refresher)
	if !ok || old.RefreshToken == "" {
		return nil, ErrNoToken
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.s.Config.Timeout)
	defer cancel()
	fresh, err := r.Refresh(ctx, t.s.tools(t.e, t.env, t.env.Now()), old.RefreshToken)
	if err == nil {
		err = t.env.Act(t.ctx, func(ctx context.Context, rq *api.Request) error { return t.s.keepToken(ctx, rq, t.e, t.a, fresh) })
	}
	if err == nil {
		return t.read()
	}
	// Another instance may have been quicker: then its token will do.
	if now, readErr := t.read(); readErr == nil && now.AccessToken != old.AccessToken { // not secret: nobody waits for how long that takes
		return now, nil
	}
	return nil, errors.Join(ErrNoToken, err)
}

// locks are locks by name.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	users int
	turn  chan struct{}
}

// lock waits for a name's turn, or for ctx to end.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[string]*lock{}
	}
	x := l.held[name]
	if x == nil {
		x = &lock{turn: make(chan struct{}, 1)}
		l.held[name] = x
	}
	x.users++
	l.mu.Unlock()
	done := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if x.users--; x.users == 0 {
			delete(l.held, name)
		}
	}
	select {
	case x.turn <- struct{}{}:
		return func() { <-x.turn; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
