package doctest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp/totp"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/tokens"
)

// django is what a site leaves behind: Ada with everything, Bob who is not
// active, Cleo who has her address in one place only. spec: config-openapi.md
// §4, mfa.md §10.
const django = `
create table auth_user (
	id integer primary key, password varchar(128) not null, last_login timestamptz, is_superuser boolean not null,
	username varchar(150) not null unique, first_name varchar(150) not null, last_name varchar(150) not null,
	email varchar(254) not null, is_staff boolean not null, is_active boolean not null, date_joined timestamptz not null);
create table account_emailaddress (
	id integer primary key, user_id integer not null references auth_user, email varchar(254) not null,
	verified boolean not null, "primary" boolean not null);
create table socialaccount_socialaccount (
	id integer primary key, user_id integer not null references auth_user, provider varchar(200) not null, uid varchar(191) not null,
	last_login timestamptz not null, date_joined timestamptz not null, extra_data jsonb not null);
create table mfa_authenticator (
	id bigint primary key, user_id integer not null references auth_user, type varchar(20) not null, data jsonb not null,
	created_at timestamptz not null, last_used_at timestamptz);

insert into auth_user values
	(7, 'pbkdf2_sha256$1000$saltsaltsaltsaltsalt12$7kQnvik2EF+ZgxuPgZDCIKdNYs3JKaGATJCvSjVHMpY=', '2025-05-05Z', false,
		'Ada', 'Ada', 'Lovelace', 'ada@example.org', false, true, '2020-02-02Z'),
	(8, '!unusable', null, false, 'bob', '', '', '', false, false, '2021-01-01Z'),
	(12, 'md5$salt$0123', null, false, 'Žofie', '', '', 'Cleo@Example.org', true, true, '2022-01-01Z');
insert into account_emailaddress values
	(3, 7, 'ada@example.org', true, true), (5, 7, 'ada@home.example', false, false);
insert into socialaccount_socialaccount values
	(2, 7, 'github', '4711', '2025-01-01Z', '2024-01-01Z', '{"login": "ada", "id": 12345678901234567890}');
insert into mfa_authenticator values
	(21, 7, 'totp', '{"secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}', '2024-01-01Z', null),
	(22, 7, 'recovery_codes', '{"seed": "` + seed + `", "used_mask": 1}', '2024-01-01Z', '2024-06-01Z'),
	(23, 7, 'webauthn', '{"name": "key", "credential": {"id": "-_8BAg", "type": "public-key"}}', '2024-01-01Z', null);
`

const seed = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627"

// TestMoving runs the statements of docs/moving-from-allauth.md on a site's
// database, and logs in who was there.
func TestMoving(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	pool, err := pgxpool.New(ctx, testenv.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	st := postgres.New(pool)
	if err := st.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	execute := func(sql string) {
		t.Helper()
		c, err := pool.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		if _, err := c.Conn().PgConn().Exec(ctx, sql).ReadAll(); err != nil {
			t.Fatalf("%v\n%s", err, sql)
		}
	}
	execute(django)
	ran := 0
	for _, b := range blocks(t, "docs/moving-from-allauth.md") {
		if b.mark == "sql" {
			execute(b.text)
			ran++
		}
	}
	if ran < 6 {
		t.Errorf("the page has %d blocks of statements", ran)
	}

	t.Run("the records are ours", func(t *testing.T) {
		ada, err := st.User(ctx, "7")
		if err != nil {
			t.Fatal(err)
		}
		if ada.Username != "Ada" || ada.Name() != "Ada Lovelace" || ada.Email != "ada@example.org" || ada.Disabled || !ada.LastLoginAt.Equal(time.Date(2025, 5, 5, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("got %+v", ada)
		}
		if u, err := st.UserByUsername(ctx, "aDA"); err != nil || u.ID != "7" {
			t.Errorf("by name: got %v, %v", u, err)
		}
		bob, err := st.User(ctx, "8")
		if err != nil || !bob.Disabled || bob.Password.Usable() || !bob.LastLoginAt.IsZero() || bob.Email != "" {
			t.Errorf("got %+v, %v", bob, err)
		}
		cleo, err := st.User(ctx, "12")
		if err != nil || cleo.Email != "cleo@example.org" {
			t.Fatalf("got %+v, %v", cleo, err)
		}
		if err := st.UpdateUser(ctx, cleo); err != nil { // as the page tells for such names
			t.Fatal(err)
		}
		if u, err := st.UserByUsername(ctx, "žOFIE"); err != nil || u.ID != "12" {
			t.Errorf("by name: got %v, %v", u, err)
		}
		emails, err := st.EmailsOf(ctx, "7")
		if err != nil || len(emails) != 2 || emails[0].ID != "3" || !emails[0].Verified || !emails[0].Primary || emails[1].Verified {
			t.Errorf("got %+v, %v", emails, err)
		}
		a, err := st.SocialAccount(ctx, "github", "4711")
		if err != nil || a.ID != "2" || a.UserID != "7" || !bytes.Contains(a.Data, []byte("12345678901234567890")) {
			t.Errorf("got %+v, %v", a, err)
		}
		key, err := st.AuthenticatorByKey(ctx, []byte{0xfb, 0xff, 1, 2})
		if err != nil || key.ID != "23" || key.UserID != "7" {
			t.Errorf("got %+v, %v", key, err)
		}
	})
	t.Run("new ids follow", func(t *testing.T) {
		u := &store.User{CreatedAt: time.Now()}
		if err := st.CreateUser(ctx, u); err != nil || u.ID != "13" {
			t.Fatalf("got %q, %v", u.ID, err)
		}
		e := &store.EmailAddress{UserID: u.ID, Email: "new@example.org", CreatedAt: time.Now()}
		if err := st.CreateEmail(ctx, e); err != nil || e.ID != "7" { // 6 is Cleo's
			t.Errorf("got %q, %v", e.ID, err)
		}
		s := &store.SocialAccount{UserID: u.ID, Provider: "github", UID: "1", CreatedAt: time.Now()}
		if err := st.CreateSocialAccount(ctx, s); err != nil || s.ID != "3" {
			t.Errorf("got %q, %v", s.ID, err)
		}
		a := &store.Authenticator{UserID: u.ID, Type: store.TOTP, CreatedAt: time.Now()}
		if err := st.CreateAuthenticator(ctx, a); err != nil || a.ID != "24" {
			t.Errorf("got %q, %v", a.ID, err)
		}
	})
	t.Run("people log in with what they had", func(t *testing.T) {
		now := time.Now()
		auth, err := headless.New(headless.Config{
			URL: "http://127.0.0.1", Secret: make([]byte, 32), Store: st, Mailer: nobody{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			Now:      func() time.Time { return now },
			Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
			Account: account.Config{
				LoginMethods: []string{"username"}, SignupFields: []string{"email", "username*", "password1*", "password2*"},
				EmailVerification: account.Optional, Password: account.PasswordConfig{Argon2Memory: 64, Argon2Time: 1},
			},
			MFA: &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		client := &app{handler: auth.Handler()}
		client.call(t, "POST", "/auth/login", `{"username": "ada", "password": "correct horse"}`, 401, `"id":"mfa_authenticate","is_pending":true`)
		code, err := totp.GenerateCode("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", now)
		if err != nil {
			t.Fatal(err)
		}
		client.call(t, "POST", "/auth/2fa/authenticate", `{"code": "`+code+`"}`, 200, `"user":{"id":7,`)
		client.call(t, "GET", "/account/authenticators/recovery-codes", "", 200, `"total_code_count":10,"unused_code_count":9`)
		if u, err := st.User(ctx, "7"); err != nil || !strings.HasPrefix(string(u.Password), "$argon2id$") {
			t.Error("the old hash is still there", err)
		}
		(&app{handler: auth.Handler()}).call(t, "POST", "/auth/login", `{"username": "Žofie", "password": "correct horse"}`, 400, `"username_password_mismatch"`)
		if err := auth.ReencryptMFA(ctx, "7"); err != nil {
			t.Error(err)
		}
	})
}

// app is a client without a network.
type app struct {
	handler http.Handler
	token   string
}

func (c *app) call(t *testing.T, method, path, body string, status int, want string) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), method, "/_allauth/app/v1"+path, strings.NewReader(body))
	if c.token != "" {
		r.Header.Set(tokens.SessionHeader, c.token)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if w.Code != status || !strings.Contains(w.Body.String(), want) {
		t.Errorf("%s %s: got %d %s, want %d %s", method, path, w.Code, w.Body, status, want)
	}
	var answer struct {
		Meta struct {
			Token string `json:"session_token"`
		}
	}
	if json.Unmarshal(w.Body.Bytes(), &answer) == nil && answer.Meta.Token != "" {
		c.token = answer.Meta.Token
	}
}

// TestSettingsOfTheReference: the fields that stand for them exist.
func TestSettingsOfTheReference(t *testing.T) {
	t.Parallel()
	_, table, ok := strings.Cut(read(t, "docs/moving-from-allauth.md"), "<!-- settings -->\n")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	rows := regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(table, -1)
	if !ok || len(rows) < 40 {
		t.Fatalf("the page has %d settings", len(rows))
	}
	for _, row := range rows[2:] {
		fields := regexp.MustCompile("`([A-Za-z.]+)`").FindAllStringSubmatch(row[2], -1)
		if len(fields) == 0 && !strings.HasPrefix(row[2], "not offered: ") {
			t.Errorf("%s stands for nothing", row[1])
		}
		for _, f := range fields {
			typ, path := reflect.TypeFor[headless.Config](), f[1]
			if rest, ok := strings.CutPrefix(path, "tokens.JWTConfig."); ok {
				typ, path = reflect.TypeFor[tokens.JWTConfig](), rest
			}
			for name := range strings.SplitSeq(path, ".") {
				if typ.Kind() == reflect.Pointer {
					typ = typ.Elem()
				}
				field, ok := typ.FieldByName(name)
				if !ok {
					t.Errorf("%s: there is no %s", row[1], f[1])
					break
				}
				typ = field.Type
			}
		}
	}
}
