// Package admin serves operators' work on users over HTTP, as JSON: for back
// ends in other languages. Whoever has a token may do everything that
// [account.Admin] does; docs/admin.md tells what that is.
//
// A request is recognised by its token alone. Cookies and session tokens count
// for nothing here, and no other origin is let in.
package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/store"
)

// Parts is what a [Handler] is made of, handed in by the root package.
type Parts struct {
	Env   *api.Env
	Users *account.Admin
	// Path is where it is mounted.
	Path string
	// Tokens by the name of who has them.
	Tokens map[string][]byte
	// Title of the site, for the description.
	Title string
	// MFA: there are further factors.
	MFA bool
}

var (
	mountable  = pattern.New(`^(/[A-Za-z0-9._~-]+)+$`)
	callerName = pattern.New(`^[A-Za-z0-9._-]{1,64}$`)
)

// minToken is the least number of bytes in a token.
const minToken = 32

// Problems returns what is wrong with where the API is mounted and who may use
// it, by field, and fills in the default.
func Problems(path *string, tokens map[string][]byte) map[string]string {
	p := map[string]string{}
	if *path == "" {
		*path = "/_admin"
	}
	if !mountable.MatchString(*path) {
		p["Path"] = fmt.Sprintf(`%q can't be mounted; write "/_admin"`, *path)
	}
	if len(tokens) == 0 {
		p["Tokens"] = "is empty; name who may call, and give them 32 random bytes: openssl rand -base64 32"
	}
	holders := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		field, token := fmt.Sprintf("Tokens[%q]", name), string(tokens[name])
		switch other, taken := holders[token]; {
		case !callerName.MatchString(name):
			p[field] = "is no name; use letters, digits, -, _ and ."
		case len(token) < minToken:
			p[field] = fmt.Sprintf("needs at least %d bytes, has %d", minToken, len(token))
		case strings.ContainsFunc(token, func(r rune) bool { return r < '!' || r > '~' }):
			p[field] = "can't be a header's value; use letters, digits and signs of ASCII, without blanks"
		case taken:
			p[field] = fmt.Sprintf("is the same as that of %q; give each its own", other)
		}
		holders[token] = name
	}
	return p
}

// Handler answers operators.
type Handler struct {
	users  *account.Admin
	path   string
	tokens map[string][sha256.Size]byte // hashed: of one length
	routes []route
	lost   http.Handler
}

// route is a path with its methods.
type route struct {
	segments []string
	http.Handler
}

// limit is the action that wrong tokens count as.
const limit = "admin_failed"

// New returns a handler. The parts have been judged.
func New(p Parts) (*Handler, error) {
	h := &Handler{users: p.Users, path: p.Path, tokens: map[string][sha256.Size]byte{}}
	for name, token := range p.Tokens {
		h.tokens[name] = sha256.Sum256(token)
	}
	env := *p.Env
	env.Sessions, env.Flows = nobody{}, nil
	env.ClientIP = clientip.Resolver{} // back ends don't come through the proxy
	methods := map[string]map[string]api.Endpoint{}
	operations := h.operations(p.MFA)
	var paths []string
	for _, op := range operations {
		if methods[op.path] == nil {
			methods[op.path] = map[string]api.Endpoint{}
			paths = append(paths, op.path)
		}
		methods[op.path][op.method] = api.Endpoint{Input: op.input, Do: op.endpoint()}
	}
	for _, path := range paths {
		h.routes = append(h.routes, route{strings.Split(path, "/"), env.Handler(api.App, api.Route{Path: path, Access: h.authorise, Methods: methods[path]})})
	}
	document, err := describe(p, operations)
	if err != nil {
		return nil, err
	}
	h.routes = append(h.routes, route{strings.Split(documentPath, "/"), env.Guard(document, h.authorise)})
	h.lost = env.Handler(api.App, api.Route{Access: func(rq *api.Request) error {
		if err := h.authorise(rq); err != nil {
			return err
		}
		return &api.Error{Status: http.StatusNotFound}
	}})
	return h, nil
}

// nobody is package sessions where there are none.
type nobody struct{}

// Identify implements [api.Sessions].
func (nobody) Identify(context.Context, *api.Request) error { return nil }

// Save implements [api.Sessions].
func (nobody) Save(context.Context, store.Sessions, *api.Request) error { return nil }

// Present implements [api.Sessions].
func (nobody) Present(context.Context, http.ResponseWriter, *api.Request) (map[string]any, error) {
	return nil, nil
}

// caller is who has presented a token, once that is known.
type caller struct{ name string }

type callerKey struct{}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(context.WithValue(r.Context(), callerKey{}, &caller{}))
	h.find(r).ServeHTTP(&challenging{ResponseWriter: w}, r)
}

// find looks for what a request is for, and notes the user in its path.
func (h *Handler) find(r *http.Request) http.Handler {
	rest, ok := strings.CutPrefix(r.URL.Path, h.path)
	if !ok {
		return h.lost
	}
	segments := strings.Split(rest, "/")
	for _, rt := range h.routes {
		if user, ok := match(rt.segments, segments); ok {
			r.SetPathValue("user", user)
			return rt
		}
	}
	return h.lost
}

func match(pattern, segments []string) (user string, ok bool) {
	if len(pattern) != len(segments) {
		return "", false
	}
	for i, p := range pattern {
		switch {
		case p == "{user}" && segments[i] != "":
			user = segments[i]
		case p != segments[i]:
			return "", false
		}
	}
	return user, true
}

// challenging adds to a 401 what RFC 9110 §11.6.1 wants there.
type challenging struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *challenging) WriteHeader(status int) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (w *challenging) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// authorise lets pass who has a token. Wrong ones are limited, which is for the
// log's sake: there is no guessing at 32 random bytes. A right one passes
// whatever others at its address do: behind a proxy that may be anybody.
func (h *Handler) authorise(rq *api.Request) error {
	ctx, cancel := context.WithTimeout(rq.HTTP.Context(), rq.Env.Timeout)
	defer cancel()
	name := h.holder(presented(rq.HTTP))
	if name == "" {
		_, wait, err := rq.Take(ctx, limit, "")
		switch {
		case err != nil:
			return err
		case wait > 0:
			return api.TooMany(wait)
		}
		rq.Env.Log.WarnContext(ctx, "a wrong token at the operators' API", "ip", rq.IP.String())
		return &api.Error{Status: http.StatusUnauthorized}
	}
	if c, ok := ctx.Value(callerKey{}).(*caller); ok {
		c.name = name
	}
	return nil
}

// presented is the token of a request (RFC 6750 §2.1), empty if there is none,
// or more than one.
func presented(r *http.Request) string {
	l := r.Header.Values("Authorization")
	if len(l) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(l[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// holder is the name of who has a token, empty if nobody has. It takes the
// same time whichever it is.
func (h *Handler) holder(token string) (name string) {
	sum := sha256.Sum256([]byte(token))
	for n, t := range h.tokens {
		if subtle.ConstantTimeCompare(sum[:], t[:]) == 1 {
			name = n
		}
	}
	return name
}

// endpoint runs an operation in the name of who has the token.
func (op *operation) endpoint() func(context.Context, *api.Request) (*api.Reply, error) {
	return func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
		if c, ok := ctx.Value(callerKey{}).(*caller); ok {
			ctx = account.WithActor(ctx, c.name)
		}
		in := rq.Input
		for _, name := range in.Unknown() { // a slip must not go unnoticed
			in.Fail(name, api.CodeInvalid)
		}
		for _, f := range op.input {
			if raw := string(in.Raw(f.Name)); f.Kind == api.Bool && raw != "" && raw != "true" && raw != "false" {
				in.Fail(f.Name, api.CodeInvalid)
			}
		}
		query, err := op.read(rq.HTTP, in)
		if err != nil {
			return nil, err
		}
		if err := in.Err(); err != nil {
			return nil, err
		}
		data, err := op.do(ctx, &call{user: rq.HTTP.PathValue("user"), query: query, input: in})
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, &api.Error{Status: http.StatusNotFound, Cause: err}
		case errors.Is(err, account.ErrNoList):
			return nil, &api.Error{Status: http.StatusNotImplemented, Cause: err}
		case err != nil:
			return nil, fmt.Errorf("%s: %w", op.id, err)
		case data == nil:
			return api.Empty(http.StatusOK), nil
		}
		return api.Data(data), nil
	}
}
