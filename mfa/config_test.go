package mfa_test

import (
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store/memory"
)

func site(t *testing.T, address string) mfa.Site {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return mfa.Site{URL: u, Name: "Example"}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	var c mfa.Config
	s := site(t, "https://app.example.org:8443")
	s.CookieDomain, s.CookieSameSite = "example.org", "strict"
	if p := c.Problems(s); len(p) != 0 {
		t.Fatalf("the zero configuration has problems: %v", p)
	}
	equal(t, []any{
		c.SupportedTypes, c.Issuer, c.TOTPPeriod, c.TOTPDigits, c.TOTPTolerance, c.RecoveryCodeCount, c.RecoveryCodeDigits, c.RPID, c.RPName, c.Origins,
		c.TrustLifetime, c.TrustCookieName, c.TrustCookieDomain, c.TrustCookieSameSite,
	}, []any{
		[]string{"recovery_codes", "totp"}, "Example", 30 * time.Second, 6, 0, 10, 8, "app.example.org", "Example", []string{"https://app.example.org:8443"},
		14 * 24 * time.Hour, "mfa_trusted", "example.org", "strict",
	})
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		c    mfa.Config
		want string
	}{
		"an unknown type":               {mfa.Config{SupportedTypes: []string{"totp", "sms"}}, "SupportedTypes[1]"},
		"a type twice":                  {mfa.Config{SupportedTypes: []string{"totp", "totp"}}, "SupportedTypes[1]"},
		"passkeys without webauthn":     {mfa.Config{PasskeyLogin: true, PasskeySignup: true}, "PasskeyLogin PasskeySignup"},
		"half seconds":                  {mfa.Config{TOTPPeriod: 1500 * time.Millisecond}, "TOTPPeriod"},
		"few digits":                    {mfa.Config{TOTPDigits: 5, RecoveryCodeDigits: 5}, "RecoveryCodeDigits TOTPDigits"},
		"a negative tolerance":          {mfa.Config{TOTPTolerance: -1}, "TOTPTolerance"},
		"too many codes":                {mfa.Config{RecoveryCodeCount: 101}, "RecoveryCodeCount"},
		"a bypass code in production":   {mfa.Config{InsecureBypassCode: "1"}, "InsecureBypassCode"},
		"any origin in production":      {mfa.Config{AllowAnyOrigin: true}, "AllowAnyOrigin"},
		"both in development":           {mfa.Config{AllowAnyOrigin: true, InsecureBypassCode: "1", Development: true}, ""},
		"an RP id with a scheme":        {mfa.Config{RPID: "https://example.org"}, "RPID"},
		"an RP id that is not its site": {mfa.Config{RPID: "example.net"}, "Origins[0]"},
		"an RP id above the site":       {mfa.Config{RPID: "example.org"}, ""},
		"origins without scheme":        {mfa.Config{Origins: []string{"app.example.org"}}, "Origins[0]"},
		"an origin with a path":         {mfa.Config{Origins: []string{"https://app.example.org/"}}, "Origins[0]"},
		"an origin that is not secure":  {mfa.Config{Origins: []string{"http://app.example.org"}}, "Origins[0]"},
		"an origin on another domain":   {mfa.Config{Origins: []string{"https://evilapp.example.org"}}, "Origins[0]"},
		"an origin of an app":           {mfa.Config{Origins: []string{"android:apk-key-hash:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}}, ""},
		"a related origin of an app":    {mfa.Config{RelatedOrigins: []string{"android:apk-key-hash:x"}}, "RelatedOrigins[0]"},
		"too many related origins": {mfa.Config{RelatedOrigins: []string{
			"https://a.example", "https://b.example", "https://c.example", "https://d.example", "https://e.example", "https://f.example",
		}}, "RelatedOrigins"},
		"negative times":    {mfa.Config{GracePeriod: -1, TrustLifetime: -1}, "GracePeriod TrustLifetime"},
		"a bad cookie name": {mfa.Config{TrustCookieName: "a b", TrustCookieSameSite: "x"}, "TrustCookieName TrustCookieSameSite"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := tt.c.Problems(site(t, "https://app.example.org"))
			if got := strings.Join(slices.Sorted(maps.Keys(p)), " "); got != tt.want {
				t.Errorf("got problems at %q, want %q: %v", got, tt.want, p)
			}
		})
	}
	for address, want := range map[string]string{"http://localhost:3000": "", "http://127.0.0.1:3000": "", "http://app.example.org": "Origins[0]"} {
		var c mfa.Config
		if got := strings.Join(slices.Sorted(maps.Keys(c.Problems(site(t, address)))), " "); got != want {
			t.Errorf("%s: got problems at %q, want %q", address, got, want)
		}
	}
}

// What has to fit together is judged when the site is made.
func TestConfigAltogether(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(c *headless.Config)
		want   string
	}{
		"passkey signup without a proof of the address": {func(c *headless.Config) { c.MFA.PasskeySignup = true }, "MFA.PasskeySignup"},
		"passkey signup":                {signupByPasskey, ""},
		"trust without anybody to keep": {func(c *headless.Config) { c.MFA, c.Account.LoginCodeTrust = nil, true }, "Account.LoginCodeTrust"},
		"two cookies of one name":       {func(c *headless.Config) { c.MFA.TrustCookieName = "sessionid" }, "MFA.TrustCookieName"},
		"a stage of our name":           {func(c *headless.Config) { c.Stages = append(c.Stages, named("mfa_enroll")) }, "Stages[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wiretest.Config()
			c.URL, c.Store, c.Mailer = "http://localhost:8000", memory.New(), &wiretest.Inbox{}
			with(tt.change)(&c)
			before := c.MFA
			_, err := headless.New(c)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), "\n  "+tt.want+": ")):
				t.Errorf("got %v, want a problem at %s", err, tt.want)
			}
			if before != nil && before.RPID != "" {
				t.Error("the caller's configuration was changed")
			}
		})
	}
}

// What is not right with a credential is told to the operator, not to the
// client, and without any secret. Requirement SEC-5.
func TestRefusalIsLogged(t *testing.T) {
	var log strings.Builder
	wiretest.EachOn(t, inMemory, with(func(c *headless.Config) {
		c.Logger = slog.New(slog.NewTextHandler(io.Writer(&log), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}), func(t *testing.T, w *World, c *Client) {
		c.LogIn(w.Make(Person{}))
		o := optionsOf(t, c.Get(keysPath))
		k := newKey(w)
		k.Origin = "https://evil.example"
		log.Reset()
		c.Post(keysPath, M{"credential": k.Create(o)}).Fails(":incorrect_code")
		challenge := strings.Split(string(o), `"challenge":"`)[1][:43]
		if s := log.String(); !strings.Contains(s, "origin") || strings.Contains(s, challenge) {
			t.Errorf("got log %q", s)
		}
	})
}
