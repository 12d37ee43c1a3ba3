package providers

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/headless-auth/headless/socialaccount"
)

// Spec describes an identity provider by data: where it is asked, in which of
// the many dialects of OAuth, and where in its answers what is. One literal is
// a provider:
//
//	acme := providers.Spec{
//		ID: "acme", Name: "Acme",
//		AuthorizeURL: "https://acme.example/oauth/authorize",
//		TokenURL:     "https://acme.example/oauth/token",
//		Scopes:       []string{"profile"},
//		Profile:      []providers.Call{{URL: "https://acme.example/api/me"}},
//		Map:          providers.Mapping{UID: "id", Email: "email", Username: "login"},
//	}
//	config.Social.Providers = append(config.Social.Providers, acme.Provider(client))
//
// The zero value of each field is what most providers do: an authorization
// code with PKCE, traded by a POST of a form for JSON that holds a bearer
// token, for which a GET returns the profile.
//
// # Templates
//
// URLs, headers, parameters and bodies are templates. In braces stand
//
//	{GITLAB_URL}        a setting of the Spec
//	{client_id} {secret} {key}   our credentials
//	{redirect_uri} {state}
//	{callback.realmId}  a parameter that the browser brought back
//	{token.user_id}     a path into the answer to the token request
//	{access_token}      the access token
//	{profile.data.id}   a path into the profile so far
//	{anything}          what a hook has put there with [Exchange.Set]
//
// In URLs each value is escaped for the place where it stands. A placeholder
// without value fails the login; in AuthParams and TokenRequest.Extra it
// leaves the parameter out.
//
// # Paths
//
// Mapping fields and the like are paths into a JSON document: "data.id",
// "emails[0].value", "['https://slack.com/user_id']"; "sub|id" is the first
// that is filled; "{first} {last}" is a text made of several, "{email:local}"
// one that is filtered (lower, local, base, first, rest); "$uid_field" is the
// path that a setting holds.
type Spec struct {
	// ID is the provider's name on the wire and in the store, such as "github".
	ID string
	// Name is shown to people.
	Name string
	// Slug is its place in the callback's path. Default: ID.
	Slug string
	// Settings are what the operator may or must say besides credentials.
	Settings []Setting

	// Discovery is the URL of an OpenID Connect provider. Endpoints, issuer and
	// keys that the Spec does not name itself come from its discovery document.
	Discovery string

	// AuthorizeURL is where the browser is sent.
	AuthorizeURL string
	// RequestTokenURL makes this an OAuth 1.0a provider.
	RequestTokenURL string
	// TokenURL is where the code is traded for a token.
	TokenURL string
	// Issuer is the provider's name for itself, in ID tokens and in the "iss"
	// that it may send along with a code (RFC 9207).
	Issuer string

	// Scopes are asked for unless the operator lists others.
	Scopes []string
	// EmailScopes are asked for besides, where email addresses are.
	EmailScopes []string
	// TokenScopes are asked for besides, where tokens are kept.
	TokenScopes []string
	// ScopeDelimiter stands between scopes. Default: a space.
	ScopeDelimiter string
	// ResponseType. Default "code".
	ResponseType string
	// AuthParams are further parameters of the authorization request. What the
	// operator adds takes their place.
	AuthParams map[string]string
	// AuthNames renames standard parameters of the authorization request:
	// {"client_id": "app_id"}. An empty name leaves the parameter out.
	AuthNames map[string]string
	// NoPKCE: the provider fails when it is sent a code challenge.
	NoPKCE bool
	// FormPost: the browser returns with a cross-site POST
	// (response_mode=form_post, which is to be among AuthParams).
	FormPost bool
	// CodeParam carries the code on the way back. Default "code".
	CodeParam string

	// Token says how the code is traded.
	Token TokenRequest
	// IDToken says how ID tokens are verified. Nil: they are not looked at.
	IDToken *IDToken
	// Profile are the calls that read the profile, in order. None: the answer
	// to the token request is the profile, or the userinfo endpoint that was
	// discovered is called.
	Profile []Call
	// Add puts further members into the profile, by templates.
	Add map[string]string
	// Private are members of the profile that are not stored. Tokens never are.
	Private []string

	// Map says where in the profile what is.
	Map Mapping

	// Adjust changes the Spec by the operator's settings, when the provider is
	// made.
	Adjust func(s *Spec, c Client) error
	// Begin runs before the browser is sent away.
	Begin func(ctx context.Context, x *Exchange) error
	// Before runs before each token request.
	Before func(ctx context.Context, x *Exchange) error
	// After runs when the calls of Profile are done; it may change x.Profile.
	After func(ctx context.Context, x *Exchange) error
	// Identified has the last word on what was found in the profile.
	Identified func(x *Exchange, id *socialaccount.Identity) error
	// VerifyToken identifies somebody by an access token that an app got, by
	// filling x.Profile. Nil: only ID tokens are taken.
	VerifyToken func(ctx context.Context, x *Exchange) error
	// Display names an account by its stored profile, where a path does not do.
	Display func(profile any) string

	// protocol is for what is no OAuth at all.
	protocol func(p *provider) socialaccount.Provider
}

// Setting is something that the operator may or must say.
type Setting struct {
	// Name, in templates as it is written here; the operator may write it in
	// any case. "key" is [Client].Key.
	Name string
	// Default is taken where the operator says nothing.
	Default string
	// Required settings have no default.
	Required bool
	// Kind says what is a good value.
	Kind SettingKind
	// Choices are further values for templates that follow from this one: those
	// under its value, else under "*". Under "" is what follows from no value.
	// They are templates of settings themselves. A value that is not among the
	// choices is refused.
	Choices map[string]map[string]string
	// Help tells the operator what it is for.
	Help string
}

// SettingKind says what is a good value.
type SettingKind int

// The kinds of settings.
const (
	Text SettingKind = iota
	// URL is an absolute http or https URL; a slash at its end is dropped.
	URL
	// Host is a host name, with a port perhaps.
	Host
	// Flag is "true" or "false".
	Flag
)

// TokenRequest says how a code is traded for a token. Its standard parameters
// are grant_type, code, redirect_uri, client_id, client_secret, code_verifier;
// those without value are left out.
type TokenRequest struct {
	// Method. Default POST; GET has the parameters in the query.
	Method string
	// Basic: client id and secret go into the Authorization header, rather than
	// among the parameters.
	Basic bool
	// JSON: the body is a JSON object rather than a form.
	JSON bool
	// Names renames standard parameters: {"client_id": "client_key"}. An empty
	// name leaves the parameter out.
	Names map[string]string
	// Extra are further parameters.
	Extra map[string]string
	// Headers are further headers.
	Headers map[string]string
	// RefreshURL is where tokens are renewed. Default: [Spec].TokenURL.
	RefreshURL string
	// Remember are parameters of the callback that templates need again when
	// tokens are renewed. They are kept with the refresh token, which is a form
	// of both then.
	Remember []string

	// Unwrap is the path of the token object in the answer. Default: all of it.
	Unwrap string
	// Answer renames members of the answer: {"accessToken": "access_token"}.
	Answer map[string]string
	// Expect are what paths into the answer must hold, by templates.
	Expect map[string]string
}

// IDToken says how ID tokens of the provider are verified. Their issuer is
// [Spec].Issuer.
type IDToken struct {
	// KeysURL is where the provider's keys are, as a JSON Web Key Set.
	KeysURL string
	// Algorithms that the provider signs with, of RS256, PS256, ES256 and
	// EdDSA. Default: RS256.
	Algorithms []string
	// Issuers are further names of the issuer.
	Issuers []string
	// Nonce is sent and must come back even if "openid" is not among the
	// scopes.
	Nonce bool
	// Required: an answer without ID token is refused.
	Required bool
	// Profile: the claims of the ID token are the profile, and calls are made
	// only if there was none.
	Profile bool
	// Subject is the path of what the profile must have in common with the
	// token's "sub", where calls are made besides. Default "sub".
	Subject string
	// Login: apps may log in with ID tokens.
	Login bool
	// Prompt: the provider has a script for web pages that posts ID tokens, in
	// the manner of Google Identity Services. Apps may log in with them, too.
	Prompt bool
}

// Call is a request for a part of the profile.
type Call struct {
	// URL is a template. Where its host comes from an answer of the provider,
	// Hosts must say which are good.
	URL string
	// Method. Default GET, or POST if there is a Form or a Body.
	Method string
	// Auth says how the access token is sent.
	Auth Auth
	// Headers are further headers.
	Headers map[string]string
	// Form is a form to post.
	Form map[string]string
	// Body is a JSON text to post.
	Body string
	// Hosts are good hosts: "api.example.org", or "*.example.org" for those
	// below.
	Hosts []string
	// Sign may add to the parameters, which are those of Form, or else of the
	// URL.
	Sign func(x *Exchange, params map[string][]string)

	// When the call is made. Default: always.
	When When
	// Tolerate are statuses that mean "nothing" rather than failure.
	Tolerate []int
	// Optional: a call that fails, or has no value for a placeholder of its
	// URL, is left out.
	Optional bool
	// Expect are what paths into the answer must hold, by templates.
	Expect map[string]string
	// Unwrap is the path of what counts in the answer. Default: all of it.
	Unwrap string
	// Into is the member of the profile that the answer becomes. Default: it
	// becomes the profile itself, in place of what was there.
	Into string
	// Merge adds the answer's members to the profile.
	Merge bool
}

// When says when a [Call] is made.
type When int

// The moments.
const (
	Always When = iota
	// ForEmail: email addresses are asked for.
	ForEmail
	// NoEmail: the profile has none so far.
	NoEmail
)

// Auth says how an access token is sent. The zero Auth is an Authorization
// header with the scheme Bearer.
type Auth struct {
	// Scheme of the header. Default "Bearer".
	Scheme string
	// Header with the bare token, in place of Authorization.
	Header string
	// Query is a parameter of the URL, in place of the header; Form is one of
	// the form.
	Query, Form string
	// None: the token is not sent.
	None bool
}

// Mapping says where in the profile what is. All fields are paths.
type Mapping struct {
	// UID is the provider's immutable name for somebody. Required.
	UID string
	// Email is their address.
	Email string
	// EmailVerified is a flag that says whether the provider has proven it: it
	// has, if that is JSON's true. "state=registered" is one that has to have that
	// text, and "email_verified=true" one that may be true or "true", for providers
	// that send texts. [Assumed]: it always has. Default: it has not, or does not
	// say.
	EmailVerified string
	// Emails are further addresses.
	Emails *EmailList
	// Username is a suggestion.
	Username string
	// Name is the full name, for providers that have no parts of it.
	Name, FirstName, LastName string
	// Phone is the number, in E.164 form.
	Phone string
	// Display names an account for people. Default: by the common rule.
	Display string
	// DisplayIn is the part of the profile that the common rule looks into.
	DisplayIn string
}

// Assumed is a [Mapping].EmailVerified of providers that name only addresses
// that they have proven, without saying so.
const Assumed = "*"

// EmailList says where addresses are of which the provider tells several. The
// fields are paths; those besides List start at its elements.
type EmailList struct {
	List, Email, Verified, Primary string
}

// Client is our registration with a provider.
type Client struct {
	// ID and Secret are what the provider gave us.
	ID, Secret string
	// Key is a third thing that some providers give.
	Key string
	// OtherIDs are ids of our apps for phones, say: their tokens are taken,
	// and apps are told of them.
	OtherIDs []string
	// ProviderID names this registration on the wire and in the store. Default:
	// the provider's own id. Needed for OpenID Connect, and where there are
	// several of a kind.
	ProviderID string
	// Name is shown to people. Default: the provider's own.
	Name string
	// Settings are the provider's, by name. See docs/providers.md.
	Settings map[string]string
	// Scopes are asked for in place of the usual ones.
	Scopes []string
	// AuthParams are further parameters of the authorization request, such as
	// {"prompt": "select_account"}.
	AuthParams map[string]string
	// PKCE switches PKCE (RFC 7636) on or off where that is not known rightly.
	PKCE *bool
	// Hidden: only apps are told of this registration.
	Hidden bool
	// VerifiedDomains are the domains whose addresses count as verified because
	// this provider names them; "*" is every domain.
	VerifiedDomains []string
	// EmailAuthentication says whether a verified address from here may lead to
	// an existing account. Default: as the configuration says.
	EmailAuthentication *bool
}

// setting is what the operator says of a setting, by its name in any case.
func (c Client) setting(name string) string {
	for given, v := range c.Settings {
		if strings.EqualFold(given, name) {
			return v
		}
	}
	return ""
}

// Format implements [fmt.Formatter]: secrets never show.
func (c Client) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{%s [redacted]}", c.ID) }

// LogValue implements [slog.LogValuer].
func (c Client) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalJSON implements [json.Marshaler].
func (c Client) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(c)) }
