package socialaccount_test

import (
	"testing"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

func TestEmailAuthentication(t *testing.T) {
	for _, connect := range []bool{false, true} {
		t.Run(map[bool]string{false: "without linking", true: "with linking"}[connect], func(t *testing.T) {
			each(t, func(c *Config) { c.Social.EmailAuthentication, c.Social.AutoConnect = true, connect }, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				uid := uids[c.Kind]
				r := say(t, c, "login", dummy{"id": uid, "email": p.Email, "email_verified": true})
				if r.LoggedIn(); userID(r) != p.ID {
					t.Errorf("got user %s, want %s", userID(r), p.ID)
				}
				want := ""
				if connect {
					want = "dummy:" + uid
					w.Inbox.Mail(t, p.Email, "account_connected")
				}
				if got := accounts(t, w, p.ID); got != want {
					t.Errorf("got accounts %q, want %q", got, want)
				}
				c.Other().LogIn(p) // the password is the owner's, and stays
				d := c.Other()
				if r := say(t, d, "login", dummy{"id": uid + "1", "email": p.Email}); r.Status == 200 {
					t.Error("an unverified address has led to an account")
				}
			})
		})
	}
	t.Run("is off by default", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			say(t, c, "login", dummy{"id": uids[c.Kind], "email": p.Email, "email_verified": true}).Pending("verify_email")
		})
	})
}

// An account that was made with somebody else's address waits for them: when
// they come, whatever its maker has put there is gone. Requirement EML-4.
func TestPreHijacking(t *testing.T) {
	everyStore := func(change func(*Config), scenario func(t *testing.T, w *World, c *Client)) {
		everywhere(t, change, scenario)
	}
	everyStore(func(c *Config) { c.Social.EmailAuthentication, c.Social.AutoConnect = true, true }, func(t *testing.T, w *World, c *Client) {
		w.Run("a never-proven account is cleaned", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Unverified: true, Phone: wiretest.FreshPhone()})
			w.AddEmail(p, wiretest.FreshEmail(), false)
			linked(t, w, p, uids[c.Kind]+"666")
			if err := w.Store.CreateAuthenticator(t.Context(), &store.Authenticator{UserID: p.ID, Type: store.TOTP, Data: []byte(`{}`), CreatedAt: w.Clock.Now()}); err != nil {
				t.Fatal(err)
			}
			r := say(t, c, "login", dummy{"id": uids[c.Kind] + "1", "email": p.Email, "email_verified": true})
			if r.LoggedIn(); userID(r) != p.ID {
				t.Errorf("got user %s, want %s", userID(r), p.ID)
			}
			if got := accounts(t, w, p.ID); got != "dummy:"+uids[c.Kind]+"1" {
				t.Errorf("got accounts %q", got)
			}
			if got := w.Emails(p.ID); got != p.Email+"*!" {
				t.Errorf("got addresses %q", got)
			}
			if w.User(p.ID).Password.Usable() {
				t.Error("the password of whoever made the account still works")
			}
			if l, err := w.Store.AuthenticatorsOf(t.Context(), p.ID); err != nil || len(l) != 0 {
				t.Errorf("got authenticators %v, %v", l, err)
			}
			if got := w.Sessions(p.ID); got != 1 {
				t.Errorf("got %d sessions", got)
			}
		})
		w.Run("an address that another account merely claims leads nowhere", func(t *testing.T, w *World, c *Client) {
			attacker, email := w.Make(Person{}), wiretest.FreshEmail()
			w.AddEmail(attacker, email, false)
			r := say(t, c, "login", dummy{"id": uids[c.Kind] + "2", "email": email, "email_verified": true})
			if userID(r) == attacker.ID {
				t.Error("somebody got into the account of whoever claims their address")
			}
			if got := accounts(t, w, attacker.ID); got != "" {
				t.Errorf("got accounts %q", got)
			}
		})
		w.Run("of several who claim an address none is chosen", func(t *testing.T, w *World, c *Client) {
			email := wiretest.FreshEmail()
			one, two := w.Make(Person{Email: email, Unverified: true}), w.Make(Person{Email: email, Unverified: true})
			say(t, c, "login", dummy{"id": uids[c.Kind] + "3", "email": email, "email_verified": true})
			if accounts(t, w, one.ID)+accounts(t, w, two.ID) != "" {
				t.Error("an ambiguous address has led to an account")
			}
		})
	})
}

// Whoever is logged in to the very account that is cleaned goes on with a new
// session.
func TestProofWhileLoggedIn(t *testing.T) {
	each(t, func(c *Config) {
		c.Social.EmailAuthentication, c.Account.EmailVerification = true, account.Optional
	}, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{Unverified: true})
		c.LogIn(p)
		before := c.Credential()
		if r := say(t, c, "login", dummy{"id": uids[c.Kind], "email": p.Email, "email_verified": true}); userID(r) != p.ID {
			t.Errorf("got user %q, want %s", userID(r), p.ID)
		}
		c.Dead(before)
		c.Session().LoggedIn()
		if got := w.Emails(p.ID); got != p.Email+"*!" {
			t.Errorf("got addresses %q", got)
		}
	})
}

// trusting is a provider that says of no address that it is verified.
func trusting(p *IDP, assumed bool, change func(*providers.Client)) func(*Config) {
	return func(c *Config) {
		s := providers.Spec{
			ID: "plain", Name: "Plain", Discovery: p.URL, Scopes: []string{"openid"}, IDToken: &providers.IDToken{},
			Map: providers.Mapping{UID: "sub", Email: "email"},
		}
		if assumed {
			s.Map.EmailVerified = providers.Assumed
		}
		client := providers.Client{ID: wiretest.IDPClient, Secret: wiretest.IDPSecret, ProviderID: "idp"}
		change(&client)
		c.Social.Providers = append(c.Social.Providers, s.Provider(client))
		c.Social.EmailAuthentication = true
	}
}

func TestWhomToTrust(t *testing.T) {
	for name, x := range map[string]struct {
		assumed bool
		change  func(c *providers.Client)
		in      bool
	}{
		"what a provider does not verify is not trusted":           {false, func(*providers.Client) {}, false},
		"nor what is only known to be verified":                    {true, func(*providers.Client) {}, false},
		"unless the operator trusts this very provider":            {true, func(c *providers.Client) { c.EmailAuthentication = new(true) }, true},
		"or its addresses":                                         {false, func(c *providers.Client) { c.VerifiedDomains = []string{"EXAMPLE.org"} }, true},
		"all of them":                                              {false, func(c *providers.Client) { c.VerifiedDomains = []string{"*"} }, true},
		"other domains are other domains":                          {false, func(c *providers.Client) { c.VerifiedDomains = []string{"ample.org", "example.com"} }, false},
		"a provider can be left out, whatever goes for the others": {false, func(c *providers.Client) { c.VerifiedDomains, c.EmailAuthentication = []string{"*"}, new(false) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wiretest.NewIDP(t)
			w, c := site(t, trusting(p, x.assumed, x.change))
			p.Now = w.Clock.Now
			owner := w.Make(Person{})
			through(t, c, p, "login", M{"sub": "s", "email": owner.Email, "email_verified": "yes"})
			if r := c.Session(); (r.Status == 200 && userID(r) == owner.ID) != x.in {
				t.Errorf("got %s, want %v", r.Raw, x.in)
			}
		})
	}
}

// That an address is named twice says no more of it.
func TestAssumedTwice(t *testing.T) {
	t.Parallel()
	var said []socialaccount.Email
	w, c := site(t, func(c *Config) {
		c.Social.EmailAuthentication = true
		c.Social.Providers = append(c.Social.Providers, own{func(string) (*socialaccount.Identity, error) {
			return &socialaccount.Identity{UID: "1", Emails: said}, nil
		}})
	})
	p := w.Make(Person{})
	plain, assumed, stated := socialaccount.Email{Address: p.Email}, socialaccount.Email{Address: p.Email, Verified: true, Assumed: true}, socialaccount.Email{Address: p.Email, Verified: true}
	for _, x := range []struct {
		said []socialaccount.Email
		in   bool
	}{
		{[]socialaccount.Email{plain, assumed}, false}, {[]socialaccount.Email{assumed, plain}, false},
		{[]socialaccount.Email{assumed, stated}, true}, {[]socialaccount.Email{stated, assumed}, true},
	} {
		said = x.said
		if r := tell(c.Other(), "login", "t"); (r.Status == 200) != x.in {
			t.Errorf("%v: got %s, want %v", said, r.Raw, x.in)
		}
	}
}

func TestVerifiedIsStrict(t *testing.T) {
	for value, good := range map[any]bool{true: true, "true": false, "True": false, false: false, "false": false, "yes": false, 1: false, "1": false, nil: false} {
		p := wiretest.NewIDP(t)
		w, c := site(t, func(c *Config) { openID(p)(c); c.Social.EmailAuthentication = true })
		p.Now = w.Clock.Now
		owner := w.Make(Person{})
		through(t, c, p, "login", M{"sub": "s", "email": owner.Email, "email_verified": value})
		if r := c.Session(); (r.Status == 200) != good {
			t.Errorf("%v: got %s", value, r.Raw)
		}
	}
}
