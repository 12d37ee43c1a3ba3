package socialaccount_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

type (
	M      = wiretest.M
	Client = wiretest.Client
	World  = wiretest.World
	Person = wiretest.Person
	Reply  = wiretest.Reply
	Config = headless.Config
	IDP    = wiretest.IDP
)

const (
	callbackURL = "https://spa.test/callback"
	errorPage   = "https://spa.test/provider/error"
)

// with configures a site where the dummy provider is on, and what change wants.
func with(change func(c *Config)) func(*Config) {
	return func(c *Config) {
		c.Account.EmailNotifications = true
		c.Frontend.SocialLoginError = errorPage
		c.Social = &socialaccount.Config{
			Providers: []socialaccount.Provider{providers.Dummy()}, CallbackURLs: []string{"https://spa.test"}, Development: true,
			Internal: []string{"127.0.0.1"},
		}
		if change != nil {
			change(c)
		}
	}
}

// each runs a scenario in memory, for both kinds of clients; everywhere, on
// every store.
func each(t *testing.T, change func(*Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.EachOn(t, []string{"memory"}, with(change), scenario)
}

func everywhere(t *testing.T, change func(*Config), scenario func(t *testing.T, w *World, c *Client)) {
	t.Helper()
	wiretest.Each(t, with(change), scenario)
}

// site is a site in memory, for browsers.
func site(t *testing.T, change func(*Config)) (*World, *Client) {
	t.Helper()
	w := wiretest.New(t, wiretest.Stores["memory"](t), with(change))
	return w, w.Client("browser")
}

// openID adds an OpenID Connect provider to a configuration.
func openID(p *IDP, more ...func(*providers.Client)) func(*Config) {
	return func(c *Config) {
		client := providers.Client{
			ID: wiretest.IDPClient, Secret: wiretest.IDPSecret, ProviderID: "idp", Name: "Our IdP", Settings: map[string]string{"server_url": p.URL},
		}
		for _, change := range more {
			change(&client)
		}
		c.Social.Providers = append(c.Social.Providers, providers.OpenIDConnect(client))
	}
}

// withIDP is a site with an OpenID Connect provider whose clock is the site's.
func withIDP(t *testing.T, change func(*Config)) (*World, *Client, *IDP) {
	t.Helper()
	p := wiretest.NewIDP(t)
	w, c := site(t, func(c *Config) {
		openID(p)(c)
		if change != nil {
			change(c)
		}
	})
	p.Now = w.Clock.Now
	return w, c, p
}

// dummy is what the dummy provider is told.
type dummy = M

// say logs in, or connects, by way of the dummy provider: a browser by its
// form, an app by a token. It returns where the client stands afterwards, or
// the error.
func say(t *testing.T, c *Client, process string, who dummy) *Reply {
	t.Helper()
	if c.Kind == "app" {
		b, err := json.Marshal(who)
		if err != nil {
			t.Fatal(err)
		}
		return c.Post("/auth/provider/token", M{"provider": "dummy", "process": process, "token": M{"client_id": "any", "id_token": string(b)}})
	}
	form := url.Values{}
	for k, v := range who {
		switch v := v.(type) {
		case string:
			form.Set(k, v)
		case bool:
			if v {
				form.Set(k, "on")
			}
		case int:
			form.Set(k, "42")
			form.Set(k, textOf(v))
		}
	}
	location := begin(t, c, "dummy", process)
	done := post(c, "/"+location, form)
	if got := done.Is(302).Header.Get("Location"); got != callbackURL {
		done.Raw = []byte(got)
		done.Status = 0
		return done
	}
	return c.Session()
}

func textOf(v any) string {
	b, _ := json.Marshal(v)
	return strings.Trim(string(b), `"`)
}

// post posts a form.
func post(c *Client, path string, form url.Values) *Reply {
	if c.Cookie("csrftoken") == "" {
		c.Get("/config")
	}
	d := c.Clone()
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return d.Raw(http.MethodPost, path, form.Encode())
}

// begin sends a browser to a provider.
func begin(t *testing.T, c *Client, provider, process string) (location string) {
	t.Helper()
	r := post(c, "/auth/provider/redirect", url.Values{"provider": {provider}, "process": {process}, "callback_url": {callbackURL}})
	location = r.Is(302).Header.Get("Location")
	if strings.HasPrefix(location, errorPage) {
		t.Fatalf("got %s, want the provider", location)
	}
	return location
}

// comeBack is a browser that a provider has sent back.
func comeBack(c *Client, back *url.URL) (location string) {
	return c.Raw(http.MethodGet, "/"+back.RequestURI(), nil).Is(302).Header.Get("Location")
}

// through goes to a provider and back.
func through(t *testing.T, c *Client, p *IDP, process string, claims M) (location string) {
	t.Helper()
	return comeBack(c, p.Consent(t, begin(t, c, "idp", process), claims))
}

// fails checks that a login was refused: what an app is told, and a browser.
func fails(t *testing.T, r *Reply, app string, code string) {
	t.Helper()
	if r.Status != 0 {
		if app == "401" || app == "403" {
			r.Is(map[string]int{"401": 401, "403": 403}[app])
			return
		}
		r.Fails(app)
		return
	}
	u, err := url.Parse(string(r.Raw))
	if err != nil || u.Query().Get("error") != code || u.Query().Get("error_process") == "" {
		t.Fatalf("got %s, want the error %s", r.Raw, code)
	}
}

// accounts are a person's accounts at providers, as stored: "dummy:1 idp:2".
func accounts(t *testing.T, w *World, userID string) string {
	t.Helper()
	rows, err := w.Store.SocialAccountsOf(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	var l []string
	for _, a := range rows {
		l = append(l, a.Provider+":"+a.UID)
	}
	return strings.Join(l, " ")
}

// linked gives a person an account of the dummy provider.
func linked(t *testing.T, w *World, p *Person, uid string) *Person {
	t.Helper()
	linkedTo(t, w, p.ID, "dummy", uid)
	return p
}

func linkedTo(t *testing.T, w *World, userID, provider, uid string) {
	t.Helper()
	err := w.Store.CreateSocialAccount(t.Context(), &store.SocialAccount{UserID: userID, Provider: provider, UID: uid, CreatedAt: w.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
}

func userID(r *Reply) string {
	var d struct{ User struct{ ID json.RawMessage } }
	_ = json.Unmarshal(r.Data, &d)
	return strings.Trim(string(d.User.ID), `"`)
}

// happened checks that an event is among those since the last call.
func happened(t *testing.T, w *World, want ...string) {
	t.Helper()
	got := w.Events.Take()
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("got events %v, want %s", got, name)
		}
	}
}

func parse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

type ctx = context.Context
