package oidctest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/internal/oidctest"
)

const redirectURI = "https://site.test/back"

// start runs a provider and finds it as a client does.
func start(t *testing.T, o oidctest.Options) (*oidctest.Provider, *oidc.Provider, *oauth2.Config) {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	o.Issuer = "http://" + srv.Listener.Addr().String()
	o.Clients = []oidctest.Client{{ID: "site", Secret: "s&cret", RedirectURIs: []string{redirectURI}}}
	id := oidctest.New(o)
	srv.Config.Handler = id
	srv.Start()
	t.Cleanup(srv.Close)
	found, err := oidc.NewProvider(t.Context(), o.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return id, found, &oauth2.Config{
		ClientID: "site", ClientSecret: "s&cret", Endpoint: found.Endpoint(), RedirectURL: redirectURI, Scopes: []string{"openid", "email"},
	}
}

// signIn fills in the sign-in page, and returns what it sends back.
func signIn(t *testing.T, authorize string, form url.Values) url.Values {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodPost, authorize, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	rq.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		b, _ := io.ReadAll(resp.Body)
		t.Fatalf("got %d %s", resp.StatusCode, b)
	}
	if got := "https://" + back.Host + back.Path; got != redirectURI {
		t.Fatalf("sent back to %s", got)
	}
	return back.Query()
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	id, found, client := start(t, oidctest.Options{})
	verifier := oauth2.GenerateVerifier()
	back := signIn(t, client.AuthCodeURL("the state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce")),
		url.Values{"email": {"Ada@Example.org"}, "name": {"Ada"}})
	if back.Get("state") != "the state" || back.Get("iss") != id.Issuer {
		t.Errorf("sent back with %v", back)
	}
	if _, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption("another")); err == nil {
		t.Error("a code was taken with a wrong verifier")
	}
	if _, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code was taken twice")
	}

	back = signIn(t, client.AuthCodeURL("", oauth2.S256ChallengeOption(verifier), oidc.Nonce("the nonce")), url.Values{"email": {"ada@example.org"}})
	token, err := client.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	id.Rotate() // what was signed before stays good
	raw, _ := token.Extra("id_token").(string)
	parsed, err := found.Verifier(&oidc.Config{ClientID: "site"}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.VerifyAccessToken(token.AccessToken); err != nil || parsed.Nonce != "the nonce" {
		t.Errorf("nonce %q, %v", parsed.Nonce, err)
	}
	info, err := found.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != parsed.Subject || info.Email != "ada@example.org" || !info.EmailVerified {
		t.Errorf("got %+v", info)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	id, found, _ := start(t, oidctest.Options{})
	verify := func(ctx context.Context, raw string) error {
		_, err := found.Verifier(&oidc.Config{ClientID: "site"}).Verify(ctx, raw)
		return err
	}
	for range 3 {
		raw, err := id.IDToken("site", oidctest.Person{Subject: "1"})
		if err == nil {
			err = verify(t.Context(), raw)
		}
		if err != nil {
			t.Fatal(err)
		}
		id.Rotate()
	}
	old, err := id.IDToken("site", oidctest.Person{Subject: "1"})
	if err != nil {
		t.Fatal(err)
	}
	id.Rotate()
	id.Rotate()
	again, err := oidc.NewProvider(t.Context(), id.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Verifier(&oidc.Config{ClientID: "site"}).Verify(t.Context(), old); err == nil {
		t.Error("the key before the last is still published")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, _, client := start(t, oidctest.Options{Now: func() time.Time { return now }})
	good := client.AuthCodeURL("s")
	if back := signIn(t, good, url.Values{"action": {"cancel"}}); back.Get("error") != "access_denied" {
		t.Errorf("cancelled: sent back with %v", back)
	}
	for name, change := range map[string]func(url.Values){
		"client":    func(q url.Values) { q.Set("client_id", "other") },
		"redirect":  func(q url.Values) { q.Set("redirect_uri", redirectURI+"/more") },
		"scope":     func(q url.Values) { q.Set("scope", "email") },
		"challenge": func(q url.Values) { q.Set("code_challenge", "x") },
		"type":      func(q url.Values) { q.Set("response_type", "token") },
	} {
		u, err := url.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		change(q)
		u.RawQuery = q.Encode()
		resp, err := http.Get(u.String())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a wrong %s: got %d", name, resp.StatusCode)
		}
	}
	code := signIn(t, good, url.Values{"email": {"ada@example.org"}}).Get("code")
	wrong := *client
	wrong.ClientSecret = "other"
	if _, err := wrong.Exchange(t.Context(), code); err == nil {
		t.Error("a wrong secret was taken")
	}
	now = now.Add(2 * time.Minute)
	if _, err := client.Exchange(t.Context(), code); err == nil {
		t.Error("an old code was taken")
	}
}
