package main

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/mail"
	"os"
	"reflect"
	"slices"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/smtp"
	"github.com/headless-auth/headless/account/webhook"
	"github.com/headless-auth/headless/internal/jsonconfig"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/tokens"
)

// settings are everything that the file can say: the library's configuration,
// and what this server needs besides. Where both have a field, the server's
// counts.
type settings struct {
	headless.Config

	// Addr is where to listen, as host:port. Default "127.0.0.1:8080".
	Addr string
	// Database keeps everything: "memory:", "sqlite:PATH" or
	// "postgres://user:password@host/name".
	Database string
	// Redis, if set, keeps sessions and rate limits, in place of Database:
	// "redis://user:password@host:6379/0", or rediss:// for TLS.
	Redis string
	// SMTP is the server that takes mails, such as
	// "smtp://user:password@mail.example.org:587".
	SMTP string
	// MailFrom is the sender of mails, such as
	// "Example <noreply@example.org>".
	MailFrom string
	// SMSWebhook is the URL that text messages are posted to.
	SMSWebhook string
	// ForwardAuthPath is where proxies ask who is calling, such as
	// "/forward-auth". Default empty: nowhere.
	ForwardAuthPath string
	// ForwardAuthRequire is what callers need beyond being logged in: any of
	// "mfa", "phishing_resistant", "verified_email".
	ForwardAuthRequire []string
	// AuditLog keeps every event in the database.
	AuditLog bool
	// Admin is the API for operators: see docs/admin.md. Default: there is none.
	Admin *operators
	// MetricsListen is the host:port of a listener that serves metrics for
	// Prometheus, at /metrics; only operators should reach it. Default empty:
	// there are none.
	MetricsListen string
	// LogRequests writes a line for each request.
	LogRequests bool
	// LogFormat is "text" (default) or "json".
	LogFormat string
}

// operators is "admin": where the API for operators is, and who may use it.
type operators struct {
	// Listen is the host:port of a listener of its own, which only operators
	// should reach. Default: it is served at Path beside everything else.
	Listen string
	// Path is where it is. Default "/_admin".
	Path string
	// Token is what the one caller presents, who is called "admin" in the audit
	// log; at least 32 random bytes.
	Token []byte
	// Tokens are those of several callers, by name.
	Tokens map[string][]byte
}

// types are what the file says of fields that are no plain values.
var types = map[reflect.Type]func(*jsonconfig.Value) any{
	reflect.TypeFor[tokens.Strategy](): readTokens,

	reflect.TypeFor[socialaccount.Provider](): readProvider,
	reflect.TypeFor[account.Webhook]():        readHook,
	reflect.TypeFor[crypto.Signer]():          readPrivateKey,
	reflect.TypeFor[crypto.PublicKey]():       readPublicKey,
	reflect.TypeFor[*x509.Certificate]():      readCertificate,
	// Mail.Templates: the folder they are in.
	reflect.TypeFor[fs.FS](): func(v *jsonconfig.Value) any {
		dir, ok := v.Text()
		if !ok {
			return nil
		}
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			v.Fail("%q is no folder", dir)
			return nil
		}
		return os.DirFS(dir)
	},
}

// requirements are what proxies may ask for.
var requirements = map[string]headless.Requirement{
	"mfa": headless.MFA, "phishing_resistant": headless.PhishingResistant, "verified_email": headless.VerifiedEmail,
}

// maxFile bounds the file. No configuration comes near it.
const maxFile = 1 << 20

// read fills s from a file.
func (s *settings) read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s is larger than 1 MiB", file)
	}
	return inFile(file, (&jsonconfig.Decoder{Types: types}).Decode(data, s))
}

// inFile says which file has problems, and indents them.
func inFile(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// judge fills in the defaults of what is the server's own, makes what the
// library needs of it, and returns all that is wrong: with these settings, and
// with the library's.
func (s *settings) judge(file string) error {
	var p jsonconfig.Problems
	add := func(path, format string, args ...any) {
		p = append(p, jsonconfig.Problem{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if s.Addr == "" {
		s.Addr = "127.0.0.1:8080"
	}
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		add("addr", `%q is no address to listen at; write "host:port"`, s.Addr)
	}
	switch {
	case s.Database == "":
		add("database", `is missing; write "sqlite:PATH", "postgres://…", or "memory:" to try things out`)
	case databaseKind(s.Database) == "":
		add("database", `is none that is known; write "sqlite:PATH", "postgres://…" or "memory:"`)
	case len(s.Secret) == 0 && s.Database != "memory:":
		add("secret", `is missing; make one with "openssl rand -base64 32", keep it in a variable of the environment and write "env:NAME"`)
	}
	if s.Redis != "" {
		if _, err := goredis.ParseURL(s.Redis); err != nil {
			add("redis", `is no address of Redis; write "redis://user:password@host:6379/0"`)
		}
	}
	if l := s.MetricsListen; l != "" {
		if _, _, err := net.SplitHostPort(l); err != nil {
			add("metrics_listen", `%q is no address to listen at; write "host:port"`, l)
		} else if l == s.Addr && !strings.HasSuffix(l, ":0") {
			add("metrics_listen", "is the same as addr; write another port")
		}
	}
	if s.LogFormat != "" && s.LogFormat != "text" && s.LogFormat != "json" {
		add("log_format", `%q is not known; write "text" or "json"`, s.LogFormat)
	}
	if p := s.ForwardAuthPath; p != "" && (!strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, "{}*?# ")) {
		add("forward_auth_path", `%q is no path; write "/forward-auth"`, p)
	}
	for i, name := range s.ForwardAuthRequire {
		if _, known := requirements[name]; !known {
			add(fmt.Sprintf("forward_auth_require[%d]", i), `%q can't be required; write "mfa", "phishing_resistant" or "verified_email"`, name)
		}
	}
	s.judgeSenders(add)
	s.judgeOperators(add)
	return inFile(file, problems(append(p, s.judgeConfig(p)...)))
}

func problems(p jsonconfig.Problems) error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// judgeSenders makes what sends mails and text messages.
func (s *settings) judgeSenders(add func(path, format string, args ...any)) {
	if _, err := mail.ParseAddress(s.MailFrom); err != nil {
		add("mail_from", `is the sender of mails; write an address such as "Example <noreply@example.org>"`)
	} else if s.SMTP == "" {
		add("smtp", `is missing; write "smtp://user:password@mail.example.org:587"`)
	} else if m, err := smtp.New(s.SMTP, smtp.Options{From: s.MailFrom}); err != nil {
		add("smtp", "%v", err)
	} else {
		s.Mailer = m
	}
	if s.SMSWebhook == "" {
		return
	}
	if sms, err := webhook.New(s.SMSWebhook, webhook.Options{}); err != nil {
		add("sms_webhook", "%v", err)
	} else {
		s.SMS = sms
	}
}

// judgeOperators makes what the library needs of "admin".
func (s *settings) judgeOperators(add func(path, format string, args ...any)) {
	o := s.Admin
	if o == nil {
		return
	}
	c := &headless.AdminConfig{Path: o.Path, Tokens: maps.Clone(o.Tokens)}
	if o.Token != nil {
		if c.Tokens == nil {
			c.Tokens = map[string][]byte{}
		}
		if c.Tokens["admin"] != nil {
			add("admin.token", `is given in admin.tokens as well, by the name "admin"; leave out one`)
		}
		c.Tokens["admin"] = o.Token
	}
	s.Config.Admin = c
	if o.Listen == "" {
		return
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		add("admin.listen", `%q is no address to listen at; write "host:port"`, o.Listen)
	} else if o.Listen == s.Addr && !strings.HasSuffix(o.Listen, ":0") {
		add("admin.listen", "is the same as addr; write another port, or leave it out")
	}
}

// ours are the fields of headless.Config that this server sets by itself. What
// is wrong there has been said in its own words.
var ours = map[string]string{"Store": "database", "Mailer": "smtp", "SMS": "sms_webhook"}

var fieldOfProblem = pattern.New(`^([A-Z][^ ]*): (.*)$`)

// judgeConfig lets the library judge, without opening the database, and speaks
// of its fields as the file does.
func (s *settings) judgeConfig(said jsonconfig.Problems) (p jsonconfig.Problems) {
	c := s.Config
	c.Store = memory.New()
	if len(c.Secret) == 0 {
		c.Secret = make([]byte, 32) // judged above
	}
	_, err := headless.New(c)
	if err == nil {
		return nil
	}
	for _, line := range strings.Split(err.Error(), "\n  ") {
		m := fieldOfProblem.Regexp().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		path := jsonconfig.Path(m[1])
		if own, ok := ours[m[1]]; ok {
			path = own
		}
		if path == "admin.tokens.admin" && s.Admin.Token != nil {
			path = "admin.token"
		}
		if !slices.ContainsFunc(said, func(q jsonconfig.Problem) bool { return q.Path == path }) {
			p = append(p, jsonconfig.Problem{Path: path, Text: m[2]})
		}
	}
	return p
}
