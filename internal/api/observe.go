package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/store"
)

// watch looks at a request until it is answered; done tells what was seen.
func (rq *Request) watch(w http.ResponseWriter, rt *Route) (seen http.ResponseWriter, done func()) {
	a, start := &answered{w, http.StatusOK}, time.Now()
	return a, func() {
		o := observe.Observation{
			Kind: observe.Request, Name: rt.seen(rq.HTTP), Method: method(rq.HTTP.Method), Client: string(rq.Client),
			Status: a.status, Start: start, Duration: time.Since(start),
		}
		if rq.User != nil {
			o.UserID = rq.User.ID
		}
		rq.Env.Observe(rq.HTTP.Context(), o)
	}
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for [http.ResponseController].
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// seen names a route where it was called. Ours are paths, with parameters left
// as they are named; a host's own is as the host's router has it, if that tells.
func (rt *Route) seen(r *http.Request) string {
	switch {
	case strings.Contains(rt.Path, "{"):
		called, route := strings.Split(r.URL.Path, "/"), strings.Split(rt.Path, "/")
		for i, segment := range route {
			if at := len(called) - len(route) + i; strings.HasPrefix(segment, "{") && at >= 0 {
				called[at] = segment
			}
		}
		return strings.Join(called, "/")
	case rt.Path != "":
		return r.URL.Path
	}
	_, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		path = r.Pattern
	}
	return strings.TrimSuffix(path, "{$}")
}

// method is a method that is known: strangers may send what they like.
func method(m string) string {
	if slices.Contains(methodOrder, m) || m == http.MethodHead || m == http.MethodOptions {
		return m
	}
	return "_OTHER"
}

// decided tells of a limiter's decision about actions.
func (rq *Request) decided(ctx context.Context, wait time.Duration, err error, actions ...string) {
	if rq.Env.Observe != nil && err == nil {
		rq.Env.Observe(ctx, observe.Observation{Kind: observe.Limit, Name: strings.Join(actions, "+"), Start: time.Now(), Refused: wait > 0})
	}
}

// observedTx is the store's InTx, which tells how it went.
func (e *Env) observedTx(ctx context.Context, fn func(store.Store) error) error {
	o := observe.Observation{Kind: observe.Transaction, Start: time.Now()}
	err := e.Store.InTx(ctx, func(tx store.Store) error {
		o.Count++
		return fn(tx)
	})
	o.Duration = time.Since(o.Start)
	if o.Refused = err != nil && asError(err).Status < 500; !o.Refused {
		o.Err = err
	}
	e.Observe(ctx, o)
	return err
}
