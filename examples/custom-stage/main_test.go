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

func TestStage(t *testing.T) {
	t.Parallel()
	mails := make(keep, 10)
	handler, _, err := newSite(mails)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(handler)
	defer srv.Close()
	token := ""
	call := func(method, path, body string) (int, string) {
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
		var answer struct {
			Meta struct {
				Token string `json:"session_token"`
			}
		}
		if json.Unmarshal(b, &answer) == nil && answer.Meta.Token != "" {
			token = answer.Meta.Token
		}
		return resp.StatusCode, string(b)
	}
	is := func(what string, gotStatus int, got string, status int, want string) {
		t.Helper()
		if gotStatus != status || !strings.Contains(got, want) {
			t.Errorf("%s: got %d %s, want %d %s", what, gotStatus, got, status, want)
		}
	}

	const api, person = "/_allauth/app/v1", `{"email": "ada@example.org", "password": "correct horse battery"}`
	call("POST", api+"/auth/signup", person)
	key := regexp.MustCompile(`verify-email/(\S+)`).FindStringSubmatch((<-mails).Text)
	if key == nil {
		t.Fatal("no key in the mail")
	}
	call("POST", api+"/auth/email/verify", `{"key": "`+key[1]+`"}`)

	status, answer := call("POST", api+"/auth/login", person)
	is("the first login waits", status, answer, 401, `{"id":"accept_terms","is_pending":true,"url":"/terms","version":2}`)
	status, answer = call("GET", "/me", "")
	is("and is no login yet", status, answer, 401, `"accept_terms"`)
	status, answer = call("GET", "/terms", "")
	is("the page knows whom it is for", status, answer, 200, "for ada@example.org\n")
	status, answer = call("GET", "/accept-terms", "")
	is("a link accepts nothing", status, answer, 405, "")
	status, answer = call("POST", "/accept-terms", "")
	is("whoever accepts is in", status, answer, 200, `"ada@example.org"`)
	status, answer = call("POST", "/accept-terms", "")
	is("once", status, answer, 409, "")
	status, answer = call("GET", "/terms", "")
	is("nobody is asked then", status, answer, 409, "")
	status, answer = call("GET", "/me", "")
	is("in indeed", status, answer, 200, "ada@example.org\n")

	call("DELETE", api+"/auth/session", "")
	token = ""
	status, answer = call("POST", api+"/auth/login", person)
	is("nobody is asked twice", status, answer, 200, `"ada@example.org"`)
}
