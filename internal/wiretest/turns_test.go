package wiretest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store/postgres"
)

// TestTurns: how often a request asks PostgreSQL and waits for the answer is
// what it costs where the database is not next door.
func TestTurns(t *testing.T) {
	t.Parallel()
	proxy, url := faultproxy.Postgres(t, testenv.Postgres(t))
	pool, err := pgxpool.ParseConfig(url + "&pool_max_conns=1")
	if err != nil {
		t.Fatal(err)
	}
	pool.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false } // as it would after a second
	p, err := pgxpool.NewWithConfig(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	st := postgres.New(p)
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := wiretest.Config()
	c.URL, c.Store, c.Mailer = "http://127.0.0.1", st, &wiretest.Inbox{}
	c.Account.EmailVerification = account.None
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	call := func(method, path, token, body string) string {
		t.Helper()
		rq := httptest.NewRequest(method, "/_allauth/app/v1/auth/"+path, strings.NewReader(body))
		rq.Header.Set("X-Session-Token", token)
		w := httptest.NewRecorder()
		auth.Handler().ServeHTTP(w, rq)
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		_, rest, _ := strings.Cut(w.Body.String(), `"session_token":"`)
		token, _, _ = strings.Cut(rest, `"`)
		return token
	}
	token := ""
	person := func(i int) string { return fmt.Sprintf(`{"email":"p%d@example.org","password":"Correct-Horse-9"}`, i) }
	for _, tt := range []struct {
		what string
		do   func(i int)
		want int
	}{
		{"signup", func(i int) { token = call("POST", "signup", "", person(i)) }, 6},
		{"login", func(i int) { token = call("POST", "login", "", person(i)) }, 2},
		{"session", func(int) { call("GET", "session", token, "") }, 1},
		{"reauthentication", func(i int) { call("POST", "reauthenticate", token, person(i)) }, 3},
	} {
		for i := range 3 { // statements are prepared at first
			proxy.Arm(faultproxy.Plan{})
			tt.do(i)
			if _, seen := proxy.Fired(); i == 2 && proxy.Turns() != tt.want {
				t.Errorf("%s took %d turns with %d statements, want %d", tt.what, proxy.Turns(), seen, tt.want)
			}
		}
	}
}
