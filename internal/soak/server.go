//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

const (
	adminToken = "soak-token-0123456789-0123456789-0123456789"
	lifetime   = time.Minute
)

// server is a process of our own.
type server struct {
	url  string
	cmd  *exec.Cmd
	in   io.Closer
	drop func()
	tally
	people []*person
}

func start(ctx context.Context, st, dir string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{drop: func() {}}
	dsn := dir + "/auth.db"
	if st == "postgres" {
		if dsn, s.drop, err = schema(ctx); err != nil {
			return nil, err
		}
	}
	s.cmd = exec.Command(self, "-serve", "-store", st) //nolint:gosec // ourselves
	s.cmd.Env, s.cmd.Stderr = append(os.Environ(), "SOAK_DSN="+dsn), os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		s.in, err = s.cmd.StdinPipe()
	}
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.drop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	s.url = "http://" + strings.TrimSpace(line)
	return s, nil
}

func (s *server) stop() {
	_ = s.in.Close()
	_ = s.cmd.Wait()
	s.drop()
}

// schema makes an empty schema on the PostgreSQL of the tests.
func schema(ctx context.Context) (dsn string, drop func(), err error) {
	u, err := url.Parse(os.Getenv("HEADLESS_TEST_POSTGRES"))
	if err != nil || u.Host == "" {
		return "", nil, errors.New("there is no PostgreSQL; see the command's documentation")
	}
	c, err := pgx.Connect(ctx, u.String())
	if err != nil {
		return "", nil, err
	}
	name := "soak_" + strings.ToLower(rand.Text())
	if _, err := c.Exec(ctx, "create schema "+name); err != nil {
		return "", nil, err
	}
	q := u.Query()
	q.Set("options", "-c search_path="+name+" -c client_min_messages=warning")
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String(), func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, _ = c.Exec(last, "drop schema "+name+" cascade")
		_ = c.Close(last)
	}, nil
}

// mailbox keeps the last code for each address, until it is fetched.
type mailbox struct {
	mu    sync.Mutex
	codes map[string]string
}

// Send implements [account.Mailer].
func (b *mailbox) Send(_ context.Context, m account.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if code := m.Data["code"]; code != "" {
		b.codes[m.To] = code
	}
	return nil
}

func (b *mailbox) take(to string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer delete(b.codes, to)
	return b.codes[to]
}

// beServer serves until its input is closed.
func beServer(ctx context.Context, st string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	strategy, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}}})
	if err != nil {
		return err
	}
	box := &mailbox{codes: map[string]string{}}
	c := headless.Config{
		URL: "http://" + ln.Addr().String(), Secret: make([]byte, 32), Mailer: box, Tokens: strategy, TrustedProxies: 1,
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Account: account.Config{
			EmailVerificationByCode: true, PasswordResetByCode: true, LoginByCode: true,
			Password: account.PasswordConfig{Argon2Memory: 1024, Argon2Time: 1},
		},
		Session: sessions.Config{List: true, Sliding: true, TrackActivity: true, TouchEvery: time.Second, Lifetime: lifetime},
		MFA:     &mfa.Config{SupportedTypes: []string{"totp", "recovery_codes", "webauthn"}, PasskeyLogin: true},
		Admin:   &headless.AdminConfig{Tokens: map[string][]byte{"soak": []byte(adminToken)}},
		// What an address is sent is counted for a day; ever new ones would be
		// growth that is meant to be.
		Limits: map[string]string{"mail": "50/m/key"},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	db, err := openStore(ctx, st, os.Getenv("SOAK_DSN"), &c)
	if err != nil {
		return err
	}
	auth, err := headless.New(c)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/_allauth/", auth.Handler())
	mux.Handle("/_admin/", auth.Admin())
	mux.HandleFunc("GET /code", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, box.take(r.FormValue("to"))) })
	mux.HandleFunc("GET /look", func(w http.ResponseWriter, r *http.Request) {
		l, err := holds(r.Context(), db)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(l)
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	var background sync.WaitGroup
	background.Go(func() { _ = auth.Run(ctx) })
	background.Go(func() { sweep(ctx, auth, &c) })
	fmt.Println(ln.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(last)
		stop()
	}()
	if err = srv.Serve(ln); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	background.Wait()
	return err
}

// sweep does what Run does every ten minutes, as often as fits the sessions.
// Single-use marks are kept a day longer by it, for the sake of clocks; not here.
func sweep(ctx context.Context, auth *headless.Auth, c *headless.Config) {
	for tick := time.NewTicker(10 * time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			err := auth.Sweep(ctx)
			if err == nil {
				_, err = c.Store.DeleteExpiredNonces(ctx, time.Now())
			}
			if err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "sweep:", err)
			}
		}
	}
}

// openStore opens the store, and what its rows are counted by; nil in memory.
func openStore(ctx context.Context, st, dsn string, c *headless.Config) (db *sql.DB, err error) {
	switch st {
	case "memory":
		c.Store = memory.New()
	case "sqlite":
		s, err := sqlite.Open(ctx, dsn)
		if err == nil {
			c.Store, err = s, s.Migrate(ctx)
		}
		if err != nil {
			return nil, err
		}
		if db, err = sql.Open("sqlite", "file:"+dsn+"?mode=ro&_pragma=busy_timeout(5000)"); err != nil {
			return nil, err
		}
	case "postgres":
		s, err := postgres.Open(ctx, dsn)
		if err == nil {
			c.Store, err = s, s.Migrate(ctx)
		}
		if err != nil {
			return nil, err
		}
		config, err := pgx.ParseConfig(dsn)
		if err != nil {
			return nil, err
		}
		db = stdlib.OpenDB(*config)
	default:
		return nil, fmt.Errorf("there is no store %q", st)
	}
	if db != nil {
		db.SetMaxOpenConns(1)
	}
	return db, nil
}

// holds is what there is at this moment.
func holds(ctx context.Context, db *sql.DB) (look, error) {
	l := look{"goroutines": float64(runtime.NumGoroutine())}
	debug.FreeOSMemory() // which collects garbage first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l["heap"] = float64(m.HeapAlloc >> 10)
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return nil, err
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		return nil, err
	}
	l["rss"] = float64(resident * os.Getpagesize() >> 10)
	files, err := os.ReadDir("/proc/self/fd") // connections are files
	if err != nil {
		return nil, err
	}
	l["files"] = float64(len(files))
	if db == nil {
		return l, nil
	}
	for what, table := range map[string]string{
		"sessions": "auth_sessions", "limits": "auth_limits", "outbox": "auth_outbox", "nonces": "auth_nonces", "users": "auth_users",
	} {
		var n int
		if err := db.QueryRowContext(ctx, "select count(*) from "+table).Scan(&n); err != nil { // #nosec G202 -- names of ours
			return nil, err
		}
		l[what] = float64(n)
	}
	return l, nil
}
