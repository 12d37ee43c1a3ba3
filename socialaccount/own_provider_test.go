package socialaccount_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

// own is a provider that a host has written itself: it says of a token what
// the test wants.
type own struct {
	says func(token string) (*socialaccount.Identity, error)
}

// Info implements [socialaccount.Provider].
func (own) Info() socialaccount.Info {
	return socialaccount.Info{ID: "own", Name: "Own", ClientIDs: []string{"own-client"}}
}

// VerifyToken implements [socialaccount.TokenVerifier].
func (o own) VerifyToken(_ ctx, tools socialaccount.Tools, t socialaccount.Token) (*socialaccount.Identity, error) {
	if tools.HTTP == nil || tools.Now.IsZero() || tools.Rand == nil || t.ClientID != "own-client" {
		return nil, errors.New("the tools are missing")
	}
	return o.says(t.AccessToken)
}

// Display implements [socialaccount.Displayer].
func (own) Display(profile json.RawMessage) string {
	var p struct{ Nick string }
	_ = json.Unmarshal(profile, &p)
	return p.Nick
}

func tell(c *Client, process, token string) *Reply {
	return c.Post("/auth/provider/token", M{"provider": "own", "process": process, "token": M{"client_id": "own-client", "access_token": token}})
}

func TestOwnProvider(t *testing.T) {
	said := map[string]*socialaccount.Identity{}
	each(t, func(c *Config) {
		c.Social.StoreTokens = true
		c.Social.Providers = append(c.Social.Providers, own{func(token string) (*socialaccount.Identity, error) {
			if id := said[token]; id != nil {
				return id, nil
			}
			return nil, errors.New("unheard of")
		}})
	}, func(t *testing.T, w *World, c *Client) {
		kind := c.Kind
		w.Run("addresses are cleaned, sorted and stored", func(t *testing.T, w *World, c *Client) {
			taken := w.Make(Person{})
			said["emails"] = &socialaccount.Identity{
				UID: "emails" + kind, Name: " Ann  Lee Smith ", Email: "THIRD" + kind + "@Example.org",
				Emails: []socialaccount.Email{
					{Address: "first" + kind + "@example.org"}, {Address: "nonsense"}, {Address: "Second" + kind + "@example.org", Verified: true},
					{Address: "second" + kind + "@EXAMPLE.org", Primary: true}, {Address: taken.Email, Verified: true}, {Address: "fourth" + kind + "@example.org", Verified: true},
				},
			}
			r := tell(c, "login", "emails")
			r.LoggedIn()
			want := "third" + kind + "@example.org second" + kind + "@example.org*! fourth" + kind + "@example.org* first" + kind + "@example.org"
			if got := w.Emails(userID(r)); got != want {
				t.Errorf("got addresses %q\nwant %q", got, want)
			}
			if u := w.User(userID(r)); u.FirstName != "Ann" || u.LastName != "Lee Smith" || u.Email != "second"+kind+"@example.org" {
				t.Errorf("got %v", u)
			}
		})
		w.Run("the display is its own", func(t *testing.T, w *World, c *Client) {
			said["display"] = &socialaccount.Identity{UID: "display" + kind, Profile: json.RawMessage(`{"Nick":"nick","id":12345678901234567890}`), Emails: []socialaccount.Email{{Address: wiretest.FreshEmail(), Verified: true}}}
			r := tell(c, "login", "display")
			r.LoggedIn()
			var l []struct{ Display string }
			if c.Get("/account/providers").Is(200).Into(&l); len(l) != 1 || l[0].Display != "nick" {
				t.Errorf("got %v", l)
			}
			a, err := w.Store.SocialAccount(t.Context(), "own", "display"+kind)
			if err != nil || !strings.Contains(string(a.Data), "12345678901234567890") {
				t.Errorf("got %s, %v", a.Data, err)
			}
		})
		w.Run("nonsense is refused", func(t *testing.T, w *World, c *Client) {
			for name, id := range map[string]*socialaccount.Identity{
				"empty": {}, "long": {UID: strings.Repeat("x", 192)}, "null": {UID: "a\x00"},
			} {
				said[name] = id
				tell(c, "login", name).Fails("token:invalid_token")
			}
			tell(c, "login", "never said").Fails("token:invalid_token")
			c.Session().NothingPending()
		})
		w.Run("a token that was pending is kept in the end", func(t *testing.T, w *World, c *Client) {
			token := (&oauth2.Token{AccessToken: "the token"}).WithExtra(map[string]any{socialaccount.TokenSecret: "its secret"})
			said["pending"] = &socialaccount.Identity{UID: "pending" + kind, Token: token}
			tell(c, "login", "pending").Pending("provider_signup")
			s, err := w.Store.SessionByHash(t.Context(), secret.HashToken(c.Credential()))
			if err != nil || strings.Contains(string(s.State), "the token") {
				t.Errorf("the session holds %s, %v", s.State, err)
			}
			c.Post("/auth/provider/signup", M{"email": wiretest.FreshEmail()}).Pending("verify_email")
			a, err := w.Store.SocialAccount(t.Context(), "own", "pending"+kind)
			if err != nil {
				t.Fatal(err)
			}
			source, err := w.Auth.ProviderToken(t.Context(), a.UserID, "own")
			if err != nil {
				t.Fatal(err)
			}
			got, err := source.Token()
			if err != nil || got.AccessToken != "the token" || got.Extra(socialaccount.TokenSecret) != "its secret" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	})
}

// What waits in a session is not readable there. Requirement SEC-1.
func TestSessionsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	w, c := site(t, nil)
	state := parse(t, begin(t, c, "dummy", "login")).Query().Get("state")
	s, err := w.Store.SessionByHash(t.Context(), secret.HashToken(c.Cookie("sessionid")))
	if err != nil || len(s.State) == 0 {
		t.Fatal(err)
	}
	if strings.Contains(string(s.State), state) || strings.Contains(string(s.State), "spa.test") {
		t.Errorf("got %s", s.State)
	}
}

func TestTokenInput(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		good := M{"provider": "dummy", "process": "login", "token": M{"id_token": `{"id":1}`}}
		for _, x := range []struct {
			field string
			value any
			want  []string
		}{
			{"provider", nil, []string{"provider:required"}},
			{"provider", "  ", []string{"provider:required"}},
			{"provider", []int{1}, []string{"token:client_id_required"}},
			{"provider", "a\x00", []string{"provider:null_characters_not_allowed"}},
			{"process", nil, []string{"process:required"}},
			{"process", "redirect", []string{"process:invalid_choice"}},
			{"process", 7, []string{"process:invalid_choice"}},
			{"token", nil, []string{"token:required", "token:invalid_token"}},
			{"token", M{}, []string{"token:required"}},
			{"token", []int{}, []string{"token:required", "token:invalid_token"}},
			{"token", "x", []string{"token:invalid_token"}},
			{"token", 1, []string{"token:invalid_token"}},
		} {
			bad := M{}
			for k, v := range good {
				bad[k] = v
			}
			bad[x.field] = x.value
			c.Post("/auth/provider/token", bad).Fails(x.want...)
		}
		c.Post("/auth/provider/token", M{}).Fails("provider:required", "process:required", "token:required", "token:invalid_token")
	})
}

func TestDisplayName(t *testing.T) {
	t.Parallel()
	for profile, want := range map[string]string{
		`{"name":"N","email":"E","login":"L"}`:             "L",
		`{"username":" ","email":" e "}`:                   "e",
		`{"first_name":"A","givenName":"B","surname":"C"}`: "B C",
		`{"family_name":"C"}`:                              "C",
		`{"username":7,"full_name":"F"}`:                   "F",
		`{}`:                                               "", `[]`: "", `null`: "", `{"data":{"username":"x"}}`: "",
	} {
		var v any
		if err := json.Unmarshal([]byte(profile), &v); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, socialaccount.DisplayName(v)); diff != "" {
			t.Errorf("%s: %s", profile, diff)
		}
	}
}

// An account that was deleted at the moment of a login leaves no trace.
func TestOrphan(t *testing.T) {
	each(t, func(c *Config) { c.Account.EmailVerification = account.None }, func(t *testing.T, w *World, c *Client) {
		p := linked(t, w, w.Make(Person{}), uids[c.Kind])
		if err := w.Store.DeleteUser(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		r := say(t, c, "login", dummy{"id": uids[c.Kind], "email": wiretest.FreshEmail()})
		if r.LoggedIn(); userID(r) == p.ID {
			t.Error("a deleted user is back")
		}
		if _, err := w.Store.SocialAccount(t.Context(), "dummy", uids[c.Kind]); err != nil {
			t.Errorf("got %v, want the new link; store.ErrNotFound is %v", err, errors.Is(err, store.ErrNotFound))
		}
	})
}
