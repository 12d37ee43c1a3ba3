package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/webhook"
)

// service is an SMS service that keeps its requests and answers as told.
type service struct {
	*httptest.Server
	answer func(w http.ResponseWriter)
	got    chan request
}

type request struct {
	method, path, body string
	header             http.Header
}

func start(t *testing.T, answer func(w http.ResponseWriter)) *service {
	t.Helper()
	s := &service{answer: answer, got: make(chan request, 100)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.got <- request{r.Method, r.URL.RequestURI(), string(b), r.Header}
		s.answer(w)
	}))
	t.Cleanup(s.Close)
	return s
}

func status(code int) func(w http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

func sender(t *testing.T, serviceURL string, o webhook.Options) *webhook.Sender {
	t.Helper()
	s, err := webhook.New(serviceURL, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var message = account.SMS{To: "+31612345678", Code: "S3CRET", Kind: "verification", Text: "S3CRET ist Ihr Code.\n\n@example.org #S3CRET", Locale: "de"}

func TestSendSMS(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	secret := []byte("0123456789abcdef")
	s := start(t, status(http.StatusAccepted))
	o := webhook.Options{Token: "t0ken", Secret: secret, Now: func() time.Time { return now }}
	if err := sender(t, s.URL+"/send?x=1", o).SendSMS(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	got := <-s.got
	if got.method != "POST" || got.path != "/send?x=1" || got.header.Get("Content-Type") != "application/json" || got.header.Get("Authorization") != "Bearer t0ken" {
		t.Errorf("got %+v", got)
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"to": message.To, "code": message.Code, "kind": message.Kind, "text": message.Text, "locale": "de"}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	id := got.header.Get("Webhook-Id")
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%d.%s", id, now.Unix(), got.body)
	if id == "" || got.header.Get("Webhook-Timestamp") != "1773500966" || got.header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Errorf("signature is wrong: %v", got.header)
	}
}

func TestWithoutCodeTokenAndSecret(t *testing.T) {
	t.Parallel()
	s := start(t, status(http.StatusOK))
	if err := sender(t, s.URL, webhook.Options{}).SendSMS(t.Context(), account.SMS{To: "+31612345678", Kind: "unknown_account"}); err != nil {
		t.Fatal(err)
	}
	got := <-s.got
	if want := `{"to":"+31612345678","code":"","kind":"unknown_account","text":"","locale":""}`; got.body != want {
		t.Errorf("got %s, want %s", got.body, want)
	}
	for name := range got.header {
		if strings.HasPrefix(name, "Webhook-") || name == "Authorization" {
			t.Errorf("got %s", name)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const lost, later = true, false
	for code, permanent := range map[int]bool{
		300: later, 400: lost, 401: lost, 403: lost, 404: lost, 408: later, 410: lost, 422: lost, 429: later, 500: later, 502: later, 503: later,
	} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			t.Parallel()
			s := start(t, func(w http.ResponseWriter) {
				w.WriteHeader(code)
				_, _ = io.WriteString(w, "no: "+message.Code)
			})
			err := sender(t, s.URL, webhook.Options{}).SendSMS(t.Context(), message)
			if err == nil || errors.Is(err, account.ErrPermanent) != permanent {
				t.Fatalf("got %v, want permanent %v", err, permanent)
			}
			if strings.Contains(err.Error(), message.Code) {
				t.Errorf("the error tells the code: %v", err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	other := start(t, status(http.StatusOK))
	for _, code := range []int{301, 302, 303, 307, 308} {
		s := start(t, func(w http.ResponseWriter) {
			w.Header().Set("Location", other.URL)
			w.WriteHeader(code)
		})
		if err := sender(t, s.URL, webhook.Options{Token: "t0ken"}).SendSMS(t.Context(), message); err == nil || errors.Is(err, account.ErrPermanent) {
			t.Errorf("%d: got %v", code, err)
		}
	}
	if len(other.got) != 0 {
		t.Error("the message went elsewhere")
	}
}

func TestEndlessAnswerIsNotReadOut(t *testing.T) {
	t.Parallel()
	s := start(t, func(w http.ResponseWriter) {
		chunk := []byte(strings.Repeat("x", 1<<16))
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	if err := sender(t, s.URL, webhook.Options{}).SendSMS(t.Context(), message); err != nil {
		t.Error(err)
	}
}

func TestSlowServiceIsLeft(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := start(t, func(http.ResponseWriter) { <-release })
	t.Cleanup(func() { close(release) })
	err := sender(t, s.URL, webhook.Options{Timeout: 50 * time.Millisecond}).SendSMS(t.Context(), message)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, account.ErrPermanent) {
		t.Errorf("got %v", err)
	}
	<-s.got
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.got
		cancel()
	}()
	if err := sender(t, s.URL, webhook.Options{}).SendSMS(ctx, message); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsDoNotTellTheURL(t *testing.T) {
	t.Parallel()
	s := start(t, status(http.StatusOK))
	s.Close()
	target := strings.Replace(s.URL, "http://", "http://user:S3CRET@", 1) + "/?key=S3CRET"
	err := sender(t, target, webhook.Options{}).SendSMS(t.Context(), message)
	if err == nil || errors.Is(err, account.ErrPermanent) || strings.Contains(err.Error(), "S3CRET") {
		t.Errorf("got %v", err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, url string
		o         webhook.Options
		want      string
	}{
		{"no URL", "", webhook.Options{}, "malformed"},
		{"another scheme", "ftp://S3CRET@sms.example.org", webhook.Options{}, "malformed"},
		{"no host", "https://:443/", webhook.Options{}, "malformed"},
		{"control characters", "https://S3CRET@sms.example.org\n", webhook.Options{}, "malformed"},
		{"in clear", "http://S3CRET@sms.example.org", webhook.Options{}, "in clear"},
		{"token with a line", "https://sms.example.org", webhook.Options{Token: "S3CRET\r\nX: y"}, "can't stand in a header"},
		{"short secret", "https://sms.example.org", webhook.Options{Secret: []byte("S3CRET")}, "at least 16 bytes, has 6"},
		{"negative timeout", "https://sms.example.org", webhook.Options{Timeout: -1}, "Timeout is -1ns"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := webhook.New(tc.url, tc.o)
			if s != nil || err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "S3CRET") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	sender(t, "http://sms.internal:8080/send", webhook.Options{AllowHTTP: true})
	sender(t, "http://[::1]:8080/send", webhook.Options{})
	sender(t, "https://sms.example.org/send", webhook.Options{})
}

func TestSenderKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	s := sender(t, "https://user:S3CRET@sms.example.org/S3CRET", webhook.Options{Token: "S3CRET", Secret: []byte("S3CRETS3CRETS3CRET")})
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&shown, verb+"\n", s)
		fmt.Fprintf(&shown, verb+"\n", struct{ SMS account.SMSSender }{s})
	}
	slog.New(slog.NewTextHandler(&shown, nil)).Info("made", "sender", s)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("made", "sender", s)
	if strings.Contains(shown.String(), "S3CRET") || !strings.Contains(shown.String(), "sms webhook at sms.example.org") {
		t.Errorf("got %s", shown.String())
	}
}

func TestSecretIsCopied(t *testing.T) {
	t.Parallel()
	secret := []byte("0123456789abcdef")
	s := start(t, status(http.StatusOK))
	sms := sender(t, s.URL, webhook.Options{Secret: secret, Now: func() time.Time { return time.Unix(0, 0) }})
	clear(secret)
	if err := sms.SendSMS(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	got := <-s.got
	mac := hmac.New(sha256.New, []byte("0123456789abcdef"))
	fmt.Fprintf(mac, "%s.0.%s", got.header.Get("Webhook-Id"), got.body)
	if got.header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		t.Error("the caller's buffer is used")
	}
}
