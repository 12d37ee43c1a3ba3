package races_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
)

var rounds = flag.Int("races.rounds", 1, "how often each race is run")

// crowd is how many take part in a race.
const crowd = 50

type (
	M      = wiretest.M
	Client = wiretest.Client
	Person = wiretest.Person
)

// contest is something that clients could race for.
type contest struct {
	name string
	kind string // of the site: see kinds
	// ready sets the scene for one round.
	ready func(t *testing.T, s *site) race
}

// race is one round.
type race struct {
	// shot is what the i-th client sends.
	shot func(i int) shot
	// won tells a success; nil: the status 200.
	won func(a answer) bool
	// wins is how many have to succeed: 0 stands for one, anyNumber for any
	// from one. With atMost fewer will do, as those who meet may be told to try
	// again.
	wins   int
	atMost bool
	// lost are the answers that others may get.
	lost []answer
	// check looks at what came of it; nil: nothing more.
	check func(t *testing.T, all []reply)
}

const anyNumber = -1

var contests = slices.Concat(secrets, factors, identities, owned, limits, planted, ended)

// scene returns what the rounds of a contest have in common, which the first one
// makes.
func scene[T any](s *site, make func() T) T {
	if s.scene == nil {
		s.scene = make()
	}
	return s.scene.(T)
}

// everybody gets ready: fn is called for each of the crowd.
func everybody(t *testing.T, fn func(i int)) {
	t.Helper()
	several(t, crowd, fn)
}

// several calls fn n times, four at a time, which no limit minds.
func several(t *testing.T, n int, fn func(i int)) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range 4 {
		wg.Go(func() {
			for i := range next {
				// What fails ends its goroutine.
				done := make(chan struct{})
				go func() { defer close(done); fn(i) }()
				<-done
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	if wg.Wait(); t.Failed() {
		t.FailNow()
	}
}

func TestRaces(t *testing.T) {
	for _, m := range modes {
		if testing.Short() && !m.short {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			for _, kind := range slices.Sorted(maps.Keys(kinds)) {
				t.Run(kind, func(t *testing.T) {
					s := open(t, m, kind)
					for _, c := range contests {
						if c.kind == kind {
							t.Run(c.name, func(t *testing.T) { s.hold(t, c) })
						}
					}
				})
			}
		})
	}
}

// hold runs a contest as often as it is to be run.
func (s *site) hold(t *testing.T, c contest) {
	one := *s.World
	one.T = t
	here := *s
	here.World, here.scene = &one, nil
	for round := range *rounds {
		r := c.ready(t, &here)
		all := here.run(t, r.shot, round == 0)
		r.judge(t, all, s.apart)
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
	}
}

// judge counts who has won. Where sessions are apart from the rest, whoever has
// won may lose the session to another, and be told 409.
func (r *race) judge(t *testing.T, all []reply, apart bool) {
	t.Helper()
	won, count, n := r.won, map[answer]int{}, 0
	if won == nil {
		won = is("200")
	}
	for _, x := range all {
		count[x.answer]++
	}
	for a, times := range count {
		if won(a) {
			n += times
		} else if a != "503" && !slices.Contains(r.lost, a) {
			t.Errorf("%d were told %s", times, a)
		}
	}
	want := max(r.wins, 1)
	if r.wins == anyNumber {
		want = crowd
	}
	fewer := r.atMost || r.wins == anyNumber || apart && count["409"] > 0
	if n > want || n < want && !fewer || n == 0 && !apart {
		t.Errorf("%d have succeeded: %v", n, count)
	}
	if r.check != nil {
		r.check(t, all)
	}
}

func is(want ...answer) func(answer) bool {
	return func(a answer) bool { return slices.Contains(want, a) }
}

// answer is what came of a call: "200", "400 key:incorrect_code", or where a
// browser is sent, "302 /callback".
type answer string

type reply struct {
	answer
	body   []byte
	header http.Header
}

// shot is a request that is ready to be sent.
type shot struct {
	method, path, body string
	header             http.Header
}

// of is a call of the API by a client with what it holds now.
func of(c *Client, method, path string, body any, header ...string) shot {
	x := shot{method: method, path: c.API(path), header: http.Header{}}
	if own, ok := strings.CutPrefix(path, "//"); ok {
		x.path = "/" + own
	}
	switch body := body.(type) {
	case nil:
	case string:
		x.body = body
	case url.Values:
		x.body = body.Encode()
		x.header.Set("Content-Type", "application/x-www-form-urlencoded")
	default:
		b, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		x.body = string(b)
		x.header.Set("Content-Type", "application/json")
	}
	if c.Kind == "browser" {
		csrf := c.Cookie("csrftoken")
		if csrf == "" {
			csrf = strings.Repeat("a", 32)
		}
		cookies := "csrftoken=" + csrf
		for _, name := range []string{"sessionid", "mfa_trusted"} {
			if v := c.Cookie(name); v != "" {
				cookies += "; " + name + "=" + v
			}
		}
		x.header.Set("Cookie", cookies)
		x.header.Set("X-CSRFToken", csrf)
	} else if c.Token != "" {
		x.header.Set("X-Session-Token", c.Token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		x.header.Set(header[i], header[i+1])
	}
	return x
}

// run has everybody send at the same moment, over a connection that they have
// already, every other to the second instance.
func (s *site) run(t *testing.T, next func(i int) shot, warm bool) []reply {
	t.Helper()
	var all [crowd]reply
	var errs [crowd]error
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(crowd)
	for i := range crowd {
		x := next(i)
		done.Go(func() {
			if warm { // the connection, and the instance's to its store
				_, _ = s.send(t.Context(), i, shot{method: http.MethodGet, path: "/_allauth/app/v1/auth/session", header: http.Header{"X-Session-Token": {"unknown"}}})
			}
			ready.Done()
			<-start
			for range 50 { // who is told that the store is too busy tries again
				if all[i], errs[i] = s.send(t.Context(), i, x); errs[i] != nil || all[i].answer != "503" {
					return
				}
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return all[:]
}

// send sends for the i-th client.
func (s *site) send(ctx context.Context, i int, x shot) (reply, error) {
	rq, err := http.NewRequestWithContext(ctx, x.method, s.bases[i%len(s.bases)]+x.path, strings.NewReader(x.body))
	if err != nil {
		return reply{}, err
	}
	rq.Header = x.header.Clone()
	rq.Header.Set(clockHeader, s.Clock.Now().Format(time.RFC3339Nano))
	rq.Host = strings.TrimPrefix(s.URL, "http://")
	resp, err := s.clients[i].Do(rq)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	r := reply{header: resp.Header}
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		return r, err
	}
	a := fmt.Sprint(resp.StatusCode)
	if to, err := url.Parse(resp.Header.Get("Location")); err == nil && to.Path != "" {
		a += " " + to.Path
		if code := to.Query().Get("error"); code != "" {
			a += " " + code
		}
	}
	var env struct{ Errors []wiretest.Error }
	_ = json.Unmarshal(r.body, &env)
	for _, e := range env.Errors {
		a += " " + e.Param + ":" + e.Code
	}
	r.answer = answer(a)
	return r, nil
}

// pendingIn is the flow that an answer says is pending.
func pendingIn(r reply) string {
	var v struct {
		Data struct {
			Flows []struct {
				ID      string
				Pending bool `json:"is_pending"`
			}
		}
	}
	_ = json.Unmarshal(r.body, &v)
	for _, f := range v.Data.Flows {
		if f.Pending {
			return f.ID
		}
	}
	return ""
}
