package socialaccount

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
)

// Provider is an identity provider together with our registration there.
// Package providers has most of them ready made. To be of use it must be a
// [Redirector] or a [TokenVerifier], or both. Its methods may be called by
// several goroutines at once.
type Provider interface {
	// Info describes the provider; it says the same every time.
	Info() Info
}

// Info is what the rest of the program knows of a provider.
type Info struct {
	// ID names the provider on the wire and in the store; unique.
	ID string
	// Kind is what sort of provider it is, such as "google". Default: ID.
	Kind string
	// Name is shown to people.
	Name string
	// ClientIDs are our ids there: the first one is the web site's, further
	// ones are those of apps, whose tokens we take as well. Empty: the provider
	// knows no ids, or they are not shown.
	ClientIDs []string
	// DiscoveryURL is shown for OpenID Connect providers.
	DiscoveryURL string
	// Path is where the provider returns to, below [Config].CallbackPath and
	// without leading slash, such as "github/login/callback/".
	Path string
	// FormPost: the browser returns by a cross-site POST of a form.
	FormPost bool
	// DevelopmentOnly: whoever comes is believed.
	DevelopmentOnly bool
	// Hidden providers are offered to apps only.
	Hidden bool
	// VerifiedDomains are the domains whose addresses the operator takes for
	// verified because this provider names them; "*" is every domain.
	VerifiedDomains []string
	// EmailAuthentication says whether a verified address from here may lead
	// to an existing account. Nil: as [Config] says.
	EmailAuthentication *bool
}

// Redirector is a [Provider] that browsers are sent to.
type Redirector interface {
	Provider
	// Begin returns where to send the browser. It may replace a.State by
	// whatever else the provider will hand back, and note things in a.Kept. It
	// may call the provider.
	Begin(ctx context.Context, a *AuthRequest) (location string, err error)
	// StateOf finds the State in what the browser brings back, or "".
	StateOf(callback url.Values) string
	// Finish tells who has come back. [ErrCancelled]: they did not want to, or
	// were not allowed to. Whatever else goes wrong is shown as "unknown".
	Finish(ctx context.Context, a *AuthRequest, callback url.Values) (*Identity, error)
}

// AuthRequest is a browser's way to a provider and back. It is kept, encrypted
// and for ten minutes, in the browser's session, and can be finished once.
type AuthRequest struct {
	Tools
	// State is handed back by the provider; random.
	State string
	// RedirectURI is where the provider is to send the browser.
	RedirectURI string
	// Verifier is the secret of PKCE (RFC 7636), and Nonce that of OpenID
	// Connect; random.
	Verifier, Nonce string
	// Kept is for the provider's own notes.
	Kept map[string]string
	// Query are the URL's parameters of the request that begins it.
	Query url.Values
}

// Tools are what a provider works with. All of it is bounded, and can be
// replaced in tests.
type Tools struct {
	// HTTP calls the provider; it has limits of time, size and redirects, and
	// reaches no internal addresses unless it is told so.
	HTTP *http.Client
	// Now is the time.
	Now time.Time
	// Rand is the random source.
	Rand io.Reader
	// UseOnce fails if key was used before and its time is not over.
	UseOnce func(ctx context.Context, key string, until time.Time) error
	// QueryEmail: email addresses are to be asked for. KeepsTokens: tokens are
	// kept, to be of use later.
	QueryEmail, KeepsTokens bool
}

// TokenVerifier is a [Provider] whose tokens are taken from apps, which got
// them from the provider's own library.
type TokenVerifier interface {
	Provider
	// VerifyToken tells whom a token is about. It must refuse tokens that were
	// not made for one of our own client ids.
	VerifyToken(ctx context.Context, tools Tools, t Token) (*Identity, error)
}

// Token is what an app got from a provider.
type Token struct {
	ClientID, IDToken, AccessToken string
}

// Refresher is a [Provider] whose access tokens can be renewed.
type Refresher interface {
	Provider
	// Refresh trades a refresh token for a new access token. An answer without
	// refresh token leaves the old one in force.
	Refresh(ctx context.Context, tools Tools, refreshToken string) (*oauth2.Token, error)
}

// Interviewer is a [Redirector] that asks on a page of our own, at its
// callback path, rather than sending the browser away.
type Interviewer interface {
	Redirector
	// Page is what to show for a callback's query. The form on it posts to its
	// own URL, with the CSRF token as csrfmiddlewaretoken. invalid says that
	// what was posted before was wrong.
	Page(csrf string, invalid bool) Page
	// Complete reports whether a posted form can be finished with.
	Complete(form url.Values) bool
}

// Page is a page of our own.
type Page struct {
	HTML []byte
	// Policy is its Content-Security-Policy.
	Policy string
}

// Receiver is a [Redirector] whose answers come by a cross-site POST
// ([Info.FormPost]) and are too large for a cookie.
type Receiver interface {
	Redirector
	// Receive judges what was posted to a redirect URI and returns what of it
	// Finish will need, the state included. The request has no session: that
	// the answer is wanted is for Finish to find out. Finish gets what Receive
	// returned and nothing else, except that "attributes" is left out if it is
	// too large. An error is shown as "unknown" on the error page.
	Receive(ctx context.Context, tools Tools, redirectURI string, form url.Values) (url.Values, error)
}

// Prompter is a [Provider] with a script for web pages, which asks people by
// itself and has the browser post what it got: Google One Tap.
type Prompter interface {
	Provider
	// PromptPath is where the script is to post to, below [Config].CallbackPath
	// and without leading slash.
	PromptPath() string
	// ReceivePrompt reads what was posted, its form parsed, and returns what of
	// it FinishPrompt will need, the nonce as "nonce". The request has no
	// session: that the nonce is this browser's is found out afterwards.
	// [ErrForeignPost]: by the script's own rules, it is not of a page of the
	// site. Any other error is shown as "unknown" on the error page.
	ReceivePrompt(r *http.Request) (url.Values, error)
	// FinishPrompt tells who it is that was asked. It must refuse tokens without
	// a.Nonce.
	FinishPrompt(ctx context.Context, a *AuthRequest, posted url.Values) (*Identity, error)
}

// ErrForeignPost reports a post that another site's page has made.
var ErrForeignPost = errors.New("the post is not of this site's page")

// Publisher is a [Redirector] that publishes a document about itself, for its
// provider to read.
type Publisher interface {
	Redirector
	// DocumentPath is where the document is, below [Config].CallbackPath and
	// without leading slash.
	DocumentPath() string
	// Document returns it, for who is sent back to a redirect URI.
	Document(tools Tools, redirectURI string) (contentType string, body []byte, err error)
}

// LogoutPartner is a [Redirector] that logs people out together with us: SAML's
// single logout.
type LogoutPartner interface {
	Redirector
	// LogoutPath is where messages about logouts arrive, below
	// [Config].CallbackPath and without leading slash.
	LogoutPath() string
	// BeginLogout tells how to lead a browser that has just been logged out
	// here to the provider: where to send it, or a page to show, or neither if
	// the provider takes no notice. a.RedirectURI is of LogoutPath; a.State is
	// to be replaced by what the answer will name.
	BeginLogout(ctx context.Context, a *AuthRequest, s ProviderSession) (location string, page *Page, err error)
	// ReceiveLogout judges a message that a browser brings by GET, or by POST
	// with its form parsed. The request has no session. An error is answered
	// with 400, and nothing happens.
	ReceiveLogout(ctx context.Context, tools Tools, redirectURI string, r *http.Request) (*LogoutMessage, error)
	// AnswerLogout answers a request of the provider's that was followed, as
	// BeginLogout does.
	AnswerLogout(ctx context.Context, tools Tools, redirectURI string, m *LogoutMessage) (location string, page *Page, err error)
}

// LogoutMessage is what a [LogoutPartner] says: that a logout of ours is done,
// or that it wants one.
type LogoutMessage struct {
	// State is that of the request of ours which it answers; empty: it wants a
	// logout. Problem is why such an answer is not good.
	State, Problem string `json:",omitempty"`
	// ID is the name of the provider's own request. It works once, until then.
	ID    string    `json:",omitempty"`
	Until time.Time `json:",omitzero"`
	// Name is whose sessions are to end, and Indexes which; none means all. See
	// [ProviderSession].
	Name    string   `json:",omitempty"`
	Indexes []string `json:",omitempty"`
	// Relay is to be handed back.
	Relay string `json:",omitempty"`
}

// Displayer is a [Provider] that has its own idea of how an account is shown.
type Displayer interface {
	Provider
	// Display names an account by its stored profile; "" means by the common
	// rule.
	Display(profile json.RawMessage) string
}

// Checker is a [Provider] that can be set up wrongly.
type Checker interface {
	Provider
	// Problems returns what is wrong, by field.
	Problems() map[string]string
}

// ErrCancelled reports that somebody did not want to log in after all.
var ErrCancelled = errors.New("cancelled at the provider")

// Identity is who somebody is at a provider, and what it tells of them.
type Identity struct {
	// UID is the provider's immutable name for them, compared exactly.
	UID string
	// Profile is what the provider tells, as JSON and without secrets.
	Profile json.RawMessage
	// Email is the address in the profile, proven or not.
	Email string
	// Emails is what the provider says about addresses.
	Emails []Email
	// Username is a suggestion.
	Username string
	// Name is the full name, for providers that have no parts of it.
	Name, FirstName, LastName string
	// Phone is in E.164 form.
	Phone         string
	PhoneVerified bool
	// Token is what to call the provider with later, nil for nothing.
	Token *oauth2.Token
	// Session is what the provider calls this login, nil for nothing. See
	// [LogoutPartner].
	Session *ProviderSession `json:",omitempty"`
}

// ProviderSession is what a provider calls somebody's login.
type ProviderSession struct {
	// Name is who it is of, and Index which of theirs.
	Name  string `json:"n"`
	Index string `json:"i,omitempty"`
	// Kept is for the provider's own notes.
	Kept map[string]string `json:"k,omitempty"`
}

// Email is an address that a provider names.
type Email struct {
	Address string
	// Verified: the provider says that it has proven it.
	Verified bool
	// Assumed: it does not say so itself, but is known to have.
	Assumed bool
	Primary bool
}

// TokenSecret is the [oauth2.Token.Extra] with the secret of an OAuth 1.0a
// token.
const TokenSecret = "oauth_token_secret"
