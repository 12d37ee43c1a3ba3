package faults_test

import (
	"net/http"
	"strings"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/authtest/softauthn"
)

func loggedInWithTOTP(tr *trip) {
	withTOTP(tr)
	tr.logIn()
}

// hasTOTP tells whether there is an app, and if not what another one reads.
func (tr *trip) hasTOTP() (has bool, link string) {
	r := tr.do(http.MethodGet, "/account/authenticators/totp", nil, 200, 404)
	link, _ = r.Meta["totp_url"].(string)
	return r.Status == 200, link
}

func addTOTP(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	has, link := tr.hasTOTP()
	if !has {
		if tr.told["TOTP"] {
			tr.astray("the app is lost")
		}
		app := authtest.NewTOTP(tr.t, tr.site.Clock, link)
		tr.apps = append(tr.apps, app)
		tr.post("/account/authenticators/totp", m{"code": app.Code()}, 200)
		tr.apps, tr.told["TOTP"] = []*authtest.TOTP{app}, true
	}
	tr.c = tr.client()
	tr.logIn()
	if has, _ := tr.hasTOTP(); !has {
		tr.astray("the app is lost")
	}
}

func removeTOTP(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	if has, _ := tr.hasTOTP(); has {
		if tr.told["removed"] {
			tr.astray("the app is back")
		}
		tr.do(http.MethodDelete, "/account/authenticators/totp", nil, 200)
	}
	tr.told["removed"] = true
	tr.c = tr.client()
	tr.post("/auth/login", m{"email": tr.email, "password": authtest.Password}, 200)
}

func makeRecoveryCodes(tr *trip) {
	if len(tr.codes) == 0 {
		if tr.again {
			tr.logIn()
		}
		var d struct {
			Codes []string `json:"unused_codes"`
		}
		tr.post("/account/authenticators/recovery-codes", m{}, 200).Into(&d)
		tr.codes = d.Codes
	}
	tr.c = tr.client()
	tr.post("/auth/login", m{"email": tr.email, "password": authtest.Password}, 401)
	// Whether a code was used whose use was not answered, nobody knows. The
	// next one works.
	code := tr.codes[0]
	tr.codes = tr.codes[1:]
	tr.post("/auth/2fa/authenticate", m{"code": code}, 200)
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
	registerPasskey(tr)
}

func registerPasskey(tr *trip) {
	k := softauthn.New(tr.site.URL, softauthn.ES256)
	o := tr.options(http.MethodGet, "/account/authenticators/webauthn?passwordless", "creation_options")
	tr.keys = append(tr.keys, k)
	tr.post("/account/authenticators/webauthn", m{"name": "key", "credential": k.Create(o)}, 200)
	tr.keys, tr.told["added"] = []key{k}, true
}

func withPasskey(tr *trip) {
	loggedIn(tr)
	addPasskey(tr)
	tr.told["added"] = false
}

func removePasskey(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	var l []struct {
		Type, Name string
		ID         int
	}
	find := func() int {
		l = nil
		tr.do(http.MethodGet, "/account/authenticators", nil, 200).Into(&l)
		for i, a := range l {
			if a.Type == "webauthn" {
				return i
			}
		}
		return -1
	}
	i := find()
	switch {
	case i < 0 && !tr.told["removing"]:
		tr.astray("the passkey is lost")
	case i < 0:
		return
	case tr.told["removed"]:
		tr.astray("the passkey is back")
	case tr.told["renamed"] && l[i].Name != "mine":
		tr.astray("the passkey's name is %q again", l[i].Name)
	}
	tr.do(http.MethodPut, "/account/authenticators/webauthn", m{"id": l[i].ID, "name": "mine"}, 200)
	tr.told["renamed"] = true
	if i = find(); i < 0 || l[i].Name != "mine" {
		tr.astray("the passkeys are %v", l)
	}
	tr.told["removing"] = true
	tr.do(http.MethodDelete, "/account/authenticators/webauthn", m{"authenticators": []int{l[i].ID}}, 200)
	tr.told["removed"] = true
	if i = find(); i >= 0 {
		tr.astray("the passkeys are %v", l)
	}
}

func logInByPasskey(tr *trip) {
	tr.c = tr.client()
	o := tr.options(http.MethodGet, "/auth/webauthn/login", "request_options")
	tr.post("/auth/webauthn/login", m{"credential": tr.keys[0].Get(o)}, 200)
}

func passkeySignup(c *headless.Config) {
	c.MFA.PasskeySignup = true
	c.Account.EmailVerificationByCode, c.Account.LoginByCode = true, true
}

func signUpByPasskey(tr *trip) {
	for _, k := range tr.keys { // of those whose making was not answered, one may have been kept
		o := tr.options(http.MethodGet, "/auth/webauthn/login", "request_options")
		if tr.post("/auth/webauthn/login", m{"credential": k.Get(o)}, 200, 400).Status == 200 {
			tr.keys, tr.told["signup"] = []key{k}, true
			return
		}
		tr.c = tr.client()
	}
	if tr.told["signup"] {
		tr.astray("the passkey is lost")
	}
	tr.forget(tr.email)
	tr.post("/auth/webauthn/signup", m{"email": tr.email}, 401)
	mail := tr.mail(tr.email)
	if code := mail.Code(); code != "" {
		tr.post("/auth/email/verify", m{"key": code}, 401)
		k := softauthn.New(tr.site.URL, softauthn.ES256)
		o := tr.options(http.MethodGet, "/auth/webauthn/signup", "creation_options")
		tr.keys = append(tr.keys, k)
		tr.do(http.MethodPut, "/auth/webauthn/signup", m{"name": "key", "credential": k.Create(o)}, 200)
		tr.keys, tr.told["signup"] = []key{k}, true
		return
	}
	// The mail says that the address has an account already: the address was
	// proven before, and the key was not made. It is proven again, by a code.
	tr.c = tr.client()
	logInByCode(tr)
	registerPasskey(tr)
	tr.told["signup"] = true
}

func trustBrowser(tr *trip) {
	password := m{"email": tr.email, "password": authtest.Password}
	if tr.trusted == nil {
		tr.c = tr.site.Client(loser{tr.t}, authtest.Browser)
		tr.post("/auth/login", password, 401)
		if r := tr.post("/auth/2fa/authenticate", m{"code": tr.apps[0].Next()}, 401); !strings.Contains(strings.Join(r.Flows(), " "), "mfa_trust") {
			tr.astray("trust: %s", r.Raw)
		}
		tr.post("/auth/2fa/trust", m{"trust": true}, 200)
		tr.trusted = tr.c
	}
	tr.c = tr.trusted
	tr.do(http.MethodDelete, "/auth/session", nil, 401)
	tr.post("/auth/login", password, 200)
}
