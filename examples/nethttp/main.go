// Nethttp mounts the API and a page of one's own on the standard library's
// router.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store/memory"
)

const addr = "127.0.0.1:8080"

func main() {
	auth, err := headless.New(config())
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = auth.Run(context.Background()) }()
	srv := &http.Server{Addr: addr, Handler: routes(auth), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

func routes(auth *headless.Auth) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("GET /{$}", auth.Load(http.HandlerFunc(home)))
	mux.Handle("GET /me", auth.RequireUser(http.HandlerFunc(me)))
	mux.Handle("POST /danger", auth.RequireRecentAuth(http.HandlerFunc(danger)))
	return mux
}

func home(w http.ResponseWriter, r *http.Request) {
	if u := headless.User(r.Context()); u != nil {
		fmt.Fprintf(w, "welcome back, %s\n", u.Username)
		return
	}
	fmt.Fprintln(w, "welcome, whoever you are")
}

func me(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, headless.User(r.Context()).Email)
}

func danger(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "done: you have just shown that it is you")
}

func config() headless.Config {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	return headless.Config{
		URL:    "http://" + addr,
		Secret: secret,
		Store:  memory.New(),
		Mailer: stdout{},
		Frontend: headless.Frontend{
			VerifyEmail:   "/verify-email/{key}",
			ResetPassword: "/reset-password/{key}",
		},
	}
}

// stdout is a mailer for trying things out.
type stdout struct{}

// Send implements [account.Mailer].
func (stdout) Send(_ context.Context, m account.Message) error {
	_, err := fmt.Printf("To: %s\nSubject: %s\n\n%s\n", m.To, m.Subject, m.Text)
	return err
}
