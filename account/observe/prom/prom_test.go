package prom_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/account/observe"
	"github.com/headless-auth/headless/account/observe/prom"
)

// used are metrics of a site where all kinds of things have happened.
func used(t *testing.T) *prom.Metrics {
	t.Helper()
	m := prom.New()
	p := authtest.NewProvider("example")
	site := authtest.New(t, headless.Config{Observe: m.Observe, Account: account.Config{LoginByCode: true}}, p)
	authtest.Login(t, site, "alice", authtest.WithPassword())
	site.Client(t, authtest.Browser).LoginAt(p, authtest.Identity{Subject: "1", Email: "ada@example.org", EmailVerified: true}).LoggedIn()
	c := site.Client(t, authtest.App)
	for range 10 {
		c.Post(c.API("/auth/login"), authtest.M{"email": "alice@example.org", "password": "wrong"})
	}
	c.Post(c.API("/auth/code/request"), authtest.M{"email": "alice@example.org"}).Is(401)
	if err := site.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.Observe(t.Context(), observe.Observation{Kind: observe.Backlog, Count: 3})
	m.Observe(t.Context(), observe.Observation{Kind: observe.Transaction, Count: 2, Err: errors.New("serialization failure")})
	return m
}

func gather(t *testing.T, m *prom.Metrics) map[string][]string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(m); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := promlint.NewWithMetricFamilies(families).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	all := map[string][]string{}
	for _, f := range families {
		name := f.GetName()
		all[name] = []string{}
		for _, x := range f.GetMetric() {
			var labels []string
			for _, l := range x.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			all[name] = append(all[name], strings.Join(labels, " "))
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m := used(t)
	all := gather(t, m)
	for name, want := range map[string]string{
		"headless_request_duration_seconds":       "client=app method=POST route=/_allauth/app/v1/auth/login status=400",
		"headless_transaction_duration_seconds":   "outcome=error",
		"headless_transaction_retries_total":      "",
		"headless_hash_duration_seconds":          "outcome=ok",
		"headless_provider_call_duration_seconds": "outcome=ok provider=example",
		"headless_limit_decisions_total":          "action=login outcome=ok",
		"headless_delivery_duration_seconds":      "kind=login_code outcome=ok",
		"headless_outbox_messages":                "",
	} {
		if !slices.Contains(all[name], want) {
			t.Errorf("%s: got %q, want %q among them", name, all[name], want)
		}
		for _, labels := range all[name] {
			if strings.Contains(labels, "alice") || strings.Contains(labels, "=1 ") {
				t.Errorf("%s has a person in its labels: %s", name, labels)
			}
		}
	}
	if len(all) != 8 {
		t.Errorf("got %d metrics, and the test knows of 8", len(all))
	}
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for _, want := range []string{"headless_outbox_messages 3\n", "headless_transaction_retries_total 1\n", "go_goroutines ", "process_open_fds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("what is served has no %q", want)
		}
	}
}

// TestDocuments: what the dashboard and the page speak of is what there is.
func TestDocuments(t *testing.T) {
	t.Parallel()
	all := gather(t, used(t))
	series := regexp.MustCompile(`headless_\w+`)
	for _, file := range []string{"dashboard.json", "observability.md"} {
		b, err := os.ReadFile("../../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(b) {
			t.Errorf("%s is no JSON", file)
		}
		text, shown := string(b), map[string]bool{}
		for _, name := range series.FindAllString(text, -1) {
			base := name
			for _, part := range []string{"_bucket", "_count", "_sum"} {
				if s, ok := strings.CutSuffix(name, part); ok && strings.HasSuffix(s, "_seconds") {
					base = s
				}
			}
			if _, ok := all[base]; !ok {
				t.Errorf("%s: there is no metric %s", file, name)
			}
			shown[base] = true
		}
		for name := range all {
			if !shown[name] {
				t.Errorf("%s has no %s", file, name)
			}
		}
	}
}

// TestDashboardLabels: what the dashboard groups by are labels of that metric.
func TestDashboardLabels(t *testing.T) {
	t.Parallel()
	all := gather(t, used(t))
	b, err := os.ReadFile("../../../docs/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("it has no panels")
	}
	by, name := regexp.MustCompile(`by \(([^)]*)\)`), regexp.MustCompile(`(headless_\w+?)(?:_bucket|_count|_sum)?[\[{)]`)
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			m := name.FindStringSubmatch(target.Expr + ")")
			if m == nil {
				t.Errorf("%s: %q asks for no metric of ours", p.Title, target.Expr)
				continue
			}
			for _, g := range by.FindAllStringSubmatch(target.Expr, -1) {
				for _, label := range strings.Split(g[1], ",") {
					label = strings.TrimSpace(label)
					if label != "le" && label != "instance" && !slices.ContainsFunc(all[m[1]], func(l string) bool { return strings.Contains(" "+l, " "+label+"=") }) {
						t.Errorf("%s: %s has no label %s", p.Title, m[1], label)
					}
				}
			}
		}
	}
}
