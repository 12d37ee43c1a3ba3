package sqlstore_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	moderncsqlite "modernc.org/sqlite"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/invariants"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/internal/sqlstore"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
)

var everywhere = flag.Bool("sqlstore.full", false, "end migrations after every statement, not some")

// some is every so many, or each in a full run.
func some(every int) int {
	if *everywhere {
		return 1
	}
	return every
}

// later are migrations as a later version may have them. They touch what there
// is: users and sessions get another column, filled from their rows.
var later = map[string]string{
	"0002_later.sql": `alter table auth_users add column nickname text not null default '';
update auth_users set nickname = username;
create table auth_notes (user_id bigint primary key references auth_users on delete cascade, note text not null);
insert into auth_notes select id, nickname from auth_users;
create index auth_users_nickname on auth_users (nickname);
alter table auth_sessions add column device text not null default '';
update auth_sessions set device = user_agent;
`,
	"0003_latest.sql": `alter table auth_notes rename to auth_profiles;
create unique index auth_profiles_note on auth_profiles (note);
update auth_profiles set note = note || '!';
`,
}

// versions are the migrations up to that number.
func versions(t testing.TB, dialect string, n int) fstest.MapFS {
	t.Helper()
	f := fstest.MapFS{}
	real := sqlstore.Migrations(dialect)
	names, err := fs.Glob(real, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(real, name)
		if err != nil {
			t.Fatal(err)
		}
		f[name] = &fstest.MapFile{Data: b}
	}
	for name, text := range later {
		f[name] = &fstest.MapFile{Data: []byte(text)}
	}
	names, _ = fs.Glob(f, "*.sql")
	for _, name := range names[n:] {
		delete(f, name)
	}
	return f
}

// statements of a migration.
func statements(f fstest.MapFS, name string) []string {
	l := strings.SplitAfter(string(f[name].Data), ";\n")
	return l[:len(l)-1]
}

// dialect is the database's.
func (db database) dialect() string {
	dialect, _, _ := strings.Cut(db.url, ":")
	return dialect
}

// TestMain is a process that migrates when a test asks for it.
func TestMain(m *testing.M) {
	if job := os.Getenv("SQLSTORE_TEST_MIGRATE"); job != "" {
		err := migrateAsTold(job)
		fmt.Println("ended:", err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// job is what such a process does.
type job struct {
	URL        string
	Migrations map[string]string
}

func migrateAsTold(text string) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	err := moderncsqlite.RegisterScalarFunction("auth_halt", 0, func(*moderncsqlite.FunctionContext, []driver.Value) (driver.Value, error) {
		fmt.Println("halted")
		_, err := io.Copy(io.Discard, os.Stdin) // until the parent ends, at most
		return int64(0), err
	})
	if err != nil {
		return err
	}
	f := fstest.MapFS{}
	for name, text := range j.Migrations {
		f[name] = &fstest.MapFile{Data: []byte(text)}
	}
	ctx := context.Background()
	var st interface {
		MigrateFrom(context.Context, fs.FS) error
	}
	if path, ok := strings.CutPrefix(j.URL, "sqlite:"); ok {
		st, err = sqlite.Open(ctx, path)
	} else {
		st, err = postgres.Open(ctx, j.URL)
	}
	if err != nil {
		return err
	}
	return st.MigrateFrom(ctx, f)
}

// migrator is such a process.
type migrator struct {
	*exec.Cmd
	said *bufio.Scanner
}

func startMigrator(t *testing.T, url string, f fstest.MapFS) *migrator {
	t.Helper()
	j := job{URL: url, Migrations: map[string]string{}}
	for name, file := range f {
		j.Migrations[name] = string(file.Data)
	}
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	m := &migrator{Cmd: exec.Command(os.Args[0])}
	m.Env = append(os.Environ(), "SQLSTORE_TEST_MIGRATE="+string(text))
	m.Stderr = os.Stderr
	out, err1 := m.StdoutPipe()
	_, err2 := m.StdinPipe() // which nothing is written to
	if err := errors.Join(err1, err2, m.Start()); err != nil {
		t.Fatal(err)
	}
	m.said = bufio.NewScanner(out)
	return m
}

// kill ends it as losing power would.
func (m *migrator) kill() { _ = m.Process.Kill() }

// end waits for its end, and returns the last that it said.
func (m *migrator) end() (said string) {
	for m.said.Scan() {
		said = m.said.Text()
	}
	_ = m.Wait()
	return said
}

// people make a database that is in use, and return what is in it.
func people(t *testing.T, st sqlStore) string {
	t.Helper()
	ctx, at := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	for _, name := range []string{"ada", "grace", "mary"} {
		sum := sha256.Sum256([]byte(name))
		err := st.InTx(ctx, func(tx store.Store) error {
			u := &store.User{Username: name, Password: "hash of " + store.PasswordHash(name), CreatedAt: at}
			if err := tx.CreateUser(ctx, u); err != nil {
				return err
			}
			account := &store.SocialAccount{UserID: u.ID, Provider: "example", UID: name, Data: []byte(`{}`), CreatedAt: at}
			return errors.Join(
				tx.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: name + "@example.org", Verified: true, Primary: true, CreatedAt: at}),
				tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: "+491700" + u.ID, Verified: true}),
				tx.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: sum[:], Data: []byte(name), CreatedAt: at}),
				tx.CreateSocialAccount(ctx, account),
				tx.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: u.ID, TokenHash: sum[:], CreatedAt: at, ExpiresAt: at.Add(time.Hour)}),
				tx.CreateSession(ctx, &store.Session{UserID: u.ID, TokenHash: sum[:], State: []byte(name), UserAgent: "a browser", CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(time.Hour)}),
				tx.CreateMessage(ctx, &store.OutboxMessage{Payload: []byte(name), CreatedAt: at, DueAt: at}),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return inventory(t, st)
}

// inventory is all that there is, as text. What is wrong with it ends the test.
func inventory(t *testing.T, st sqlStore) string {
	t.Helper()
	ctx := t.Context()
	n, err := invariants.Check{Store: st}.Run(ctx, func(v invariants.Violation) { t.Error(v) })
	if err != nil {
		t.Fatal(err)
	}
	all, err := st.(store.UserLister).ListUsers(ctx, "", 100)
	if err != nil || len(all) != n {
		t.Fatalf("%d users, %d were checked, %v", len(all), n, err)
	}
	var b strings.Builder
	add := func(v any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", text)
	}
	for _, u := range all {
		sum := sha256.Sum256([]byte(u.Username))
		add(u, nil)
		l, err := st.EmailsOf(ctx, u.ID)
		add(l, err)
		p, err := st.PhoneOf(ctx, u.ID)
		add(p, err)
		f, err := st.AuthenticatorsOf(ctx, u.ID)
		add(f, err)
		a, err := st.SocialAccountsOf(ctx, u.ID)
		add(a, err)
		w, err := st.TrustedBrowserByHash(ctx, sum[:])
		add(w, err)
		s, err := st.SessionByHash(ctx, sum[:])
		add(s, err)
	}
	add(st.CountMessages(ctx))
	return b.String()
}

// completes has others start, several at once, and checks that they end in the
// latest version with all that there was.
func (db database) completes(t *testing.T, what string, had string) {
	t.Helper()
	const instances = 3
	all := versions(t, db.dialect(), 3)
	var wg sync.WaitGroup
	errs := make([]error, instances)
	for i := range instances {
		st := db.open(t)
		wg.Go(func() { errs[i] = st.MigrateFrom(t.Context(), all) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("%s: the next instances: %v", what, err)
	}
	st := db.open(t)
	if l, err := st.PendingFrom(t.Context(), all); err != nil || len(l) > 0 {
		t.Errorf("%s: got %v, %v; want nothing pending", what, l, err)
	}
	if got := db.columns(t); !slices.Contains(got["auth_sessions"], "device TEXT not null") || got["auth_profiles"] == nil || got["auth_notes"] != nil {
		t.Errorf("%s: got %v", what, got)
	}
	if got := inventory(t, st); got != had {
		t.Errorf("%s: data were lost:\n%s\nbefore:\n%s", what, got, had)
	}
}

// A process that is killed in the midst of a migration, after whichever of its
// statements, leaves the database as it was, and the next ones complete it:
// from nothing, and from a version before, with all data and sessions. REL-5.
func TestMigrationKilled(t *testing.T) {
	kills := 0
	onBoth(t, func(t *testing.T, db database) {
		of := map[string]func(*testing.T) database{"sqlite": onSQLite, "postgres": onPostgres}[db.dialect()]
		for step, name := range map[int]string{1: "0001_initial.sql", 2: "0002_later.sql", 3: "0003_latest.sql"} {
			for n := 0; n <= len(statements(versions(t, db.dialect(), step), name)); n += some(5) {
				db := of(t)
				halts := versions(t, db.dialect(), 3)
				had, before := "", ""
				if step > 1 {
					st := db.open(t)
					if err := st.MigrateFrom(t.Context(), versions(t, db.dialect(), 1)); err != nil {
						t.Fatal(err)
					}
					had = people(t, st)
					if err := st.MigrateFrom(t.Context(), versions(t, db.dialect(), step-1)); err != nil {
						t.Fatal(err)
					}
					before = fmt.Sprint(db.columns(t))
				}
				what := fmt.Sprintf("killed after %d statements of %s", n, name)
				db.killedIn(t, what, halts, name, n)
				kills++
				if after := fmt.Sprint(db.columns(t)); step > 1 && after != before || step == 1 && after != "map[]" {
					t.Errorf("%s: something was kept: %s", what, after)
				}
				if step == 1 {
					had = inventoryOfNobody
				}
				db.completes(t, what, had)
			}
		}
	})
	t.Logf("%d kills", kills)
}

// inventoryOfNobody is the inventory of an empty database.
const inventoryOfNobody = "0\n"

// killedIn has a process halt after n statements of a migration, and kills it.
func (db database) killedIn(t *testing.T, what string, f fstest.MapFS, name string, n int) {
	t.Helper()
	halt, halts, release := "select auth_halt();\n", func(m *migrator) bool { return m.said.Scan() && m.said.Text() == "halted" }, func() {}
	if db.dialect() == "postgres" {
		halt, halts, release = holder(t, db.url)
	}
	l := statements(f, name)
	text := strings.Join(slices.Insert(l, n, halt), "")
	f[name] = &fstest.MapFile{Data: []byte(text)}
	m := startMigrator(t, db.url, f)
	reached := halts(m)
	m.kill()
	said := m.end()
	release()
	if !reached {
		t.Fatalf("%s: it was not reached: %s", what, said)
	}
}

// holder has PostgreSQL halt at a statement, which waits for a lock.
func holder(t *testing.T, url string) (halt string, halts func(*migrator) bool, release func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	close := func() { _ = c.Close(context.WithoutCancel(t.Context())) }
	t.Cleanup(close)
	var key int64
	if err := c.QueryRow(t.Context(), `select oid::bigint from pg_namespace where nspname = current_schema()`).Scan(&key); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), `select pg_advisory_lock(73, $1)`, key); err != nil {
		t.Fatal(err)
	}
	halts = func(*migrator) bool {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) { // another process can't be waited for otherwise
			var waits bool
			err := c.QueryRow(t.Context(), `select exists (select from pg_locks where locktype = 'advisory' and classid = 73 and objid = $1 and not granted)`, key).Scan(&waits)
			if err != nil {
				t.Fatal(err)
			}
			if waits {
				return true
			}
		}
		return false
	}
	return fmt.Sprintf("select pg_advisory_xact_lock(73, %d);\n", key), halts, close
}

// A process is killed at whichever message to PostgreSQL while it migrates,
// before the server has heard it or after it has done it; or it lives on, and
// the connection does not. REL-5.
func TestMigrationCutOff(t *testing.T) {
	ended := map[bool]int{}
	for _, fault := range []faultproxy.Fault{faultproxy.Before, faultproxy.After, faultproxy.LostCommit} {
		for _, killed := range []bool{true, false} {
			for n := 1; cutOff(t, fault, n, killed); n += some(3) {
				ended[killed]++
			}
		}
	}
	t.Logf("%d kills, %d cuts", ended[true], ended[false])
}

// cutOff reports whether the migration came as far as to that statement.
func cutOff(t *testing.T, fault faultproxy.Fault, n int, killed bool) (fired bool) {
	t.Helper()
	db := onPostgres(t)
	proxy, url := faultproxy.Postgres(t, db.url)
	st := db.open(t)
	if err := st.MigrateFrom(t.Context(), versions(t, "postgres", 1)); err != nil {
		t.Fatal(err)
	}
	had, all := people(t, st), versions(t, "postgres", 3)
	what := fmt.Sprintf("fault %d at statement %d, killed: %t", fault, n, killed)
	plan := faultproxy.Plan{Fault: fault, At: n}
	if killed {
		process := make(chan *migrator, 1)
		plan.Then = func() { (<-process).kill() }
		proxy.Arm(plan)
		m := startMigrator(t, url, all)
		process <- m
		said := m.end() // perhaps that the connection ended, just before it was killed
		if fired, _ := proxy.Fired(); !fired && said != "ended: <nil>" {
			t.Errorf("%s: %s", what, said)
		}
	} else {
		proxy.Arm(plan)
		through, err := postgres.Open(t.Context(), url)
		if err == nil {
			err = through.MigrateFrom(t.Context(), all)
			_ = through.Close()
		}
		if fired, _ := proxy.Fired(); !fired && err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	proxy.Heal()
	fired, _ = proxy.Fired()
	db.completes(t, what, had)
	return fired
}
