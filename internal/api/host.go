package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/headless-auth/headless/internal/csrf"
	"github.com/headless-auth/headless/tokens"
)

// Guard serves the host's own routes: it finds out who is calling and lets
// pass whom require does not refuse. Nil lets everybody pass. The request is in
// the context of next; refusals are in our envelope.
func (e *Env) Guard(next http.Handler, require func(rq *Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rq, err := FromContext(r.Context()), error(nil)
		if rq == nil || rq.Env != e {
			rq = e.newRequest(r, e.clientOf(r))
			err = rq.enter(w, e.Origins, require == nil)
		}
		if err == nil && require != nil {
			err = require(rq)
		}
		if err != nil {
			rq.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), rq)))
	})
}

// Caller finds out who is calling, as Guard does, for handlers that answer in
// their own way. Browsers may come from other origins than the API's. What they
// have to keep is in w's header then.
func (e *Env) Caller(w http.ResponseWriter, r *http.Request, origins *csrf.Origins, require func(rq *Request) error) (*Request, error) {
	rq := e.newRequest(r, e.clientOf(r))
	rq.KeepCSRF = true // proxies pass on one cookie, if any
	if err := rq.enter(w, origins, false); err != nil {
		return rq, err
	}
	return rq, require(rq)
}

// enter takes a request for a route of the host's to where it is known who
// makes it.
func (rq *Request) enter(w http.ResponseWriter, origins *csrf.Origins, optional bool) error {
	r := rq.HTTP
	rq.host = true
	ctx := &patience{}
	ctx.start(r.Context(), rq, rq.Env.Timeout)
	err := rq.recognise(ctx, origins)
	ctx.end()
	var dead *Error
	if errors.As(err, &dead) && dead.Status == http.StatusGone && optional {
		err = nil // optional authentication: a dead token is none
	}
	if err != nil {
		return err
	}
	rq.deliver(NewContext(r.Context(), rq))
	if rq.Credential.Touched {
		// Only cookies: an app's token does not change by being used.
		if _, err := rq.Env.Sessions.Present(r.Context(), w, rq); err != nil {
			return err
		}
	}
	if rq.Client == Browser {
		variesByCookie(w.Header())
	}
	return nil
}

// clientOf tells a client's kind by what it presents. An app's header counts
// before any cookie, so that two identities never mix. An Authorization header
// that is not for us is somebody else's, such as a proxy's.
func (e *Env) clientOf(r *http.Request) Client {
	if r.Header.Get(tokens.SessionHeader) != "" {
		return App
	}
	scheme, _, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if scheme != "" && strings.EqualFold(scheme, e.Scheme) {
		return App
	}
	return Browser
}

// recognise is the first half of the path, for the host's routes: who is it,
// and, if a browser's cookie says so, is the request its own?
func (rq *Request) recognise(ctx context.Context, origins *csrf.Origins) error {
	ip, err := rq.Env.ClientIP.Resolve(rq.HTTP)
	if err != nil {
		return &Error{Status: http.StatusForbidden, Items: []Item{{Code: "client_ip_unknown"}}, Cause: err}
	}
	rq.IP = ip
	if err := rq.identify(ctx); err != nil {
		return err
	}
	if rq.Client != Browser || rq.User == nil || csrf.Safe(rq.HTTP.Method) {
		return nil
	}
	if !origins.Allows(rq.HTTP) || !rq.Env.submitted(rq.HTTP) {
		return &Error{Status: http.StatusForbidden, Items: []Item{{Code: "csrf_failed"}}}
	}
	return rq.CheckBound()
}

// Refuse answers with an error, in our envelope.
func (rq *Request) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	ctx, cancel := context.WithTimeout(NewContext(r.Context(), rq), rq.Env.Timeout)
	defer cancel()
	env := rq.answer(ctx, w.Header(), nil, err)
	rq.write(ctx, w, &env)
}

// Act runs fn as a request that the host makes itself, in code rather than
// over HTTP. Nobody's session is concerned; what fn changes is stored together
// or not at all, and what it promised is delivered.
func (e *Env) Act(ctx context.Context, fn func(ctx context.Context, rq *Request) error) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
	if err != nil {
		return err
	}
	rq := e.newRequest(r, App)
	ctx = NewContext(ctx, rq)
	if err := rq.InTx(ctx, func(ctx context.Context) error { return fn(ctx, rq) }); err != nil {
		return err
	}
	rq.deliver(ctx)
	return nil
}
