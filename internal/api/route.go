package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/store"
)

// Route is a path of the API with what it offers.
type Route struct {
	// Path below the client's prefix, such as "/auth/login".
	Path string
	// Extension routes are not the reference's: they live below /ext/v1, where
	// none of its later releases can collide with them.
	Extension bool
	// Client restricts the route to one kind of front end; empty means both.
	Client Client
	// Patience is the time that a call may take beyond the usual, because it
	// asks elsewhere.
	Patience time.Duration
	// Astray is where a browser is sent rather than be shown a refusal: the call
	// is a navigation, and no front end sees its answer. Empty: it is no such
	// call.
	Astray string
	// Access says who may call it, whatever the method.
	Access  Access
	Methods map[string]Endpoint
}

// URL is where a route is below the client's prefix.
func (rt *Route) URL() string {
	if rt.Extension {
		return "/ext/v1" + rt.Path
	}
	return "/v1" + rt.Path
}

// Access judges a caller; nil lets pass.
type Access func(rq *Request) error

// Anyone may call.
func Anyone(*Request) error { return nil }

// LoggedIn users may call.
func LoggedIn(rq *Request) error {
	if rq.User == nil {
		return Unauthenticated()
	}
	return nil
}

// Endpoint is one method of a route.
type Endpoint struct {
	// Limit names the rate limit action that a call counts against.
	Limit string
	// Refund takes that back when the call is answered 400 or 401: for limits
	// so narrow that a mistake must not use them up.
	Refund bool
	// Before judges, before the body is read, whether it is the moment for
	// this call.
	Before func(ctx context.Context, rq *Request) error
	// Input declares what the endpoint reads. Nil still refuses what is no
	// JSON object.
	Input []Field
	// NoBody leaves the body unread.
	NoBody bool
	// Do is the flow.
	Do func(ctx context.Context, rq *Request) (*Reply, error)
}

// methodOrder is how an Allow header lists methods.
var methodOrder = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (rt *Route) allow() string {
	var l []string
	for _, m := range methodOrder {
		if _, ok := rt.Methods[m]; ok {
			l = append(l, m)
		}
	}
	if _, ok := rt.Methods[http.MethodGet]; ok {
		l = append(l, http.MethodHead)
	}
	return strings.Join(append(l, http.MethodOptions), ", ")
}

// Handler serves a route for one kind of front end.
func (e *Env) Handler(client Client, rt Route) http.Handler {
	allow := rt.allow()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq, ctx := e.newCall(r, client, e.Timeout+rt.Patience)
		defer ctx.end()
		if e.Observe != nil {
			seen, done := rq.watch(w, &rt)
			w = seen
			defer done()
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // it is compared by identity
					panic(p)
				}
				e.Log.ErrorContext(ctx, "request panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				WriteStatus(w, r, http.StatusInternalServerError)
			}
		}()
		if e.checkCSRF(w, r, client) != nil {
			return
		}
		reply, err := rq.run(ctx, &rt, allow)
		if err == nil || asError(err).Status < 500 {
			if saveErr := rq.finish(ctx, err); saveErr != nil {
				err = saveErr
			}
		}
		err = rq.vanished(ctx, err)
		if err != nil && rt.Astray != "" && asError(err).forPeople() {
			reply, err = Redirect(rt.Astray), nil
		}
		env := rq.answer(ctx, w.Header(), reply, err)
		if env.Status == http.StatusMethodNotAllowed || r.Method == http.MethodOptions {
			w.Header().Set("Allow", allow)
		}
		rq.write(ctx, w, &env)
	})
}

func (e *Env) newRequest(r *http.Request, client Client) *Request {
	rq := &Request{}
	rq.begin(e, r, client)
	return rq
}

// newCall is newRequest with the context that it is answered in.
func (e *Env) newCall(r *http.Request, client Client, patient time.Duration) (*Request, *patience) {
	call := &struct {
		Request
		patience
	}{}
	call.begin(e, r, client)
	call.start(r.Context(), &call.Request, patient)
	return &call.Request, &call.patience
}

func (rq *Request) begin(e *Env, r *http.Request, client Client) {
	rq.Env, rq.HTTP, rq.Client, rq.Now = e, r, client, e.Now()
	rq.Session = &rq.stored // nothing, until it is identified
	if e.Locale != nil {
		rq.Locale = e.Locale(r)
	}
}

// run takes a request from identification to the flow's answer.
func (rq *Request) run(ctx context.Context, rt *Route, allow string) (*Reply, error) {
	var err error
	if rq.IP, err = rq.Env.ClientIP.Resolve(rq.HTTP); err != nil {
		return nil, &Error{Status: http.StatusForbidden, Items: []Item{{Code: "client_ip_unknown"}}, Cause: err}
	}
	if err := rq.identify(ctx); err != nil {
		return nil, err
	}
	if err := rq.CheckBound(); err != nil {
		return nil, err
	}
	if err := rt.Access(rq); err != nil {
		return nil, err
	}
	method := rq.HTTP.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	ep, ok := rt.Methods[method]
	if !ok {
		if method == http.MethodOptions {
			return Empty(http.StatusOK), nil
		}
		return nil, &Error{Status: http.StatusMethodNotAllowed}
	}
	if ep.Limit != "" {
		t, wait, err := rq.Take(ctx, ep.Limit, "")
		if err != nil {
			return nil, err
		}
		if wait > 0 {
			return nil, TooMany(wait)
		}
		rq.counted = append(rq.counted, t)
	}
	reply, err := rq.call(ctx, &ep)
	if ep.Refund && err != nil {
		return nil, rq.refund(ctx, err)
	}
	return reply, err
}

// call is an endpoint's own part.
func (rq *Request) call(ctx context.Context, ep *Endpoint) (reply *Reply, err error) {
	if ep.Before != nil {
		if err := ep.Before(ctx, rq); err != nil {
			return nil, err
		}
	}
	if ep.NoBody {
		return ep.Do(ctx, rq)
	}
	if rq.Input, err = decode(ctx, rq.HTTP, rq.Env.MaxBody, ep.Input); err != nil {
		return nil, err
	}
	return ep.Do(ctx, rq)
}

// refund takes back what a refused call has counted against the endpoint's
// limit.
func (rq *Request) refund(ctx context.Context, refusal error) error {
	if s := asError(refusal).Status; s != http.StatusBadRequest && s != http.StatusUnauthorized {
		return refusal
	}
	for _, t := range rq.counted {
		if err := rq.GiveBack(ctx, t); err != nil {
			return err
		}
	}
	return refusal
}

func (rq *Request) identify(ctx context.Context) error {
	err := rq.Env.Sessions.Identify(ctx, rq)
	if rq.User != nil {
		rq.Started = rq.User.ID
	}
	if rq.Session == &rq.stored {
		rq.Session = &store.Session{}
	}
	rq.stored = *rq.Session
	return err
}

// finish saves and delivers. What a refused request had changed in the session
// is forgotten; what must survive a refusal is saved by the flow itself.
func (rq *Request) finish(ctx context.Context, flowErr error) error {
	if flowErr == nil {
		save := rq.save
		if rq.Env.Promise != nil && rq.Env.SharedSessions && rq.promised < len(rq.events) && (rq.changed || len(rq.ended) > 0) {
			// The session, and what is promised of it, together.
			save = func(ctx context.Context) error { return rq.InTx(ctx, func(context.Context) error { return nil }) }
		}
		if err := save(ctx); err != nil {
			return err
		}
	} else if rq.changed || len(rq.ended) > 0 {
		s := rq.stored
		rq.Session, rq.changed, rq.rotate, rq.ended, rq.touched = &s, false, false, nil, nil
	}
	rq.deliver(ctx)
	return nil
}

// vanished tells a request that lost a race whether its session was ended by
// the winner: then it is gone, rather than the moment being wrong.
func (rq *Request) vanished(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var answer *Error
	raced := errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound)
	if !raced || errors.As(err, &answer) || rq.stored.ID == "" {
		return err
	}
	if _, found := rq.Sessions().Session(ctx, rq.stored.ID); !errors.Is(found, store.ErrNotFound) {
		return err
	}
	rq.Session, rq.User = &store.Session{}, nil
	if rq.Client == App {
		return Gone()
	}
	return Unauthenticated()
}

// SaveNow saves the session at once, whatever becomes of the request.
func (rq *Request) SaveNow(ctx context.Context) error { return rq.save(ctx) }

// errCSRF is how checkCSRF says that it has answered.
var errCSRF = errors.New("csrf")

// checkCSRF refuses a browser's unsafe request unless it comes from a
// permitted origin and carries the cookie's token. That the token fits the
// session is checked once the session is known.
func (e *Env) checkCSRF(w http.ResponseWriter, r *http.Request, client Client) error {
	if client != Browser || csrf.Safe(r.Method) || e.Origins.Allows(r) && e.submitted(r) {
		return nil
	}
	w.Header().Add("Vary", "Cookie")
	WriteStatus(w, r, http.StatusForbidden, "csrf_failed")
	return errCSRF
}

func (e *Env) submitted(r *http.Request) bool {
	cookie := CookieValue(r, e.CSRFCookie.Name)
	if cookie == "" {
		return false
	}
	token := r.Header.Get(e.CSRFCookie.Header)
	// A plain HTML form, which can't set headers, carries it as a field. Other
	// bodies are left unread.
	if ct := r.Header.Get("Content-Type"); r.Method == http.MethodPost && token == "" && strings.HasPrefix(ct, "application/x-www-form-urlencoded") {
		r.Body = http.MaxBytesReader(nil, r.Body, e.MaxBody)
		token = r.PostFormValue("csrfmiddlewaretoken")
	}
	return csrf.Equal(cookie, token)
}

// CSRFBind is what a browser's CSRF token is bound to: the session and who is
// logged in, so that it changes at login and fits nobody else.
func (rq *Request) CSRFBind() string {
	if rq.User == nil {
		return ""
	}
	return rq.Session.ID + "/" + rq.User.ID
}

// CheckBound refuses a browser's unsafe request whose token was made for
// another session than the one it is logged in with.
func (rq *Request) CheckBound() error {
	if rq.Client != Browser || rq.User == nil || csrf.Safe(rq.HTTP.Method) {
		return nil
	}
	if s, ok := csrf.Secret(CookieValue(rq.HTTP, rq.Env.CSRFCookie.Name)); ok && rq.Env.CSRF.Bound(s, rq.CSRFBind()) {
		return nil
	}
	return &Error{Status: http.StatusForbidden, Items: []Item{{Code: "csrf_failed"}}}
}
