package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/headless-auth/headless/internal/csrf"
)

// Look returns a request to a route of the host's own as the path would see it,
// without answering it or changing anything. A dead token is none. A browser's
// unsafe request is refused unless it is the front end's own.
func (e *Env) Look(r *http.Request) (*Request, error) {
	if rq := FromContext(r.Context()); rq != nil && rq.Env == e {
		return rq, nil
	}
	rq := e.newRequest(r, e.clientOf(r))
	rq.host = true
	if rq.Client == Browser && !csrf.Safe(r.Method) && (!e.Origins.Allows(r) || !e.submitted(r)) {
		return nil, &Error{Status: http.StatusForbidden, Items: []Item{{Code: "csrf_failed"}}}
	}
	ctx, cancel := context.WithTimeout(NewContext(r.Context(), rq), e.Timeout)
	defer cancel()
	err := rq.recognise(ctx, e.Origins)
	var dead *Error
	if errors.As(err, &dead) && dead.Status == http.StatusGone {
		err = nil
	}
	return rq, err
}
