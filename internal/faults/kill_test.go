//go:build unix

package faults_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/oidctest"
	"github.com/headless-auth/headless/internal/smtptest"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store/sqlite"
)

// server is a configuration of the server that is killed, beyond what all have.
type server struct {
	name   string
	config m
}

// victims are all of them. Each flow goes with one.
var victims = []server{
	{"links", nil},
	{"codes", m{
		"account": m{
			"email_verification_by_code": true, "password_reset_by_code": true,
			"login_methods": []string{"email", "phone"}, "signup_fields": []string{"phone", "email*", "password1*"},
		},
		"mfa":    m{"passkey_signup": true, "trust": true},
		"tokens": m{"keys": []m{{"private": signingKey()}}, "grace": "1m"}, // a busy machine takes long to start
	}},
}

// has tells whether it is killed in a flow.
func (s server) has(f flow) bool {
	return (s.name == "codes") == (f.apart && f.change != nil || f.name == "refresh")
}

func signingKey() string {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// eachServer runs a test of each server, all at once.
func eachServer(t *testing.T, test func(t *testing.T, s server)) {
	t.Parallel()
	for _, s := range victims {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// The server is killed, by SIGKILL, after every statement of every flow, and
// started again: what was acknowledged is there, promised mails arrive, nothing
// is half done. REL-1, REL-3, REL-4.
func TestKilledOnPostgres(t *testing.T) { eachServer(t, killedOnPostgres) }

func killedOnPostgres(t *testing.T, c server) {
	straight := testenv.Postgres(t)
	w := &world{t: t, direct: opened(t, straight+"&pool_max_conns=2")}
	proxy, url := faultproxy.Postgres(t, straight)
	s := w.process(t, c, url, func(statement string) error {
		c, err := pgx.Connect(t.Context(), straight)
		if err != nil {
			return err
		}
		_, err = c.Exec(t.Context(), statement)
		return errors.Join(err, c.Close(context.WithoutCancel(t.Context())))
	})
	s.start()
	every := 11 * thin
	if *full {
		every = 1
	}
	kills := 0
	for _, f := range flows {
		if !c.has(f) {
			continue
		}
		before := kills
		for n := 1; n < 200; n += every {
			tr := s.newTrip()
			w.prepare(f, tr)
			proxy.Arm(faultproxy.Plan{Fault: faultproxy.After, At: n, Then: s.kill})
			err := tr.goes(f.run)
			proxy.Heal()
			fired, _ := proxy.Fired()
			if !fired && err != nil {
				t.Fatalf("%s: nobody was killed: %v", f.name, err)
			}
			if !fired {
				break
			}
			kills++
			s.resume(tr, f, fmt.Sprintf("%s, killed after statement %d", f.name, n))
		}
		t.Logf("%s: %d kills", f.name, kills-before)
	}
	t.Logf("%d kills", kills)
	s.check(url)
}

// The same on SQLite, where it comes at some moment.
func TestKilledOnSQLite(t *testing.T) { eachServer(t, killedOnSQLite) }

func killedOnSQLite(t *testing.T, c server) {
	path := filepath.Join(t.TempDir(), "auth.db")
	st, err := sqlite.Open(t.Context(), path)
	if err == nil {
		t.Cleanup(func() { _ = st.Close() })
		err = st.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	w := &world{t: t, direct: st}
	s := w.process(t, c, "sqlite:"+path, func(statement string) error {
		_, err := db.Exec(statement)
		return err
	})
	s.start()
	moments := max(1, 3/thin)
	if *full {
		moments = 30
	}
	for _, f := range flows {
		if !c.has(f) {
			continue
		}
		tr := s.newTrip()
		w.prepare(f, tr)
		start := time.Now()
		if err := tr.goes(f.run); err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		whole := time.Since(start)
		for i := range moments {
			tr := s.newTrip()
			w.prepare(f, tr)
			moment := whole * time.Duration(2*i+1) / time.Duration(2*moments)
			killer := time.AfterFunc(moment, s.kill)
			if err := tr.goes(f.run); errors.Is(err, errAstray) {
				t.Fatalf("%s: %v", f.name, err)
			}
			if killer.Stop() { // it was quicker this time
				s.kill()
			}
			s.resume(tr, f, fmt.Sprintf("%s, killed after %v of %v", f.name, moment, whole))
		}
	}
	s.check("sqlite:" + path)
	var state string
	if err := db.QueryRow(`pragma integrity_check`).Scan(&state); err != nil || state != "ok" {
		t.Errorf("integrity: got %q, %v", state, err)
	}
}

// process is a standalone server that can be killed.
type process struct {
	*world
	binary, addr string
	args         []string
	exec         func(statement string) error
	log          safe

	mu   sync.Mutex
	cmd  *exec.Cmd
	dead chan struct{}
}

// standalone is the program, which is built once.
var standalone = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "faults")
	if err != nil {
		return "", err
	}
	built = filepath.Join(dir, "standalone")
	if out, err := exec.Command("go", "build", "-o", built, "../../examples/standalone").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return built, nil
})

var built string // empty: it was not needed

func TestMain(m *testing.M) {
	status := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(status)
}

// process is a server on a database, as what the world is once it is started.
func (w *world) process(t *testing.T, c server, database string, execute func(string) error) *process {
	t.Helper()
	binary, err := standalone()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, port, _ := strings.Cut(addr, ":")
	s := &process{world: w, binary: binary, addr: addr, exec: execute}
	mails := smtptest.New(t)
	box := &letters{server: mails, taken: map[string]int{}, dead: func() bool {
		select {
		case <-s.ended():
			return true
		default:
			return false
		}
	}}
	w.mails = box
	texts := httptest.NewServer(box)
	t.Cleanup(texts.Close)
	w.site = &authtest.Site{URL: "http://localhost:" + port, Store: w.direct, Config: config(), Clock: &authtest.Clock{}}
	for _, f := range flows {
		if f.change != nil && c.has(f) {
			f.change(&w.site.Config)
		}
	}
	id := atLoopback(t, w.site)
	w.provider = id
	settings := m{
		"url": w.site.URL, "secret": strings.Repeat("s", 32), "mail_from": "noreply@example.org", "smtp": mails.URL, "no_limits": true, "timeout": "5s",
		"frontend": m{"verify_email": "/verify-email/{key}", "reset_password": "/reset-password/{key}", "social_login_error": "/login-error"},
		"account":  m{"password": m{"argon2_memory": 64, "argon2_time": 1, "argon2_threads": 1}, "login_by_code": true, "closing": true},
		"mfa":      m{"supported_types": []string{"totp", "recovery_codes", "webauthn"}, "passkey_login": true, "totp_tolerance": 10},
		"session":  m{"list": true},
		"admin":    m{"token": operatorToken},
		"social": m{"internal": []string{"127.0.0.1"}, "providers": []m{{
			"id": "openid_connect", "provider_id": "example", "name": "example", "client_id": id.client.ID, "secret": id.client.Secret, "settings": m{"server_url": id.Issuer},
		}}},
		"sms_webhook": texts.URL,
	}
	for name, value := range c.config {
		if known, ok := settings[name].(m); ok {
			maps.Copy(known, value.(m))
		} else {
			settings[name] = value
		}
	}
	data, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	w.patience = 5 * time.Second
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"-config", file, "-addr", addr, "-database", database}
	return s
}

// newTrip is that of somebody whose apps go by the machine's clock at first, and
// then faster: totp_tolerance has the server take codes of the next steps.
func (s *process) newTrip() *trip {
	s.site.Clock.Set(time.Now())
	return s.world.newTrip()
}

// loopback is a provider that another process reaches.
type loopback struct {
	*oidctest.Provider
	client oidctest.Client
}

func atLoopback(t *testing.T, site *authtest.Site) loopback {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	p := loopback{client: oidctest.Client{
		ID: "authtest", Secret: "authtest-secret", RedirectURIs: []string{site.URL + "/accounts/oidc/example/login/callback/"},
	}}
	p.Provider = oidctest.New(oidctest.Options{Issuer: "http://" + srv.Listener.Addr().String(), Clients: []oidctest.Client{p.client}, Now: site.Clock.Now})
	srv.Config.Handler = p
	srv.Start()
	t.Cleanup(srv.Close)
	return p
}

// IDToken is as that of [authtest.Provider].
func (p loopback) IDToken(who authtest.Identity) (string, error) {
	return p.Provider.IDToken(p.client.ID, oidctest.Person(who))
}

// Consent is as that of [authtest.Provider].
func (p loopback) Consent(location string, who authtest.Identity) (string, error) {
	back, err := p.Provider.Consent(location, oidctest.Person(who))
	if err != nil {
		return "", err
	}
	return back.String(), nil
}

// start starts the server, and waits until it listens.
func (s *process) start() {
	s.t.Helper()
	s.launch()
	if !s.listens() {
		s.t.Fatalf("the server has ended: %s", &s.log)
	}
}

func (s *process) launch() {
	s.t.Helper()
	cmd := exec.Command(s.binary, s.args...)
	cmd.Stderr = &s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	dead := make(chan struct{})
	go func() {
		defer close(dead)
		_ = cmd.Wait()
	}()
	s.mu.Lock()
	first := s.cmd == nil
	s.cmd, s.dead = cmd, dead
	s.mu.Unlock()
	if first {
		s.t.Cleanup(s.kill)
	}
}

// listens waits until it does; false, if it ends before.
func (s *process) listens() bool {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) { // another process can't be waited for otherwise
		if c, err := net.Dial("tcp", s.addr); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-s.ended():
			return false
		default:
		}
		if time.Now().After(end) {
			s.kill()
			s.t.Fatalf("the server does not listen: %s", &s.log)
		}
	}
}

func (s *process) ended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// kill ends the server as losing power would.
func (s *process) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.cmd.Process.Kill()
	<-s.dead
}

// resume starts the server again, and has somebody go on.
func (s *process) resume(tr *trip, f flow, what string) {
	s.t.Helper()
	<-s.ended()
	// As if the two minutes were over that a message is left to who has it.
	if err := s.exec(`update auth_outbox set due_at = created_at`); err != nil {
		s.t.Fatal(err)
	}
	s.start()
	for _, email := range tr.owed {
		if s.mails.(*letters).wait(email, 0) == nil {
			s.t.Errorf("%s: a message to %s was promised, and is lost\n%s", what, email, &s.log)
		}
	}
	tr.owed = nil
	// What comes next is about what is done next.
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) { // another process can't be waited for otherwise
		if n, err := s.direct.CountMessages(s.t.Context()); err == nil && n == 0 {
			break
		} else if time.Now().After(end) {
			s.t.Fatalf("%s: %d messages wait, %v\n%s", what, n, err, &s.log)
		}
	}
	s.again(tr, f, what)
	s.sound(what)
}

// check has the command check the data.
func (s *process) check(database string) {
	s.t.Helper()
	s.kill()
	out, err := exec.Command(s.binary, append([]string{"check-data"}, s.args...)...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all rules are kept") {
		s.t.Errorf("check-data of %s: %v\n%s", database, err, out)
	}
}
