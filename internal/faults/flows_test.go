package faults_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/tokens"
)

// flow is something that people do. It may be cut short anywhere, and run again
// from its beginning, by the same person with a new client.
type flow struct {
	name    string
	change  func(*headless.Config)
	prepare func(*trip) // while nothing fails
	run     func(*trip)
}

type key = *softauthn.Authenticator

var flows = []flow{
	{name: "signup and link", run: signUpByLink},
	{name: "signup and code", change: func(c *headless.Config) { c.Account.EmailVerificationByCode = true }, run: signUpByCode},
	{name: "login", prepare: member, run: func(tr *trip) { tr.logIn() }},
	{name: "login by code", change: func(c *headless.Config) { c.Account.LoginByCode = true }, prepare: member, run: logInByCode},
	{name: "login with TOTP", prepare: withTOTP, run: func(tr *trip) { tr.logIn() }},
	{name: "password change", prepare: loggedIn, run: changePassword},
	{name: "password reset", prepare: member, run: resetPassword},
	{name: "email change", prepare: loggedIn, run: changeEmail},
	{name: "social signup", change: func(c *headless.Config) { c.Social = &socialaccount.Config{} }, run: signUpAtProvider},
	{name: "passkey", prepare: loggedIn, run: addPasskey},
	{name: "logout", prepare: loggedIn, run: logOut},
	{name: "refresh", change: withJWT, prepare: loggedIn, run: refresh},
}

func withJWT(c *headless.Config) {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	if c.Tokens, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: k}}}); err != nil {
		panic(err)
	}
}

func member(tr *trip) { authtest.Login(tr.t, tr.site, tr.login, authtest.AsApp()) }

func withTOTP(tr *trip) {
	tr.totp = authtest.Login(tr.t, tr.site, tr.login, authtest.AsApp(), authtest.WithTOTP()).Person.TOTP
}

// loggedIn has somebody's client logged in, by the way that others take.
func loggedIn(tr *trip) {
	member(tr)
	tr.logIn()
}

// logIn logs in by password, with whatever is asked for besides.
func (tr *trip) logIn() {
	for _, password := range tr.passwords {
		r := tr.post("/auth/login", m{"email": tr.email, "password": password}, 200, 401, 400)
		if r.Status == 400 {
			continue
		}
		tr.passwords = []string{password}
		if r.Status == 401 {
			tr.further(r)
		}
		return
	}
	tr.astray("no password of %v is right", tr.passwords)
}

// further proves a second factor.
func (tr *trip) further(r *authtest.Reply) {
	switch {
	case !strings.Contains(strings.Join(r.Flows(), " "), "mfa_authenticate*"):
		tr.astray("login: %s", r.Raw)
	case tr.totp != nil:
		tr.post("/auth/2fa/authenticate", m{"code": tr.totp.Next()}, 200)
	default:
		// Of the keys whose making was not answered, one was kept.
		for _, k := range tr.keys {
			o := tr.options(http.MethodGet, "/auth/webauthn/authenticate", "request_options")
			if tr.post("/auth/webauthn/authenticate", m{"credential": k.Get(o)}, 200, 400).Status == 200 {
				tr.keys = []key{k}
				return
			}
		}
		tr.astray("no key of %d is known", len(tr.keys))
	}
}

func (tr *trip) options(method, path, name string) []byte {
	var d map[string]json.RawMessage
	tr.do(method, path, nil, 200).Into(&d)
	return d[name]
}

// needed tells whether somebody still has to sign up.
func (tr *trip) needed() (signup bool, pending *authtest.Reply) {
	if !tr.again {
		return true, nil
	}
	tr.forget(tr.email)
	r := tr.post("/auth/login", m{"email": tr.email, "password": authtest.Password}, 200, 400, 401)
	if r.Status == 400 && tr.told["signup"] {
		tr.astray("the account is lost: %s", r.Raw)
	}
	return r.Status == 400, r
}

// signUp ends with a login that waits for the address to be verified; true, if
// it does not wait, as that was done before.
func (tr *trip) signUp() (done bool) {
	signup, r := tr.needed()
	if signup {
		r = tr.post("/auth/signup", m{"email": tr.email, "password": authtest.Password}, 401)
	}
	tr.told["signup"] = true
	if r.Status == 401 {
		if tr.told["verified"] {
			tr.astray("the address is verified no more: %s", r.Raw)
		}
		if !strings.Contains(strings.Join(r.Flows(), " "), "verify_email*") {
			tr.astray("signup: %s", r.Raw)
		}
	}
	return r.Status == 200
}

func signUpByLink(tr *trip) {
	if tr.signUp() {
		return
	}
	key := tr.mail(tr.email).Key("/verify-email/")
	tr.post("/auth/email/verify", m{"key": key}, 200, 401)
	tr.told["verified"] = true
	tr.logIn()
}

func signUpByCode(tr *trip) {
	if tr.signUp() {
		return
	}
	tr.post("/auth/email/verify", m{"key": tr.mail(tr.email).Code()}, 200)
	tr.told["verified"] = true
}

func logInByCode(tr *trip) {
	tr.forget(tr.email)
	tr.post("/auth/code/request", m{"email": tr.email}, 401)
	tr.post("/auth/code/confirm", m{"code": tr.mail(tr.email).Code()}, 200)
}

func changePassword(tr *trip) {
	if tr.again {
		tr.logIn()
		if tr.passwords[0] == tr.next {
			return
		}
	}
	if tr.told["changed"] {
		tr.astray("the new password is lost")
	}
	old := tr.passwords[0]
	tr.passwords = []string{tr.next, old}
	tr.post("/account/password/change", m{"current_password": old, "new_password": tr.next}, 200)
	tr.passwords, tr.told["changed"] = []string{tr.next}, true
	tr.do(http.MethodGet, "/auth/session", nil, 200)
}

func resetPassword(tr *trip) {
	if tr.again {
		tr.logIn()
		if tr.passwords[0] == tr.next {
			return
		}
		tr.anew()
	}
	tr.forget(tr.email)
	tr.post("/auth/password/request", m{"email": tr.email}, 200)
	key := tr.mail(tr.email).Key("/reset-password/")
	tr.passwords = append(tr.passwords, tr.next)
	tr.post("/auth/password/reset", m{"key": key, "password": tr.next}, 401)
	tr.passwords = []string{tr.next}
	tr.logIn()
}

func changeEmail(tr *trip) {
	next := "new-" + tr.email
	if tr.again {
		tr.forget(next)
		tr.logIn()
	}
	var l []struct {
		Email             string
		Verified, Primary bool
	}
	find := func() (known, verified, primary bool) {
		l = nil // what is missing in the answer is false
		tr.do(http.MethodGet, "/account/email", nil, 200).Into(&l)
		for _, e := range l {
			if e.Email == next {
				return true, e.Verified, e.Primary
			}
		}
		return false, false, false
	}
	known, verified, primary := find()
	if tr.told["known"] && !known || tr.told["verified"] && !verified || tr.told["primary"] && !primary {
		tr.astray("of %v there is %v", tr.told, l)
	}
	if !verified {
		if !known {
			tr.post("/account/email", m{"email": next}, 200)
			tr.told["known"] = true
		} else {
			tr.do(http.MethodPut, "/account/email", m{"email": next}, 200)
		}
		key := tr.mail(next).Key("/verify-email/")
		tr.post("/auth/email/verify", m{"key": key}, 200)
		tr.told["verified"] = true
	}
	if !primary {
		tr.do(http.MethodPatch, "/account/email", m{"email": next, "primary": true}, 200)
		tr.told["primary"] = true
	}
	if _, _, primary := find(); !primary {
		tr.astray("it is not the primary address: %v", l)
	}
}

func signUpAtProvider(tr *trip) {
	tr.site.Clock.Advance(time.Second) // or the token would be the one that was used already
	token, err := tr.provider.IDToken(authtest.Identity{Subject: tr.login, Email: tr.email, EmailVerified: true, Name: tr.login})
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.post("/auth/provider/token", m{"provider": "example", "process": "login", "token": m{"client_id": "authtest", "id_token": token}}, 200)
}

func addPasskey(tr *trip) {
	if tr.again {
		tr.logIn()
		if r := tr.do(http.MethodGet, "/account/authenticators", nil, 200); strings.Contains(string(r.Data), `"webauthn"`) {
			return
		}
	}
	if tr.told["added"] {
		tr.astray("the passkey is lost")
	}
	k := softauthn.New(tr.site.URL, softauthn.ES256)
	o := tr.options(http.MethodGet, "/account/authenticators/webauthn?passwordless", "creation_options")
	tr.keys = append(tr.keys, k)
	tr.post("/account/authenticators/webauthn", m{"name": "key", "credential": k.Create(o)}, 200)
	tr.keys, tr.told["added"] = []key{k}, true
}

func logOut(tr *trip) {
	if tr.session == "" {
		tr.session = tr.c.Token
	}
	tr.c.Token = tr.session
	if r := tr.do(http.MethodDelete, "/auth/session", nil, 401, 410); r.Status == 410 && !tr.again {
		tr.astray("the session was dead: %s", r.Raw)
	}
	tr.c.Token = tr.session
	tr.do(http.MethodGet, "/auth/session", nil, 410)
}

func refresh(tr *trip) {
	if tr.refreshToken == "" {
		tr.refreshToken = tr.c.RefreshToken
	}
	var d struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	r := tr.post("/tokens/refresh", m{"refresh_token": tr.refreshToken}, 200)
	r.Into(&d)
	if tr.refreshToken = d.Refresh; d.Access == "" || d.Refresh == "" {
		tr.astray("refreshed: %s", r.Raw)
	}
}
