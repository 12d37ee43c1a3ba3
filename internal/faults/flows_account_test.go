package faults_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/store"
)

func reauthenticate(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	r := tr.post("/auth/reauthenticate", m{"password": authtest.Password}, 200)
	if len(r.Methods()) < 2 {
		tr.astray("it was not noted: %s", r.Raw)
	}
}

func loggedInThrice(tr *trip) {
	loggedIn(tr)
	tr.ends = nil
	for range 2 {
		tr.ends = append(tr.ends, authtest.Login(tr.t, tr.site, tr.login, authtest.AsApp()).Token)
	}
}

func endSessions(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	var l []struct {
		ID      int
		Current bool `json:"is_current"`
	}
	tr.do(http.MethodGet, "/auth/sessions", nil, 200).Into(&l)
	var others []int
	for _, s := range l {
		if !s.Current {
			others = append(others, s.ID)
		}
	}
	if len(others) > 0 {
		tr.do(http.MethodDelete, "/auth/sessions", m{"sessions": others}, 200)
	}
	own := tr.c.Token
	for _, token := range tr.ends {
		tr.c.Token = token
		tr.do(http.MethodGet, "/auth/session", nil, 410)
	}
	tr.c.Token = own
	tr.do(http.MethodGet, "/auth/session", nil, 200)
}

func withAnotherEmail(tr *trip) {
	loggedIn(tr)
	l, err := tr.direct.EmailsByAddress(tr.t.Context(), tr.email)
	if err != nil || len(l) != 1 {
		tr.t.Fatalf("%d users have the address, %v", len(l), err)
	}
	another := &store.EmailAddress{UserID: l[0].UserID, Email: "new-" + tr.email, Verified: true, CreatedAt: l[0].CreatedAt}
	if err := tr.direct.CreateEmail(tr.t.Context(), another); err != nil && !errors.Is(err, store.ErrConflict) {
		tr.t.Fatal(err)
	}
}

func removeEmail(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	another := "new-" + tr.email
	kept := func() bool {
		return strings.Contains(string(tr.do(http.MethodGet, "/account/email", nil, 200).Data), another)
	}
	if kept() {
		if tr.told["removed"] {
			tr.astray("the address is back")
		}
		tr.do(http.MethodDelete, "/account/email", m{"email": another}, 200)
		tr.told["removed"] = true
	}
	if kept() {
		tr.astray("the address is still there")
	}
}

func phones(c *headless.Config) {
	c.Account.LoginMethods = []string{"email", "phone"}
	c.Account.SignupFields = []string{"phone", "email*", "password1*"}
}

// number is the number that is on record.
func (tr *trip) number() string {
	var l []struct {
		Phone    string
		Verified bool
	}
	if tr.do(http.MethodGet, "/account/phone", nil, 200).Into(&l); len(l) == 0 || !l[0].Verified {
		return ""
	}
	return l[0].Phone
}

func setPhone(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	if tr.number() == tr.phone {
		return
	}
	if tr.told["phone"] {
		tr.astray("the number is lost")
	}
	tr.forget(tr.phone)
	tr.post("/account/phone", m{"phone": tr.phone}, 202)
	tr.post("/auth/phone/verify", m{"code": tr.mail(tr.phone).Code()}, 200)
	tr.told["phone"] = true
	if got := tr.number(); got != tr.phone {
		tr.astray("the number is %q", got)
	}
}

func withPhone(tr *trip) {
	loggedIn(tr)
	setPhone(tr)
}

func removePhone(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	if tr.number() != "" {
		if tr.told["removed"] {
			tr.astray("the number is back")
		}
		tr.do(http.MethodDelete, "/ext/account/phone", nil, 200)
		tr.told["removed"] = true
	}
	if got := tr.number(); got != "" {
		tr.astray("the number is %q", got)
	}
}

// identity is who somebody is at the provider.
func (tr *trip) identity() authtest.Identity {
	return authtest.Identity{Subject: tr.login, Email: tr.email, EmailVerified: true, Name: tr.login}
}

// atProvider shows the site a token of the provider.
func (tr *trip) atProvider(process string) {
	tr.t.Helper()
	tr.site.Clock.Advance(time.Second) // or the token would be the one that was used already
	token, err := tr.provider.IDToken(tr.identity())
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.post("/auth/provider/token", m{"provider": "example", "process": process, "token": m{"client_id": "authtest", "id_token": token}}, 200)
}

func signUpAtProvider(tr *trip) { tr.atProvider("login") }

func logInAtProvider(tr *trip) {
	tr.c = tr.site.Client(loser{tr.t}, authtest.Browser)
	form := url.Values{"provider": {"example"}, "process": {"login"}, "callback_url": {tr.site.URL + "/"}}
	tr.c.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	there := tr.post("/auth/provider/redirect", form.Encode(), 302).Header.Get("Location")
	tr.c.Header.Del("Content-Type")
	tr.mayFail(there)
	back, err := tr.provider.Consent(there, tr.identity())
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.mayFail(tr.call(http.MethodGet, back, nil, 302).Header.Get("Location"))
	tr.do(http.MethodGet, "/auth/session", nil, 200)
}

// mayFail ends a flow that is sent to a page which is told that it failed.
func (tr *trip) mayFail(location string) {
	if strings.Contains(location, "error=unknown") {
		panic(errors.Join(errors.New("sent to "+location), errLost))
	}
}

func connect(tr *trip) {
	if tr.again {
		tr.logIn()
	}
	connected := func() bool {
		return strings.Contains(string(tr.do(http.MethodGet, "/account/providers", nil, 200).Data), `"`+tr.login+`"`)
	}
	switch on := connected(); {
	case on && tr.told["disconnected"], !on && tr.told["connected"] && !tr.told["disconnecting"]:
		tr.astray("connected: %t, told: %v", on, tr.told)
	case !on && tr.told["disconnecting"]:
		return
	case !on:
		tr.atProvider("connect")
	}
	tr.told["connected"] = true
	if !connected() {
		tr.astray("it is not connected")
	}
	tr.told["disconnecting"] = true
	tr.do(http.MethodDelete, "/account/providers", m{"provider": "example", "account": tr.login}, 200)
	tr.told["disconnected"] = true
	if connected() {
		tr.astray("it is still connected")
	}
}

func closeAccount(tr *trip) {
	password := m{"email": tr.email, "password": authtest.Password}
	in := tr.post("/auth/login", password, 200, 401).Status == 200
	switch {
	case in && tr.told["closed"] && !tr.told["reopening"], !in && tr.told["reopened"], !in && !tr.told["closing"]:
		tr.astray("logged in: %t, told: %v", in, tr.told)
	case in && tr.told["reopening"]:
		return
	case in:
		tr.told["closing"] = true
		tr.post("/ext/account/deactivate", nil, 401)
	}
	tr.told["closed"] = true
	tr.c = tr.client()
	tr.post("/auth/login", password, 401)
	tr.told["reopening"] = true
	tr.post("/ext/auth/reactivate", password, 200)
	tr.told["reopened"] = true
	tr.do(http.MethodGet, "/auth/session", nil, 200)
}

func deleteAccount(tr *trip) {
	password := m{"email": tr.email, "password": authtest.Password}
	in := tr.post("/auth/login", password, 200, 400).Status == 200
	switch {
	case in && tr.told["deleted"], !in && !tr.told["deleting"]:
		tr.astray("logged in: %t, told: %v", in, tr.told)
	case !in:
		return
	}
	tr.told["deleting"] = true
	tr.do(http.MethodDelete, "/ext/account", nil, 401)
	tr.told["deleted"] = true
	tr.c = tr.client()
	tr.post("/auth/login", password, 400)
}

// operatorToken is what an operator calls with.
var operatorToken = strings.Repeat("operator", 4)

func withOperator(c *headless.Config) {
	c.Admin = &headless.AdminConfig{Tokens: map[string][]byte{"support": []byte(operatorToken)}}
}

// operate is an operator who makes a user, lets them wait, and deletes them.
func operate(tr *trip) {
	const users = "/_admin/v1/users"
	operator := tr.client()
	operator.Header.Set("Authorization", "Bearer "+operatorToken)
	find := func() (id string) {
		tr.c = operator
		var d struct{ Users []struct{ ID string } }
		tr.call(http.MethodGet, users+"?email="+url.QueryEscape(tr.email), nil, 200).Into(&d)
		if len(d.Users) == 0 {
			return ""
		}
		return d.Users[0].ID
	}
	password := m{"email": tr.email, "password": tr.next}
	login := func(want int) {
		tr.c = tr.client()
		tr.post("/auth/login", password, want)
		tr.c = operator
	}
	id := find()
	switch {
	case id == "" && tr.told["deleting"]:
		return
	case id == "" && tr.told["made"], id != "" && tr.told["deleted"]:
		tr.astray("found %q, told: %v", id, tr.told)
	case id == "":
		tr.call(http.MethodPost, users, m{"email": tr.email, "email_verified": true, "password": authtest.Password}, 200, 201)
		id = find()
	}
	tr.told["made"] = true
	deed := func(name string, body any) { tr.call(http.MethodPost, users+"/"+id+"/"+name, body, 200) }
	deed("set-password", m{"password": tr.next})
	deed("disable", nil)
	login(401)
	deed("enable", nil)
	deed("end-sessions", nil)
	deed("reset-mfa", nil)
	login(200)
	tr.told["deleting"] = true
	tr.call(http.MethodDelete, users+"/"+id, nil, 200)
	tr.told["deleted"] = true
	login(400)
}
