//go:build linux

package fleet_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless/internal/smtptest"
	"github.com/headless-auth/headless/internal/testenv/testenv"
)

// Nobody loses an account, a verified address, an authenticator or what works
// once, whatever dies meanwhile. REL-1, REL-2, REL-4.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a while")
	}
	f := startFleet(t)
	var wg sync.WaitGroup
	var stop atomic.Bool
	for range 6 {
		wg.Go(func() {
			for !stop.Load() {
				f.live()
			}
		})
	}
	more := func(what string) {
		t.Helper()
		before := f.done.Load()
		for end := time.Now().Add(time.Minute); f.done.Load() < before+6; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				stop.Store(true)
				t.Fatalf("%s: nobody gets anywhere", what)
			}
		}
		t.Logf("%s: %d people so far, %d answers were lost", what, f.done.Load(), f.lost.Load())
	}
	more("all is well")

	f.instances[1].end(syscall.SIGKILL)
	more("an instance is dead")
	f.instances[1].start()
	more("it is back")

	// A commit that was sent to a server that dies may have been made: that is
	// a 500, and whoever sent it may look.
	f.doubt.Store(true)
	f.db.primary.end(syscall.SIGINT)
	time.Sleep(time.Second) // an outage, as long as one is
	f.db.primary.start()
	more("PostgreSQL was restarted")

	f.db.follows()
	f.db.primary.end(syscall.SIGKILL)
	f.db.promote()
	more("the standby has taken over")

	stop.Store(true)
	wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.people {
		f.check(p)
	}
	t.Logf("%d people have what they had", len(f.people))
	for _, instance := range f.instances {
		f.failures(instance)
	}
}

// failures finds those that have no excuse.
func (f *fleet) failures(instance *process) {
	f.t.Helper()
	log, err := os.ReadFile(instance.log.Name())
	if err != nil {
		f.t.Fatal(err)
	}
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "request failed") && !strings.Contains(line, "store unavailable") && !strings.Contains(line, "nobody knows whether the transaction was committed") {
			f.t.Error(line)
		}
	}
}

type fleet struct {
	t          *testing.T
	url        string
	db         *postgres
	instances  []*process
	mails      *smtptest.Server
	done, lost atomic.Int64
	doubt      atomic.Bool // nobody knows of every commit whether it was made

	mu     sync.Mutex
	people []*person
	codes  map[string]chan string
}

// person is what somebody was told that they have.
type person struct {
	email          string
	spent, unspent string // recovery codes
}

const passphrase = "Correct-Horse-9-Battery"

func startFleet(t *testing.T) *fleet {
	f := &fleet{t: t, codes: map[string]chan string{}, mails: smtptest.New(t)}
	nginx, redisServer := testenv.Program(t, "nginx"), testenv.Program(t, "redis-server")
	dir := t.TempDir()
	binary := filepath.Join(dir, "standalone")
	if out, err := exec.Command("go", "build", "-o", binary, "../../examples/standalone").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f.db = startPostgres(t)
	redisPort := freePort(t)
	run(t, "redis", func() *exec.Cmd {
		return exec.Command(redisServer, "--bind", "127.0.0.1", "--port", redisPort, "--dir", dir, "--appendonly", "yes")
	})
	eventually(t, "Redis", func() error { return listens("127.0.0.1:" + redisPort) })

	front := freePort(t)
	f.url = "http://127.0.0.1:" + front
	config, _ := json.Marshal(map[string]any{
		"url": f.url, "secret": strings.Repeat("s", 32), "mail_from": "noreply@example.org", "no_limits": true, "timeout": "5s",
		"trusted_proxies": 1, "redis": "redis://127.0.0.1:" + redisPort + "/0",
		"frontend": map[string]any{"verify_email": "/v/{key}", "reset_password": "/r/{key}"},
		"account":  map[string]any{"email_verification_by_code": true, "password": map[string]any{"argon2_memory": 1024, "argon2_time": 1}},
		"mfa":      map[string]any{"supported_types": []string{"totp", "recovery_codes"}},
	})
	file := filepath.Join(dir, "auth.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	var upstream strings.Builder
	for i := range 3 {
		binary := binary
		if other := os.Getenv("FLEET_OTHER"); other != "" && i == 0 {
			binary = other // of another version: what one begins, the other goes on with
		}
		addr := "127.0.0.1:" + freePort(t)
		fmt.Fprintf(&upstream, "server %s max_fails=1 fail_timeout=1s;\n", addr)
		f.instances = append(f.instances, run(t, fmt.Sprint("instance", i), func() *exec.Cmd {
			return exec.Command(binary, "-config", file, "-addr", addr, "-database", f.db.url(f.db.ports[:]...), "-smtp", f.mails.URL)
		}))
		eventually(t, "an instance", func() error { return listens(addr) })
	}
	conf := fmt.Sprintf(`pid %[1]s/nginx.pid; error_log stderr; worker_processes 1;
events { worker_connections 256; }
http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
upstream auth { %[2]s }
server { listen 127.0.0.1:%[3]s; location / { proxy_pass http://auth; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_connect_timeout 1s; } } }`, dir, upstream.String(), front)
	if os.Geteuid() == 0 {
		conf = "user root;" + conf
	}
	nginxFile := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(nginxFile, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "nginx", func() *exec.Cmd { return exec.Command(nginx, "-p", dir, "-c", nginxFile, "-g", "daemon off;") })
	eventually(t, "nginx", func() error { return listens("127.0.0.1:" + front) })
	go f.sortMails()
	return f
}

// sortMails hands each code to whom it was sent.
func (f *fleet) sortMails() {
	for f.t.Context().Err() == nil {
		for _, m := range f.mails.Mails() {
			f.mu.Lock()
			c := f.codes[strings.ToLower(m.To[0])]
			f.mu.Unlock()
			if code := m.Code(); c != nil && code != "" {
				select {
				case c <- code:
				default:
				}
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// client is an app.
type client struct {
	f     *fleet
	token string
}

var web = &http.Client{Timeout: 15 * time.Second}

type reply struct {
	status int
	data   json.RawMessage
	meta   map[string]any
}

// call returns nil if there was no answer, or none that tells how it went.
func (c *client) call(method, path string, body any) *reply {
	b, _ := json.Marshal(body)
	if body == nil {
		b = nil
	}
	rq, err := http.NewRequest(method, c.f.url+"/_allauth/app/v1"+path, bytes.NewReader(b))
	if err != nil {
		return nil
	}
	if c.token != "" {
		rq.Header.Set("X-Session-Token", c.token)
	}
	resp, err := web.Do(rq)
	if err != nil {
		c.f.lost.Add(1)
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	var v struct {
		Data json.RawMessage
		Meta map[string]any
	}
	if json.NewDecoder(resp.Body).Decode(&v) != nil || resp.StatusCode >= 500 {
		c.f.lost.Add(1)
		if resp.StatusCode == http.StatusInternalServerError && !c.f.doubt.Load() {
			c.f.t.Errorf("%s %s: 500", method, path)
		}
		time.Sleep(50 * time.Millisecond)
		return nil
	}
	if token, ok := v.Meta["session_token"].(string); ok {
		c.token = token
	}
	return &reply{resp.StatusCode, v.Data, v.Meta}
}

// is reports an answer, and that it is the one that has to come.
func (r *reply) is(f *fleet, what string, status int) bool {
	if r != nil && r.status != status {
		f.t.Errorf("%s: got %d %s, want %d", what, r.status, r.data, status)
	}
	return r != nil && r.status == status
}

type m = map[string]any

// live is somebody's first day: signing up, verifying the address, adding a
// second factor, and using a recovery code. It ends where an answer is lost.
func (f *fleet) live() {
	p, c := &person{email: strings.ToLower(rand.Text()) + "@example.org"}, &client{f: f}
	codes := make(chan string, 10)
	f.mu.Lock()
	f.codes[p.email] = codes
	f.mu.Unlock()
	if !c.call("POST", "/auth/signup", m{"email": p.email, "password": passphrase}).is(f, "signup", 401) {
		return
	}
	var code string
	select {
	case code = <-codes:
	case <-time.After(5 * time.Second):
		return // who should have sent it is dead; another instance will, in two minutes
	}
	if !c.call("POST", "/auth/email/verify", m{"key": code}).is(f, "verification", 200) ||
		!c.call("POST", "/auth/reauthenticate", m{"password": passphrase}).is(f, "reauthentication", 200) {
		return
	}
	r := c.call("GET", "/account/authenticators/totp", nil)
	if !r.is(f, "TOTP", 404) {
		return
	}
	secret, _ := r.meta["secret"].(string)
	now, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		f.t.Error(err)
		return
	}
	if r := c.call("POST", "/account/authenticators/totp", m{"code": now}); r == nil || r.status != 200 {
		return // a step may have ended between
	}
	r = c.call("GET", "/account/authenticators/recovery-codes", nil)
	if !r.is(f, "recovery codes", 200) {
		return
	}
	var l struct {
		Unused []string `json:"unused_codes"`
	}
	if err := json.Unmarshal(r.data, &l); err != nil || len(l.Unused) < 2 {
		f.t.Errorf("recovery codes: got %s", r.data)
		return
	}
	p.spent, p.unspent = l.Unused[0], l.Unused[1]
	d := &client{f: f}
	if !d.call("POST", "/auth/login", m{"email": p.email, "password": passphrase}).is(f, "login", 401) ||
		!d.call("POST", "/auth/2fa/authenticate", m{"code": p.spent}).is(f, "recovery code", 200) {
		return
	}
	f.mu.Lock()
	f.people = append(f.people, p)
	f.mu.Unlock()
	f.done.Add(1)
}

// check finds all that somebody was told that they have.
func (f *fleet) check(p *person) {
	f.t.Helper()
	c := &client{f: f}
	r := c.call("POST", "/auth/login", m{"email": p.email, "password": passphrase})
	if !r.is(f, "login of "+p.email, 401) || !strings.Contains(string(r.data), `"mfa_authenticate"`) {
		f.t.Errorf("%s: the account or its authenticator is lost: %+v", p.email, r)
		return
	}
	if !c.call("POST", "/auth/2fa/authenticate", m{"code": p.spent}).is(f, "spent code of "+p.email, 400) {
		f.t.Errorf("%s: a code works twice", p.email)
	}
	if !c.call("POST", "/auth/2fa/authenticate", m{"code": p.unspent}).is(f, "unspent code of "+p.email, 200) {
		f.t.Errorf("%s: a code is lost", p.email)
	}
	if r := c.call("GET", "/account/email", nil); r == nil || !strings.Contains(string(r.data), `"verified":true`) {
		f.t.Errorf("%s: the address is verified no more: %+v", p.email, r)
	}
}
