package wiretest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/wiretest"
)

// Many ids are refused quickly. Requirement INP-1.
func TestManyIDs(t *testing.T) {
	wiretest.EachOn(t, []string{"memory"}, func(c *Config) { c.Session.List = true }, func(t *testing.T, w *World, c *Client) {
		c.LogIn(w.Make(Person{}))
		ids := make([]string, 120_000)
		for i := range ids {
			ids[i] = strconv.Itoa(100_000 + i)
		}
		start := time.Now()
		c.Delete("/auth/sessions", `{"sessions":[`+strings.Join(ids, ",")+`]}`).Fails("sessions:invalid_choice")
		if took := time.Since(start); took > 5*time.Second { // it was minutes
			t.Errorf("it took %v", took)
		}
	})
}
