package sessions

import (
	"net/http"
	"strings"
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
		if token := api.CookieValue(rq.HTTP, m.config.CookieName); token != "" {
			m.setSession(w, rq, token)
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
	if had := api.CookieValue(rq.HTTP, cfg.Name); had != "" && !changed {
		// Before login a token need not be bound: it is compared with its
		// cookie, and the origin is checked.
		if s, ok := csrf.Secret(had); ok && (bind == "" || rq.Env.CSRF.Bound(s, bind)) {
			token = had
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
	w.Header()["Set-Cookie"] = append(w.Header()["Set-Cookie"], cfg.Name+"="+token+m.csrfAttributes(rq))
	return nil
}

// attributes are what follows a cookie's value, made in a second.
type attributes struct {
	second int64
	text   string
}

// csrfAttributes are made once in a second: every answer to a browser has them.
func (m *Manager) csrfAttributes(rq *api.Request) string {
	second := rq.Now.Unix()
	if a := m.csrf.Load(); a != nil && a.second == second {
		return a.text
	}
	cfg := &rq.Env.CSRFCookie
	c := http.Cookie{
		Name: cfg.Name, Path: "/", Domain: cfg.Domain, Secure: cfg.Secure, SameSite: cfg.SameSite,
		MaxAge: int(cfg.Lifetime.Seconds()), Expires: rq.Now.Add(cfg.Lifetime),
	}
	a := &attributes{second, strings.TrimPrefix(c.String(), cfg.Name+"=")}
	m.csrf.Store(a)
	return a.text
}
