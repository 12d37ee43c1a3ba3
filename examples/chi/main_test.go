package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/headless-auth/headless/account"
)

// keep is a mailer that hands over what it was given.
type keep chan account.Message

func (k keep) Send(_ context.Context, m account.Message) error {
	k <- m
	return nil
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	mails := make(keep, 10)
	auth, err := newAuth(mails)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(routes(auth))
	defer srv.Close()
	call := func(method, path, token, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("X-Session-Token", token)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}

	const api, person = "/_allauth/app/v1", `{"email": "ada@example.org", "password": "correct horse battery"}`
	call("POST", api+"/auth/signup", "", person)
	key := regexp.MustCompile(`verify-email/(\S+)`).FindStringSubmatch((<-mails).Text)
	if key == nil {
		t.Fatal("no key in the mail")
	}
	call("POST", api+"/auth/email/verify", "", `{"key": "`+key[1]+`"}`)
	_, answer := call("POST", api+"/auth/login", "", person)
	var login struct {
		Meta struct {
			Token string `json:"session_token"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &login); err != nil {
		t.Fatal(err)
	}
	token := login.Meta.Token
	for _, tt := range []struct {
		name, method, path, token string
		status                    int
		want                      string
	}{
		{"everybody sees the front page", "GET", "/", "", 200, "welcome, whoever you are\n"},
		{"which knows users", "GET", "/", token, 200, "welcome back, ada\n"},
		{"users have a page", "GET", "/me", token, 200, "ada@example.org\n"},
		{"strangers are told how to log in", "GET", "/me", "", 401, `"flows":[{"id":"login"}`},
		{"a dead token is gone", "GET", "/me", "never-given-out", 410, `"status":410`},
		{"who has just logged in may do dangerous things", "POST", "/danger", token, 200, "done"},
		{"strangers may not", "POST", "/danger", "", 401, `"status":401`},
	} {
		if status, answer := call(tt.method, tt.path, tt.token, ""); status != tt.status || !strings.Contains(answer, tt.want) {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, status, answer, tt.status, tt.want)
		}
	}
}
