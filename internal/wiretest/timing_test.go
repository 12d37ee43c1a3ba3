package wiretest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
)

// BenchmarkTiming measures how much the clock tells of whether there is an
// account: the medians of calls about identifiers that somebody has and that
// nobody has, by turns, each called once, with hashes of the usual cost and the
// usual limits. It ends with a table. Requirement ENU-2 allows a difference of
// 5 %, or 3 ms if that is more. It judges nothing, as it depends on how busy the
// machine is; the noise is what two halves of the same calls differ by.
//
//	make timing
func BenchmarkTiming(b *testing.B) {
	var l []verdict
	for _, q := range questions {
		b.Run(q.name, func(b *testing.B) {
			onStores(b, func(b *testing.B, st store.Store, _ *statements) {
				l = append(l, q.measure(b, st))
			})
		})
	}
	write(os.Stdout, l)
}

// question is a call that could tell whether somebody has an account.
type question struct {
	name   string
	change func(*Config)
	// about prepares a call about somebody, or about nobody. What it returns is
	// timed.
	about func(s *stage, known bool) (call func())
}

var questions = []question{
	{"login", nil, wrongPassword("email", (*stage).email)},
	{"login by username", usernames, wrongPassword("username", (*stage).username)},
	{"login by phone", phones, wrongPassword("phone", (*stage).phone)},
	{"signup", nil, signUpAs},
	{"signup with codes", codeVerification, signUpAs},
	{"signup, wrong code", codeVerification, func(s *stage, known bool) func() {
		c := s.client()
		c.Post(c.API("/auth/signup"), M{"email": s.email(known), "password": newPassword}).Is(401)
		return func() { c.Post(c.API("/auth/email/verify"), M{"key": "wrong"}).Is(400) }
	}},
	{"code request", loginByCode, func(s *stage, known bool) func() {
		c, email := s.client(), s.email(known)
		return func() { c.Post(c.API("/auth/code/request"), M{"email": email}).Is(401) }
	}},
	{"code request by phone", func(c *Config) { phones(c); loginByCode(c) }, func(s *stage, known bool) func() {
		c, phone := s.client(), s.phone(known)
		return func() { c.Post(c.API("/auth/code/request"), M{"phone": phone}).Is(401) }
	}},
	{"code, wrong", loginByCode, func(s *stage, known bool) func() {
		c := s.client()
		c.Post(c.API("/auth/code/request"), M{"email": s.email(known)}).Is(401)
		return func() { c.Post(c.API("/auth/code/confirm"), M{"code": "wrong"}).Is(400) }
	}},
	{"code, sent again", loginByCode, func(s *stage, known bool) func() {
		c := s.client()
		c.Post(c.API("/auth/code/request"), M{"email": s.email(known)}).Is(401)
		return func() { c.Post(c.API("/auth/code/resend"), nil).Is(200) }
	}},
	{"reset by link", nil, func(s *stage, known bool) func() {
		c, email := s.client(), s.email(known)
		return func() { c.Post(c.API("/auth/password/request"), M{"email": email}).Is(200) }
	}},
	{"reset by code", resetByCode, func(s *stage, known bool) func() {
		c, email := s.client(), s.email(known)
		return func() { c.Post(c.API("/auth/password/request"), M{"email": email}).Is(401) }
	}},
	{"reset, wrong code", resetByCode, func(s *stage, known bool) func() {
		c := s.client()
		c.Post(c.API("/auth/password/request"), M{"email": s.email(known)}).Is(401)
		return func() { c.Post(c.API("/auth/password/reset"), M{"key": "wrong", "password": newPassword}).Is(400) }
	}},
	{"adding an address", nil, func(s *stage, known bool) func() {
		c, email := s.member(), s.email(known)
		return func() { c.Post(c.API("/account/email"), M{"email": email}).Is(200) }
	}},
	// The worst that a stranger can do: a user's own key, whose signature is wrong.
	{"passkey login", func(c *Config) {
		c.MFA = &mfa.Config{SupportedTypes: []string{store.TOTP, store.RecoveryCodes, store.WebAuthn}, PasskeyLogin: true}
		c.Limits = map[string]string{"login_failed": headless.NoLimit} // there is one key
	}, func(s *stage, known bool) func() {
		owner := authtest.Login(s.b, s.site, "owner", authtest.AsApp(), authtest.WithPasskey()).Person
		key := owner.Passkey.Clone()
		if !known {
			key.UserHandle = "MTIzNDU2Nzg5MA" // of a user who is not there
		}
		key.Rekey()
		c := s.client()
		var d struct {
			Options json.RawMessage `json:"request_options"`
		}
		c.Get(c.API("/auth/webauthn/login")).Is(200).Into(&d)
		answer := key.Get(d.Options)
		return func() { c.Post(c.API("/auth/webauthn/login"), M{"credential": answer}).Is(400) }
	}},
	// Here it is a password that there is or is not.
	{"reauthentication", nil, func(s *stage, known bool) func() {
		hash := s.hash
		if !known {
			hash = "!"
		}
		c := s.member(authtest.WithUser(func(u *store.User) { u.Password = hash }))
		return func() { c.Post(c.API("/auth/reauthenticate"), M{"password": "wrong-Plum-9"}).Is(400) }
	}},
}

func wrongPassword(field string, id func(s *stage, known bool) string) func(s *stage, known bool) func() {
	return func(s *stage, known bool) func() {
		c, body := s.client(), M{field: id(s, known), "password": "wrong-Plum-9"}
		return func() { c.Post(c.API("/auth/login"), body).Is(400) }
	}
}

func signUpAs(s *stage, known bool) func() {
	c, body := s.client(), M{"email": s.email(known), "password": newPassword}
	return func() { c.Post(c.API("/auth/signup"), body).Is(401) }
}

// stage is a site that is asked, without a network in between.
type stage struct {
	b    *testing.B
	site *authtest.Site
	hash store.PasswordHash
}

func newStage(b *testing.B, st store.Store, change func(*Config)) *stage {
	b.Helper()
	c := wiretest.Config()
	c.Account.Password = account.PasswordConfig{} // the usual cost
	c.NoLimits, c.TrustedProxies = false, 1
	if change != nil {
		change(&c)
	}
	inbox := &wiretest.Inbox{}
	c.URL, c.Store, c.Mailer, c.SMS = "https://site.test", st, inbox, inbox
	auth, err := headless.New(c)
	if err != nil {
		b.Fatal(err)
	}
	hasher, err := password.New(password.Params{})
	if err != nil {
		b.Fatal(err)
	}
	hash, err := hasher.Hash(b.Context(), wiretest.Password)
	if err != nil {
		b.Fatal(err)
	}
	return &stage{b, &authtest.Site{URL: c.URL, Handler: auth.Handler(), Store: st, Config: c, Auth: auth}, store.PasswordHash(hash)}
}

// client is a stranger's, at an address of its own: nobody is at a limit.
func (s *stage) client() *authtest.Client {
	c := s.site.Client(s.b, authtest.App)
	c.Header.Set("X-Forwarded-For", wiretest.FreshIP())
	return c
}

// member is the client of somebody new who is logged in.
func (s *stage) member(o ...authtest.Option) *authtest.Client {
	c := authtest.Login(s.b, s.site, wiretest.FreshName(), append(o, authtest.AsApp())...)
	c.Header.Set("X-Forwarded-For", wiretest.FreshIP())
	return c
}

func (s *stage) email(known bool) string {
	email := wiretest.FreshEmail()
	if known {
		s.make(&store.User{}, email, "")
	}
	return email
}

func (s *stage) username(known bool) string {
	name := wiretest.FreshName()
	if known {
		s.make(&store.User{Username: name}, wiretest.FreshEmail(), "")
	}
	return name
}

func (s *stage) phone(known bool) string {
	phone := wiretest.FreshPhone()
	if known {
		s.make(&store.User{}, wiretest.FreshEmail(), phone)
	}
	return phone
}

// make makes an account that is in use.
func (s *stage) make(u *store.User, email, phone string) {
	s.b.Helper()
	ctx, st, now := s.b.Context(), s.site.Store, time.Now().UTC().Truncate(time.Microsecond)
	u.Password, u.CreatedAt, u.LastLoginAt = s.hash, now, now
	err := st.CreateUser(ctx, u)
	if err == nil {
		err = st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: email, Primary: true, Verified: true, CreatedAt: now})
	}
	if err == nil && phone != "" {
		err = st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: phone, Verified: true})
	}
	if err != nil {
		s.b.Fatal(err)
	}
}

// verdict is how much a question's answer tells on a store.
type verdict struct {
	question, store            string
	known, unknown, noise, gap time.Duration
	allowed                    time.Duration
}

func (q question) measure(b *testing.B, st store.Store) verdict {
	s := newStage(b, st, q.change)
	took := map[bool][]time.Duration{}
	for b.Loop() {
		first := rand.IntN(2) == 0
		for _, known := range []bool{first, !first} {
			call := q.about(s, known)
			// What was sent meanwhile shall not take part.
			if err := s.site.Auth.Flush(b.Context()); err != nil {
				b.Fatal(err)
			}
			began := time.Now()
			call()
			took[known] = append(took[known], time.Since(began))
		}
	}
	if err := s.site.Auth.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	v := verdict{question: q.name, store: b.Name()[strings.LastIndexByte(b.Name(), '/')+1:]}
	for _, l := range took {
		var half [2][]time.Duration
		for i, d := range l {
			half[i%2] = append(half[i%2], d)
		}
		if len(l) > 1 {
			v.noise = max(v.noise, (median(half[0]) - median(half[1])).Abs())
		}
	}
	v.known, v.unknown = median(took[true]), median(took[false])
	v.gap, v.allowed = (v.known - v.unknown).Abs(), max(max(v.known, v.unknown)/20, 3*time.Millisecond)
	b.ReportMetric(ms(v.known), "known-ms")
	b.ReportMetric(ms(v.unknown), "unknown-ms")
	b.ReportMetric(0, "ns/op")
	return v
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(l []time.Duration) time.Duration {
	l = slices.Clone(l)
	slices.Sort(l)
	return l[len(l)/2]
}

// write makes a table of what was measured, in milliseconds.
func write(w io.Writer, l []verdict) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\nquestion\tstore\tknown\tunknown\tdifference\t%\tallowed\tnoise\t\t")
	for _, v := range l {
		said := "ok"
		switch {
		case v.gap > v.allowed && v.gap > v.noise:
			said = "TELLS"
		case v.gap > v.allowed:
			said = "unclear" // a machine with something else to do
		}
		fmt.Fprintf(t, "%s\t%s\t%.2f\t%.2f\t%.2f\t%.1f\t%.2f\t%.2f\t%s\t\n", v.question, v.store, ms(v.known), ms(v.unknown),
			ms(v.gap), 100*float64(v.gap)/float64(max(v.known, v.unknown, 1)), ms(v.allowed), ms(v.noise), said)
	}
	_ = t.Flush()
}
