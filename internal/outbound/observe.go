package outbound

import (
	"net/http"
	"time"

	"github.com/headless-auth/headless/account/observe"
)

// Observed returns a client that calls as c does, and tells fn of every call by
// the name of whom it is to.
func Observed(c *http.Client, name string, fn observe.Func) *http.Client {
	own := *c
	own.Transport = &observed{c.Transport, name, fn}
	return &own
}

type observed struct {
	next http.RoundTripper
	name string
	fn   observe.Func
}

// RoundTrip implements [http.RoundTripper].
func (o *observed) RoundTrip(rq *http.Request) (*http.Response, error) {
	x := observe.Observation{Kind: observe.Call, Name: o.name, Method: rq.Method, Start: time.Now()}
	resp, err := o.next.RoundTrip(rq)
	if x.Err = err; err == nil {
		x.Status = resp.StatusCode
	}
	x.Duration = time.Since(x.Start)
	o.fn(rq.Context(), x)
	return resp, err
}
