// Package webhook calls HTTP services: with text messages to send, and with
// events. [NewEndpoint] is for events, signed as Standard Webhooks says; see
// docs/webhooks.md.
//
// # Text messages
//
// They are handed to a service of your own or of a provider's:
//
//	sender, err := webhook.New("https://sms.example.org/send", webhook.Options{Token: token})
//	auth, err := headless.New(headless.Config{SMS: sender, … })
//
// The service gets a POST with a JSON object:
//
//	{"to": "+31612345678", "code": "123456", "kind": "verification",
//	 "text": "123456 is your verification code …", "locale": "en"}
//
// It may send the text as it is, or write its own by kind, code and locale.
// Any 2xx answer means that it has taken the message.
package webhook

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 10

// Options say how the service is called. The zero Options will do.
type Options struct {
	// Token, if set, is sent as "Authorization: Bearer …".
	Token string
	// Secret, if set, signs requests as Standard Webhooks does: the header
	// webhook-signature is "v1," and the base64 HMAC-SHA256 of
	// "<webhook-id>.<webhook-timestamp>.<body>". At least 16 bytes.
	Secret []byte
	// Timeout bounds a call. Default 10 s.
	Timeout time.Duration
	// AllowHTTP permits an http URL to another machine, where codes and token
	// can be read on the way.
	AllowHTTP bool
	// Transport makes the calls. Default [http.DefaultTransport].
	Transport http.RoundTripper
	// Now is the clock. Default [time.Now].
	Now func() time.Time
}

// Sender is an [account.SMSSender] that calls an HTTP service.
type Sender struct {
	url    *url.URL
	token  string
	secret []byte
	now    func() time.Time
	client http.Client
}

// Format shows no secret, whatever the verb.
func (o Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "{[redacted]}") }

// MarshalText is Format.
func (o Options) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(o)), nil }

// New returns a sender that calls the service at a URL.
func New(serviceURL string, o Options) (*Sender, error) {
	// The URL may hold a password, so no error repeats it.
	u, err := url.Parse(serviceURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return nil, errors.New(`webhook: the URL is malformed; write "https://sms.example.org/send"`)
	}
	if u.Scheme == "http" && !isLocal(u.Hostname()) && !o.AllowHTTP {
		return nil, errors.New("webhook: codes would be sent in clear; use an https URL, or set AllowHTTP")
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("webhook: Token has characters that can't stand in a header")
	}
	if len(o.Secret) > 0 && len(o.Secret) < 16 {
		return nil, fmt.Errorf("webhook: Secret needs at least 16 bytes, has %d", len(o.Secret))
	}
	if o.Timeout < 0 {
		return nil, fmt.Errorf(`webhook: Timeout is %v; write a duration such as "10s"`, o.Timeout)
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Sender{
		url: u, token: o.Token, secret: bytes.Clone(o.Secret), now: o.Now,
		client: http.Client{
			Transport: o.Transport, Timeout: o.Timeout,
			// A redirect would carry the code somewhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String tells the host of the service, without anything secret.
func (s *Sender) String() string { return "sms webhook at " + s.url.Host }

// Format is String, whatever the verb.
func (s *Sender) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is String.
func (s *Sender) LogValue() slog.Value { return slog.StringValue(s.String()) }

// SendSMS implements [account.SMSSender]. Its error wraps
// [account.ErrPermanent] if the service answers with a 4xx status other than
// 408 and 429, and is an [account.TryLater] if it says with 429 or 503 when to
// call again.
func (s *Sender) SendSMS(ctx context.Context, m account.SMS) error {
	body, err := json.Marshal(struct {
		To     string `json:"to"`
		Code   string `json:"code"`
		Kind   string `json:"kind"`
		Text   string `json:"text"`
		Locale string `json:"locale"`
	}{m.To, m.Code, m.Kind, m.Text, m.Locale})
	if err != nil {
		return fmt.Errorf("webhook: %w: %w", account.ErrPermanent, err)
	}
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	rq.Header.Set("Content-Type", "application/json")
	if s.token != "" {
		rq.Header.Set("Authorization", "Bearer "+s.token)
	}
	s.sign(rq.Header, body)
	answer, err := s.client.Do(rq)
	if err != nil {
		// The error as it comes tells the URL.
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("webhook: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	// What it says is not needed, but a connection that was read can be used
	// again. It may repeat the code, so it stays out of errors.
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	switch status := answer.StatusCode; {
	case status >= 200 && status < 300:
		return nil
	case status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests:
		return fmt.Errorf("webhook: %w: the service answered %d", account.ErrPermanent, status)
	case status >= 300 && status < 400:
		return fmt.Errorf("webhook: the service answered %d; redirects are not followed", status)
	default:
		return later(answer, s.now(), fmt.Errorf("webhook: the service answered %d", status))
	}
}

// sign adds the headers of Standard Webhooks. The id is new for each attempt.
func (s *Sender) sign(h http.Header, body []byte) {
	if len(s.secret) == 0 {
		return
	}
	id, at := "msg_"+rand.Text(), strconv.FormatInt(s.now().Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", at)
	h.Set("Webhook-Signature", signature(s.secret, id, at, body))
}
