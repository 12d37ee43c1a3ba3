// Package prom makes metrics for Prometheus of what the library does.
//
//	metrics := prom.New()
//	auth, err := headless.New(headless.Config{Observe: metrics.Observe, …})
//	internal.Handle("GET /metrics", metrics) // not where strangers come
//
// A program that has a registry registers them there instead:
//
//	registry.MustRegister(metrics)
//
// docs/observability.md lists the metrics, and docs/dashboard.json shows them.
package prom

import (
	"context"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headless-auth/headless/account/observe"
)

// Metrics are the metrics. They are a [prometheus.Collector], and an
// [http.Handler] that serves them with those of the Go runtime and of the
// process.
type Metrics struct {
	requests, transactions, hashes, calls, deliveries *prometheus.HistogramVec

	retries prometheus.Counter
	limits  *prometheus.CounterVec
	outbox  prometheus.Gauge

	handler http.Handler
}

// New returns metrics that count nothing so far.
func New() *Metrics {
	// From a request that asks nobody to one that waits for a provider.
	seconds := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "headless", Name: name, Help: help, Buckets: seconds}, labels)
	}
	m := &Metrics{
		requests:     histogram("request_duration_seconds", "Answered requests of the API.", "route", "method", "client", "status"),
		transactions: histogram("transaction_duration_seconds", "Transactions of the store, by how they ended.", "outcome"),
		hashes:       histogram("hash_duration_seconds", "Passwords hashed or compared, waiting included.", "outcome"),
		calls:        histogram("provider_call_duration_seconds", "Calls to identity providers.", "provider", "outcome"),
		deliveries:   histogram("delivery_duration_seconds", "Attempts to send a mail, a text message or an event.", "kind", "outcome"),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "headless", Name: "transaction_retries_total", Help: "Transactions that were begun again because the database asked for it.",
		}),
		limits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "headless", Name: "limit_decisions_total", Help: "Decisions of the rate limiter.",
		}, []string{"action", "outcome"}),
		outbox: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "headless", Name: "outbox_messages", Help: "Messages that wait to be delivered, as this instance last counted them.",
		}),
	}
	r := prometheus.NewRegistry()
	r.MustRegister(m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

// Observe is for Config.Observe.
func (m *Metrics) Observe(_ context.Context, o observe.Observation) {
	took := o.Duration.Seconds()
	switch o.Kind {
	case observe.Request:
		m.requests.WithLabelValues(o.Name, o.Method, o.Client, strconv.Itoa(o.Status)).Observe(took)
	case observe.Transaction:
		m.transactions.WithLabelValues(o.Outcome()).Observe(took)
		m.retries.Add(float64(max(o.Count-1, 0)))
	case observe.Hash:
		m.hashes.WithLabelValues(o.Outcome()).Observe(took)
	case observe.Call:
		m.calls.WithLabelValues(o.Name, o.Outcome()).Observe(took)
	case observe.Limit:
		m.limits.WithLabelValues(o.Name, o.Outcome()).Inc()
	case observe.Delivery:
		m.deliveries.WithLabelValues(o.Name, o.Outcome()).Observe(took)
	case observe.Backlog:
		m.outbox.Set(float64(o.Count))
	}
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.transactions, m.hashes, m.calls, m.deliveries, m.retries, m.limits, m.outbox}
}

// Describe implements [prometheus.Collector].
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect implements [prometheus.Collector].
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

// ServeHTTP implements [http.Handler].
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.handler.ServeHTTP(w, r) }
