package wiretest_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store/memory"
)

type keyed struct{ key string }

func (k keyed) Key() string { return k.key }

func (keyed) Enter(context.Context, *account.Login) (account.Verdict, error) {
	return account.Pass, nil
}

// A configuration that is wrong never starts, and whoever wrote it is told
// everything that is wrong with it. spec: account.md §11; requirement REL-8.
func TestNew(t *testing.T) {
	good := func() Config {
		c := wiretest.Config()
		inbox := &wiretest.Inbox{}
		c.URL, c.Store, c.Mailer, c.SMS = "https://app.example.org", memory.New(), inbox, inbox
		return c
	}
	t.Run("accepts what is right", func(t *testing.T) {
		for name, change := range map[string]func(*Config){
			"as little as possible": func(c *Config) {
				*c = Config{
					URL: "https://app.example.org", Secret: c.Secret, Store: c.Store, Mailer: c.Mailer,
					Frontend: headless.Frontend{VerifyEmail: "/verify/{key}", ResetPassword: "/reset?key={key}"},
				}
			},
			"a site with a slash at the end":     func(c *Config) { c.URL += "/" },
			"a site on a port":                   func(c *Config) { c.URL = "http://localhost:8080" },
			"codes in place of pages":            func(c *Config) { c.Frontend = headless.Frontend{}; codeVerification(c); resetByCode(c) },
			"no verification and no page for it": func(c *Config) { c.Frontend.VerifyEmail = ""; unverified(c) },
			"codes with optional verification":   func(c *Config) { codeVerification(c); c.Account.EmailVerification = account.Optional },
			"two addresses to change one":        func(c *Config) { c.Account.ChangeEmail, c.Account.MaxEmailAddresses = true, 2 },
			"every limit switched off by name":   func(c *Config) { c.NoLimits = false; c.Limits = map[string]string{"login": headless.NoLimit} },
			"no SMS where there are no phones":   func(c *Config) { c.SMS = nil },
		} {
			c := good()
			change(&c)
			if _, err := headless.New(c); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})

	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"no site", func(c *Config) { c.URL = "" }, []string{`URL: "" is no site; write "https://app.example.org"`}},
		{"a site without scheme", func(c *Config) { c.URL = "app.example.org" }, []string{`URL: "app.example.org" is no site; write "https://app.example.org"`}},
		{"a site with a path", func(c *Config) { c.URL = "https://example.org/app" }, []string{`URL: "https://example.org/app" is no site; write "https://app.example.org"`}},
		{"a site of another scheme", func(c *Config) { c.URL = "ftp://example.org" }, []string{`URL: "ftp://example.org" is no site; write "https://app.example.org"`}},
		{"a path that can't be mounted", func(c *Config) { c.Path = "auth/" }, []string{`Path: "auth/" can't be mounted; write "/_allauth"`}},
		{"a path with a pattern", func(c *Config) { c.Path = "/{x}" }, []string{`Path: "/{x}" can't be mounted; write "/_allauth"`}},
		{"a name of two lines", func(c *Config) { c.Name = "a\nb" }, []string{`Name: must be one line`}},
		{"no secret", func(c *Config) { c.Secret = nil }, []string{`Secret: needs at least 32 bytes, has 0; make one with: openssl rand -base64 32`}},
		{"a short secret, which is not told", func(c *Config) { c.Secret = []byte("hunter2") }, []string{`Secret: needs at least 32 bytes, has 7; make one with: openssl rand -base64 32`}},
		{"a short previous secret", func(c *Config) { c.PreviousSecrets = [][]byte{c.Secret, []byte("x")} }, []string{`PreviousSecrets[1]: needs at least 32 bytes, has 1`}},
		{"no store", func(c *Config) { c.Store = nil }, []string{`Store: is missing; use sqlite.Open, postgres.New or memory.New`}},
		{"no mailer", func(c *Config) { c.Mailer = nil }, []string{`Mailer: is missing; use smtp.New, or a type with the one method Send`}},
		{"no sender for phones", func(c *Config) { phones(c); c.SMS = nil }, []string{`SMS: is missing, and Account has phone numbers; use webhook.New, or a type with the one method SendSMS`}},
		{"an unknown client", func(c *Config) { c.Clients = []string{"app", "desktop"} }, []string{`Clients[1]: "desktop" is no client; write "browser" or "app"`}},
		{"a client twice", func(c *Config) { c.Clients = []string{"app", "app"} }, []string{`Clients[1]: "app" is listed twice`}},
		{"an origin without scheme", func(c *Config) { c.TrustedOrigins = []string{"https://a.example", "b.example"} }, []string{`TrustedOrigins[1]: "b.example" is no origin; write "https://app.example.org"`}},
		{"an origin with a path", func(c *Config) { c.TrustedOrigins = []string{"https://a.example/x"} }, []string{`TrustedOrigins[0]: "https://a.example/x" is no origin; write "https://app.example.org"`}},
		{"every origin", func(c *Config) { c.TrustedOrigins = []string{"*"} }, []string{`TrustedOrigins[0]: "*" is no origin; write "https://app.example.org"`}},
		{"every origin of a scheme", func(c *Config) { c.TrustedOrigins = []string{"https://*"} }, []string{`TrustedOrigins[0]: "https://*" is no origin; write "https://app.example.org"`}},
		{"every origin of a top-level domain", func(c *Config) { c.TrustedOrigins = []string{"https://*.org"} }, []string{`TrustedOrigins[0]: "https://*.org" is no wildcard origin; write "https://*.example.org"`}},
		{"every origin of a top-level domain, rooted", func(c *Config) { c.TrustedOrigins = []string{"https://*.org."} }, []string{`TrustedOrigins[0]: "https://*.org." is no wildcard origin; write "https://*.example.org"`}},
		{"a wildcard before an empty label", func(c *Config) { c.TrustedOrigins = []string{"https://*..example.org"} }, []string{`TrustedOrigins[0]: "https://*..example.org" is no wildcard origin; write "https://*.example.org"`}},
		{"an origin with an empty label", func(c *Config) { c.TrustedOrigins = []string{"https://.example.org"} }, []string{`TrustedOrigins[0]: "https://.example.org" is no origin; write "https://app.example.org"`}},
		{"an origin without a host", func(c *Config) { c.TrustedOrigins = []string{"https://:443"} }, []string{`TrustedOrigins[0]: "https://:443" is no origin; write "https://app.example.org"`}},
		{"a wildcard amid a name", func(c *Config) { c.TrustedOrigins = []string{"https://a.*.example.org"} }, []string{`TrustedOrigins[0]: "https://a.*.example.org" is no origin; write "https://app.example.org"`}},
		{"proxies below zero", func(c *Config) { c.TrustedProxies = -1 }, []string{`TrustedProxies: can't be negative; write the number of proxies in front`}},
		{"proxies and a header", func(c *Config) { c.TrustedProxies, c.ClientIPHeader = 1, "X-Real-IP" }, []string{`ClientIPHeader: contradicts TrustedProxies; set one of them`}},
		{"no page to verify at", func(c *Config) { c.Frontend.VerifyEmail = "" }, []string{`Frontend.VerifyEmail: is missing; write the page that mails link to, such as "/verify-email/{key}"`}},
		{"a page without a place for the key", func(c *Config) { c.Frontend.VerifyEmail = "/verify" }, []string{`Frontend.VerifyEmail: must contain {key}`}},
		{"a page that takes no key", func(c *Config) { c.Frontend.Signup = "/signup/{key}" }, []string{`Frontend.Signup: takes no {key}`}},
		{"a page that is none", func(c *Config) { c.Frontend.ResetPassword = "javascript:alert('{key}')" }, []string{`Frontend.ResetPassword: "javascript:alert('{key}')" is no page; write "https://app.example.org/reset-password/{key}" or a path`}},
		{"an unknown limit", func(c *Config) { c.Limits = map[string]string{"logins": "1/m"} },
			[]string{`Limits["logins"]: is no action; write one of `}},
		{"a limit that can't be read", func(c *Config) { c.Limits = map[string]string{"login": "5 per minute"} },
			[]string{`Limits["login"]: "5 per minute" is no rate; write "5/m/ip", with a unit of s, m, h or d and then ip, user or key`}},
		{"a body below zero", func(c *Config) { c.MaxBodyBytes = -1 }, []string{`MaxBodyBytes: can't be negative`}},
		{"a timeout below zero", func(c *Config) { c.Timeout = -1 }, []string{`Timeout: can't be negative; write a duration such as "5s"`}},
		{"a stage without key", func(c *Config) { c.Stages = []account.Stage{keyed{"x"}, nil} }, []string{`Stages[1]: has no key`}},
		{"a stage of the contract's", func(c *Config) { c.Stages = []account.Stage{keyed{"verify_email"}} }, []string{`Stages[0]: the key "verify_email" is taken; choose another`}},
		{"a stage twice", func(c *Config) { c.Stages = []account.Stage{keyed{"x"}, keyed{"x"}} }, []string{`Stages[1]: the key "x" is taken; choose another`}},
		{"an unknown way to log in", func(c *Config) { c.Account.LoginMethods = []string{"email", "fax"} }, []string{`Account.LoginMethods[1]: "fax" is no login method; write "email", "username" or "phone"`}},
		{"a way to log in twice", func(c *Config) { c.Account.LoginMethods = []string{"email", "email"} }, []string{`Account.LoginMethods[1]: "email" is listed twice`}},
		{"the password under its wire name", func(c *Config) { c.Account.SignupFields = []string{"email*", "password*"} }, []string{`Account.SignupFields[1]: "password" is no field name; write "password1"`}},
		{"an unknown signup field", func(c *Config) { c.Account.SignupFields = []string{"email*", "age"} },
			[]string{`Account.SignupFields[1]: "age" is no signup field; write one of email, email2, username, phone, password1, password2, with * if it is required`}},
		{"a signup field twice", func(c *Config) { c.Account.SignupFields = []string{"email*", "email"} }, []string{`Account.SignupFields[1]: "email" is listed twice`}},
		{"mandatory verification of nothing", func(c *Config) { c.Account.SignupFields = []string{"email", "password1*"} },
			[]string{`Account.SignupFields: mandatory email verification needs "email*"; add it, or set EmailVerification to "optional" or "none"`}},
		{"the address twice but not once", func(c *Config) { unverified(c); c.Account.SignupFields = []string{"email2", "password1*"} }, []string{`Account.SignupFields: "email2" repeats "email"; add "email"`}},
		{"codes without verification", func(c *Config) { codeVerification(c); unverified(c) }, []string{`Account.EmailVerificationByCode: needs EmailVerification "mandatory" or "optional"`}},
		{"an unknown verification", func(c *Config) { c.Account.EmailVerification = "maybe" }, []string{`Account.EmailVerification: "maybe" is not known; write "mandatory", "optional" or "none"`}},
		{"an unknown secrecy", func(c *Config) { c.Account.PreventEnumeration = "yes" }, []string{`Account.PreventEnumeration: "yes" is not known; write "true", "strict" or "false"`}},
		{"fewer than no addresses", func(c *Config) { c.Account.MaxEmailAddresses = -1 }, []string{`Account.MaxEmailAddresses: can't be negative; write 0 for no bound`}},
		{"one address, to be changed", func(c *Config) { c.Account.ChangeEmail, c.Account.MaxEmailAddresses = true, 1 }, []string{`Account.MaxEmailAddresses: must be 0 or 2 with ChangeEmail: the address and the one to replace it`}},
		{"names and no names", func(c *Config) { usernames(c); c.Account.NoUsernames = true }, []string{`Account.NoUsernames: contradicts "username" in LoginMethods or SignupFields`}},
		{"a strange method to require codes after", func(c *Config) { c.Account.LoginCodeRequired = []string{"Password"} }, []string{`Account.LoginCodeRequired[0]: "Password" is no method; write "password", "socialaccount", "mfa" or "*"`}},
		{"a time below zero", func(c *Config) { c.Account.LoginTimeout = -time.Second }, []string{`Account.LoginTimeout: can't be negative; write a duration such as "15m"`}},
		{"names of no length", func(c *Config) { c.Account.UsernameMinLength = 151 }, []string{`Account.UsernameMinLength: must be between 1 and 150`}},
		{"addresses of no length", func(c *Config) { c.Account.EmailMaxLength = 3 }, []string{`Account.EmailMaxLength: must be between 6 and 320`}},
		{"passwords of no length", func(c *Config) { c.Account.Password.MinLength = 200 }, []string{`Account.Password.MinLength: must be between 1 and 128`}},
		{"hashes that cost too little", func(c *Config) { c.Account.Password.Argon2Memory = 1 }, []string{`Account.Password: Argon2Memory must be between 8 and `}},
		{"codes that can be guessed", func(c *Config) { c.Account.LoginCode.Format = account.CodeFormat{Numeric: true, Length: 4} },
			[]string{`Account.LoginCode.Format.Length: 4 is too short or too long; use at least 6 digits or 5 letters`}},
		{"codes of four letters", func(c *Config) { c.Account.EmailVerificationCode.Format = account.CodeFormat{Length: 4} },
			[]string{`Account.EmailVerificationCode.Format.Length: 4 is too short or too long; use at least 6 digits or 5 letters`}},
		{"attempts without end", func(c *Config) { c.Account.PasswordResetCode.MaxAttempts = 1000 }, []string{`Account.PasswordResetCode.MaxAttempts: must be between 1 and 10`}},
		{"resends without end", func(c *Config) { c.Account.PhoneCode.MaxResends, c.Account.PhoneCode.MaxChanges = 11, -1 },
			[]string{`Account.PhoneCode.MaxChanges: must be between 0 and 10`, `Account.PhoneCode.MaxResends: must be between 0 and 10`}},
		{"a code's life below zero", func(c *Config) { c.Account.PhoneCode.Lifetime = -1 }, []string{`Account.PhoneCode.Lifetime: can't be negative; write a duration such as "3m"`}},
		{"trust without a second factor", func(c *Config) { c.Account.LoginCodeTrust = true }, []string{`Account.LoginCodeTrust: `}},
		{"fields without a name", func(c *Config) {
			c.Account.Fields = []account.Field{{Name: "shoe size"}, {Name: "email"}, {Name: "password"}, {Name: "a"}, {Name: "a"}}
		},
			[]string{
				`Account.Fields[0].Name: "shoe size" is no field name; use letters, digits and _`, `Account.Fields[1].Name: "email" is taken; choose another name`,
				`Account.Fields[2].Name: "password" is taken; choose another name`, `Account.Fields[4].Name: "a" is taken; choose another name`,
			}},
		{"fields of an unknown type", func(c *Config) { c.Account.Fields = []account.Field{{Name: "a", Type: "color"}} },
			[]string{`Account.Fields[0].Type: "color" is no type; write one of string, integer, number, boolean, date, date-time, email, uri`}},
		{"fields of no length", func(c *Config) { c.Account.Fields = []account.Field{{Name: "a", MinLength: 5, MaxLength: 4}} }, []string{`Account.Fields[0].MaxLength: must not be less than MinLength`}},
		{"sessions that are over at once", func(c *Config) { c.Session.Lifetime, c.Session.AbsoluteLifetime, c.Session.TouchEvery = -1, -1, -1 },
			[]string{
				`Session.AbsoluteLifetime: can't be negative; write a duration such as "2160h", or 0 for no end`,
				`Session.Lifetime: can't be negative; write a duration such as "336h"`, `Session.TouchEvery: can't be negative; write a duration such as "1m"`,
			}},
		{"cookies that browsers refuse", func(c *Config) { c.Session.CookieName, c.Session.CSRFCookieName = "a b", "a;b" },
			[]string{`Session.CSRFCookieName: is no cookie name; use letters, digits, - and _`, `Session.CookieName: is no cookie name; use letters, digits, - and _`}},
		{"two cookies of one name", func(c *Config) { c.Session.CSRFCookieName = "sessionid" }, []string{`Session.CSRFCookieName: must differ from CookieName`}},
		{"a strange SameSite", func(c *Config) { c.Session.CookieSameSite = "loose" }, []string{`Session.CookieSameSite: must be "lax", "strict" or "none"`}},
		{"cookies for other sites without https", func(c *Config) { c.URL = "http://app.example.org"; c.Session.CookieSameSite = "none" },
			[]string{`Session.CookieSameSite: "none" needs an https URL: browsers drop such cookies otherwise`}},
		{"templates that can't be read", func(c *Config) { c.Mail.Templates = fstest.MapFS{"nonsense.txt": &fstest.MapFile{Data: []byte("x")}} }, []string{`Mail.Templates: `}},
		{"much at once", func(c *Config) {
			c.URL, c.Secret, c.Store, c.Mailer = "", nil, nil, nil
			c.Frontend = headless.Frontend{}
		},
			[]string{
				`Secret: `, `Store: `, `Mailer: `, `URL: `, `Frontend.VerifyEmail: `, `Frontend.ResetPassword: `,
			}},
	} {
		t.Run("refuses "+tt.name, func(t *testing.T) {
			c := good()
			tt.change(&c)
			auth, err := headless.New(c)
			if err == nil || auth != nil {
				t.Fatal("it was accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			word := "problems"
			if len(tt.want) == 1 {
				word = "problem"
			}
			if want := "headless: " + string(rune('0'+len(tt.want))) + " " + word + " in Config"; lines[0] != want {
				t.Errorf("got %q, want %q", lines[0], want)
			}
			for i, line := range lines[1:] {
				if i >= len(tt.want) || !strings.HasPrefix(line, "  "+tt.want[i]) || !strings.HasSuffix(tt.want[i], " ") && line != "  "+tt.want[i] {
					t.Errorf("got line %q", line)
				}
			}
			if len(lines)-1 != len(tt.want) {
				t.Errorf("got %d lines, want %d", len(lines)-1, len(tt.want))
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the secret is told")
			}
		})
	}

	t.Run("copies what it is given", func(t *testing.T) {
		c := good()
		c.Limits, c.NoLimits = map[string]string{"login": "1/m"}, false
		c.Account.LoginMethods = []string{"email"}
		if _, err := headless.New(c); err != nil {
			t.Fatal(err)
		}
		if c.Path != "" || c.Account.EmailVerification != "" || c.Session.CookieName != "" {
			t.Error("the host's configuration was changed")
		}
	})
}
