package faults_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/store/memory"
)

// dialed calls a provider over the network, by a proxy: the provider of authtest
// is in this process.
type dialed struct {
	addr string
	http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (d dialed) RoundTrip(rq *http.Request) (*http.Response, error) {
	r := rq.Clone(rq.Context())
	r.Host, r.URL.Scheme, r.URL.Host = rq.URL.Host, "http", d.addr
	return d.RoundTripper.RoundTrip(r)
}

// A provider that can't be reached, or says nothing, is answered in time, and
// people log in there as soon as it is back. Nobody else notices. REL-2.
func TestProviderBreaks(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]faultproxy.State{"cut": faultproxy.Cut, "silent": faultproxy.Silent} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := authtest.NewProvider("example")
			srv := httptest.NewServer(provider)
			t.Cleanup(srv.Close)
			proxy := faultproxy.New(t, strings.TrimPrefix(srv.URL, "http://"))
			wire := &http.Transport{DisableKeepAlives: true}
			t.Cleanup(wire.CloseIdleConnections)
			c := everything()
			c.Timeout = timeout
			c.Store = memory.New()
			c = authtest.New(t, c, provider).Config
			c.Social.Transport = dialed{proxy.Addr, wire}
			w := &world{t: t, direct: c.Store, site: serve(t, c), provider: provider}
			w.mails = boxes{w.site}

			proxy.Set(state)
			tr, start := w.newTrip(), time.Now()
			err := tr.goes(signUpAtProvider)
			if took := time.Since(start); err == nil || took > timeout+5*time.Second+slack {
				t.Errorf("got %v after %v", err, took)
			} else if t.Logf("after %v: %v", took.Round(time.Millisecond), err); errors.Is(err, errAstray) && !strings.Contains(err.Error(), ": 400 ") {
				t.Errorf("got %v", err)
			}
			must(t, w.newTrip(), "somebody else", signUpByLink)
			proxy.Heal()
			start = time.Now()
			for err := errLost; err != nil; {
				tr.anew()
				err = tr.goes(signUpAtProvider)
				if time.Since(start) > recovery {
					t.Fatalf("no service after %v: %v", recovery, err)
				}
			}
			t.Logf("service was back within %v", time.Since(start).Round(time.Millisecond))
			w.sound("afterwards")
		})
	}
}
