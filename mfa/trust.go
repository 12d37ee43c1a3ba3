package mfa

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

const (
	stageTrust     = "mfa_trust"
	stageLoginCode = "login_by_code"

	purposeTrust = "mfa-trust"

	// maxTrusts bounds how many users trust one browser, and with it what a
	// cookie makes us look up.
	maxTrusts = 10
	// maxTrusted bounds how many browsers a user trusts: the oldest has to go.
	maxTrusted = 50
)

var trustInput = []api.Field{{Name: "trust", Kind: api.Bool, Description: "Whether to trust this browser"}}

// trustOn reports whether browsers can be trusted at all.
func (m *MFA) trustOn() bool { return m.config.Trust || m.codeTrust }

// trustStage offers to trust the browser that has just proven a further
// factor.
type trustStage struct{ *MFA }

// Key implements [account.Stage].
func (trustStage) Key() string { return stageTrust }

// Enter implements [account.Stage]. spec: mfa.md §2.3.
func (s trustStage) Enter(ctx context.Context, l *account.Login) (account.Verdict, error) {
	if api.FromContext(ctx).Client != api.Browser || len(s.proven(l)) == 0 {
		return account.Pass, nil
	}
	return account.Wait, nil
}

// proven lists the stages that a login had to pass, and that a trusted browser
// need not: what trust of this login is for.
func (m *MFA) proven(l *account.Login) (stages []string) {
	if m.codeTrust && l.CodeRequired() {
		stages = append(stages, stageLoginCode)
	}
	var required bool
	if m.config.Trust && l.Kept(keptRequired, &required) && required {
		stages = append(stages, stageAuthenticate)
	}
	return stages
}

// trust ends the stage, and trusts the browser if its user wants it so.
// spec: mfa.md §8.1.
func (m *MFA) trust(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	l, _, err := m.account.Pipeline.Current(ctx, rq)
	if err != nil {
		return nil, err
	}
	if l == nil || l.User == nil {
		return nil, api.NotPending()
	}
	u := l.User
	var token string
	var hash []byte
	if rq.Input.Bool("trust") {
		if token, hash, err = secret.Token(rq.Env.Rand); err != nil {
			return nil, err
		}
	}
	var cookie *http.Cookie
	err = rq.InTx(ctx, func(ctx context.Context) error {
		if token != "" {
			tokens, err := m.trustsOfOthers(ctx, rq, u)
			if err != nil {
				return err
			}
			if err := m.trustBrowser(ctx, rq, u, m.proven(l), hash); err != nil {
				return err
			}
			cookie = m.trustCookie(rq, append(tokens, token))
		}
		return m.account.Pipeline.Done(ctx, rq, stageTrust)
	})
	if err != nil {
		return nil, err
	}
	reply := api.Authentication()
	if cookie != nil {
		reply = reply.WithCookie(cookie)
	}
	return reply, nil
}

func (m *MFA) trustBrowser(ctx context.Context, rq *api.Request, u *store.User, stages []string, hash []byte) error {
	fingerprint, err := fingerprintOf(ctx, rq, u)
	if err != nil {
		return err
	}
	if err := rq.Hold(ctx, u.ID); err != nil {
		return err
	}
	l, err := rq.Store().TrustedBrowsersOf(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, old := range l[:max(0, len(l)-maxTrusted+1)] {
		if err := rq.Store().DeleteTrustedBrowser(ctx, old.ID); err != nil {
			return err
		}
	}
	b := &store.TrustedBrowser{
		UserID: u.ID, TokenHash: hash, Fingerprint: rq.Env.Keys.MAC(purposeTrust, fingerprint(stages)...),
		IP: rq.IP.String(), UserAgent: sessions.UserAgent(rq.HTTP),
		CreatedAt: rq.Now, ExpiresAt: rq.Now.Add(m.config.TrustLifetime),
	}
	if err := rq.Store().CreateTrustedBrowser(ctx, b); err != nil {
		return err
	}
	rq.Emit(BrowserTrusted{account.Of{User: u}, b.ID})
	return nil
}

// fingerprintOf returns what a trust of a user stands on, for each list of
// stages that it is for: password, epoch and authenticators. When any of them
// changes, the trust is void. spec: mfa.md §8.3.
func fingerprintOf(ctx context.Context, rq *api.Request, u *store.User) (func(stages []string) []string, error) {
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	parts := []string{u.ID, string(u.Password), strconv.FormatInt(u.Epoch, 10)}
	for _, a := range all {
		parts = append(parts, a.ID, a.Type, strconv.FormatInt(a.CreatedAt.UnixMicro(), 36))
	}
	return func(stages []string) []string { return append([]string{strings.Join(stages, ",")}, parts...) }, nil
}

// trustedStages are the lists of stages that a trust can be for.
var trustedStages = [][]string{{stageLoginCode}, {stageAuthenticate}, {stageLoginCode, stageAuthenticate}}

// stands reports whether a trust still stands, for a stage, or for any if it
// is "".
func stands(rq *api.Request, b *store.TrustedBrowser, fingerprint func([]string) []string, stage string) bool {
	if !rq.Now.Before(b.ExpiresAt) {
		return false
	}
	return slices.ContainsFunc(trustedStages, func(stages []string) bool {
		return (stage == "" || slices.Contains(stages, stage)) && rq.Env.Keys.Verify(b.Fingerprint, purposeTrust, fingerprint(stages)...)
	})
}

// trusts reports whether the request comes from a browser that u trusts for a
// stage. Apps have no cookies; one that sends ours is not believed.
func (f *Factors) trusts(ctx context.Context, rq *api.Request, u *store.User, stage string) (bool, error) {
	if rq.Client != api.Browser {
		return false, nil
	}
	tokens := f.trustTokens(rq)
	if len(tokens) == 0 {
		return false, nil
	}
	if f.config.DjangoSecretKey != "" && stage == stageAuthenticate && strings.Contains(tokens[0], ":") {
		return f.trustsDjango(ctx, rq, u, tokens[0])
	}
	fingerprint, err := fingerprintOf(ctx, rq, u)
	if err != nil {
		return false, err
	}
	for _, token := range tokens {
		b, err := rq.Store().TrustedBrowserByHash(ctx, secret.HashToken(token))
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if b.UserID == u.ID && stands(rq, b, fingerprint, stage) {
			return true, nil
		}
	}
	return false, nil
}

// trustTokens are the tokens in the request's cookie, one for each user who
// trusts the browser.
func (f *Factors) trustTokens(rq *api.Request) []string {
	c, err := rq.HTTP.Cookie(f.config.TrustCookieName)
	if err != nil || c.Value == "" || len(c.Value) > 4096 {
		return nil
	}
	l := strings.Split(c.Value, ".")
	return l[:min(len(l), maxTrusts)]
}

// trustsOfOthers returns the tokens that go on being good when u trusts the
// browser: those of other users. What u had is replaced.
func (m *MFA) trustsOfOthers(ctx context.Context, rq *api.Request, u *store.User) ([]string, error) {
	var l []string
	for _, token := range m.trustTokens(rq) {
		b, err := rq.Store().TrustedBrowserByHash(ctx, secret.HashToken(token))
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		case b.UserID == u.ID:
			if err := rq.Store().DeleteTrustedBrowser(ctx, b.ID); err != nil {
				return nil, err
			}
		case rq.Now.Before(b.ExpiresAt):
			l = append(l, token)
		}
	}
	return l[max(0, len(l)-maxTrusts+1):], nil // the oldest has to go
}

func (m *MFA) trustCookie(rq *api.Request, tokens []string) *http.Cookie {
	return &http.Cookie{
		Name: m.config.TrustCookieName, Value: strings.Join(tokens, "."), Path: "/", Domain: m.config.TrustCookieDomain,
		MaxAge: int(m.config.TrustLifetime.Seconds()), Expires: rq.Now.Add(m.config.TrustLifetime),
		HttpOnly: true, Secure: m.secure, SameSite: sameSite[m.config.TrustCookieSameSite],
	}
}

// trustedBrowser is one as the API shows it.
type trustedBrowser struct {
	ID        any     `json:"id"`
	IP        string  `json:"ip"`
	UserAgent string  `json:"user_agent"`
	CreatedAt float64 `json:"created_at"`
	ExpiresAt float64 `json:"expires_at"`
	IsCurrent bool    `json:"is_current"`
}

// seconds is a time as the API shows it.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// standing lists the caller's trusted browsers whose trust still stands.
func (m *MFA) standing(ctx context.Context, rq *api.Request) ([]*store.TrustedBrowser, error) {
	rows, err := rq.Store().TrustedBrowsersOf(ctx, rq.User.ID)
	if err != nil {
		return nil, err
	}
	fingerprint, err := fingerprintOf(ctx, rq, rq.User)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(b *store.TrustedBrowser) bool { return !stands(rq, b, fingerprint, "") }), nil
}

// trustedBrowsers lists the browsers that the caller trusts.
func (m *MFA) trustedBrowsers(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	rows, err := m.standing(ctx, rq)
	if err != nil {
		return nil, err
	}
	current := map[string]bool{}
	if rq.Client == api.Browser {
		for _, token := range m.trustTokens(rq) {
			current[string(secret.HashToken(token))] = true
		}
	}
	l := []trustedBrowser{}
	for _, b := range rows {
		l = append(l, trustedBrowser{
			rq.Env.IDValue(b.ID), b.IP, b.UserAgent, seconds(b.CreatedAt), seconds(b.ExpiresAt), current[string(b.TokenHash)],
		})
	}
	return api.Data(l), nil
}

var distrustInput = []api.Field{{Name: "trusted_browsers", Kind: api.Any, Description: "The ids of the browsers to trust no more"}}

// distrust ends the trust in browsers of the caller, and lists the others.
func (m *MFA) distrust(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	rows, err := m.standing(ctx, rq)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, b := range rows {
		ids = append(ids, b.ID)
	}
	chosen, err := choices(rq, "trusted_browsers", ids)
	if err != nil {
		return nil, err
	}
	err = rq.InTx(ctx, func(ctx context.Context) error {
		for _, id := range chosen {
			if err := rq.Store().DeleteTrustedBrowser(ctx, id); err != nil {
				return err
			}
			rq.Emit(BrowserDistrusted{account.Of{User: rq.User}, id})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m.trustedBrowsers(ctx, rq)
}
