// Custom-stage asks everybody, at their first login, to accept the terms of
// use: a stage of the host's own.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store/memory"
)

const addr = "127.0.0.1:8080"

// termsVersion changes when people have to be asked again.
const termsVersion = 2

// terms is the stage. A real one keeps what was accepted in the database.
type terms struct {
	mu       sync.Mutex
	accepted map[string]int // the version, by user id
}

// Key is the id of the flow that the front end sees.
func (*terms) Key() string { return "accept_terms" }

// Enter decides about a login that has come this far.
func (t *terms) Enter(_ context.Context, l *account.Login) (account.Verdict, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.User == nil || t.accepted[l.User.ID] == termsVersion {
		return account.Pass, nil
	}
	return account.Wait, nil
}

// Describe adds to the flow while it is pending.
func (*terms) Describe(context.Context, *account.Login) map[string]any {
	return map[string]any{"version": termsVersion, "url": "/terms"}
}

// hear notes who has accepted: nobody else is ever logged in.
func (t *terms) hear(_ context.Context, e account.Event) {
	if e, ok := e.(account.LoggedIn); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.accepted[e.User.ID] = termsVersion
	}
}

func main() {
	handler, auth, err := newSite(stdout{})
	if err != nil {
		log.Fatal(err)
	}
	go func() { _ = auth.Run(context.Background()) }()
	srv := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

func newSite(mailer account.Mailer) (http.Handler, *headless.Auth, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	stage := &terms{accepted: map[string]int{}}
	auth, err := headless.New(headless.Config{
		URL:    "http://" + addr,
		Secret: secret,
		Store:  memory.New(),
		Mailer: mailer,
		Frontend: headless.Frontend{
			VerifyEmail:   "/verify-email/{key}",
			ResetPassword: "/reset-password/{key}",
		},
		Stages:  []account.Stage{stage},
		OnEvent: stage.hear,
	})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	// The page with the terms posts here, and gets the API's own answer.
	mux.HandleFunc("POST /accept-terms", func(w http.ResponseWriter, r *http.Request) {
		auth.CompleteStage(w, r, stage.Key())
	})
	mux.HandleFunc("GET /terms", func(w http.ResponseWriter, r *http.Request) {
		// Nobody is logged in yet, but it is known whose login waits.
		u, at, err := auth.Waiting(r)
		if err != nil || u == nil || at != stage.Key() {
			http.Error(w, "Nobody has to accept anything here.", http.StatusConflict)
			return
		}
		fmt.Fprintf(w, "Terms, version %d, for %s\n", termsVersion, u.Email)
	})
	mux.Handle("GET /me", auth.RequireUser(http.HandlerFunc(me)))
	return mux, auth, nil
}

func me(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, headless.User(r.Context()).Email)
}

// stdout is a mailer for trying things out.
type stdout struct{}

// Send implements [account.Mailer].
func (stdout) Send(_ context.Context, m account.Message) error {
	_, err := fmt.Printf("To: %s\nSubject: %s\n\n%s\n", m.To, m.Subject, m.Text)
	return err
}
