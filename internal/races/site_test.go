package races_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/socialaccount/saml"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

// mode is a store, and how many serve it.
type mode struct {
	name, store string
	two         bool
	short       bool // part of a short test
}

var modes = []mode{
	{"memory", "memory", false, true}, {"memory, two instances", "memory", true, false},
	{"sqlite", "sqlite", false, false}, {"sqlite, two processes", "sqlite", true, false},
	{"postgres", "postgres", false, false}, {"postgres, two processes", "postgres", true, true},
	{"redis", "redis", false, false}, {"redis, two processes", "redis", true, false},
}

// plan is what two instances must have in common. A second process reads it
// from its environment.
type plan struct {
	Kind, URL, SQLite, Postgres, Redis, IDP string
}

// kinds are the kinds of sites: what they have in common, and what differs.
var kinds = map[string]func(c *headless.Config){
	"links": func(c *headless.Config) {
		c.Account.Closing = true
	},
	"codes": func(c *headless.Config) {
		c.Account.EmailVerificationByCode, c.Account.PasswordResetByCode = true, true
		c.Account.SignupFields = []string{"username", "phone", "email*", "password1*"}
		c.Account.EmailVerificationCode.MaxResends, c.Account.EmailVerificationCode.MaxChanges = most, most
		c.Account.LoginCode.MaxResends, c.Account.PhoneCode.MaxResends = most, most
		c.MFA.PasskeySignup, c.MFA.RecoveryCodesShowOnce = true, true
	},
	"caps": func(c *headless.Config) {
		c.Account.EmailVerification, c.Account.LoginByCode = account.None, false
		c.Account.MaxEmailAddresses, c.Session.MaxPerUser = most, most
	},
	"limits": func(c *headless.Config) {
		c.Account.EmailVerification = account.None
		c.Account.SignupFields = []string{"username", "phone", "email*", "password1*"}
		c.NoLimits, c.TrustedProxies = false, 1
	},
	// What is counted over days, and nothing else.
	"days": func(c *headless.Config) {
		c.Account.EmailVerification, c.Account.ChangeEmail = account.None, true
		c.Account.SignupFields = []string{"username", "phone", "email*", "password1*"}
		c.Account.EmailNotifications, c.Account.NewDeviceNotification = true, true
		c.NoLimits, c.TrustedProxies = false, 1
		c.Limits = map[string]string{
			"password_failed": inDays, "code_failed": inDays, "mfa_failed": inDays, "mail": inDays, "sms": inDays,
			"login": "", "login_failed": "", "request_login_code": "", "reset_password": "", "change_password": "",
			"reauthenticate": "", "confirm_email": "", "change_phone": "", "verify_phone": "", "manage_email": "",
		}
	},
}

const (
	most       = 3 // of what there may be several of
	mostInDays = 7
	inDays     = "7/30d/key"
	adminToken = "back-office-token-0123456789abcdef"
)

// configure is everything but URL, store, mailer and clock.
func (p *plan) configure(c *headless.Config) error {
	var err error
	c.Tokens, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: ed25519.NewKeyFromSeed(wiretest.Secret)}}})
	c.Timeout = time.Minute
	c.Frontend.SocialLoginError = "https://spa.test/error"
	c.Account.LoginMethods = []string{"email", "username"}
	c.Account.SignupFields = []string{"username", "email*", "password1*"}
	c.Account.LoginByCode = true
	c.Session.List = true
	c.MFA = &mfa.Config{SupportedTypes: []string{store.TOTP, store.RecoveryCodes, store.WebAuthn}, PasskeyLogin: true, Trust: true, TOTPTolerance: 1}
	c.Social = &socialaccount.Config{
		CallbackURLs: []string{"https://spa.test"}, Internal: []string{"127.0.0.1"}, AskAtSignup: true,
		Providers: []socialaccount.Provider{
			providers.OpenIDConnect(providers.Client{
				ID: wiretest.IDPClient, Secret: wiretest.IDPSecret, ProviderID: "idp", Name: "Our IdP", Settings: map[string]string{"server_url": p.IDP},
			}),
			providers.Google(providers.Client{ID: googleClient, Secret: "x"}),
			saml.Provider(saml.Config{Slug: "acme", Name: "Acme", EntityID: p.IDP + "/saml/metadata", MetadataURL: p.IDP + "/saml/metadata"}),
		},
		Transport: calls{p.IDP + "/keys"},
	}
	c.Admin = &headless.AdminConfig{Tokens: map[string][]byte{"back-office": []byte(adminToken)}}
	kinds[p.Kind](c)
	return err
}

// open opens the store, and the one for sessions and limits, nil for the same.
func (p *plan) open(ctx context.Context) (st store.Store, elsewhere *redis.Store, shut func(), err error) {
	shut = func() {}
	switch {
	case p.SQLite != "":
		var db *sqlite.Store
		if db, err = sqlite.Open(ctx, p.SQLite); err == nil {
			st, shut, err = crowded{db}, func() { _ = db.Close() }, db.Migrate(ctx)
		}
	case p.Postgres != "":
		var db *postgres.Store
		if db, err = postgres.Open(ctx, p.Postgres); err == nil {
			st, shut, err = db, func() { _ = db.Close() }, db.Migrate(ctx)
		}
	default:
		st = crowded{memory.New()}
	}
	if err == nil && p.Redis != "" {
		var o *goredis.Options
		if o, err = goredis.ParseURL(p.Redis); err == nil {
			elsewhere = redis.New(goredis.NewClient(o), redis.Options{})
		}
	}
	return st, elsewhere, shut, err
}

// site is a world of one instance or two.
type site struct {
	*wiretest.World
	bases   []string       // of the instances
	kept    store.Sessions // where the sessions are
	apart   bool           // they are in a store of their own
	idp     *wiretest.IDP
	clients [crowd]*http.Client
	saml    *samlProvider
	flush   func() // delivers what the second instance has to send
	scene   any    // of the contest that is on; see [scene]
}

func open(t *testing.T, m mode, kind string) *site {
	t.Helper()
	s := &site{idp: wiretest.NewIDP(t)}
	p := &plan{Kind: kind, IDP: s.idp.URL}
	switch m.store {
	case "sqlite":
		p.SQLite = t.TempDir() + "/auth.db"
	case "postgres", "redis":
		p.Postgres = testenv.Postgres(t) + "&pool_max_conns=25"
	}
	if m.store == "redis" {
		p.Redis = testenv.Redis(t)
	}
	st, elsewhere, shut, err := p.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shut)
	change := func(c *headless.Config) {
		if elsewhere != nil {
			c.SessionStore, c.LimitStore = elsewhere, elsewhere
		}
		if err := p.configure(c); err != nil {
			t.Fatal(err)
		}
	}
	s.World = wiretest.New(t, st, change)
	if s.kept = st; elsewhere != nil {
		s.kept, s.apart = elsewhere, true
	}
	s.Mux.Handle("/_admin/", s.Auth.Admin())
	s.idp.Now = s.Clock.Now
	s.serveSAML(t)
	s.bases, p.URL = []string{s.URL}, s.URL
	switch {
	case m.two && m.store == "memory":
		other := wiretest.New(t, st, func(c *headless.Config) {
			change(c)
			c.URL, c.Mailer, c.SMS, c.Now = s.URL, s.Inbox, s.Inbox, s.Clock.Now
		})
		other.Mux.Handle("/_admin/", other.Auth.Admin())
		s.bases = append(s.bases, other.URL)
		s.flush = func() {
			if err := other.Auth.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	case m.two:
		s.Mux.HandleFunc(relayPath, s.relayed)
		other := p.start(t)
		s.bases = append(s.bases, other)
		s.flush = func() {
			resp, err := http.Get(other + flushPath)
			if err != nil {
				t.Error(err)
				return
			}
			if _ = resp.Body.Close(); resp.StatusCode != http.StatusNoContent {
				t.Errorf("flush: got %d", resp.StatusCode)
			}
		}
	}
	for i := range s.clients {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		s.clients[i] = &http.Client{
			Transport: transport, Timeout: 2 * time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return s
}

// clockHeader tells a second process what time it is.
const clockHeader = "X-Races-Now"

// A second process sends through the first, and sends everything when asked.
const relayPath, flushPath = "/relay", "/flush"

// relay is what a second process sends, as far as it may be told, and to whom
// it gives it.
type relay struct {
	url      string
	To, Kind string
	Text     bool
}

// Send implements [account.Mailer].
func (r relay) Send(ctx context.Context, m account.Message) error {
	r.To, r.Kind = m.To, m.Kind
	return r.post(ctx)
}

// SendSMS implements [account.SMSSender].
func (r relay) SendSMS(ctx context.Context, m account.SMS) error {
	r.To, r.Kind, r.Text = m.To, m.Kind, true
	return r.post(ctx)
}

func (r relay) post(ctx context.Context) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	rq, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url+relayPath, bytes.NewReader(b))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusOK {
		return fmt.Errorf("relay: got %d", resp.StatusCode)
	}
	return nil
}

// relayed takes what the second process sends.
func (s *site) relayed(w http.ResponseWriter, r *http.Request) {
	var got relay
	err := json.NewDecoder(r.Body).Decode(&got)
	switch {
	case err != nil:
	case got.Text:
		err = s.Inbox.SendSMS(r.Context(), account.SMS{To: got.To, Kind: got.Kind})
	default:
		err = s.Inbox.Send(r.Context(), account.Message{To: got.To, Kind: got.Kind})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// mails are the kinds of what both instances have mailed to an address.
func (s *site) mails(email string) (kinds []string) {
	if s.flush != nil {
		s.flush()
	}
	for _, m := range s.Inbox.Mails(email) {
		kinds = append(kinds, m.Kind)
	}
	return kinds
}

// texts is how many text messages both instances have sent to a number.
func (s *site) texts(phone string) int {
	if s.flush != nil {
		s.flush()
	}
	return len(s.Inbox.Texts(phone))
}

// planVariable has the plan of a second process.
const planVariable = "HEADLESS_RACES_PLAN"

func TestMain(m *testing.M) {
	if text := os.Getenv(planVariable); text != "" {
		if err := beSecond(context.Background(), text); err != nil {
			fmt.Fprintln(os.Stderr, "the second process:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// start starts a second process, and returns where it listens.
func (p *plan) start(t *testing.T) (base string) {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), planVariable+"="+string(text)), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line)
}

// beSecond serves until its input is closed.
func beSecond(ctx context.Context, text string) error {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	st, elsewhere, shut, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer shut()
	clock := &authtest.Clock{}
	c := wiretest.Config()
	out := relay{url: p.URL}
	c.URL, c.Store, c.Mailer, c.SMS, c.Now = p.URL, st, out, out, clock.Now
	if elsewhere != nil {
		c.SessionStore, c.LimitStore = elsewhere, elsewhere
	}
	if err := p.configure(&c); err != nil {
		return err
	}
	auth, err := headless.New(c)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("/accounts/", auth.Callbacks())
	mux.Handle("/_admin/", auth.Admin())
	mux.HandleFunc(flushPath, func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Flush(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if at, err := time.Parse(time.RFC3339Nano, r.Header.Get(clockHeader)); err == nil {
			clock.Set(at)
		}
		mux.ServeHTTP(w, r)
	})}
	fmt.Println(ln.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = srv.Close()
	}()
	_ = srv.Serve(ln)
	return auth.Flush(ctx)
}
