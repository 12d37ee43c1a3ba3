package wiretest_test

import (
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
)

// A log or a subscriber that does not answer, or answers an error, lets nobody
// in who may not, and keeps nobody out. Requirement DIS-2.
func TestStuckSinks(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"the audit log fails": func(c *Config) { c.AuditLog = brokenLog{} },
		"the audit log hangs": func(c *Config) { c.AuditLog = stuckLog{} },
		"a subscriber hangs":  func(c *Config) { c.OnEvent = func(ctx context.Context, _ account.Event) { <-ctx.Done() } },
		"a subscriber panics": func(c *Config) { c.OnEvent = func(context.Context, account.Event) { panic("the host's own fault") } },
	} {
		t.Run(name, func(t *testing.T) {
			wiretest.EachOn(t, []string{"memory"}, func(c *headless.Config) {
				c.Timeout = 500 * time.Millisecond
				change(c)
			}, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.Post("/auth/login", M{"email": p.Email, "password": "wrong-Plum-9"}).Fails("password:email_password_mismatch")
				c.Session().NothingPending()
				c.LogIn(p)
				c.Session().LoggedIn()
				c.Post("/account/password/change", M{"current_password": wiretest.Password, "new_password": newPassword}).LoggedIn()
				c.Delete("/auth/session", nil).NothingPending()
				c.Other().Post("/auth/login", M{"email": p.Email, "password": newPassword}).LoggedIn()
			})
		})
	}
}

// stuckLog does not answer before it has to.
type stuckLog struct{ store.AuditLog }

func (stuckLog) AppendAudit(ctx context.Context, _ *store.AuditEntry) error {
	<-ctx.Done()
	return ctx.Err()
}
