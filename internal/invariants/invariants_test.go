package invariants_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/internal/invariants"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fill stores ada, who has one of everything, and bob, who has next to nothing.
// In an empty database they are users 1 and 2.
func fill(t *testing.T, st store.Store) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ada := &store.User{Username: "Ada", Password: "argon2", Fields: []byte(`{"a":1}`), CreatedAt: now, Epoch: 3}
	check(st.CreateUser(ctx, ada))
	for i, email := range []string{"ada@example.org", "ada@example.com"} {
		check(st.CreateEmail(ctx, &store.EmailAddress{UserID: ada.ID, Email: email, Verified: true, Primary: i == 0, CreatedAt: now}))
	}
	check(st.SetPhone(ctx, &store.Phone{UserID: ada.ID, Number: "+31612345678", Verified: true}))
	for _, a := range []store.Authenticator{{Type: store.TOTP}, {Type: store.RecoveryCodes}, {Type: store.WebAuthn, Key: []byte("key")}} {
		a.UserID, a.CreatedAt = ada.ID, now
		check(st.CreateAuthenticator(ctx, &a))
	}
	link := &store.SocialAccount{UserID: ada.ID, Provider: "p", UID: "u", Data: []byte(`{}`), CreatedAt: now}
	check(st.CreateSocialAccount(ctx, link))
	check(st.SetSocialToken(ctx, &store.SocialToken{AccountID: link.ID, App: "a"}))
	check(st.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: ada.ID, TokenHash: []byte("browser"), CreatedAt: now, ExpiresAt: now.Add(time.Hour)}))
	check(st.CreateSession(ctx, &store.Session{UserID: ada.ID, TokenHash: []byte("session of ada"), Epoch: 3, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}))
	bob := &store.User{CreatedAt: now}
	check(st.CreateUser(ctx, bob))
	check(st.CreateEmail(ctx, &store.EmailAddress{UserID: bob.ID, Email: "bob@example.org", CreatedAt: now}))
}

// run checks a store, and lists what is wrong.
func run(t *testing.T, c invariants.Check) (l []string) {
	t.Helper()
	n, err := c.Run(t.Context(), func(v invariants.Violation) { l = append(l, v.String()) })
	if err != nil || n < 2 {
		t.Fatalf("got %d users, %v", n, err)
	}
	return l
}

// damages are what nobody can do through a store, as SQL, with what is found
// then.
var damages = []struct {
	name, do string
	unlock   string // what PostgreSQL needs before; SQLite can't do it at all
	want     []string
}{
	{"nothing", `select 1`, "", nil},
	{"a user is gone", `delete from auth_users where id = 1`, "", []string{
		"auth_emails 1: belongs to nobody (orphan)", "auth_emails 2: belongs to nobody (orphan)", "auth_phones 1: belongs to nobody (orphan)",
		"auth_authenticators 1: belongs to nobody (orphan)", "auth_social_accounts 1: belongs to nobody (orphan)",
		"auth_trusted_browsers 1: belongs to nobody (orphan)", "auth_sessions 1: belongs to nobody (orphan)",
	}},
	{"a link is gone", `delete from auth_social_accounts`, "", []string{"auth_social_tokens 1: is a token of no link (orphan)"}},
	{"two own an address", `drop index auth_emails_one_verified; update auth_emails set email = 'ada@example.org', verified = true where user_id = 2`, "", []string{
		"auth_emails 3: is verified for another user as well (one-owner)", "auth_emails 1 of user 1: is verified, and so is 3 of user 2 (one-owner)",
	}},
	{"two own a number", `drop index auth_phones_one_verified; insert into auth_phones (user_id, number, verified) values (2, '+31612345678', true)`, "", []string{
		"auth_phones 2: is verified for another user as well (one-owner)", "auth_phones 1 of user 1: is verified, and so is that of user 2 (one-owner)",
	}},
	{"two primary addresses", `drop index auth_emails_one_primary; update auth_emails set is_primary = true`, "", []string{
		"auth_emails 2: is another primary address of its user (one-primary)", "auth_users 1: has 2 primary addresses (one-primary)",
	}},
	{"an address in capitals", `update auth_emails set email = 'Bob@example.org' where id = 3`, "", []string{
		`auth_emails 3 of user 2: "Bob@example.org" is not in the form in which addresses are looked up (canonical)`,
	}},
	{"a username that is not found", `update auth_users set username_folded = 'eve' where id = 1`, "", []string{"auth_users 1: is not found by its username (unique)"}},
	{"one username twice", `update auth_users set username = 'ada', username_folded = 'ada'`, `alter table auth_users drop constraint auth_users_username_folded_key`, []string{
		"auth_users 2: has the username of another (unique)",
	}},
	{"no way in", `delete from auth_emails where user_id = 2`, "", []string{"auth_users 2: has no password, address, number, link or key to log in with (way-in)"}},
	{"codes alone", `delete from auth_authenticators where type <> 'recovery_codes'`, "", []string{
		"auth_authenticators 2 of user 1: are recovery codes of a user without another factor (lone-codes)",
	}},
	{"another TOTP", `drop index auth_authenticators_one_of_type; update auth_authenticators set type = 'totp'`, "", []string{"is another one of type totp (unique)"}},
	{"one key twice", `update auth_authenticators set key = (select key from auth_authenticators where id = 3)`, `alter table auth_authenticators drop constraint auth_authenticators_key_key`, []string{
		"auth_authenticators 2: has the key of another (unique)", "auth_authenticators 3: has the key of another (unique)",
	}},
	{"a session of the future", `update auth_sessions set epoch = 4`, "", []string{"auth_sessions 1 of user 1: is of epoch 4, the user of 3 (session-epoch)"}},
	{"a session that ends before it begins", `update auth_sessions set created_at = expires_at`, "", []string{"auth_sessions 1 of user 1: version 1, generation 0"}},
	{"fields that are no JSON", `update auth_users set fields = '{' where id = 1`, "", []string{"auth_users 1: its fields are no JSON (readable)"}},
}

func TestDamages(t *testing.T) {
	t.Parallel()
	for _, tt := range damages {
		judge := func(t *testing.T, st store.Store) {
			t.Helper()
			got := run(t, invariants.Check{Store: st})
			if tt.want == nil && got != nil {
				t.Errorf("got %q", got)
			}
			for _, want := range tt.want {
				if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, want) }) {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		}
		t.Run("sqlite/"+tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.unlock != "" {
				t.Skip("SQLite can't drop what is part of a table")
			}
			path := filepath.Join(t.TempDir(), "auth.db")
			st, err := sqlite.Open(t.Context(), path)
			if err == nil {
				t.Cleanup(func() { _ = st.Close() })
				err = st.Migrate(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			fill(t, st)
			extra(t, st, tt.name)
			db, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(0)")
			if err == nil {
				defer func() { _ = db.Close() }()
				_, err = db.Exec(tt.do)
			}
			if err != nil {
				t.Fatal(err)
			}
			judge(t, st)
		})
		t.Run("postgres/"+tt.name, func(t *testing.T) {
			t.Parallel()
			pool, err := pgxpool.New(t.Context(), testenv.Postgres(t)+"&pool_max_conns=1")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			st := postgres.New(pool)
			if err := st.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			fill(t, st)
			extra(t, st, tt.name)
			// As a replica is written to: without a look at references.
			for _, statement := range []string{`set session_replication_role = replica`, tt.unlock, tt.do, `set session_replication_role = origin`} {
				if _, err := pool.Exec(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			judge(t, st)
		})
	}
}

// extra stores another user, where the damage leaves too few.
func extra(t *testing.T, st store.Store, name string) {
	t.Helper()
	if name == "a user is gone" {
		if err := st.CreateUser(t.Context(), &store.User{Password: "x", CreatedAt: now}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnreadableFactors(t *testing.T) {
	t.Parallel()
	st := memory.New()
	fill(t, st)
	got := run(t, invariants.Check{Store: st, ReadFactor: func(_ context.Context, a *store.Authenticator) error {
		if a.Type == store.TOTP {
			return errors.New("no key fits")
		}
		return nil
	}})
	if want := []string{"auth_authenticators 1 of user 1: can't be read: no key fits (readable)"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// changing is a store in which something is under way at the first look.
type changing struct {
	*memory.Store
	looks int
}

func (c *changing) AuthenticatorsOf(ctx context.Context, userID string) ([]*store.Authenticator, error) {
	l, err := c.Store.AuthenticatorsOf(ctx, userID)
	if c.looks++; c.looks == 1 {
		l = slices.DeleteFunc(l, func(a *store.Authenticator) bool { return a.Type != store.RecoveryCodes })
	}
	return l, err
}

func TestWhatIsUnderWayIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	st := &changing{Store: memory.New()}
	fill(t, st)
	if got := run(t, invariants.Check{Store: st}); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestStoresThatCantBeRead(t *testing.T) {
	t.Parallel()
	type plain struct{ store.Store }
	if _, err := (invariants.Check{Store: plain{memory.New()}}).Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "list its users") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (invariants.Check{Store: memory.New()}).Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
