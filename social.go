package headless

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/oauth2"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/outbound"
	"github.com/headless-auth/headless/internal/redirect"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store"
)

// checkSocial judges the identity providers, by themselves and with the rest.
func (c *Config) checkSocial(p *problems, base *url.URL) {
	if c.Social == nil {
		return
	}
	own := *c.Social // the caller's stays as it is
	c.Social = &own
	p.take("Social", own.Problems(&c.Account, c.MFA != nil))
	if c.Frontend.SocialLoginError == "" && slices.Contains(c.Clients, string(api.Browser)) {
		p.add("Frontend.SocialLoginError", `is missing; write the page that tells of a failed login at a provider, such as "/login-error"`)
	}
	c.Frontend.SocialLoginError = c.page(p, base, "SocialLoginError", c.Frontend.SocialLoginError, "login-error", false)
}

// newSocial wires the identity providers. The configuration has been judged.
func (a *Auth) newSocial(c *Config, base *url.URL, manager *sessions.Manager) (*socialaccount.Social, error) {
	site := base.Scheme + "://" + base.Host
	allowed := slices.Clone(c.Social.CallbackURLs)
	for _, origin := range c.TrustedOrigins {
		// Wildcards trust whoever gets hold of a name below; enough to call,
		// not to be sent people.
		if _, err := redirect.New(site, []string{origin}); err == nil {
			allowed = append(allowed, origin)
		}
	}
	targets, err := redirect.New(site, allowed)
	if err != nil {
		return nil, err
	}
	client, err := outbound.New(outbound.Options{
		Timeout: c.Social.Timeout, MaxBytes: c.Social.MaxAnswerBytes, Internal: c.Social.Internal, Transport: c.Social.Transport,
	})
	if err != nil {
		return nil, err
	}
	return socialaccount.New(socialaccount.Parts{
		Config: *c.Social, Account: a.account, Sessions: manager, Site: site, ErrorPage: c.Frontend.SocialLoginError,
		Targets: targets, HTTP: client, Secure: base.Scheme == "https" && !c.Session.InsecureCookies,
		Strict: c.Session.CookieSameSite == "strict", LogsInOtherwise: a.logsInOtherwise,
	}), nil
}

// logsInOtherwise reports whether a user can log in without password and
// provider.
func (a *Auth) logsInOtherwise(ctx context.Context, rq *api.Request, u *store.User) (bool, error) {
	if ok, err := a.account.LogsInByCode(ctx, rq, u); ok || err != nil || a.mfa == nil {
		return ok, err
	}
	return a.mfa.LogsInByPasskey(ctx, rq, u.ID)
}

// Callbacks serves the paths that identity providers send browsers back to.
// Mount it at Config.Social.CallbackPath, without stripping the path.
func (a *Auth) Callbacks() http.Handler {
	if a.social == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.WriteStatus(w, r, http.StatusNotFound) })
	}
	return a.social.Callbacks(a.env)
}

// ErrNoProviderToken reports that there is no token to call a provider with.
var ErrNoProviderToken = socialaccount.ErrNoToken

// ProviderToken returns a source of tokens to call an identity provider with
// for a user. It renews what has expired. ErrNoProviderToken, also from the
// source: Config.Social.StoreTokens is off, the user has linked no account
// there, or its token has expired for good.
//
// The tokens of OAuth 1.0a have their secret in Extra("oauth_token_secret").
func (a *Auth) ProviderToken(ctx context.Context, userID, provider string) (oauth2.TokenSource, error) {
	if a.social == nil {
		return nil, ErrNoProviderToken
	}
	return a.social.ProviderToken(ctx, a.env, userID, provider)
}
