// Package observe says what can be seen of the library at work: what Config of
// the root package hands to its Observe.
//
//	headless.Config{
//		Observe: observe.Log(slog.Default()), // a line for each request
//		…
//	}
//
// Packages prometheus and opentelemetry, below, make metrics and traces of it;
// [Join] feeds several at once. docs/observability.md has the whole story.
package observe

import (
	"context"
	"time"
)

// Kind says what an [Observation] is of.
type Kind string

// The kinds of observations.
const (
	// Request is an answered call of the API, or a way back from a provider.
	Request Kind = "request"
	// Transaction is a transaction of the store.
	Transaction Kind = "transaction"
	// Hash is a password that was hashed or compared, waiting included.
	Hash Kind = "hash"
	// Call is a call to an identity provider.
	Call Kind = "call"
	// Limit is a decision of the rate limiter.
	Limit Kind = "limit"
	// Delivery is an attempt to send a mail, a text message or, to a webhook, an
	// event.
	Delivery Kind = "delivery"
	// Backlog is how many messages wait to be delivered, now and then.
	Backlog Kind = "backlog"
)

// Observation is something that has ended. It carries no secret, and nothing
// but UserID and Err could be told from many others: all else is fit to be a
// label.
type Observation struct {
	Kind Kind
	// Name is the route ([Request]), such as "/_allauth/app/v1/auth/login", the
	// provider's id ([Call]), the action ([Limit]) or the kind of message
	// ([Delivery]): "login_code", "sms verification", "webhook
	// user_signed_up".
	Name string
	// Start and Duration are by the machine's clock.
	Start    time.Time
	Duration time.Duration
	// Method is the HTTP method ([Request], [Call]); "_OTHER" if it is none
	// that is known.
	Method string
	// Client is "browser" or "app" ([Request]).
	Client string
	// Status is that of the answer ([Request], [Call]); 0 if there was none.
	Status int
	// UserID is who was logged in at the end ([Request]); "" for nobody.
	UserID string
	// Count is how often the transaction was begun ([Transaction]: more than
	// once if the database asked for it), or how many messages wait
	// ([Backlog]).
	Count int
	// Refused: there was no room, within the limit ([Limit]) or for another
	// hash ([Hash]); or the flow in it has refused the request, and nothing was
	// written ([Transaction]).
	Refused bool
	// Err is why it came to nothing ([Transaction], [Hash], [Call],
	// [Delivery]).
	Err error
}

// Outcome is "ok", "refused" or "error".
func (o Observation) Outcome() string {
	switch {
	case o.Refused:
		return "refused"
	case o.Err != nil || o.Status >= 500:
		return "error"
	}
	return "ok"
}

// Func hears observations. The context is that of what was observed; for a
// delivery, that of the request that promised the message, if it was made here.
// A Func is called by several goroutines, on the request's path, and must not
// take long.
type Func func(ctx context.Context, o Observation)

// Join tells each of several functions.
func Join(fns ...Func) Func {
	return func(ctx context.Context, o Observation) {
		for _, fn := range fns {
			fn(ctx, o)
		}
	}
}
