package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"strconv"

	"github.com/headless-auth/headless/store"
)

// Reply is a flow's answer. Its methods return another one.
type Reply struct {
	status int
	data   any
	meta   map[string]any
	auth   bool
	cookie *http.Cookie

	location string
	page     func(csrf string) Page
}

// Empty is an answer with nothing but its status.
func Empty(status int) *Reply { return &Reply{status: status} }

// Data is a 200 with data.
func Data(v any) *Reply { return &Reply{status: http.StatusOK, data: v} }

// WithStatus changes the status.
func (r *Reply) WithStatus(status int) *Reply {
	c := *r
	c.status = status
	return &c
}

// WithMeta adds to the answer's meta.
func (r *Reply) WithMeta(key string, v any) *Reply {
	c := *r
	c.meta = maps.Clone(r.meta)
	if c.meta == nil {
		c.meta = map[string]any{}
	}
	c.meta[key] = v
	return &c
}

// WithCookie sets a cookie besides the session's.
func (r *Reply) WithCookie(cookie *http.Cookie) *Reply {
	c := *r
	c.cookie = cookie
	return &c
}

// Authentication is the answer that tells where the caller stands: 200 with
// the user, or 401 with what there is to do. spec: core.md §3.1.
func Authentication() *Reply { return &authentication }

var authentication = Reply{auth: true}

// Redirect sends a browser elsewhere.
func Redirect(location string) *Reply { return &Reply{status: http.StatusFound, location: location} }

// Page is an HTML page.
type Page struct {
	HTML []byte
	// Policy is its Content-Security-Policy.
	Policy string
}

// HTML shows a browser a page, made with its CSRF token.
func HTML(page func(csrf string) Page) *Reply { return &Reply{status: http.StatusOK, page: page} }

type envelope struct {
	Status int
	Data   any
	Meta   map[string]any
	Errors []Item

	// auth: the answer tells whether the caller is authenticated, and who is.
	auth, authenticated bool
	who                 authData

	location string // of a redirect, in place of all this
	page     func(csrf string) Page
}

type authData struct {
	User    userData // if authenticated
	Methods json.RawMessage
	Flows   *Flows
}

var errMethods = errors.New("the authentication records are no JSON")

func methods(m store.Methods) json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("[]")
	}
	return json.RawMessage(m)
}

// answer turns what a flow returned into an envelope, and headers.
func (rq *Request) answer(ctx context.Context, header http.Header, reply *Reply, flowErr error) envelope {
	if flowErr != nil {
		env := rq.fail(ctx, flowErr, header)
		var e *Error
		if errors.As(flowErr, &e) && e.flows {
			if u := rq.User; e.anonymous {
				rq.User = nil
				defer func() { rq.User = u }()
			}
			body := rq.authenticate(ctx, e.Status, header)
			body.Errors = append(body.Errors, env.Errors...)
			return body
		}
		return env
	}
	if reply.cookie != nil {
		header.Add("Set-Cookie", reply.cookie.String())
	}
	if reply.auth {
		status := http.StatusUnauthorized
		if rq.User != nil {
			status = http.StatusOK
		}
		return rq.authenticate(ctx, status, header)
	}
	return envelope{Status: reply.status, Data: reply.data, Meta: reply.meta, location: reply.location, page: reply.page}
}

// fail answers with an error. What is our fault is for the log alone.
func (rq *Request) fail(ctx context.Context, err error, header http.Header) envelope {
	e := asError(err)
	if e.Status >= 500 {
		level := slog.LevelError
		if errors.Is(err, context.Canceled) {
			level = slog.LevelInfo // the client went away
		}
		rq.Env.Log.Log(ctx, level, "request failed", "method", rq.HTTP.Method, "path", rq.HTTP.URL.Path, "error", err)
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	return envelope{Status: e.Status, Errors: fillMessages(rq.Locale, e.Items)}
}

func (rq *Request) authenticate(ctx context.Context, status int, header http.Header) envelope {
	env := envelope{Status: status, auth: true, authenticated: rq.User != nil}
	if rq.User != nil {
		env.who.User, env.who.Methods = rq.Env.userData(ctx, rq.User), methods(rq.Session.Methods)
	}
	if status != http.StatusOK {
		l, err := rq.flows(ctx)
		if err != nil {
			return rq.fail(ctx, err, header)
		}
		env.who.Flows = &l
	}
	return env
}

// noStore forbids caching, in the reference's words.
const noStore = "max-age=0, no-cache, no-store, must-revalidate, private"

// write sends an envelope.
func (rq *Request) write(ctx context.Context, w http.ResponseWriter, env *envelope) {
	if env.Status < 500 {
		meta, err := rq.Env.Sessions.Present(ctx, w, rq)
		if err != nil {
			rq.Env.Log.ErrorContext(ctx, "request failed", "method", rq.HTTP.Method, "path", rq.HTTP.URL.Path, "error", err)
			env = &envelope{Status: http.StatusInternalServerError}
		}
		if env.Meta == nil {
			env.Meta = meta
		} else if len(meta) > 0 {
			env.Meta = maps.Clone(env.Meta)
			maps.Copy(env.Meta, meta)
		}
	}
	if rq.Client == Browser {
		variesByCookie(w.Header())
	}
	if env.location == "" && env.page == nil {
		writeEnvelope(w, rq.HTTP, env)
		return
	}
	var body []byte
	if env.page != nil {
		p := env.page(rq.CSRFToken)
		body = p.HTML
		w.Header().Set("Content-Security-Policy", p.Policy)
		// With "no-referrer", browsers would send the page's form with the
		// origin "null", and the CSRF check would refuse it.
		w.Header()["Referrer-Policy"] = sameOrigin
	} else {
		w.Header().Set("Location", env.location)
	}
	writeBody(w, rq.HTTP, env.Status, htmlType, body)
}

func writeEnvelope(w http.ResponseWriter, r *http.Request, env *envelope) {
	b, ok := buffers.Get().(*buffer)
	if !ok {
		b = &buffer{}
	}
	defer b.release()
	status := env.Status
	if err := env.appendTo(b); err != nil {
		status = http.StatusInternalServerError
		b.b = append(b.b[:0], `{"status":500}`...)
	}
	writeBody(w, r, status, jsonType, b.b)
}

// The headers of every answer, made once. Nobody changes them in place.
var (
	jsonType       = []string{"application/json"}
	htmlType       = []string{"text/html; charset=utf-8"}
	cacheControl   = []string{noStore}
	expires        = []string{"0"}
	contentOptions = []string{"nosniff"}
	referrerPolicy = []string{"no-referrer"}
	sameOrigin     = []string{"same-origin"}
	varyCookie     = []string{"Cookie"}
)

// variesByCookie says that the answer is for the one whose cookies were sent.
func variesByCookie(h http.Header) {
	if h["Vary"] == nil {
		h["Vary"] = varyCookie
	} else {
		h.Add("Vary", "Cookie")
	}
}

// counted is how long a body may be for net/http to write its length itself.
const counted = 2048

func writeBody(w http.ResponseWriter, r *http.Request, status int, contentType []string, body []byte) {
	h := w.Header()
	h["Content-Type"] = contentType
	h["Cache-Control"] = cacheControl
	h["Expires"] = expires
	h["X-Content-Type-Options"] = contentOptions
	if h["Referrer-Policy"] == nil {
		h["Referrer-Policy"] = referrerPolicy
	}
	if r.Method == http.MethodHead || len(body) > counted {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// WriteStatus answers with nothing but a status and perhaps one error, for
// what never reached a flow.
func WriteStatus(w http.ResponseWriter, r *http.Request, status int, codes ...Code) {
	env := envelope{Status: status}
	for _, c := range codes {
		env.Errors = append(env.Errors, Item{Code: c})
	}
	env.Errors = fillMessages("", env.Errors)
	writeEnvelope(w, r, &env)
}
