package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/oidctest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
)

// options are what a site is made of.
type options struct {
	// url is the site's own, idURL that of the identity provider.
	url, idURL string
	store      store.Store
	secret     []byte
	// links: mails carry links in place of codes.
	links bool
	now   func() time.Time
	log   *slog.Logger
}

// site is the site with all that belongs to it.
type site struct {
	options
	auth *headless.Auth
	id   *oidctest.Provider // another site
	box  *mailbox           // in place of a mail server and a phone network
	mux  *http.ServeMux
}

func newSite(o options) (*site, error) {
	s := &site{options: o, box: &mailbox{now: o.now}, mux: http.NewServeMux()}
	client := oidctest.Client{ID: "larch", Secret: rand.Text(), RedirectURIs: []string{o.url + "/accounts/oidc/example/login/callback/"}}
	s.id = oidctest.New(oidctest.Options{Issuer: o.idURL, Clients: []oidctest.Client{client}, Now: o.now})
	auth, err := headless.New(headless.Config{
		URL: o.url, Name: "Larch", Secret: o.secret, Store: o.store, Mailer: s.box, SMS: s.box, Now: o.now, Logger: o.log,
		Frontend: headless.Frontend{
			VerifyEmail: "/verify-email/{key}", ResetPassword: "/reset-password/{key}",
			RequestPasswordReset: "/forgot", Signup: "/signup", SocialLoginError: "/provider",
		},
		Account: account.Config{
			LoginMethods: []string{"email", "phone"},
			SignupFields: []string{"email*", "phone", "password1*"},
			Fields: []account.Field{
				{Name: "name", Required: true, MaxLength: 80},
				{Name: "purpose", Choices: []string{"Work", "Studies", "Curiosity"}},
				{Name: "terms", Type: "boolean", Required: true},
			},
			NoUsernames:             true,
			EmailVerificationByCode: !o.links, EmailVerificationCode: account.CodeConfig{MaxResends: 3, MaxChanges: 2},
			LoginOnEmailVerification: true,
			PasswordResetByCode:      !o.links, PasswordResetCode: account.CodeConfig{Lifetime: 10 * time.Minute},
			LoginByCode: true, LoginCode: account.CodeConfig{Lifetime: 10 * time.Minute, MaxResends: 3},
			PhoneCode:                account.CodeConfig{MaxResends: 3, MaxChanges: 2},
			ReauthenticationRequired: true, EmailNotifications: true, Closing: true,
		},
		Session: sessions.Config{List: true, TrackActivity: true},
		MFA: &mfa.Config{
			SupportedTypes: []string{"totp", "recovery_codes", "webauthn"},
			PasskeyLogin:   true,
			// A passkey needs an address that is verified on the way.
			PasskeySignup: !o.links,
			Trust:         true,
		},
		Social: &socialaccount.Config{
			Providers: []socialaccount.Provider{
				providers.OpenIDConnect(providers.Client{
					ID: client.ID, Secret: client.Secret, ProviderID: "example", Name: "Example ID",
					Settings: map[string]string{"server_url": o.idURL},
				}),
				providers.Dummy(),
			},
			AskAtSignup: true, // nobody gets in without having accepted the terms
			// Real sites need neither of these.
			Internal: []string{"127.0.0.1"}, Development: true,
		},
		Hooks: account.Hooks{Display: display, UserData: userData},
	})
	if err != nil {
		return nil, err
	}
	s.auth = auth
	s.mux.Handle("/_allauth/", auth.Handler())
	s.mux.Handle("/accounts/", auth.Callbacks())
	s.mux.Handle("POST /qr", auth.RequireUser(http.HandlerFunc(qr)))
	s.mux.Handle("/mailbox", s.box)
	s.mux.Handle("/", pages(o.idURL))
	return s, nil
}

// ServeHTTP implements [http.Handler]. Requests by another name than the
// site's own are sent away: so no other site's page can reach in by pointing
// its name at this machine.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if "http://"+r.Host != s.url {
		http.Redirect(w, r, s.url+"/", http.StatusTemporaryRedirect)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// profile are the site's own fields of a user.
type profile struct {
	Name    string `json:"name"`
	Purpose string `json:"purpose"`
}

func profileOf(u *store.User) (p profile) {
	_ = json.Unmarshal(u.Fields, &p) // there may be none
	return p
}

func display(_ context.Context, u *store.User) string {
	for _, s := range []string{profileOf(u).Name, u.Name(), u.Email} {
		if s != "" {
			return s
		}
	}
	return "friend"
}

func userData(_ context.Context, u *store.User) map[string]any {
	p := profileOf(u)
	if p.Name == "" {
		p.Name = u.Name()
	}
	return map[string]any{"name": p.Name, "purpose": p.Purpose}
}

// keep returns what a file holds, made up when there is none.
func keep(file string) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(rand.Text() + rand.Text())
		err = errors.Join(err, f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(file)
}
