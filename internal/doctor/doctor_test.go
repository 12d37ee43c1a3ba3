package doctor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/smtp"
	"github.com/headless-auth/headless/internal/doctor"
	"github.com/headless-auth/headless/internal/smtptest"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	headlessredis "github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

func set[T any](v *T, to T) { *v = to }

// goodNames are those of a domain that sends mails.
var goodNames = map[string][]string{
	"MX mails.headless.dev": {"mx.headless.dev."}, "TXT mails.headless.dev": {"v=spf1 ip4:192.0.2.1 -all", "something else"},
	"TXT _dmarc.mails.headless.dev": {}, "TXT _dmarc.headless.dev": {"v=DMARC1; p=reject"},
}

const sender = "Example <noreply@mails.headless.dev>"

// A site with which nothing is wrong gets no word but what is to be done
// elsewhere.
func TestHealthy(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, err := postgres.Open(ctx, testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	mails := smtptest.Start(t, smtptest.Options{Username: "u", Password: "p", StartTLS: true})
	mailer, err := smtp.New(mails.URL, smtp.Options{From: sender, TLS: mails.ClientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	strategy, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Secret: bytes.Repeat([]byte("0123456789"), 4), SignsFrom: time.Now().Add(-time.Hour)}}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.StartTLS()
	defer srv.Close()
	u, _ := url.Parse(srv.URL)
	c := config("https://localhost:" + u.Port())
	c.Store, c.Mailer, c.Tokens = db, mailer, strategy
	c.MFA = &mfa.Config{SupportedTypes: []string{"webauthn"}, PasskeyLogin: true}
	c.Social = &socialaccount.Config{Providers: []socialaccount.Provider{providers.GitHub(providers.Client{ID: "a", Secret: "b"})}}
	auth, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("/accounts/", auth.Callbacks())
	srv.Config.Handler = mux
	client := srv.Client()
	client.Transport.(*http.Transport).TLSClientConfig.ServerName = "example.com" // the certificate's
	r := headless.Doctor(ctx, auth, headless.DoctorOptions{HTTP: client, Resolver: names(t, goodNames)})
	for _, f := range r.Findings {
		if f.Severity != "note" {
			t.Errorf("found %+v", f)
		}
	}
	if !r.Healthy() || len(r.Skipped) > 0 {
		t.Errorf("skipped %+v", r.Skipped)
	}
	found(t, r, "note", "redirect-uris", c.URL+"/accounts/github/login/callback/")
	if n := len(mails.Mails()); n != 0 {
		t.Errorf("%d mails were sent", n)
	}
	var people, programs bytes.Buffer
	if err := r.Write(&people); err != nil || !strings.Contains(people.String(), "0 problems, 0 warnings, 1 note") {
		t.Errorf("got %v\n%s", err, &people)
	}
	if err := json.NewEncoder(&programs).Encode(r); err != nil || !strings.Contains(programs.String(), `"check":"redirect-uris","severity":"note"`) {
		t.Errorf("got %v\n%s", err, &programs)
	}
	for _, secret := range []string{string(c.Secret), ":p@"} {
		if strings.Contains(people.String()+programs.String(), secret) {
			t.Error("the report has a secret in it")
		}
	}
}

// What can be seen without calling anybody.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	const spa = "https://app.example.org"
	passkeys := func(c *headless.Config) *mfa.Config {
		c.MFA = &mfa.Config{SupportedTypes: []string{"webauthn"}}
		return c.MFA
	}
	jwt := func(j tokens.JWTConfig, k tokens.Key) tokens.Strategy {
		k.Secret = bytes.Repeat([]byte("0123456789"), 4)
		j.Keys = []tokens.Key{k}
		s, err := tokens.NewJWT(j)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, test := range []struct {
		name, url              string
		change                 func(c *headless.Config)
		severity, check, words string
	}{
		{"no TLS", "http://app.example.org", func(*headless.Config) {}, "problem", "site", "without TLS"},
		{"a page without TLS", "", func(c *headless.Config) { c.Frontend.ResetPassword = "http://app.example.org/r/{key}" }, "problem", "site", "Frontend.ResetPassword"},
		{"a cookie for another domain", "", func(c *headless.Config) { c.Session.CookieDomain = "example.net" }, "problem", "cookies", "is not in it"},
		{"a cookie for all of a suffix", "https://a.github.io", func(c *headless.Config) { c.Session.CookieDomain = "github.io" }, "problem", "cookies", "public suffix"},
		{"a cookie domain at an address", "https://192.0.2.1", func(c *headless.Config) { c.Session.CookieDomain = "example.org" }, "problem", "cookies", "IP address"},
		{"a cookie domain for nobody", "", func(c *headless.Config) { c.Session.CookieDomain = "example.org" }, "warning", "cookies", "no front end"},
		{"cookies over http", "", func(c *headless.Config) { c.Session.InsecureCookies = true }, "problem", "cookies", "InsecureCookies"},
		{"__Host- with a domain", "", func(c *headless.Config) {
			c.Session = sessions.Config{CookieName: "__Host-s", CookieDomain: "example.org"}
		}, "problem", "cookies", "__Host-s"},
		{"__Secure- over http", "http://localhost:8080", func(c *headless.Config) { c.Session.CookieName = "__Secure-s" }, "problem", "cookies", "__Secure-s"},
		{"a page that is not trusted", "", func(c *headless.Config) { c.Frontend.VerifyEmail = spa + "/v/{key}" }, "warning", "origins", spa},
		{"two sites", "https://api.example.net", func(c *headless.Config) { c.TrustedOrigins = []string{spa} }, "problem", "origins", "two sites"},
		{"two sites below a suffix", "https://api.github.io", func(c *headless.Config) { c.TrustedOrigins = []string{"https://app.github.io"} }, "problem", "origins", "two sites"},
		{"two sites, and cookies for others", "https://api.example.net", func(c *headless.Config) {
			c.TrustedOrigins, c.Session.CookieSameSite = []string{spa}, "none"
		}, "problem", "origins", "does not make them one"},
		{"a CSRF cookie that can't be read", "https://api.example.org", func(c *headless.Config) { c.TrustedOrigins = []string{spa} }, "problem", "origins", "such as example.org"},
		{"an app that gets no cookie", "", func(c *headless.Config) { c.ForwardAuth.Apps = []string{"https://wiki.example.org"} }, "problem", "origins", "https://wiki.example.org"},
		{"an app on another site", "", func(c *headless.Config) {
			c.Session.CookieDomain, c.ForwardAuth.Apps = "example.org", []string{"https://wiki.example.org", "https://wiki.example.net"}
		}, "problem", "origins", "https://wiki.example.net"},
		{"a wildcard below a suffix", "", func(c *headless.Config) { c.TrustedOrigins = []string{"https://*.co.uk"} }, "problem", "origins", "public suffix"},
		{"a wildcard", "", func(c *headless.Config) { c.TrustedOrigins = []string{"https://*.example.org"} }, "warning", "origins", "wildcard"},
		{"an origin without TLS", "", func(c *headless.Config) { c.TrustedOrigins = []string{"http://app.example.org"} }, "problem", "origins", "without TLS"},
		{"an origin of development", "", func(c *headless.Config) { c.TrustedOrigins = []string{"http://localhost:5173"} }, "warning", "origins", "development"},
		{"a redirect URI without TLS", "http://www.example.org", func(c *headless.Config) {
			c.Social = &socialaccount.Config{Providers: []socialaccount.Provider{providers.GitHub(providers.Client{ID: "a", Secret: "b"})}}
		}, "problem", "redirect-uris", "without TLS"},
		{"passkeys at an address", "http://127.0.0.1:8080", func(c *headless.Config) { passkeys(c) }, "problem", "passkeys", "localhost"},
		{"passkeys at localhost by address", "http://localhost:8080", func(c *headless.Config) {
			passkeys(c).RelatedOrigins = []string{"http://127.0.0.1:8080"}
		}, "problem", "passkeys", "127.0.0.1"},
		{"passkeys of a suffix", "https://a.github.io", func(c *headless.Config) { passkeys(c).RPID = "github.io" }, "problem", "passkeys", "public suffix"},
		{"passkeys of localhost", "", func(c *headless.Config) {
			set(passkeys(c), mfa.Config{SupportedTypes: []string{"webauthn"}, RPID: "localhost", Origins: []string{"http://localhost:1"}})
		}, "problem", "passkeys", "RP id"},
		{"a front end without passkeys", "", func(c *headless.Config) {
			passkeys(c)
			c.TrustedOrigins = []string{spa}
		}, "problem", "passkeys", spa},
		{"a secret that is repeated", "", func(c *headless.Config) { c.Secret = []byte(strings.Repeat("hunter2-", 4)) }, "problem", "secret", "not random"},
		{"a secret that is counted", "", func(c *headless.Config) { c.Secret = []byte("0123456789abcdef0123456789abcdef") }, "problem", "secret", "not random"},
		{"a secret of a template", "", func(c *headless.Config) { c.Secret = []byte("change-me-Xq7!kd0vB2m#sjwLr98/tzPo") }, "problem", "secret", "word"},
		{"previous secrets", "", func(c *headless.Config) { c.PreviousSecrets = [][]byte{c.Secret} }, "note", "secret", "1 previous secret"},
		{"no limits", "", func(c *headless.Config) { c.NoLimits = true }, "problem", "settings", "NoLimits"},
		{"no limit", "", func(c *headless.Config) { c.Limits = map[string]string{"login_failed": headless.NoLimit} }, "warning", "settings", "login_failed"},
		{"no enumeration prevention", "", func(c *headless.Config) { c.Account.PreventEnumeration = account.Reveal }, "warning", "settings", "enumeration"},
		{"no verification", "", func(c *headless.Config) { c.Account.EmailVerification = account.None }, "warning", "settings", "without proof"},
		{"short passwords", "", func(c *headless.Config) { c.Account.Password.MinLength = 7 }, "problem", "settings", "7 characters"},
		{"common passwords", "", func(c *headless.Config) { c.Account.Password.AllowCommon = true }, "warning", "settings", "AllowCommon"},
		{"cheap hashes", "", func(c *headless.Config) { c.Account.Password.Argon2Memory = 64 }, "warning", "settings", "64 KiB"},
		{"sessions without end", "", func(c *headless.Config) { c.Session.Sliding = true }, "warning", "settings", "Sliding"},
		{"a bypass code", "", func(c *headless.Config) {
			set(passkeys(c), mfa.Config{Development: true, InsecureBypassCode: "123456"})
		}, "problem", "settings", "InsecureBypassCode"},
		{"tokens for hours", "", func(c *headless.Config) {
			c.Tokens = jwt(tokens.JWTConfig{AccessLifetime: 8 * time.Hour}, tokens.Key{})
		}, "warning", "tokens", "8h"},
		{"tokens for days", "", func(c *headless.Config) {
			c.Tokens = jwt(tokens.JWTConfig{AccessLifetime: 720 * time.Hour}, tokens.Key{})
		}, "problem", "tokens", "720h"},
		{"refresh tokens that stay", "", func(c *headless.Config) { c.Tokens = jwt(tokens.JWTConfig{KeepRefreshToken: true}, tokens.Key{}) }, "warning", "tokens", "KeepRefreshToken"},
		{"an old key", "", func(c *headless.Config) {
			c.Tokens = jwt(tokens.JWTConfig{}, tokens.Key{SignsFrom: time.Now().Add(-400 * 24 * time.Hour)})
		}, "warning", "tokens", "400 days"},
		{"accounts in memory", "", func(*headless.Config) {}, "warning", "replicas", "accounts are in the memory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.url == "" {
				test.url = "https://www.example.org"
			}
			c := config(test.url)
			test.change(&c)
			auth, err := headless.New(c)
			if err != nil {
				t.Fatal(err)
			}
			r := headless.Doctor(t.Context(), auth, headless.DoctorOptions{Offline: true})
			found(t, r, test.severity, test.check, test.words)
		})
	}
	t.Run("sub-domains that are set up rightly", func(t *testing.T) {
		t.Parallel()
		c := config("https://api.example.org")
		c.TrustedOrigins, c.Session.CookieDomain = []string{spa}, "example.org"
		c.ForwardAuth.Apps = []string{"https://wiki.example.org"}
		c.Frontend = headless.Frontend{VerifyEmail: spa + "/v/{key}", ResetPassword: spa + "/r/{key}"}
		set(passkeys(&c), mfa.Config{SupportedTypes: []string{"webauthn"}, RPID: "example.org", Origins: []string{spa, c.URL}})
		auth, err := headless.New(c)
		if err != nil {
			t.Fatal(err)
		}
		clean(t, headless.Doctor(t.Context(), auth, headless.DoctorOptions{Offline: true}), "site", "cookies", "origins", "passkeys", "secret", "settings")
	})
}

const pass = `server { listen ADDR; location / { proxy_pass http://UP; proxy_set_header Host $http_host; %s } }`

// The address that a site derives for its clients, through a real proxy.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	const appends = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
	for _, test := range []struct {
		name, proxy string
		change      func(c *headless.Config)
		words       string // "" is clean
	}{
		{"no proxy is trusted", appends, func(*headless.Config) {}, "set TrustedProxies to 1"},
		{"as many proxies as there are", appends, func(c *headless.Config) { c.TrustedProxies = 1 }, ""},
		{"one proxy too many lets clients choose", appends, func(c *headless.Config) { c.TrustedProxies = 2 }, "what a client makes up is believed"},
		{"a proxy that replaces", "proxy_set_header X-Forwarded-For $remote_addr;", func(c *headless.Config) { c.TrustedProxies = 1 }, ""},
		{"a proxy that replaces, and two trusted", "proxy_set_header X-Forwarded-For $remote_addr;", func(c *headless.Config) { c.TrustedProxies = 2 }, "only 1"},
		{"a header that the proxy sets", "proxy_set_header X-Real-IP $remote_addr;", func(c *headless.Config) { c.ClientIPHeader = "X-Real-IP" }, ""},
		{"a header that clients set", "", func(c *headless.Config) { c.ClientIPHeader = "X-Real-IP" }, "as the client has sent it"},
		{"a header that does not arrive", `proxy_set_header X-Real-IP "";`, func(c *headless.Config) { c.ClientIPHeader = "X-Real-IP" }, "does not arrive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			front := freeAddr(t, "127.0.0.1")
			s := start(t, "http://"+front, test.change)
			nginx(t, front, strings.ReplaceAll(fmt.Sprintf(pass, test.proxy), "UP", s.addr()))
			r := s.examine(headless.DoctorOptions{})
			if test.words == "" {
				clean(t, r, "reachability", "client-address")
			} else {
				found(t, r, "problem", "client-address", test.words)
			}
		})
	}
	t.Run("a proxy on the same machine that does not tell", func(t *testing.T) {
		t.Parallel()
		outside := ""
		l, _ := net.InterfaceAddrs()
		for _, a := range l {
			if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
				outside = n.IP.String()
			}
		}
		if outside == "" {
			t.Skip("SKIPPED: this machine has no address but its own")
		}
		front := freeAddr(t, outside)
		s := start(t, "http://"+front, nil)
		nginx(t, front, strings.ReplaceAll(fmt.Sprintf(pass, ""), "UP", s.addr()))
		found(t, s.examine(headless.DoctorOptions{}), "problem", "client-address", "set TrustedProxies to 1")
	})
}

func TestReachability(t *testing.T) {
	t.Parallel()
	t.Run("nobody is there", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil)
		s.srv.Close()
		found(t, s.examine(headless.DoctorOptions{}), "problem", "reachability", "can't be reached")
	})
	t.Run("somebody else is there", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil).serve(http.NotFoundHandler())
		found(t, s.examine(headless.DoctorOptions{}), "problem", "reachability", "status 404")
	})
	t.Run("the server has another secret", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil)
		other := start(t, s.front, nil)
		s.serve(other.auth.Handler())
		found(t, s.examine(headless.DoctorOptions{}), "problem", "reachability", "Secret")
	})
	t.Run("the site is elsewhere", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil).serve(http.RedirectHandler("https://www.example.org/", http.StatusMovedPermanently))
		found(t, s.examine(headless.DoctorOptions{}), "problem", "reachability", "redirects to https://www.example.org/")
	})
	t.Run("the server's clock is off", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil)
		c := config(s.front)
		slow := c
		slow.Now = func() time.Time { return time.Now().Add(-time.Minute) }
		running, err := headless.New(slow)
		if err != nil {
			t.Fatal(err)
		}
		if s.auth, err = headless.New(c); err != nil {
			t.Fatal(err)
		}
		s.serve(running.Handler())
		found(t, s.examine(headless.DoctorOptions{}), "problem", "reachability", "clock is off by 1m")
	})
	t.Run("a certificate that ends soon", func(t *testing.T) {
		t.Parallel()
		srv := httptest.NewUnstartedServer(nil)
		srv.StartTLS()
		defer srv.Close()
		c := config(srv.URL)
		end := srv.Certificate().NotAfter
		c.Now = func() time.Time { return end.Add(-48 * time.Hour) }
		auth, err := headless.New(c)
		if err != nil {
			t.Fatal(err)
		}
		srv.Config.Handler = auth.Handler()
		found(t, headless.Doctor(t.Context(), auth, headless.DoctorOptions{HTTP: srv.Client()}), "warning", "reachability", "renew the certificate")
	})
}

// cors answers preflights for origins.
func cors(next http.Handler, allow func(string) bool, headers string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); r.Method == http.MethodOptions && allow(origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			w.Header().Set("Access-Control-Allow-Headers", headers)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestCORS(t *testing.T) {
	t.Parallel()
	const headers = "Content-Type, X-CSRFToken"
	for _, test := range []struct {
		name    string
		allow   func(origin string) bool
		headers string
		words   string
	}{
		{"there is none", func(string) bool { return false }, headers, "does not allow it"},
		{"for everybody", func(string) bool { return true }, headers, "nobody's"},
		{"without headers", func(o string) bool { return strings.HasPrefix(o, "http://localhost") }, "Content-Type", "X-CSRFToken"},
		{"as it should be", func(o string) bool { return strings.HasPrefix(o, "http://localhost") }, headers, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "", nil)
			u, _ := url.Parse(s.front)
			c := config("http://localhost:" + u.Port())
			c.TrustedOrigins = []string{"http://localhost:5173"}
			var err error
			if s.auth, err = headless.New(c); err != nil {
				t.Fatal(err)
			}
			s.serve(cors(s.auth.Handler(), test.allow, test.headers))
			r := s.examine(headless.DoctorOptions{})
			if test.words == "" {
				clean(t, r, "cors")
			} else {
				found(t, r, "problem", "cors", test.words)
			}
		})
	}
}

func TestPathsThatOthersCall(t *testing.T) {
	t.Parallel()
	github := func(c *headless.Config) {
		c.Social = &socialaccount.Config{Providers: []socialaccount.Provider{providers.GitHub(providers.Client{ID: "a", Secret: "b"})}}
	}
	t.Run("callbacks that are not mounted", func(t *testing.T) {
		t.Parallel()
		found(t, start(t, "", github).examine(headless.DoctorOptions{}), "problem", "redirect-uris", "mount Auth.Callbacks")
	})
	t.Run("callbacks at another path", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", github)
		mux := http.NewServeMux()
		mux.Handle("/_allauth/", s.auth.Handler())
		mux.Handle("/accounts/", http.StripPrefix("/accounts", s.auth.Callbacks()))
		found(t, s.serve(mux).examine(headless.DoctorOptions{}), "problem", "redirect-uris", "unchanged")
	})
	t.Run("related origins that nobody finds", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", nil)
		u, _ := url.Parse(s.front)
		c := config("http://localhost:" + u.Port())
		c.MFA = &mfa.Config{SupportedTypes: []string{"webauthn"}, RelatedOrigins: []string{"https://example.co.uk"}}
		var err error
		if s.auth, err = headless.New(c); err != nil {
			t.Fatal(err)
		}
		s.serve(s.auth.Handler())
		found(t, s.examine(headless.DoctorOptions{}), "problem", "well-known", "mount Auth.WellKnown")
		mux := http.NewServeMux()
		mux.Handle("/_allauth/", s.auth.Handler())
		mux.Handle("/.well-known/webauthn", s.auth.WellKnown())
		clean(t, s.serve(mux).examine(headless.DoctorOptions{}), "well-known")
		mux = http.NewServeMux()
		mux.Handle("/_allauth/", s.auth.Handler())
		mux.HandleFunc("/.well-known/webauthn", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"origins": ["https://example.com"]}`))
		})
		found(t, s.serve(mux).examine(headless.DoctorOptions{}), "problem", "well-known", "does not list https://example.co.uk")
	})
	t.Run("keys that nobody finds", func(t *testing.T) {
		t.Parallel()
		s := start(t, "", func(c *headless.Config) {
			key, err := tokens.ParseKey([]byte(privateKey))
			if err != nil {
				t.Fatal(err)
			}
			if c.Tokens, err = tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: key}}}); err != nil {
				t.Fatal(err)
			}
		})
		clean(t, s.examine(headless.DoctorOptions{}), "well-known")
		mux := http.NewServeMux()
		mux.Handle("/_allauth/browser/", s.auth.Handler())
		found(t, s.serve(mux).examine(headless.DoctorOptions{}), "problem", "well-known", "has no keys (status 404)")
	})
}

const privateKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----`

func TestMail(t *testing.T) {
	t.Parallel()
	with := func(t *testing.T, server, from string, o smtp.Options) *site {
		t.Helper()
		o.From = from
		m, err := smtp.New(server, o)
		if err != nil {
			t.Fatal(err)
		}
		return start(t, "", func(c *headless.Config) { c.Mailer = m })
	}
	t.Run("a wrong password", func(t *testing.T) {
		t.Parallel()
		mails := smtptest.Start(t, smtptest.Options{Username: "u", Password: "right-password", TLS: true})
		s := with(t, strings.Replace(mails.URL, "right-password", "other-password", 1), sender, smtp.Options{TLS: mails.ClientTLS()})
		r := s.examine(headless.DoctorOptions{})
		found(t, r, "problem", "mail", "would take no mail")
		for _, f := range r.Findings {
			if strings.Contains(f.What+f.Why+f.Mend, "other-password") && f.Check == "mail" {
				t.Errorf("it tells the password: %+v", f)
			}
		}
	})
	t.Run("a certificate that nobody trusts", func(t *testing.T) {
		t.Parallel()
		mails := smtptest.Start(t, smtptest.Options{TLS: true})
		found(t, with(t, mails.URL, sender, smtp.Options{}).examine(headless.DoctorOptions{}), "problem", "mail", "certificate")
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		found(t, with(t, "smtp://"+freeAddr(t, "127.0.0.1"), sender, smtp.Options{}).examine(headless.DoctorOptions{}), "problem", "mail", "refused")
	})
	t.Run("a server that says nothing", func(t *testing.T) {
		t.Parallel()
		mails := smtptest.Start(t, smtptest.Options{Reply: func(command, _ string) string {
			if command == "CONNECT" {
				return smtptest.Silence
			}
			return ""
		}})
		found(t, with(t, mails.URL, sender, smtp.Options{Timeout: 200 * time.Millisecond}).examine(headless.DoctorOptions{}), "problem", "mail", "would take no mail")
	})
	t.Run("no TLS to another machine", func(t *testing.T) {
		t.Parallel()
		s := with(t, "smtp://relay.invalid:25?tls=none", sender, smtp.Options{Timeout: time.Second})
		r := s.examine(headless.DoctorOptions{})
		found(t, r, "warning", "mail", "without TLS")
		found(t, r, "problem", "mail", "would take no mail")
	})

	mails := smtptest.New(t)
	for _, test := range []struct {
		name, from      string
		records         map[string][]string
		severity, words string
	}{
		{"an example's", "noreply@example.org", nil, "problem", "RFC 2606"},
		{"no MX and no address", sender, map[string][]string{}, "problem", "neither"},
		{"no MX", sender, map[string][]string{"A mails.headless.dev": {"192.0.2.1"}, "AAAA mails.headless.dev": {}, "MX mails.headless.dev": {}}, "warning", "no MX record"},
		{"null MX", sender, map[string][]string{"MX mails.headless.dev": {"."}}, "problem", "null MX"},
		{"no SPF", sender, map[string][]string{"MX mails.headless.dev": {"mx.headless.dev."}}, "warning", "no SPF record"},
		{"two SPF", sender, map[string][]string{"TXT mails.headless.dev": {"v=spf1 -all", "v=spf1 mx -all"}}, "problem", "2 SPF records"},
		{"SPF for everybody", sender, map[string][]string{"TXT mails.headless.dev": {"v=spf1 +all"}}, "warning", "every server"},
		{"no DMARC", sender, map[string][]string{"TXT mails.headless.dev": {"v=spf1 -all"}}, "warning", "no DMARC record"},
		{"two DMARC", sender, map[string][]string{"TXT _dmarc.mails.headless.dev": {"v=DMARC1; p=none", "v=DMARC1; p=reject"}}, "problem", "2 DMARC records"},
	} {
		t.Run("a domain with "+test.name, func(t *testing.T) {
			t.Parallel()
			s := with(t, mails.URL, test.from, smtp.Options{})
			r := s.examine(headless.DoctorOptions{Resolver: names(t, test.records)})
			found(t, r, test.severity, "mail-domain", test.words)
			clean(t, r, "mail")
		})
	}
	t.Run("a name server that fails is no finding", func(t *testing.T) {
		t.Parallel()
		r := with(t, mails.URL, sender, smtp.Options{}).examine(headless.DoctorOptions{})
		for _, f := range r.Findings {
			if f.Check == "mail-domain" {
				t.Errorf("found %+v", f)
			}
		}
		if len(r.Skipped) == 0 {
			t.Error("it is not said that nothing could be looked up")
		}
	})
}

func TestClocks(t *testing.T) {
	t.Parallel()
	db, err := postgres.Open(t.Context(), testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	o, err := redis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	kept := headlessredis.New(client, headlessredis.Options{})
	for _, test := range []struct {
		off      time.Duration
		severity string
	}{{10 * time.Minute, "problem"}, {-10 * time.Second, "warning"}, {0, ""}} {
		t.Run(fmt.Sprint("off by ", test.off), func(t *testing.T) {
			s := start(t, "", func(c *headless.Config) {
				c.Store, c.SessionStore, c.LimitStore = db, kept, kept
				c.Now = func() time.Time { return time.Now().Add(test.off) }
			})
			r := s.examine(headless.DoctorOptions{Offline: true})
			if test.off == 0 {
				clean(t, r, "clock")
				return
			}
			for _, what := range []string{"accounts", "sessions"} {
				found(t, r, test.severity, "clock", what)
			}
		})
	}
	t.Run("a database that does not answer", func(t *testing.T) {
		gone, err := postgres.Open(t.Context(), testenv.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		_ = gone.Close()
		s := start(t, "", func(c *headless.Config) { c.Store = gone })
		found(t, s.examine(headless.DoctorOptions{Offline: true}), "problem", "clock", "does not tell the time")
	})
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) *sqlite.Store {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	examine := func(t *testing.T, st store.Store, o headless.DoctorOptions) *headless.DoctorReport {
		o.Offline = true
		return start(t, "", func(c *headless.Config) { c.Store = st }).examine(o)
	}
	t.Run("migrations that are missing", func(t *testing.T) {
		t.Parallel()
		st := open(t)
		found(t, examine(t, st, headless.DoctorOptions{}), "problem", "migrations", "0001")
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		clean(t, examine(t, st, headless.DoctorOptions{}), "migrations", "outbox")
	})
	t.Run("messages that wait", func(t *testing.T) {
		t.Parallel()
		st := open(t)
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		add := func(n int, age time.Duration) {
			at := time.Now().Add(-age)
			err := st.InTx(t.Context(), func(tx store.Store) error {
				for range n {
					if err := tx.CreateMessage(t.Context(), &store.OutboxMessage{Payload: []byte("x"), CreatedAt: at, DueAt: at}); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		add(19, time.Minute)
		clean(t, examine(t, st, headless.DoctorOptions{}), "outbox")
		add(1, 2*time.Hour)
		found(t, examine(t, st, headless.DoctorOptions{}), "problem", "outbox", "20 messages wait")
	})
	t.Run("one message that waits", func(t *testing.T) {
		t.Parallel()
		st := open(t)
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := st.CreateMessage(t.Context(), &store.OutboxMessage{CreatedAt: time.Now().Add(-time.Hour)}); err != nil {
			t.Fatal(err)
		}
		found(t, examine(t, st, headless.DoctorOptions{}), "warning", "outbox", "1 message waits")
	})
	t.Run("a file for several instances", func(t *testing.T) {
		t.Parallel()
		found(t, examine(t, open(t), headless.DoctorOptions{Replicas: 2}), "warning", "replicas", "file on one machine")
	})
}

// Instances that keep things to themselves, behind a real proxy.
func TestReplicas(t *testing.T) {
	t.Parallel()
	front := freeAddr(t, "127.0.0.1")
	c := config("http://" + front)
	c.TrustedProxies = 1
	var up strings.Builder
	var a *site
	for range 2 {
		a = start(t, c.URL, func(k *headless.Config) { k.Secret, k.TrustedProxies = c.Secret, 1 })
		fmt.Fprintf(&up, "server %s;", a.addr())
	}
	nginx(t, front, `upstream up { `+up.String()+` }
server { listen ADDR; location / { proxy_pass http://up; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }`)
	r := a.examine(headless.DoctorOptions{})
	for _, what := range []string{"accounts", "sessions", "rate limits"} {
		found(t, r, "problem", "replicas", what+" are in the memory of one process, and 2 instances run")
	}
	clean(t, r, "reachability", "client-address")
}

// Whoever does not know the secret sees nothing of the probe.
func TestProbeIsNotThereForStrangers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := start(t, "", func(c *headless.Config) {
		c.Secret = bytes.Repeat([]byte("0123456789abcdef"), 2)
		c.Now = func() time.Time { return now }
	})
	ask := func(ticket string) string {
		rq, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.front+"/_allauth/app/v1/config", nil)
		rq.Header.Set(doctor.Header, ticket)
		resp, err := http.DefaultClient.Do(rq)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		var b bytes.Buffer
		_, _ = b.ReadFrom(resp.Body)
		return b.String()
	}
	ticket := func(secret string, at time.Time) string { return doctor.MakeTicket([]byte(secret), at) }
	secret := strings.Repeat("0123456789abcdef", 2)
	if got := ask(ticket(secret, now)); !strings.Contains(got, "instance") {
		t.Fatalf("a good ticket gets %s", got)
	}
	for name, bad := range map[string]string{
		"none": "", "nonsense": "x", "another secret's": ticket(strings.Repeat("fedcba9876543210", 2), now),
		"an old one": ticket(secret, now.Add(-11*time.Minute)), "one of the future": ticket(secret, now.Add(11*time.Minute)),
	} {
		if got := ask(bad); !strings.Contains(got, `"account"`) || strings.Contains(got, "instance") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}
