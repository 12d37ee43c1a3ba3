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
		rq := FromContext(r.Context())
		if rq == nil || rq.Env != e {
			rq = e.newRequest(r, e.clientOf(r))
			rq.host = true
			ctx, cancel := context.WithTimeout(NewContext(r.Context(), rq), e.Timeout)
			err := rq.recognise(ctx)
			cancel()
			var dead *Error
			if errors.As(err, &dead) && dead.Status == http.StatusGone && require == nil {
				err = nil // optional authentication: a dead token is none
			}
			if err != nil {
				rq.refuse(w, r, err)
				return
			}
			rq.deliver(NewContext(r.Context(), rq))
			if rq.Credential.Touched {
				// Only cookies: an app's token does not change by being used.
				if _, err := e.Sessions.Present(r.Context(), w, rq); err != nil {
					rq.refuse(w, r, err)
					return
				}
			}
			if rq.Client == Browser {
				variesByCookie(w.Header())
			}
			r = r.WithContext(NewContext(r.Context(), rq))
		}
		if require != nil {
			if err := require(rq); err != nil {
				rq.refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
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
func (rq *Request) recognise(ctx context.Context) error {
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
	if !rq.Env.Origins.Allows(rq.HTTP) || !rq.Env.submitted(rq.HTTP) {
		return &Error{Status: http.StatusForbidden, Items: []Item{{Code: "csrf_failed"}}}
	}
	return rq.CheckBound()
}

func (rq *Request) refuse(w http.ResponseWriter, r *http.Request, err error) {
	ctx, cancel := context.WithTimeout(NewContext(r.Context(), rq), rq.Env.Timeout)
	defer cancel()
	env, header := rq.answer(ctx, nil, err)
	rq.write(ctx, w, env, header)
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
