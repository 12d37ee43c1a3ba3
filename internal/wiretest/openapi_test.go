package wiretest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store/memory"
)

// What is not as described is found out.
func TestDescribed(t *testing.T) {
	t.Parallel()
	d := New(t, memory.New(), func(c *headless.Config) { c.MFA = &mfa.Config{} }).said
	const user = `{"id":1,"display":"a","has_usable_password":true}`
	for _, tt := range []struct {
		name, method, path, sent string
		status                   int
		body, want               string // want is in the first problem; "" for none
	}{
		{"as it should be", "GET", "/auth/session", "", 200, `{"status":200,"data":{"user":` + user + `,"methods":[]},"meta":{"is_authenticated":true}}`, ""},
		{"nobody", "GET", "/auth/session?x=1", "", 401, `{"status":401,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":false}}`, ""},
		{"a wrong type", "GET", "/auth/session", "", 200, `{"status":200,"data":{"user":` + user + `,"methods":7},"meta":{"is_authenticated":true}}`, "is not as described"},
		{"something missing", "GET", "/auth/session", "", 200, `{"status":200,"data":{"user":` + user + `,"methods":[]}}`, "is not as described"},
		{"an unknown member", "GET", "/auth/session", "", 200, `{"status":200,"data":{"user":{"id":1,"has_usable_password":true,"secret":"x"},"methods":[]},"meta":{"is_authenticated":true}}`, ".data.user.secret, which is not described"},
		{"an unknown member in a list", "GET", "/account/email", "", 200, `{"status":200,"data":[{"email":"a@b.org","primary":true,"verified":true,"key":"x"}]}`, ".data[].key, which is not described"},
		{"a flow that is off", "GET", "/auth/session", "", 401, `{"status":401,"data":{"flows":[{"id":"provider_signup"}]},"meta":{"is_authenticated":false}}`, "is not as described"},
		{"an unknown status", "GET", "/account/email", "", 202, `{"status":202}`, "which is not described"},
		{"an unknown path", "POST", "/auth/unheard-of", "", 200, `{"status":200}`, "not in the description"},
		{"an unknown path that is none", "POST", "/auth/unheard-of", "", 404, `{"status":404}`, ""},
		{"no JSON", "GET", "/config", "", 200, `<html>`, "no JSON"},
		{"an error that is known", "POST", "/auth/login", "", 400, `{"status":400,"errors":[{"message":"x","code":"required","param":"password"}]}`, ""},
		{"an error that is not", "POST", "/auth/login", "", 400, `{"status":400,"errors":[{"message":"x","code":"email_taken","param":"email"}]}`, "email:email_taken, which is not described"},
		{"an error of the host's own", "POST", "/auth/login", "", 400, `{"status":400,"errors":[{"message":"x","code":"members_only"}]}`, ""},
		{"taken without what is needed", "POST", "/auth/2fa/authenticate", `{}`, 200, `{"status":200,"data":{"user":` + user + `,"methods":[]},"meta":{"is_authenticated":true}}`, "to what is not as described"},
		{"taken though it is of another type", "POST", "/auth/2fa/authenticate", `{"code":1}`, 200, `{"status":200,"data":{"user":` + user + `,"methods":[]},"meta":{"is_authenticated":true}}`, ""},
		{"what the reference does not describe", "DELETE", "/account/authenticators/totp", "", 400, `{"status":400,"errors":[{"message":"x","code":"cannot_delete_authenticator"}]}`, ""},
		{"a page of the host's", "GET", "//me", "", 200, `hello`, ""},
	} {
		l := d.problems("app", tt.method, tt.path, []byte(tt.sent), answered(t, tt.status, tt.body))
		if got := strings.Join(l, "\n"); got != "" != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	// Where the descriptions differ, each has its say.
	l := d.referenceProblems(http.MethodGet, "/v1/account/email", "it", answered(t, 200, `{}`), map[string]any{"status": 200.0})
	if len(l) != 1 || !strings.Contains(l[0], "as the reference describes it") {
		t.Errorf("got %q", l)
	}
	if l := d.referenceProblems(http.MethodGet, "/v1/account/email", "it", answered(t, 202, `{}`), nil); len(l) != 1 || !strings.Contains(l[0], "which the reference does not describe") {
		t.Errorf("got %q", l)
	}
}

func answered(t *testing.T, status int, body string) *Reply {
	return authtest.ReplyOf(t, &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	})
}
