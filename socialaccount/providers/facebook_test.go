package providers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// graph is Facebook's Graph API: answers by the end of the path.
type graph map[string]string

// RoundTrip implements [http.RoundTripper].
func (g graph) RoundTrip(rq *http.Request) (*http.Response, error) {
	for end, answer := range g {
		if strings.HasSuffix(rq.URL.Path, end) {
			return &http.Response{
				StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: rq,
			}, nil
		}
	}
	return nil, fmt.Errorf("no answer for %s", rq.URL.Path)
}

// An access token that an app brings must have been made for our own app, and
// be about whom the profile is about. Requirement SOC-3.
func TestFacebookAccessToken(t *testing.T) {
	t.Parallel()
	const me = `{"id":"4","name":"Mark","email":"mark@example.org","verified":true}`
	for name, x := range map[string]struct {
		answers graph
		good    bool
	}{
		"ours":                     {graph{"/debug_token": `{"data":{"is_valid":true,"app_id":"app","user_id":"4"}}`, "/me": me}, true},
		"another app's":            {graph{"/debug_token": `{"data":{"is_valid":true,"app_id":"other","user_id":"4"}}`, "/me": me}, false},
		"not valid":                {graph{"/debug_token": `{"data":{"is_valid":false,"app_id":"app"}}`, "/me": me}, false},
		"valid in words of others": {graph{"/debug_token": `{"data":{"is_valid":"yes","app_id":"app"}}`, "/me": me}, false},
		"somebody else's":          {graph{"/debug_token": `{"data":{"is_valid":true,"app_id":"app","user_id":"5"}}`, "/me": me}, false},
		"no answer":                {graph{"/me": me}, false},
		"an odd answer":            {graph{"/debug_token": `[]`, "/me": me}, false},
		"nobody's":                 {graph{"/debug_token": `{"data":{"is_valid":true,"app_id":"app"}}`, "/me": `{}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := providers.Facebook(providers.Client{ID: "app", Secret: "s3cret"}).(socialaccount.TokenVerifier)
			who, err := p.VerifyToken(t.Context(), tools(x.answers), socialaccount.Token{ClientID: "app", AccessToken: "token"})
			if (err == nil) != x.good {
				t.Fatalf("got %v, %v", who, err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "token=") {
					t.Errorf("the error shows a secret: %v", err)
				}
				return
			}
			if who.UID != "4" || who.Email != "mark@example.org" || who.Emails[0].Verified || who.Token.AccessToken != "token" {
				t.Errorf("got %+v", who)
			}
		})
	}
}

func TestFacebookLongToken(t *testing.T) {
	t.Parallel()
	p := providers.Facebook(providers.Client{ID: "app", Secret: "s3cret", Settings: map[string]string{"exchange_token": "TRUE"}}).(socialaccount.TokenVerifier)
	answers := graph{
		"/debug_token": `{"data":{"is_valid":true,"app_id":"app"}}`, "/me": `{"id":"4"}`,
		"/oauth/access_token": `{"access_token":"long","expires_in":5184000}`,
	}
	who, err := p.VerifyToken(t.Context(), tools(answers), socialaccount.Token{ClientID: "app", AccessToken: "short"})
	if err != nil || who.Token.AccessToken != "long" || who.Token.Expiry.Sub(start).Hours() != 1440 {
		t.Errorf("got %v, %v", who, err)
	}
	answers["/oauth/access_token"] = `{}`
	if _, err := p.VerifyToken(t.Context(), tools(answers), socialaccount.Token{ClientID: "app", AccessToken: "short"}); err == nil {
		t.Error("an answer without token is taken")
	}
}
