package faults_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/importer"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
)

// nowhere is a mailer that nothing is to be sent with.
type nowhere struct{}

// Send implements [account.Mailer].
func (nowhere) Send(context.Context, account.Message) error {
	return fmt.Errorf("an import sends no mail")
}

// An import that breaks at whichever statement is run again, and in the end each
// user is there, once, whole. REL-1.
func TestImportBreaks(t *testing.T) {
	t.Parallel()
	straight := testenv.Postgres(t)
	direct := opened(t, straight+"&pool_max_conns=2")
	if err := direct.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy, url := faultproxy.Postgres(t, straight)
	c := config()
	c.Store, c.Secret, c.Mailer = opened(t, url+"&connect_timeout=2&pool_max_conns=2"), []byte(strings.Repeat("s", 32)), nowhere{}
	c.URL, c.Frontend.VerifyEmail, c.Frontend.ResetPassword = "https://example.org", "/v/{key}", "/r/{key}"
	m, err := importer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	const people, batch = 5, 2
	every, cases := 7*thin, 0
	if *full {
		every = 1
	}
	for _, fault := range []faultproxy.Fault{faultproxy.Before, faultproxy.After, faultproxy.LostCommit, faultproxy.Outage} {
		for n, fired := 1, true; fired && n < 500; n += every {
			cases++
			name := func(i int) string { return fmt.Sprintf("case%d-user%d", cases, i) }
			var lines strings.Builder
			for i := range people {
				fmt.Fprintf(&lines, `{"id": %q, "username": %[1]q, "emails": [{"email": "%[1]s@example.org", "verified": true}], "phone": "+316%04[2]d%04[3]d", "phone_verified": true,
 "totp": {"secret": "JBSWY3DPEHPK3PXP"}, "social": [{"provider": "example", "uid": %[1]q}]}`, name(i), cases, i)
				lines.WriteByte('\n')
			}
			text := strings.ReplaceAll(lines.String(), ",\n", ",")
			run := func() (importer.Report, error) {
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				return m.Import(ctx, importer.JSONLines(strings.NewReader(text)), importer.Options{
					BatchSize: batch, OnProblem: func(p importer.Problem) { t.Errorf("case %d: %v", cases, p.Error()) },
				})
			}
			proxy.Arm(faultproxy.Plan{Fault: fault, At: n})
			first, err := run()
			proxy.Heal()
			if fired, _ = proxy.Fired(); !fired && err != nil {
				t.Fatalf("case %d: nothing broke: %v", cases, err)
			}
			second := first
			for start := time.Now(); err != nil; {
				if second, err = run(); err != nil && time.Since(start) > time.Minute {
					t.Fatalf("case %d: no service: %v", cases, err)
				}
			}
			if second.Created+second.Before != people {
				t.Errorf("fault %d at %d: first %+v, then %+v", fault, n, first, second)
			}
			for i := range people {
				l, err := direct.EmailsByAddress(t.Context(), name(i)+"@example.org")
				if err != nil || len(l) != 1 || !l[0].Verified {
					t.Fatalf("fault %d at %d: %s has %d addresses, %v", fault, n, name(i), len(l), err)
				}
				factors, err1 := direct.AuthenticatorsOf(t.Context(), l[0].UserID)
				links, err2 := direct.SocialAccountsOf(t.Context(), l[0].UserID)
				if err1 != nil || err2 != nil || len(factors) != 1 || factors[0].Type != store.TOTP || len(links) != 1 {
					t.Errorf("fault %d at %d: %s has %d factors, %d links; %v, %v", fault, n, name(i), len(factors), len(links), err1, err2)
				}
			}
		}
	}
	if l, err := direct.ListUsers(t.Context(), "", 100_000); err != nil || len(l) != cases*people {
		t.Errorf("%d users, want %d; %v", len(l), cases*people, err)
	}
	(&world{t: t, direct: direct}).sound("import")
	t.Logf("%d imports", cases)
}
