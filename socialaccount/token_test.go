package socialaccount_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

func TestToken(t *testing.T) {
	t.Parallel()
	p := wiretest.NewIDP(t)
	w, _ := site(t, openID(p, func(c *providers.Client) { c.OtherIDs = []string{"android", "ios"} }))
	p.Now = w.Clock.Now
	post := func(c *Client, token M) *Reply {
		return c.Post("/auth/provider/token", M{"provider": "idp", "process": "login", "token": token})
	}
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			c := w.Client(kind)
			claims := M{"sub": kind, "email": wiretest.FreshEmail(), "email_verified": true, "preferred_username": "tok" + kind}
			t.Run("logs in", func(t *testing.T) {
				r := post(c, M{"client_id": wiretest.IDPClient, "id_token": p.Token(claims, nil)})
				r.LoggedIn()
				if diff := cmp.Diff([]M{{"method": "socialaccount", "provider": "idp", "uid": kind}}, r.Methods()); diff != "" {
					t.Error(diff)
				}
				var l []M
				c.Get("/account/providers").Is(200).Into(&l)
				want := []M{{"uid": kind, "display": claims["email"], "provider": M{
					"id": "idp", "name": "Our IdP", "flows": []any{"provider_redirect", "provider_token"}, "client_id": wiretest.IDPClient,
					"openid_configuration_url": p.URL + "/.well-known/openid-configuration",
				}}}
				if diff := cmp.Diff(want, l); diff != "" {
					t.Error(diff)
				}
			})
			t.Run("of each of our apps, by the provider's kind too", func(t *testing.T) {
				w.Clock.Advance(time.Second)
				for i, id := range []string{"android", "ios"} {
					post(c.Other(), M{"client_id": id, "id_token": p.Token(claims, M{"aud": id, "jti": kind + textOf(i)})}).LoggedIn()
				}
				token := p.Token(claims, M{"aud": []string{"android", "x"}, "azp": "android", "jti": kind})
				c.Other().Post("/auth/provider/token", M{"provider": "openid_connect", "process": "login", "token": M{"client_id": "android", "id_token": token}}).LoggedIn()
			})
			t.Run("once", func(t *testing.T) {
				w.Clock.Advance(time.Second)
				for _, over := range []M{nil, {"jti": "once" + kind}} {
					token := p.Token(claims, over)
					post(c.Other(), M{"client_id": wiretest.IDPClient, "id_token": token}).LoggedIn()
					post(c.Other(), M{"client_id": wiretest.IDPClient, "id_token": token}).Fails("token:invalid_token")
				}
				post(c.Other(), M{"client_id": wiretest.IDPClient, "id_token": p.Token(claims, M{"jti": "once" + kind, "x": 1})}).Fails("token:invalid_token")
			})
			t.Run("input", func(t *testing.T) {
				anonymous := c.Other()
				good := p.Token(claims, M{"jti": "input" + kind})
				post(anonymous, M{"id_token": good}).Fails("token:client_id_required")
				post(anonymous, M{"client_id": "", "id_token": good}).Fails("token:client_id_required")
				post(anonymous, M{"client_id": 5, "id_token": good}).Fails("token:client_id_required")
				post(anonymous, M{"client_id": "other", "id_token": good}).Fails("token:invalid_token")
				post(anonymous, M{"client_id": wiretest.IDPClient}).Fails("token:token_required")
				post(anonymous, M{"client_id": wiretest.IDPClient, "access_token": "x"}).Fails("token:invalid_token")
				post(anonymous, M{"client_id": wiretest.IDPClient, "id_token": []int{}}).Fails("token:token_required")
				anonymous.Post("/auth/provider/token", M{"provider": "dummy", "process": "login", "token": []int{1}}).Fails("token:invalid_token")
				anonymous.Session().NothingPending()
			})
		})
	}
}

// One ID token can be written in several ways. Whichever it is, it logs in once.
// Requirements SOC-3, ONE-1.
func TestTokenOnceHoweverWritten(t *testing.T) {
	t.Parallel()
	p := wiretest.NewIDP(t)
	w, c := site(t, openID(p))
	p.Now = w.Clock.Now
	token := p.Token(M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true}, nil)
	logIn := func(token string) *Reply {
		return c.Other().Post("/auth/provider/token", M{"provider": "idp", "process": "login", "token": M{"client_id": wiretest.IDPClient, "id_token": token}})
	}
	part := strings.Split(token, ".")
	head, claims, signature := part[0], part[1], part[2]
	members := `"protected":"` + head + `","payload":"` + claims + `","signature":"` + signature + `"`
	if len(head)%4 != 3 {
		t.Fatal("the last letter of the header has no spare bits")
	}
	logIn(token).LoggedIn()
	for name, other := range map[string]string{
		"as it was": token, "as JSON": "{" + members + "}", "as JSON with a further member": `{"x":"1.2",` + members + "}",
		"with a blank": head + " ." + claims + "." + signature, "with a line break": head + "." + claims + "\n." + signature,
		"with other spare bits": head[:len(head)-1] + string(head[len(head)-1]+1) + "." + claims + "." + signature,
	} {
		if r := logIn(other); r.Status != 400 {
			t.Errorf("%s: got %d, want 400", name, r.Status)
		}
	}
}

func TestTokenLoginNotSupported(t *testing.T) {
	each(t, func(c *Config) {
		c.Social.Providers = append(c.Social.Providers, providers.GitHub(providers.Client{ID: "gh", Secret: "x"}))
	}, func(t *testing.T, w *World, c *Client) {
		c.Post("/auth/provider/token", M{"provider": "github", "process": "login", "token": M{"client_id": "gh", "access_token": "x"}}).
			Fails("provider:token_authentication_not_supported")
	})
}

func TestTokenIsLimited(t *testing.T) {
	each(t, func(c *Config) { c.NoLimits, c.Limits = false, map[string]string{"login": "2/m/ip"} }, func(t *testing.T, w *World, c *Client) {
		w.Clock.Advance(time.Hour)
		for range 2 {
			c.Post("/auth/provider/token", M{}).Is(400)
		}
		c.Post("/auth/provider/token", M{}).Is(429)
	})
}

// What a provider gives us is kept encrypted, and renewed when it is asked for.
func TestProviderToken(t *testing.T) {
	for name, open := range wiretest.Stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.NewIDP(t)
			w := wiretest.New(t, open(t), with(func(c *Config) { openID(p)(c); c.Social.StoreTokens = true }))
			p.Now = w.Clock.Now
			c := w.Client("browser")
			through(t, c, p, "login", M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
			id := userID(c.Session())
			rows, err := w.Store.SocialAccountsOf(t.Context(), id)
			if err != nil || len(rows) != 1 {
				t.Fatalf("got %v, %v", rows, err)
			}
			row, err := w.Store.SocialToken(t.Context(), rows[0].ID, wiretest.IDPClient)
			if err != nil || strings.Contains(string(row.Token)+string(row.Secret)+string(rows[0].Data), "access-") || row.ExpiresAt.Sub(w.Clock.Now()) != 300*time.Second {
				t.Fatalf("got %v, %v", row, err)
			}
			source, err := w.Auth.ProviderToken(t.Context(), id, "idp")
			if err != nil {
				t.Fatal(err)
			}
			first, err := source.Token()
			if err != nil || !strings.HasPrefix(first.AccessToken, "access-") || first.RefreshToken != "refresh-"+first.AccessToken {
				t.Fatalf("got %v, %v", first, err)
			}
			calls := p.Seen("/token")
			if again, err := source.Token(); err != nil || again.AccessToken != first.AccessToken || p.Seen("/token") != calls {
				t.Errorf("got %v, %v", again, err)
			}

			// Of many who ask at once one renews it: the provider takes each
			// refresh token once.
			w.Clock.Advance(5 * time.Minute)
			type answer struct {
				token *oauth2.Token
				err   error
			}
			done := make(chan answer, 5)
			for range cap(done) {
				go func() { token, err := source.Token(); done <- answer{token, err} }()
			}
			for range cap(done) {
				if a := <-done; a.err != nil || a.token.AccessToken == first.AccessToken || a.token.Expiry.Sub(w.Clock.Now()) != 300*time.Second {
					t.Errorf("got %v, %v", a.token, a.err)
				}
			}
			if got := p.Seen("/token"); got != calls+1 {
				t.Errorf("got %d calls", got-calls)
			}

			// An answer without refresh token leaves the old one in force.
			second, _ := source.Token()
			p.Answer = func(answer M) { delete(answer, "refresh_token") }
			w.Clock.Advance(5 * time.Minute)
			third, err := source.Token()
			if err != nil || third.RefreshToken != second.RefreshToken {
				t.Errorf("got %v, %v", third, err)
			}
			w.Clock.Advance(5 * time.Minute)
			if _, err := source.Token(); !errors.Is(err, headless.ErrNoProviderToken) {
				t.Errorf("got %v, want ErrNoProviderToken", err)
			}
			for _, provider := range []string{"dummy", "nobody"} {
				if _, err := w.Auth.ProviderToken(t.Context(), id, provider); !errors.Is(err, headless.ErrNoProviderToken) {
					t.Errorf("%s: got %v, want ErrNoProviderToken", provider, err)
				}
			}
		})
	}
}

// Tokens from elsewhere are kept like those that came here, and renewed.
func TestSetProviderToken(t *testing.T) {
	t.Parallel()
	w, c, p := withIDP(t, func(c *Config) { c.Social.StoreTokens = true })
	through(t, c, p, "login", M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
	id := userID(c.Session())
	token := func() *oauth2.Token {
		t.Helper()
		source, err := w.Auth.ProviderToken(t.Context(), id, "idp")
		if err != nil {
			t.Fatal(err)
		}
		token, err := source.Token()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	theirs := token().RefreshToken
	imported := &oauth2.Token{AccessToken: "imported", RefreshToken: theirs, Expiry: w.Clock.Now().Add(time.Minute)}
	if err := w.Auth.SetProviderToken(t.Context(), "idp", "1", imported); err != nil {
		t.Fatal(err)
	}
	if got := token(); got.AccessToken != "imported" || got.RefreshToken != theirs || !got.Expiry.Equal(imported.Expiry) {
		t.Errorf("got %v", got)
	}
	w.Clock.Advance(time.Minute)
	if got := token(); !strings.HasPrefix(got.AccessToken, "access-") {
		t.Errorf("got %v", got)
	}
	if err := w.Auth.SetProviderToken(t.Context(), "idp", "2", imported); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := w.Auth.SetProviderToken(t.Context(), "nobody", "1", imported); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	w, _, _ = withIDP(t, nil)
	if err := w.Auth.SetProviderToken(t.Context(), "idp", "1", imported); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("where none are kept: got %v", err)
	}
}

func TestTokensAreNotKeptByDefault(t *testing.T) {
	t.Parallel()
	w, c, p := withIDP(t, nil)
	through(t, c, p, "login", M{"sub": "1", "email": wiretest.FreshEmail(), "email_verified": true})
	if _, err := w.Auth.ProviderToken(t.Context(), userID(c.Session()), "idp"); !errors.Is(err, headless.ErrNoProviderToken) {
		t.Errorf("got %v, want ErrNoProviderToken", err)
	}
	rows, err := w.Store.SocialAccountsOf(t.Context(), userID(c.Session()))
	if err != nil || len(rows) != 1 || strings.Contains(string(rows[0].Data), "access-") {
		t.Errorf("got %s, %v", rows[0].Data, err)
	}
}
