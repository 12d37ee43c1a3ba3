package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
)

// operation is one method of one path: what it is called, what it takes, and
// what it does. The description is made from it too.
type operation struct {
	method, path             string
	id, summary, description string
	query                    []parameter
	input                    []api.Field
	answer                   string // the name of the data's schema
	do                       func(ctx context.Context, c *call) (data any, err error)
}

// parameter may be in the URL.
type parameter struct {
	name, description string
	number            bool
}

// call is a request of an operation, as far as it was read.
type call struct {
	user  string
	query map[string]string
	input *api.Input
}

const (
	users = "/v1/users"
	user  = users + "/{user}"

	pageSize    = 50
	maxPageSize = 200
)

// operations is everything that can be asked for.
func (h *Handler) operations(mfa bool) []operation {
	get, post, del := http.MethodGet, http.MethodPost, http.MethodDelete
	l := []operation{
		{method: get, path: users, id: "findUsers", answer: "Users", do: h.findUsers, summary: "Find or list users",
			description: "With `email`, `username` or `phone`: who has it, the one who has proven it first. Without: all users, page by page, in the order in which their accounts were made.",
			query: []parameter{
				{name: "email", description: "An address that they claim"}, {name: "username", description: "Their name, in any case"},
				{name: "phone", description: "Their number, such as +31612345678"},
				{name: "cursor", description: "`next` of the page before"}, {name: "limit", number: true, description: "How many, 1 to 200. Default 50"},
			}},
		{method: post, path: users, id: "createUser", answer: "User", do: h.create, summary: "Make an account",
			description: "By the rules that go for everybody, also where signing up is closed. At least one of `email`, `username` and `phone` is needed. Without a password there is none, until the user resets it. Nothing is mailed.",
			input: []api.Field{
				{Name: "email", Description: "Email address"}, {Name: "username", Description: "Username; one is made up if it is missing"},
				{Name: "phone", Description: "Phone number with country code"},
				{Name: "email_verified", Kind: api.Bool, Description: "The address is known to be theirs"},
				{Name: "phone_verified", Kind: api.Bool, Description: "The number is known to be theirs"},
				{Name: "first_name", Description: "First name"}, {Name: "last_name", Description: "Last name"},
				{Name: "password", Verbatim: true, Description: "Password"},
				{Name: "fields", Kind: api.Any, Type: "object", Description: "Values of the site's own signup fields, by name"},
			}},
		{method: get, path: user, id: "getUser", answer: "User", do: h.get, summary: "One user"},
		{method: del, path: user, id: "deleteUser", do: h.delete, summary: "Delete a user",
			description: "Removes the account with everything that belongs to it. Only what the audit log has stays."},
		{method: post, path: user + "/disable", id: "disableUser", answer: "User", do: h.deed((*account.Admin).Disable), summary: "Keep a user out",
			description: "Ends everything: sessions, tokens, trusted browsers, half-done logins and resets."},
		{method: post, path: user + "/enable", id: "enableUser", answer: "User", do: h.deed((*account.Admin).Enable), summary: "Let a user in again"},
		{method: post, path: user + "/verify-email", id: "verifyUserEmail", answer: "User", do: h.verifyEmail, summary: "Count an address as proven",
			input: []api.Field{{Name: "email", Description: "One of the user's addresses. Default: the primary one"}}},
		{method: post, path: user + "/set-password", id: "setUserPassword", answer: "User", do: h.setPassword, summary: "Give a user another password",
			description: "Ends all sessions and the trust in all browsers.",
			input:       []api.Field{{Name: "password", Required: true, Verbatim: true, Description: "Password"}}},
		{method: post, path: user + "/end-sessions", id: "endUserSessions", answer: "User", do: h.deed((*account.Admin).EndSessions), summary: "Log a user out everywhere",
			description: "Ends all sessions, tokens and the trust in all browsers."},
		{method: get, path: user + "/export", id: "exportUser", answer: "Export", do: h.export, summary: "All that is kept of a user",
			description: "To be handed out to them. It holds no secrets."},
	}
	if mfa {
		l = append(l, operation{method: post, path: user + "/reset-mfa", id: "resetUserMFA", answer: "User", do: h.deed((*account.Admin).ResetMFA),
			summary:     "Remove all further factors",
			description: "For users who have lost them, and have shown who they are. Trusted browsers go as well; sessions go on."})
	}
	return l
}

// read takes the parameters from a URL, each at most once. An empty one is a
// slip, which must not ask for everybody; but the first page has no cursor.
func (op *operation) read(r *http.Request, in *api.Input) (map[string]string, error) {
	given, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, api.Invalid("", api.CodeInvalid)
	}
	values := map[string]string{}
	for name, l := range given {
		p := op.parameter(name)
		if p == nil || len(l) != 1 || l[0] == "" && name != "cursor" || !utf8.ValidString(l[0]) {
			in.Fail(printable(name), api.CodeInvalid)
			continue
		}
		if n, err := strconv.Atoi(l[0]); p.number && (err != nil || n < 1 || n > maxPageSize) {
			in.Fail(name, api.CodeInvalid)
		}
		values[name] = l[0]
	}
	return values, nil
}

func (op *operation) parameter(name string) *parameter {
	for i := range op.query {
		if op.query[i].name == name {
			return &op.query[i]
		}
	}
	return nil
}

// printable is a name as an answer may repeat it.
func printable(name string) string {
	name = string(bytes.ToValidUTF8([]byte(name), []byte("?")))
	return name[:min(len(name), 64)]
}

// page is what a list of users is answered with.
type page struct {
	Users []*account.Person `json:"users"`
	Next  string            `json:"next,omitempty"`
}

func (h *Handler) findUsers(ctx context.Context, c *call) (any, error) {
	by := account.By{Email: c.query["email"], Username: c.query["username"], Phone: c.query["phone"]}
	if by != (account.By{}) {
		if c.query["cursor"] != "" || c.query["limit"] != "" {
			return nil, api.Invalid("cursor", api.CodeInvalid)
		}
		l, err := h.users.Find(ctx, by)
		return page{Users: l}, err
	}
	limit := pageSize
	if n, err := strconv.Atoi(c.query["limit"]); err == nil {
		limit = n
	}
	l, next, err := h.users.List(ctx, c.query["cursor"], limit)
	return page{l, next}, err
}

func (h *Handler) create(ctx context.Context, c *call) (any, error) {
	in := c.input
	n := account.NewUser{
		Email: in.Text("email"), Username: in.Text("username"), Phone: in.Text("phone"),
		EmailVerified: in.Bool("email_verified"), PhoneVerified: in.Bool("phone_verified"),
		FirstName: in.Text("first_name"), LastName: in.Text("last_name"), Password: in.Text("password"),
	}
	if raw := in.Raw("fields"); len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber() // every digit counts
		if d.Decode(&n.Fields) != nil {
			return nil, api.Invalid("fields", api.CodeInvalid)
		}
	}
	return h.users.Create(ctx, n)
}

func (h *Handler) get(ctx context.Context, c *call) (any, error) { return h.users.Get(ctx, c.user) }

func (h *Handler) export(ctx context.Context, c *call) (any, error) {
	return h.users.Export(ctx, c.user)
}

func (h *Handler) delete(ctx context.Context, c *call) (any, error) {
	return nil, h.users.Delete(ctx, c.user)
}

func (h *Handler) verifyEmail(ctx context.Context, c *call) (any, error) {
	email := c.input.Text("email")
	if email == "" && len(c.input.Raw("email")) > 0 { // as in a URL: it must not mean the default
		return nil, api.Invalid("email", api.CodeRequired)
	}
	return h.after(ctx, c, h.users.VerifyEmail(ctx, c.user, email))
}

func (h *Handler) setPassword(ctx context.Context, c *call) (any, error) {
	return h.after(ctx, c, h.users.SetPassword(ctx, c.user, c.input.Text("password")))
}

// deed is what needs nothing but a user.
func (h *Handler) deed(do func(*account.Admin, context.Context, string) error) func(context.Context, *call) (any, error) {
	return func(ctx context.Context, c *call) (any, error) { return h.after(ctx, c, do(h.users, ctx, c.user)) }
}

// after answers with the user as they are then.
func (h *Handler) after(ctx context.Context, c *call, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return h.get(ctx, c)
}
