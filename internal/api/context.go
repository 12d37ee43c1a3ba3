package api

import "context"

type contextKey struct{}

// NewContext returns a context that carries the request, for hooks, stages and
// the host's own handlers.
func NewContext(ctx context.Context, rq *Request) context.Context {
	return context.WithValue(ctx, contextKey{}, rq)
}

// FromContext returns the request that a context carries, or nil.
func FromContext(ctx context.Context) *Request {
	rq, _ := ctx.Value(contextKey{}).(*Request)
	return rq
}
