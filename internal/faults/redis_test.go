package faults_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/redis"
)

// Without Redis whatever has a session or is limited fails closed, in time,
// and is back with it. Neither users nor sessions are lost. REL-2, REL-6.
func TestRedisBreaks(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := faultproxy.New(t, u.Host)
	u.Host = proxy.Addr
	o, err := goredis.ParseURL(u.String())
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	kept := redis.New(client, redis.Options{})
	st := memory.New()
	c := config()
	c.NoLimits = false
	c.Store, c.SessionStore, c.LimitStore = st, kept, kept
	w := &world{t: t, direct: st, site: serve(t, c)}
	w.mails = w.site.Mail
	w.site.Clock.Set(time.Now()) // Redis has a clock of its own
	in := w.newTrip()
	must(t, in, "login", loggedIn)
	ask := func(tr *trip) { tr.do("GET", "/auth/session", nil, 200) }
	for name, state := range map[string]faultproxy.State{"cut": faultproxy.Cut, "silent": faultproxy.Silent} {
		proxy.Set(state)
		out := w.newTrip()
		for what, flow := range map[string]func(*trip){
			"a session": ask,
			"a limit": func(*trip) {
				if err := out.goes(func(tr *trip) { tr.signUp() }); err != nil {
					panic(err)
				}
			},
		} {
			if err := in.goes(flow); !errors.Is(err, errLost) {
				t.Errorf("%s, %s: got %v, want 503", name, what, err)
			}
		}
		proxy.Heal()
		back := w.again(in, flow{run: func(tr *trip) { tr.logIn() }}, name)
		must(t, in, "the session that began meanwhile", ask)
		w.again(out, flow{run: signUpByLink}, name)
		in.inTime(name)
		out.inTime(name)
		t.Logf("%s: service was back within %v", name, back.Round(time.Millisecond))
		w.sound(name)
	}
	proxy.Delay(timeout / 20)
	must(t, in, "slow", ask)
}
