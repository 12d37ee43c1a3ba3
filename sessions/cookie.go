package sessions

import (
	"net/http"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/csrf"
)

// CSRFCookie is how the cookie with the CSRF token is set: readable by
// scripts, for a year. spec: core.md §4.2.
func (m *Manager) CSRFCookie() api.CSRFCookie {
	return api.CSRFCookie{
		Name: m.config.CSRFCookieName, Header: m.config.CSRFHeader, Domain: m.config.CookieDomain,
		Lifetime: 52 * 7 * 24 * time.Hour, Secure: m.secure, SameSite: sameSite[m.config.CookieSameSite],
	}
}

func (m *Manager) setCookies(w http.ResponseWriter, rq *api.Request) error {
	switch {
	case rq.NewToken != "":
		m.setSession(w, rq, rq.NewToken)
	case rq.Credential.Touched && rq.Session.ID != "":
		if c, err := rq.HTTP.Cookie(m.config.CookieName); err == nil {
			m.setSession(w, rq, c.Value)
		}
	case rq.Credential.Present && rq.Session.ID == "":
		// What the client holds is dead: it may forget it.
		c := m.cookie("")
		c.MaxAge, c.Expires, c.HttpOnly = -1, time.Unix(0, 0), false // as the reference has it
		http.SetCookie(w, c)
	}
	return m.setCSRF(w, rq)
}

func (m *Manager) cookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: m.config.CookieName, Value: value, Path: "/", Domain: m.config.CookieDomain,
		HttpOnly: true, Secure: m.secure, SameSite: sameSite[m.config.CookieSameSite],
	}
}

func (m *Manager) setSession(w http.ResponseWriter, rq *api.Request, token string) {
	c := m.cookie(token)
	if !m.config.UntilBrowserCloses {
		c.Expires = rq.Session.ExpiresAt
		c.MaxAge = int(rq.Session.ExpiresAt.Sub(rq.Now).Seconds())
	}
	http.SetCookie(w, c)
}

// setCSRF gives every browser a token that fits its session: the one it has,
// if that does, else a new one.
func (m *Manager) setCSRF(w http.ResponseWriter, rq *api.Request) error {
	cfg, bind, token := &rq.Env.CSRFCookie, rq.CSRFBind(), ""
	changed := rq.User != nil && rq.User.ID != rq.Started
	if c, err := rq.HTTP.Cookie(cfg.Name); err == nil && !changed {
		// Before login a token need not be bound: it is compared with its
		// cookie, and the origin is checked.
		if s, ok := csrf.Secret(c.Value); ok && (bind == "" || rq.Env.CSRF.Bound(s, bind)) {
			token = c.Value
		}
	}
	if rq.KeepCSRF && !changed {
		return nil
	}
	if token == "" {
		var err error
		if token, err = rq.Env.CSRF.New(bind); err != nil {
			return err
		}
	}
	rq.CSRFToken = token
	http.SetCookie(w, &http.Cookie{
		Name: cfg.Name, Value: token, Path: "/", Domain: cfg.Domain, Secure: cfg.Secure, SameSite: cfg.SameSite,
		MaxAge: int(cfg.Lifetime.Seconds()), Expires: rq.Now.Add(cfg.Lifetime),
	})
	return nil
}
