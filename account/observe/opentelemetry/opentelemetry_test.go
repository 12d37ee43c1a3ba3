package opentelemetry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/account/observe/opentelemetry"
)

// bench is a site whose telemetry is kept in memory.
type bench struct {
	*authtest.Site
	telemetry *opentelemetry.Telemetry
	spans     *tracetest.InMemoryExporter
	reader    *sdkmetric.ManualReader
	provider  *authtest.Provider
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader(), provider: authtest.NewProvider("example")}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader))
	t.Cleanup(func() {
		if err := errors.Join(tp.Shutdown(context.WithoutCancel(t.Context())), mp.Shutdown(context.WithoutCancel(t.Context()))); err != nil {
			t.Error(err)
		}
	})
	var err error
	if b.telemetry, err = opentelemetry.New(opentelemetry.Options{TracerProvider: tp, MeterProvider: mp, Propagator: propagation.TraceContext{}}); err != nil {
		t.Fatal(err)
	}
	b.Site = authtest.New(t, headless.Config{Observe: b.telemetry.Observe, Account: account.Config{LoginByCode: true}}, b.provider)
	b.Handler = b.telemetry.Handler(b.Handler)
	return b
}

// take takes out the spans so far.
func (b *bench) take() tracetest.SpanStubs {
	l := b.spans.GetSpans()
	b.spans.Reset()
	return l
}

func named(t *testing.T, l tracetest.SpanStubs, name string) tracetest.SpanStub {
	t.Helper()
	i := slices.IndexFunc(l, func(s tracetest.SpanStub) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range l {
			names = append(names, s.Name)
		}
		t.Fatalf("there is no span %q among %q", name, names)
	}
	return l[i]
}

func value(attrs []attribute.KeyValue, key string) any {
	for _, a := range attrs {
		if string(a.Key) == key {
			return a.Value.AsInterface()
		}
	}
	return nil
}

func TestSpans(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := authtest.Login(t, b.Site, "alice", authtest.AsApp())
	b.take()
	c := b.Client(t, authtest.App)
	c.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	c.Post(c.API("/auth/login?next=secret"), authtest.M{"email": alice.Person.Email, "password": authtest.Password}).Is(200)
	l := b.take()
	server := named(t, l, "POST /_allauth/app/v1/auth/login")
	if server.SpanKind != trace.SpanKindServer || server.SpanContext.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || server.Status.Code != codes.Unset {
		t.Errorf("got %+v", server)
	}
	for key, want := range map[string]any{
		"http.request.method": "POST", "http.route": "/_allauth/app/v1/auth/login", "http.response.status_code": int64(200),
		"url.path": "/_allauth/app/v1/auth/login", "url.scheme": "https", "headless.client": "app",
	} {
		if got := value(server.Attributes, key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
	for _, name := range []string{"password hash", "store transaction"} {
		s := named(t, l, name)
		if s.Parent.SpanID() != server.SpanContext.SpanID() || s.StartTime.Before(server.StartTime) || s.EndTime.After(server.EndTime) || s.EndTime.Before(s.StartTime) {
			t.Errorf("%s is not within its request: %v to %v", name, s.StartTime, s.EndTime)
		}
		if value(s.Attributes, "headless.outcome") != "ok" {
			t.Errorf("%s: got %v", name, s.Attributes)
		}
	}
	for _, s := range l {
		for _, a := range s.Attributes {
			if text := a.Value.String(); strings.Contains(text, "secret") || strings.Contains(text, "alice") || strings.Contains(text, authtest.Password) {
				t.Errorf("%s tells %s=%s", s.Name, a.Key, text)
			}
		}
	}
}

// A message is sent after the request, in its trace.
func TestDeliveriesBelongToTheirRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	alice := authtest.Login(t, b.Site, "alice", authtest.AsApp())
	b.take()
	c := b.Client(t, authtest.App)
	c.Post(c.API("/auth/code/request"), authtest.M{"email": alice.Person.Email}).Is(401)
	if err := b.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l := b.take()
	server, mail := named(t, l, "POST /_allauth/app/v1/auth/code/request"), named(t, l, "deliver")
	if mail.Parent.SpanID() != server.SpanContext.SpanID() || value(mail.Attributes, "headless.message") != "login_code" {
		t.Errorf("got %+v", mail)
	}
}

func TestProviderCalls(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Site.Client(t, authtest.Browser).LoginAt(b.provider, authtest.Identity{Subject: "1", Email: "ada@example.org", EmailVerified: true}).LoggedIn()
	l := b.take()
	back := named(t, l, "GET /accounts/oidc/example/login/callback/")
	call := named(t, l, "POST")
	if call.SpanKind != trace.SpanKindClient || call.Parent.SpanID() != back.SpanContext.SpanID() || value(call.Attributes, "headless.provider") != "example" || value(call.Attributes, "http.response.status_code") != int64(200) {
		t.Errorf("got %+v", call)
	}
}

// What goes wrong shows; why it does is for the log.
func TestErrors(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx, parent := sdktrace.NewTracerProvider(sdktrace.WithSyncer(b.spans)).Tracer("").Start(t.Context(), "parent")
	b.telemetry.Observe(ctx, observe.Observation{Kind: observe.Transaction, Start: time.Now(), Count: 3, Err: errors.New("the secret of alice")})
	b.telemetry.Observe(ctx, observe.Observation{Kind: observe.Limit, Name: "login", Refused: true})
	b.telemetry.Observe(t.Context(), observe.Observation{Kind: observe.Hash, Start: time.Now()}) // below nothing
	parent.End()
	l := b.take()
	s := named(t, l, "store transaction")
	if s.Status.Code != codes.Error || s.Status.Description != "" || value(s.Attributes, "error.type") != "_OTHER" || value(s.Attributes, "headless.attempts") != int64(3) {
		t.Errorf("got %+v", s)
	}
	if p := named(t, l, "parent"); len(p.Events) != 1 || p.Events[0].Name != "rate limited" {
		t.Errorf("got events %v", p.Events)
	}
	if len(l) != 2 {
		t.Errorf("got %d spans, want 2", len(l))
	}

	h := b.telemetry.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/pot?code=secret", http.NoBody))
	s = named(t, b.take(), "HTTP")
	if s.Status.Code != codes.Error || value(s.Attributes, "error.type") != "502" || value(s.Attributes, "http.request.method") != "_OTHER" || value(s.Attributes, "url.path") != "/pot" {
		t.Errorf("got %+v", s)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	authtest.Login(t, b.Site, "alice", authtest.WithPassword())
	b.Site.Client(t, authtest.App).LoginAt(b.provider, authtest.Identity{Subject: "1", Email: "ada@example.org", EmailVerified: true}).LoggedIn()
	c := b.Client(t, authtest.App)
	c.Post(c.API("/auth/code/request"), authtest.M{"email": "alice@example.org"}).Is(401)
	if err := b.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.telemetry.Observe(t.Context(), observe.Observation{Kind: observe.Backlog, Count: 4})
	b.telemetry.Observe(t.Context(), observe.Observation{Kind: observe.Request, Name: "/x", Method: "GET", Client: "app", Status: 503, Err: io.EOF})
	var got metricdata.ResourceMetrics
	if err := b.reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	for _, s := range got.ScopeMetrics {
		for _, m := range s.Metrics {
			set := map[string]bool{}
			add := func(a attribute.Set) {
				for _, kv := range a.ToSlice() {
					set[string(kv.Key)] = true
				}
			}
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				if m.Unit != "s" {
					t.Errorf("%s is in %q", m.Name, m.Unit)
				}
				for _, p := range d.DataPoints {
					add(p.Attributes)
				}
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(p.Attributes)
				}
			case metricdata.Gauge[int64]:
				if d.DataPoints[0].Value != 4 {
					t.Errorf("%s is %d", m.Name, d.DataPoints[0].Value)
				}
			}
			keys[m.Name] = []string{}
			for k := range set {
				keys[m.Name] = append(keys[m.Name], k)
			}
			slices.Sort(keys[m.Name])
		}
	}
	for name, want := range map[string][]string{
		"http.server.request.duration":        {"error.type", "headless.client", "http.request.method", "http.response.status_code", "http.route", "url.scheme"},
		"headless.store.transaction.duration": {"headless.outcome"},
		"headless.password.hash.duration":     {"headless.outcome"},
		"headless.provider.call.duration":     {"headless.outcome", "headless.provider"},
		"headless.message.delivery.duration":  {"headless.message", "headless.outcome"},
		"headless.limit.decisions":            {"headless.action", "headless.outcome"},
		"headless.outbox.messages":            {},
	} {
		if !slices.Equal(keys[name], want) {
			t.Errorf("%s: got %v, want %v", name, keys[name], want)
		}
	}
	if len(keys) != 7 {
		t.Errorf("got %d metrics, and the test knows of 7", len(keys))
	}
}
