package account

import (
	"context"
	"net/http"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Hooks are where a host has its say. Each is optional; nil means as usual.
// An error made by [Reject] is the caller's answer; any other is a defect and
// answered 500. A hook may be called by several goroutines at once. Inside,
// the root package's User and Session tell who is calling.
type Hooks struct {
	// AllowSignup decides whether this caller may make an account.
	AllowSignup func(ctx context.Context, r *http.Request) bool
	// CleanUsername and CleanEmail bring what was typed into the form to store,
	// after our own rules have passed it, or refuse it.
	CleanUsername func(ctx context.Context, username string) (string, error)
	CleanEmail    func(ctx context.Context, email string) (string, error)
	// CleanPhone does so for phone numbers in E.164 form. Package phone has
	// one that knows every country's numbers.
	CleanPhone func(ctx context.Context, number string) (string, error)
	// AllowSMS decides whether a text message may be sent to a number, say by
	// a budget for each country and day. One that is not sent is not missed:
	// the client is not told.
	AllowSMS func(ctx context.Context, number, kind string) (bool, error)
	// CheckPassword judges a new password after our own rules, say against a
	// list of breached ones. The user is not stored yet when signing up.
	CheckPassword func(ctx context.Context, password string, u *store.User) error
	// BeforeSignup may change a new user before they are stored, or refuse.
	BeforeSignup func(ctx context.Context, u *store.User) error
	// InSignup runs in the transaction that makes the account, with the new
	// user and the values of the host's own fields. The native transaction is
	// in postgres.Tx(tx) or sqlite.Tx(tx). It may run again when the database
	// asks for a retry.
	InSignup func(ctx context.Context, tx store.Store, u *store.User, fields map[string]any) error
	// InDelete runs in the transaction that deletes an account, before it.
	InDelete func(ctx context.Context, tx store.Store, u *store.User) error
	// BeforeLogin may refuse a user who has proven who they are.
	BeforeLogin func(ctx context.Context, u *store.User) error
	// Display names a user for people. Default: username, else email address.
	Display func(ctx context.Context, u *store.User) string
	// UserData adds to what the API tells users of themselves.
	UserData func(ctx context.Context, u *store.User) map[string]any
}

// Reject is an error for the caller: a 400 with a code of the host's own, for
// an input field or, with an empty param, for the whole. An empty message
// takes the catalogue's.
func Reject(param, code, message string) error {
	return &api.Error{Status: http.StatusBadRequest, Items: []api.Item{{Param: param, Code: api.Code(code), Message: message}}}
}
