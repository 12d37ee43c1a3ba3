package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
)

// WebhookMessage is an event on its way to an endpoint.
type WebhookMessage struct {
	// ID is the event's, the same at every attempt and for every endpoint.
	ID string
	// Type is the event's name, Body its JSON.
	Type string
	Body []byte
}

// Webhook is an endpoint that events are posted to. Package webhook has one.
type Webhook interface {
	// Name is the endpoint's, and the same at every start: events wait under it.
	Name() string
	// Wants reports whether events of that name are for this endpoint.
	Wants(event string) bool
	// Post hands m over. After an error it is called again later with the same
	// message, so now and then an event arrives twice; an error that wraps
	// [ErrPermanent] ends that, and a [TryLater] puts it off. Post is called by
	// several goroutines and honours ctx.
	Post(ctx context.Context, m WebhookMessage) error
}

// WebhookFilter is an optional ability of a [Webhook]: telling the names of the
// events that it is for, so that a wrong one is found at the start. One that
// ends in "*" means all that begin so.
type WebhookFilter interface {
	Events() []string
}

// WebhookProblem tells what is wrong with a list of endpoints, and with which.
// events are the names of all events that there are.
func WebhookProblem(l []Webhook, events []string) (index int, what string) {
	seen := map[string]bool{}
	for i, w := range l {
		switch {
		case w == nil:
			return i, "is nil"
		case w.Name() == "":
			return i, "has no name"
		case seen[w.Name()]:
			return i, "has the name of another; give one of them its own"
		}
		if f, ok := w.(WebhookFilter); ok {
			for _, pattern := range f.Events() {
				if !slices.ContainsFunc(events, func(name string) bool { return matches(pattern, name) }) {
					return i, fmt.Sprintf("is for %q, and there is no such event; see docs/customising.md for their names", pattern)
				}
			}
		}
		seen[w.Name()] = true
	}
	return 0, ""
}

// matches reports whether an event's name is a pattern, or begins as one that
// ends in "*".
func matches(pattern, name string) bool {
	begin, some := strings.CutSuffix(pattern, "*")
	return pattern == name || some && strings.HasPrefix(name, begin)
}

// letter is a [WebhookMessage] with where it goes.
type letter struct {
	Endpoint string          `json:"endpoint"`
	ID       string          `json:"id"`
	Type     string          `json:"type"`
	Body     json.RawMessage `json:"body"`
}

// Limits of webhooks.
const (
	webhookWorkers = 8       // posts at once; apart from mails, which people wait for
	webhookQueue   = 256     // waiting in memory; more wait in the store
	webhookBacklog = 100_000 // waiting in the store while an endpoint fails
	webhookRest    = 15 * time.Second
	webhookRestMax = 30 * time.Minute
)

// Endpoints sets the webhooks, before anything is delivered.
func (o *Outbox) Endpoints(l []Webhook) {
	for _, w := range l {
		o.webhooks = append(o.webhooks, &endpoint{Webhook: w})
	}
}

// Promise writes an event down for every endpoint that wants it: in the
// transaction that it happens in, if there is one, so that it is told if and
// only if it has happened.
func (o *Outbox) Promise(ctx context.Context, rq *api.Request, e any) error {
	event := e.(Event)
	var l letter
	for _, w := range o.webhooks {
		if !w.Wants(event.Name()) {
			continue
		}
		if w.failing() && o.waiting.Load() >= webhookBacklog {
			o.log.ErrorContext(ctx, "an event is not told to a webhook: too many wait for it already", "event", event.Name(), "endpoint", w.Name())
			continue
		}
		if l.ID == "" {
			var err error
			if l, err = write(ctx, rq, event); err != nil {
				return err
			}
		}
		own := l
		own.Endpoint = w.Name()
		if err := o.put(ctx, rq, parcel{Event: &own}); err != nil {
			return err
		}
		o.waiting.Add(1)
	}
	return nil
}

const idLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// write puts an event into words, in the form that Standard Webhooks suggests.
func write(ctx context.Context, rq *api.Request, event Event) (l letter, err error) {
	data, err := json.Marshal(event)
	var user any
	if u := event.Subject(); u != nil {
		user = rq.Env.IDValue(u.ID)
	}
	if err == nil {
		data, err = withMember(data, "user_id", user)
	}
	if actor := Actor(ctx); err == nil && actor != "" {
		data, err = withMember(data, memberActor, actor)
	}
	if err != nil {
		return l, err
	}
	l.Type = event.Name()
	l.Body, err = json.Marshal(struct {
		Type      string          `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}{l.Type, rq.Now, data})
	if err != nil {
		return l, err
	}
	id, err := secret.Text(rq.Env.Rand, idLetters, 27)
	l.ID = "msg_" + id
	return l, err
}

// endpoint is a webhook, with how it is doing. One that fails rests; after that
// one message tries, so that a dead endpoint costs no time.
type endpoint struct {
	Webhook

	mu       sync.Mutex
	failures int // in a row
	trying   bool
	until    time.Time
}

func (e *endpoint) failing() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.failures > 0
}

// begin asks whether to post now; if not, when to ask again.
func (e *endpoint) begin(now time.Time) (again time.Time, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.failures == 0:
		return now, true
	case now.Before(e.until):
		return e.until, false
	case e.trying:
		return now.Add(webhookRest), false
	}
	e.trying = true
	return now, true
}

// end notes how a post went.
func (e *endpoint) end(now time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.trying = false
	switch {
	case errors.Is(err, context.Canceled): // which is not the endpoint's doing
		return
	case err == nil || errors.Is(err, ErrPermanent):
		e.failures = 0
		return
	}
	e.until = now.Add(notBefore(min(webhookRest<<min(e.failures, 10), webhookRestMax), err))
	e.failures++
}

// putOff is the error of what was not tried.
type putOff struct{ until time.Time }

// Error implements error.
func (putOff) Error() string { return "the endpoint rests" }

// post makes one attempt, if the endpoint is not resting.
func (o *Outbox) post(ctx context.Context, l *letter) error {
	for _, w := range o.webhooks {
		if w.Name() != l.Endpoint {
			continue
		}
		again, ok := w.begin(o.now())
		if !ok {
			return putOff{again}
		}
		err := errPanicked
		defer func() { w.end(o.now(), err) }()
		if err = w.Post(ctx, WebhookMessage{ID: l.ID, Type: l.Type, Body: l.Body}); errors.Is(err, context.Canceled) {
			return putOff{o.now()} // the process ends
		}
		return err
	}
	// Another instance, of a later configuration, may know it.
	return putOff{o.now().Add(webhookRestMax)}
}
