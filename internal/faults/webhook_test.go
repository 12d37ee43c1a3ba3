package faults_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/webhook"
	"github.com/headless-auth/headless/internal/faultproxy"
)

// receiver counts the events that a webhook gets, by user.
type receiver struct {
	mu    sync.Mutex
	heard map[string]int
}

// ServeHTTP implements [http.Handler].
func (r *receiver) ServeHTTP(w http.ResponseWriter, rq *http.Request) {
	var e struct {
		Data struct {
			UserID json.Number `json:"user_id"`
		}
	}
	if err := json.NewDecoder(rq.Body).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard[e.Data.UserID.String()]++
}

// A webhook hears of each password that was changed, and of no other, whatever
// breaks while the event is written down or told. REL-1, REL-3.
func TestWebhookBreaks(t *testing.T) {
	t.Parallel()
	r := &receiver{heard: map[string]int{}}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	w, proxy := behind(t, func(c *headless.Config) {
		hook, err := webhook.NewEndpoint(srv.URL, webhook.EndpointOptions{
			Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, Events: []string{"password_changed"},
			Internal: []string{"127.0.0.1"}, Timeout: timeout,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Webhooks = []account.Webhook{hook}
	}, 3)
	var changed []string // addresses of those who have got to the end
	f := flow{name: "webhook", prepare: loggedIn, run: func(tr *trip) {
		changePassword(tr)
		changed = append(changed, tr.email)
	}}
	every, cases := 3*thin, 0
	if *full {
		every = 1
	}
	for _, fault := range []faultproxy.Fault{faultproxy.Before, faultproxy.After, faultproxy.LostCommit, faultproxy.Outage} {
		for n := 1; n < 200; n += every {
			if fired, _ := w.breaks(f, proxy, faultproxy.Plan{Fault: fault, At: n}, fmt.Sprintf("fault %d at statement %d", fault, n)); !fired {
				break
			}
			cases++
		}
	}
	// What was committed without an answer is told by whoever runs, later.
	if err := w.site.Auth.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.site.Clock.Advance(time.Hour)
	deliver(t, w.site.Auth, func() bool {
		n, err := w.direct.CountMessages(t.Context())
		return err == nil && n == 0
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]bool{}
	for _, email := range changed {
		l, err := w.direct.EmailsByAddress(t.Context(), email)
		if err != nil || len(l) != 1 {
			t.Fatalf("%s: %d users, %v", email, len(l), err)
		}
		ids[l[0].UserID] = true
		if r.heard[l[0].UserID] == 0 {
			t.Errorf("of %s nothing was heard", email)
		}
	}
	for id := range r.heard {
		if !ids[id] {
			t.Errorf("of user %s was heard, whose password is as before", id)
		}
	}
	w.sound("webhooks")
	t.Logf("%d breaks, %d users", cases, len(ids))
}
