package headless_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"strings"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/smtp"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/sqlite"
)

// mailbox is a mailer that keeps the last mail.
type mailbox struct{ last account.Message }

func (b *mailbox) Send(_ context.Context, m account.Message) error {
	b.last = m
	return nil
}

// call is what an app does: it sends a body, and shows the status.
func call(h http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("X-Session-Token", token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(method, path, w.Code)
	return w
}

// between is the text in s between two others.
func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// A site with accounts. Somebody signs up, verifies their address, logs in, and
// calls a handler of the site's own.
func Example() {
	ctx := context.Background()
	mails := &mailbox{}
	auth, err := headless.New(headless.Config{
		URL:    "https://app.example.org",
		Secret: []byte("thirty-two random bytes, or more"),
		Store:  memory.New(), // sqlite or postgres, if it is to last
		Mailer: mails,        // package smtp has one that sends
		Frontend: headless.Frontend{
			VerifyEmail:   "/verify-email/{key}",
			ResetPassword: "/reset-password/{key}",
		},
	})
	if err != nil {
		fmt.Println(err) // everything that is wrong, by field
		return
	}

	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("/me", auth.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "You are %s.", headless.User(r.Context()).Email)
	})))

	const api, ada = "/_allauth/app/v1", `{"email": "ada@example.org", "password": "correct horse battery"}`
	call(mux, "POST", api+"/auth/signup", "", ada) // 401: verify the address first
	_ = auth.Flush(ctx)                            // mails leave after the answer
	key := between(mails.last.Text, "/verify-email/", "\n")
	call(mux, "POST", api+"/auth/email/verify", "", `{"key": "`+key+`"}`)
	w := call(mux, "POST", api+"/auth/login", "", ada)
	token := between(w.Body.String(), `"session_token":"`, `"`)
	fmt.Println(call(mux, "GET", "/me", token, "").Body)
	// Output:
	// POST /_allauth/app/v1/auth/signup 401
	// POST /_allauth/app/v1/auth/email/verify 401
	// POST /_allauth/app/v1/auth/login 200
	// GET /me 200
	// You are ada@example.org.
}

// A mistake in the configuration is found at start, and all of them at once.
func ExampleNew() {
	_, err := headless.New(headless.Config{
		URL:     "app.example.org",
		Secret:  []byte("too short"),
		Store:   memory.New(),
		Clients: []string{"telephone"},
	})
	fmt.Println(err)
	// Output:
	// headless: 6 problems in Config
	//   Secret: needs at least 32 bytes, has 9; make one with: openssl rand -base64 32
	//   Mailer: is missing; use smtp.New, or a type with the one method Send
	//   Clients[0]: "telephone" is no client; write "browser" or "app"
	//   URL: "app.example.org" is no site; write "https://app.example.org"
	//   Frontend.VerifyEmail: is missing; write the page that mails link to, such as "/verify-email/{key}"
	//   Frontend.ResetPassword: is missing; write the page that mails link to, such as "/reset-password/{key}"
}

// What a site in production sets.
func ExampleConfig() {
	ctx := context.Background()
	st, err := sqlite.Open(ctx, path.Join(os.TempDir(), "auth.db"))
	if err != nil {
		return
	}
	defer st.Close()
	mailer, err := smtp.New(os.Getenv("SMTP_URL"), smtp.Options{From: "Example <noreply@example.org>"})
	if err != nil {
		return
	}
	config := headless.Config{
		URL:            "https://app.example.org",
		Name:           "Example",
		Secret:         []byte(os.Getenv("AUTH_SECRET")),
		Store:          st,
		Mailer:         mailer,
		TrustedProxies: 1, // the one that ends TLS
		Frontend: headless.Frontend{
			VerifyEmail:          "/verify-email/{key}",
			ResetPassword:        "/reset-password/{key}",
			RequestPasswordReset: "/reset-password",
			Signup:               "/signup",
		},
		Account: account.Config{
			EmailNotifications: true, // of changes to the account
			LoginByCode:        true,
		},
		AuditLog: st,
	}
	if _, err := headless.New(config); err != nil {
		return
	}
}

// Paying out asks for a second factor that was proven within five minutes.
func ExampleAuth_Require() {
	auth, _ := headless.New(headless.Config{
		URL: "https://app.example.org", Secret: make([]byte, 32), Store: memory.New(), Mailer: &mailbox{},
		Account:  account.Config{EmailVerification: account.None},
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
	})
	payout := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "paid") })
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("POST /payout", auth.Require(headless.MFA, headless.Within(5*time.Minute))(payout))

	w := call(mux, "POST", "/_allauth/app/v1/auth/signup", "", `{"email": "ada@example.org", "password": "correct horse battery"}`)
	token := between(w.Body.String(), `"session_token":"`, `"`)
	w = call(mux, "POST", "/payout", token, "")
	fmt.Println(between(w.Body.String(), `"code":"`, `"`))
	// Output:
	// POST /_allauth/app/v1/auth/signup 200
	// POST /payout 401
	// mfa_required
}

// terms is a stage: it asks everybody to accept the terms.
type terms struct{}

func (terms) Key() string { return "accept_terms" }

func (terms) Enter(_ context.Context, l *account.Login) (account.Verdict, error) {
	if l.User == nil || hasAccepted(l.User.ID) {
		return account.Pass, nil
	}
	return account.Wait, nil
}

func hasAccepted(userID string) bool { return false }

// A stage of the host's own stands between the right password and being logged
// in. The page that it waits for ends in CompleteStage.
func ExampleAuth_CompleteStage() {
	auth, _ := headless.New(headless.Config{
		URL: "https://app.example.org", Secret: make([]byte, 32), Store: memory.New(), Mailer: &mailbox{},
		Account:  account.Config{EmailVerification: account.None},
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Stages:   []account.Stage{terms{}},
	})
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.HandleFunc("POST /accept-terms", func(w http.ResponseWriter, r *http.Request) {
		auth.CompleteStage(w, r, "accept_terms")
	})

	w := call(mux, "POST", "/_allauth/app/v1/auth/signup", "", `{"email": "ada@example.org", "password": "correct horse battery"}`)
	fmt.Println(between(w.Body.String(), `{"id":"signup"},`, `]`))
	token := between(w.Body.String(), `"session_token":"`, `"`)
	call(mux, "POST", "/accept-terms", token, "")
	// Output:
	// POST /_allauth/app/v1/auth/signup 401
	// {"id":"accept_terms","is_pending":true}
	// POST /accept-terms 200
}

// A hook refuses a name, in the form of the API's own errors.
func ExampleReject() {
	auth, _ := headless.New(headless.Config{
		URL: "https://app.example.org", Secret: make([]byte, 32), Store: memory.New(), Mailer: &mailbox{},
		Account:  account.Config{SignupFields: []string{"email*", "username*", "password1*"}},
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Hooks: account.Hooks{
			CleanUsername: func(_ context.Context, name string) (string, error) {
				if strings.EqualFold(name, "admin") {
					return "", headless.Reject("username", "reserved", "This name is reserved.")
				}
				return name, nil
			},
		},
	})
	w := call(auth.Handler(), "POST", "/_allauth/app/v1/auth/signup", "",
		`{"email": "ada@example.org", "username": "Admin", "password": "correct horse battery"}`)
	_, _ = io.Copy(os.Stdout, w.Body)
	// Output:
	// POST /_allauth/app/v1/auth/signup 400
	// {"status":400,"errors":[{"message":"This name is reserved.","code":"reserved","param":"username"}]}
}
