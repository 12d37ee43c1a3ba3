// Quickstart is a site with accounts: sign up, verify, log in, reset.
package main

import (
	"fmt"
	"net/http"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/store/sqlite"
)

func main() {
	ctx, ln, url := start()
	st, err := sqlite.Open(ctx, "quickstart.db")
	check(err)
	check(st.Migrate(ctx))
	mails := &mailbox{} // in place of a mail server

	auth, err := headless.New(headless.Config{
		URL: url, Name: "Quickstart", Secret: secret("quickstart.secret"), Store: st, Mailer: mails,
		Frontend: headless.Frontend{VerifyEmail: "/#verify-email/{key}", ResetPassword: "/#reset-password/{key}"},
	})
	check(err)
	go auth.Run(ctx)

	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("/me", auth.RequireUser(http.HandlerFunc(me)))
	mux.Handle("/mail", mails)
	mux.Handle("/", pages())
	serve(ctx, ln, mux)
	check(st.Close())
}

func me(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "You are %s.\n", headless.User(r.Context()).Email)
}
