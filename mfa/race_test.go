package mfa_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
)

const crowd = 1000

// rush does something with every client at once, and counts the answers by
// status.
func rush(clients []*Client, do func(c *Client) *wiretest.Reply) map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start, statuses := make(chan struct{}), map[int]int{}
	for _, c := range clients {
		wg.Go(func() {
			<-start
			r := do(c)
			mu.Lock()
			defer mu.Unlock()
			statuses[r.Status]++
		})
	}
	close(start)
	wg.Wait()
	return statuses
}

func patient(c *headless.Config) { c.Timeout = time.Minute }

// Requirement ONE-1: under any concurrency, a code is redeemed once.
func TestCodesAreRedeemedOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand clients are no short test")
	}
	for name, code := range map[string]func(t *testing.T, c *Client, app *App) string{
		"TOTP":     func(_ *testing.T, _ *Client, app *App) string { return app.Next() },
		"recovery": func(t *testing.T, c *Client, _ *App) string { return recoveryCodes(t, c)[4] },
	} {
		t.Run(name, func(t *testing.T) {
			wiretest.EachStore(t, with(patient), func(t *testing.T, w *World) {
				p := w.Make(Person{})
				c := w.Client("app")
				c.LogIn(p)
				app := activate(t, w, c)
				clients := make([]*Client, crowd)
				for i := range clients {
					clients[i] = c.Other()
					logIn(clients[i], p).Pending("mfa_authenticate")
				}
				used := code(t, c, app)
				got := rush(clients, func(c *Client) *wiretest.Reply { return c.Post(codePath, M{"code": used}) })
				if got[http.StatusOK] != 1 || got[http.StatusBadRequest] != crowd-1 {
					t.Errorf("got %v, want one success among %d", got, crowd)
				}
			})
		})
	}
}

// The same from one client: the session decides.
func TestOneClientGetsInOnce(t *testing.T) {
	const crowd = 50
	wiretest.EachStore(t, with(func(c *headless.Config) { patient(c); c.MFA.TOTPTolerance = 1 }), func(t *testing.T, w *World) {
		p := w.Make(Person{})
		c := w.Client("app")
		c.LogIn(p)
		app, k := activate(t, w, c), addKey(t, w, c, "")
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		w.Clock.Advance(wait)
		codes := []string{app.Code(), codeAt(t, app.secret, w.Clock.Now().Add(30*time.Second))}
		got := rush(clones(c, crowd), func(c *Client) *wiretest.Reply { return c.Post(codePath, M{"code": codes[time.Now().UnixNano()%2]}) })
		if got[200] != 1 {
			t.Errorf("two codes: got %v, want one success", got)
		}
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		o := optionsOf(t, c.Get(keyPath))
		var mu sync.Mutex
		got = rush(clones(c, crowd), func(c *Client) *wiretest.Reply {
			mu.Lock()
			credential := k.Get(o)
			mu.Unlock()
			return c.Post(keyPath, M{"credential": credential})
		})
		if got[200] != 1 {
			t.Errorf("a challenge: got %v, want one success", got)
		}
	})
}

func clones(c *Client, n int) []*Client {
	l := make([]*Client, n)
	for i := range l {
		l[i] = c.Clone()
	}
	return l
}

// Requirement ONE-4.
func TestOneOfAKind(t *testing.T) {
	const crowd = 20
	wiretest.EachStore(t, with(patient), func(t *testing.T, w *World) {
		p := w.Make(Person{})
		c := w.Client("app")
		c.LogIn(p)
		secret := c.Get(totpPath).Is(404).Meta["secret"].(string)
		code := codeAt(t, secret, w.Clock.Now())
		if got := rush(clones(c, crowd), func(c *Client) *wiretest.Reply { return c.Post(totpPath, M{"code": code}) }); got[200] != 1 {
			t.Errorf("activations: got %v", got)
		}
		same(t, kinds(t, c), "totp", "recovery_codes")
		if got := rush(clones(c, crowd), func(c *Client) *wiretest.Reply { return c.Post(recoveryPath, nil) }); got[200] < 1 || got[500] > 0 {
			t.Errorf("new codes: got %v", got)
		}
		same(t, kinds(t, c), "totp", "recovery_codes")
		// One key for two users.
		k := newKey(w)
		q := c.Other()
		q.LogIn(w.Make(Person{}))
		options := map[*Client][]byte{c: optionsOf(t, c.Get(keysPath)), q: optionsOf(t, q.Get(keysPath))}
		credentials := map[*Client]softauthn.Credential{c: k.Create(options[c]), q: k.Create(options[q])}
		if got := rush([]*Client{c, q}, func(c *Client) *wiretest.Reply { return c.Post(keysPath, M{"credential": credentials[c]}) }); got[200] != 1 || got[400] != 1 {
			t.Errorf("one key: got %v", got)
		}
	})
}

// Requirement MFA-3: recovery codes vanish with the last factor, also where two
// go at once.
func TestLastFactorsGoTogether(t *testing.T) {
	wiretest.EachStore(t, with(patient), func(t *testing.T, w *World) {
		for range 20 {
			p := w.Make(Person{})
			clients := []*Client{w.Client("app"), w.Client("app")}
			clients[0].LogIn(p)
			app := activate(t, w, clients[0])
			addKey(t, w, clients[0], "")
			logIn(clients[1], p).Pending("mfa_authenticate")
			clients[1].Post(codePath, M{"code": app.Next()}).LoggedIn()
			key := rows(t, w, p)
			remove := map[*Client]func() *wiretest.Reply{
				clients[0]: func() *wiretest.Reply { return clients[0].Delete(totpPath, nil) },
				clients[1]: func() *wiretest.Reply {
					for _, a := range key {
						if a.Type == "webauthn" {
							return clients[1].Delete(keysPath, `{"authenticators":["`+a.ID+`"]}`)
						}
					}
					return nil
				},
			}
			for status := range rush(clients, func(c *Client) *wiretest.Reply { return remove[c]() }) {
				if status != http.StatusOK && status != http.StatusConflict {
					t.Errorf("got %d", status)
				}
			}
			for _, c := range clients { // who met the other tries again
				if r := remove[c](); r.Status != http.StatusOK && r.Status != http.StatusBadRequest {
					t.Errorf("got %d %s", r.Status, r.Raw)
				}
			}
			if l := rows(t, w, p); len(l) != 0 {
				t.Fatalf("%d rows are left", len(l))
			}
		}
	})
}

// No user trusts more than so many browsers: the oldest has to go.
func TestTrustedBrowsersAreBounded(t *testing.T) {
	browsers(t, asIs, inMemory, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		c.LogIn(p)
		app := activate(t, w, c)
		var first *Client
		for i := range 51 {
			w.Clock.Advance(30 * time.Second)
			o := c.Other()
			trustBrowser(t, o, p, app)
			if i == 0 {
				first = o
			}
		}
		l, err := w.Store.TrustedBrowsersOf(t.Context(), p.ID)
		if err != nil || len(l) != 50 {
			t.Fatalf("got %d, %v", len(l), err)
		}
		leave(first)
		logIn(first, p).Pending("mfa_authenticate")
	})
}
