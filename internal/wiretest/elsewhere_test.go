package wiretest_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// losing keeps sessions, and loses every race to save one from when it is told
// to.
type losing struct {
	*memory.Store
	good atomic.Int64 // how many of the next saves are not lost
}

const always = 1 << 30

func (s *losing) UpdateSession(ctx context.Context, x *store.Session) error {
	if s.good.Add(-1) < 0 {
		return store.ErrConflict
	}
	return s.Store.UpdateSession(ctx, x)
}

// With sessions in a store of their own, what was done is done when the session
// can't be saved: it is not done again, and nobody is given a token that was
// not stored.
func TestSessionsElsewhereLoseARace(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"browser", "app"} {
		t.Run(kind, func(t *testing.T) {
			kept := &losing{Store: memory.New()}
			kept.good.Store(always)
			w := wiretest.New(t, memory.New(), func(c *Config) { loginByCode(c); c.SessionStore = kept })
			c, p := w.Client(kind), w.Make(Person{})
			c.Post("/auth/code/request", M{"email": p.Email}).Pending("login_by_code")
			code := w.Inbox.Mail(t, p.Email, "login_code").Data["code"]
			before := c.Credential()
			w.Events.Take()
			kept.good.Store(1) // the attempt is counted, then the login is to be saved
			r := c.Post("/auth/code/confirm", M{"code": code}).Is(409)
			kept.good.Store(always)
			if c.Credential() != before || len(r.Meta) > 0 {
				t.Errorf("got meta %v and another credential", r.Meta)
			}
			n := 0
			for _, name := range w.Events.Take() {
				if name == "authentication_step_completed" {
					n++
				}
			}
			if n != 1 {
				t.Errorf("it was done %d times", n)
			}
			c.Session().Pending("login_by_code")
			c.Post("/auth/code/confirm", M{"code": code}).LoggedIn()
			c.Session().LoggedIn()
		})
	}
}
