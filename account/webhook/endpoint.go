package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/outbound"
)

// EndpointOptions say which events an endpoint gets, and how. Secrets are
// required.
type EndpointOptions struct {
	// Secrets sign what is posted, all of them: "whsec_" and 24 to 64 random
	// bytes in base64. To change one, put the new one first, give it to the
	// receiver, and drop the old one when it knows.
	Secrets []string
	// Events are the names of those to tell, such as "user_signed_up"; one that
	// ends in "*" means all that begin so. Default: all.
	Events []string
	// Name is what waiting events are kept under. Set it before the URL changes,
	// or when two endpoints have the same. Default: one made of the URL, without
	// what may be secret in it.
	Name string
	// Internal are the internal addresses, networks and host names that may be
	// called, also over http: "10.1.2.3", "10.1.0.0/16", "hooks.internal". By
	// default none is.
	Internal []string
	// Timeout bounds a call. Default 15 s.
	Timeout time.Duration
	// Transport takes the place of our own, say to go through a proxy. It has to
	// keep away from internal addresses itself.
	Transport http.RoundTripper
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Format shows no secret, whatever the verb.
func (o EndpointOptions) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "{[redacted]}") }

// MarshalText is Format.
func (o EndpointOptions) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(o)), nil }

// Endpoint is an [account.Webhook] that posts events as Standard Webhooks says.
type Endpoint struct {
	url    *url.URL
	name   string
	events []string
	keys   [][]byte
	now    func() time.Time
	client *http.Client
}

// The size of secrets, in bytes, that Standard Webhooks asks for.
const minSecret, maxSecret = 24, 64

// NewEndpoint returns an endpoint at a URL:
//
//	hooks, err := webhook.NewEndpoint("https://crm.example.org/hooks", webhook.EndpointOptions{
//		Secrets: []string{os.Getenv("CRM_SECRET")}, // whsec_…
//		Events:  []string{"user_signed_up", "email_*"},
//	})
//	auth, err := headless.New(headless.Config{Webhooks: []account.Webhook{hooks}, … })
//
// Redirects are not followed, and internal addresses are not called.
func NewEndpoint(endpointURL string, o EndpointOptions) (*Endpoint, error) {
	// The URL may hold a password or a token, so no error repeats it.
	u, err := url.Parse(endpointURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Fragment != "" {
		return nil, errors.New(`webhook: the URL is malformed; write "https://crm.example.org/hooks"`)
	}
	e := &Endpoint{url: u, name: o.Name, events: slices.Clone(o.Events), now: o.Now}
	if e.name == "" { // which is in logs: see above
		sum := sha256.Sum256([]byte(u.String()))
		e.name = u.Host + "#" + hex.EncodeToString(sum[:8])
	}
	if len(o.Secrets) == 0 {
		return nil, errors.New(`webhook: Secrets is missing; make one with: echo "whsec_$(openssl rand -base64 32)"`)
	}
	for i, s := range o.Secrets {
		text, marked := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.Strict().DecodeString(text)
		if !marked || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf(`webhook: Secrets[%d] is not "whsec_" and %d to %d bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"`, i, minSecret, maxSecret)
		}
		e.keys = append(e.keys, key)
	}
	for i, event := range o.Events {
		if event == "" || strings.Contains(strings.TrimSuffix(event, "*"), "*") {
			return nil, fmt.Errorf(`webhook: Events[%d] is %q; write an event's name, or how it begins and "*"`, i, event)
		}
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf(`webhook: Timeout is %v; write a duration such as "15s"`, o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if e.now == nil {
		e.now = time.Now
	}
	e.client, err = outbound.New(outbound.Options{Timeout: o.Timeout, MaxBytes: maxAnswer, Internal: o.Internal, Transport: o.Transport})
	if err != nil {
		return nil, fmt.Errorf("webhook: Internal: %w", err)
	}
	if u.Scheme == "http" && !slices.Contains(o.Internal, u.Hostname()) && o.Transport == nil {
		return nil, errors.New("webhook: events would be sent in clear; use an https URL, or list the host in Internal")
	}
	return e, nil
}

// Name implements [account.Webhook].
func (e *Endpoint) Name() string { return e.name }

// String tells the host of the endpoint, without anything secret.
func (e *Endpoint) String() string { return "webhook at " + e.url.Host }

// Format is String, whatever the verb.
func (e *Endpoint) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue is String.
func (e *Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// Events implements [account.WebhookFilter].
func (e *Endpoint) Events() []string { return slices.Clone(e.events) }

// Wants implements [account.Webhook].
func (e *Endpoint) Wants(event string) bool {
	return len(e.events) == 0 || slices.ContainsFunc(e.events, func(pattern string) bool {
		begin, some := strings.CutSuffix(pattern, "*")
		return pattern == event || some && strings.HasPrefix(event, begin)
	})
}

// Post implements [account.Webhook]. Any 2xx answer means that the event was
// taken. Its error wraps [account.ErrPermanent] if the answer is 410, and is an
// [account.TryLater] if it is 429 or 503 and says when.
func (e *Endpoint) Post(ctx context.Context, m account.WebhookMessage) error {
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(m.Body))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	rq.Header.Set("Content-Type", "application/json")
	at := strconv.FormatInt(e.now().Unix(), 10)
	signatures := make([]string, len(e.keys))
	for i, key := range e.keys {
		signatures[i] = signature(key, m.ID, at, m.Body)
	}
	rq.Header.Set("Webhook-Id", m.ID)
	rq.Header.Set("Webhook-Timestamp", at)
	rq.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	answer, err := e.client.Do(rq)
	if err != nil {
		// The error as it comes tells the URL.
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body) // bounded; so that the connection can be used again
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusGone:
		return fmt.Errorf("webhook: %w: the endpoint answered 410: it wants no more events", account.ErrPermanent)
	default:
		return later(answer, e.now(), fmt.Errorf("webhook: the endpoint answered %d", status))
	}
}

// later adds to an error when to try again, if the answer tells. RFC 9110
// §10.2.3.
func later(answer *http.Response, now time.Time, err error) error {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return err
	}
	text := answer.Header.Get("Retry-After")
	if seconds, bad := strconv.ParseUint(text, 10, 31); bad == nil {
		return &account.TryLater{After: time.Duration(seconds) * time.Second, Err: err}
	}
	if at, bad := http.ParseTime(text); bad == nil {
		return &account.TryLater{After: at.Sub(now), Err: err}
	}
	return err
}

// signature is that of Standard Webhooks, made with a shared secret.
func signature(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
