// Package opentelemetry makes traces and metrics for OpenTelemetry of what the
// library does.
//
//	telemetry, err := opentelemetry.New(opentelemetry.Options{})
//	auth, err := headless.New(headless.Config{Observe: telemetry.Observe, …})
//	mux.Handle("/_allauth/", telemetry.Handler(auth.Handler()))
//
// Spans and metrics go to the providers that the program has set up, as by
// default those of package otel. A program that traces its requests already has
// no need of [Telemetry.Handler]: its spans get the route, and ours below them.
//
// No span or metric has a secret, an address or a person in it: neither queries
// nor headers, nor texts of errors. docs/observability.md lists them.
package opentelemetry

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/headless-auth/headless/account/observe"
)

// scope names this package as the source of spans and metrics.
const scope = "github.com/headless-auth/headless/account/observe/opentelemetry"

// Attributes of our own.
const (
	clientKey   = attribute.Key("headless.client")
	outcomeKey  = attribute.Key("headless.outcome")
	providerKey = attribute.Key("headless.provider")
	actionKey   = attribute.Key("headless.action")
	messageKey  = attribute.Key("headless.message")
	attemptsKey = attribute.Key("headless.attempts")
)

// Options say where telemetry goes. The zero Options take what package otel has.
type Options struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
	// Propagator reads the trace that a request belongs to.
	Propagator propagation.TextMapPropagator
	// Scheme is how the site is reached. Default "https".
	Scheme string
}

// Telemetry makes spans and metrics.
type Telemetry struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	scheme     string

	requests, transactions, hashes, calls, deliveries metric.Float64Histogram

	limits metric.Int64Counter
	outbox metric.Int64Gauge
}

// seconds are the buckets that the conventions advise for HTTP servers.
var seconds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// New returns telemetry. It fails if the meter provider does.
func New(o Options) (*Telemetry, error) {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.Propagator == nil {
		o.Propagator = otel.GetTextMapPropagator()
	}
	t := &Telemetry{
		tracer:     o.TracerProvider.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		propagator: o.Propagator, scheme: cmp.Or(o.Scheme, "https"),
	}
	m := o.MeterProvider.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	var errs [7]error
	histogram := func(err *error, name, about string) (h metric.Float64Histogram) {
		h, *err = m.Float64Histogram(name, metric.WithDescription(about), metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(seconds...))
		return h
	}
	t.requests = histogram(&errs[0], "http.server.request.duration", "Duration of HTTP server requests.")
	t.transactions = histogram(&errs[1], "headless.store.transaction.duration", "Transactions of the store, by how they ended.")
	t.hashes = histogram(&errs[2], "headless.password.hash.duration", "Passwords hashed or compared, waiting included.")
	t.calls = histogram(&errs[3], "headless.provider.call.duration", "Calls to identity providers.")
	t.deliveries = histogram(&errs[4], "headless.message.delivery.duration", "Attempts to send a mail, a text message or an event.")
	t.limits, errs[5] = m.Int64Counter("headless.limit.decisions", metric.WithDescription("Decisions of the rate limiter."), metric.WithUnit("{decision}"))
	t.outbox, errs[6] = m.Int64Gauge("headless.outbox.messages", metric.WithDescription("Messages that wait to be delivered, as last counted."), metric.WithUnit("{message}"))
	return t, errors.Join(errs[:]...)
}

// Observe is for Config.Observe.
func (t *Telemetry) Observe(ctx context.Context, o observe.Observation) {
	took, outcome := o.Duration.Seconds(), outcomeKey.String(o.Outcome())
	switch o.Kind {
	case observe.Request:
		t.request(ctx, o)
	case observe.Transaction:
		t.transactions.Record(ctx, took, metric.WithAttributes(outcome))
		t.below(ctx, o, "store transaction", trace.SpanKindInternal, outcome, attemptsKey.Int(o.Count))
	case observe.Hash:
		t.hashes.Record(ctx, took, metric.WithAttributes(outcome))
		t.below(ctx, o, "password hash", trace.SpanKindInternal, outcome)
	case observe.Call:
		provider := providerKey.String(o.Name)
		t.calls.Record(ctx, took, metric.WithAttributes(provider, outcome))
		attrs := []attribute.KeyValue{provider, semconv.HTTPRequestMethodKey.String(o.Method)}
		if o.Status > 0 {
			attrs = append(attrs, semconv.HTTPResponseStatusCode(o.Status))
		}
		t.below(ctx, o, o.Method, trace.SpanKindClient, attrs...)
	case observe.Limit:
		action := actionKey.String(o.Name)
		t.limits.Add(ctx, 1, metric.WithAttributes(action, outcome))
		if o.Refused {
			trace.SpanFromContext(ctx).AddEvent("rate limited", trace.WithAttributes(action))
		}
	case observe.Delivery:
		message := messageKey.String(o.Name)
		t.deliveries.Record(ctx, took, metric.WithAttributes(message, outcome))
		t.span(ctx, o, "deliver", trace.SpanKindProducer, message, outcome)
	case observe.Backlog:
		t.outbox.Record(ctx, int64(o.Count))
	}
}

// request completes the span of a request with what only the library knows.
func (t *Telemetry) request(ctx context.Context, o observe.Observation) {
	route, client := semconv.HTTPRoute(o.Name), clientKey.String(o.Client)
	span := trace.SpanFromContext(ctx)
	if o.Name != "" {
		span.SetName(nameOf(o.Method) + " " + o.Name)
		span.SetAttributes(route)
	}
	span.SetAttributes(client)
	attrs := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(o.Method), route, semconv.HTTPResponseStatusCode(o.Status), semconv.URLScheme(t.scheme), client,
	}
	if o.Status >= 500 {
		attrs = append(attrs, semconv.ErrorTypeKey.String(strconv.Itoa(o.Status)))
	}
	t.requests.Record(ctx, o.Duration.Seconds(), metric.WithAttributes(attrs...))
}

// below is a span below another; without one, there would be none to find it
// by.
func (t *Telemetry) below(ctx context.Context, o observe.Observation, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) {
	if trace.SpanContextFromContext(ctx).IsValid() {
		t.span(ctx, o, name, kind, attrs...)
	}
}

func (t *Telemetry) span(ctx context.Context, o observe.Observation, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) {
	_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(o.Start), trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	if o.Outcome() == "error" {
		// The text of an error is for the log.
		span.SetAttributes(semconv.ErrorTypeOther)
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(o.Start.Add(o.Duration)))
}

// Handler begins a span for each request, in the trace that it belongs to, and
// ends it with the answer.
func (t *Telemetry) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		method := known(r.Method)
		ctx, span := t.tracer.Start(ctx, nameOf(method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			semconv.HTTPRequestMethodKey.String(method), semconv.URLPath(r.URL.Path), semconv.URLScheme(t.scheme),
		))
		defer span.End()
		a := &answered{w, http.StatusOK}
		next.ServeHTTP(a, r.WithContext(ctx))
		span.SetAttributes(semconv.HTTPResponseStatusCode(a.status))
		if a.status >= 500 {
			span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(a.status)))
			span.SetStatus(codes.Error, "")
		}
	})
}

const other = "_OTHER"

// nameOf is what the name of a span begins with.
func nameOf(method string) string {
	if method == other {
		return "HTTP"
	}
	return method
}

// known is a method that the conventions know: strangers may send what they
// like.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return method
	}
	return other
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
