//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	goredis "github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite" // for the bare handlers

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/jwt"
	"github.com/headless-auth/headless/internal/password"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/tokens"
)

// environment tells a server what it works on.
type environment struct{ kind, store, dsn, redis string }

func (e environment) vars() []string {
	return []string{"BENCH_STORE=" + e.store, "BENCH_DSN=" + e.dsn, "BENCH_REDIS=" + e.redis}
}

// beServer serves until its parent closes its input.
func beServer(ctx context.Context, kind string) error {
	e := environment{kind, os.Getenv("BENCH_STORE"), os.Getenv("BENCH_DSN"), os.Getenv("BENCH_REDIS")}
	var h http.Handler
	var err error
	if kind == "bare" {
		h, err = bare(ctx, e)
	} else {
		h, err = ours(ctx, e)
	}
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { // our parent says where to write a profile to, and closes
		in := bufio.NewReader(os.Stdin)
		stop := func() {}
		if name, err := in.ReadString('\n'); err == nil {
			stop = profile(strings.TrimSpace(name))
		}
		_, _ = io.Copy(io.Discard, in)
		stop()
		_ = srv.Close()
	}()
	if err = srv.Serve(ln); errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// profile writes down where the processor's time goes, until stop.
func profile(name string) (stop func()) {
	f, err := os.Create(name) //nolint:gosec // it is the user's
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}

// signingKey is the same in every server of a run, and known to everybody.
var signingKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

const connections = 8 // of each server to its database

func openPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	c.MaxConns = connections
	return pgxpool.NewWithConfig(ctx, c)
}

func openRedis(url string) (*goredis.Client, error) {
	o, err := goredis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.PoolSize = connections
	return goredis.NewClient(o), nil
}

// spare is our server with a processor that makes no hashes.
const spare = "spare"

// ours is the library.
func ours(ctx context.Context, e environment) (http.Handler, error) {
	strategy, err := tokens.NewJWT(tokens.JWTConfig{Keys: []tokens.Key{{Private: signingKey}}})
	if err != nil {
		return nil, err
	}
	c := headless.Config{
		URL: "http://127.0.0.1", Secret: make([]byte, 32), NoLimits: true, Mailer: nobody{}, Tokens: strategy,
		Frontend: headless.Frontend{VerifyEmail: "/v/{key}", ResetPassword: "/r/{key}"},
		Account:  account.Config{EmailVerification: account.None},
		Logger:   slog.New(slog.DiscardHandler),
		Session:  sessions.Config{List: true},
	}
	switch e.kind {
	case "cached":
		c.Session.CacheFor = 10 * time.Second
	case spare:
		c.Account.Password.MaxConcurrent = max(1, runtime.NumCPU()-1)
	}
	switch e.store {
	case "memory":
		c.Store = memory.New()
	case "sqlite":
		st, err := sqlite.Open(ctx, e.dsn)
		if err != nil {
			return nil, err
		}
		if err := st.Migrate(ctx); err != nil {
			return nil, err
		}
		c.Store = st
	default:
		pool, err := openPool(ctx, e.dsn)
		if err != nil {
			return nil, err
		}
		st := postgres.New(pool)
		if err := st.Migrate(ctx); err != nil {
			return nil, err
		}
		c.Store = st
	}
	if e.store == "redis" {
		client, err := openRedis(e.redis)
		if err != nil {
			return nil, err
		}
		c.SessionStore = redis.New(client, redis.Options{Prefix: redisPrefix})
	}
	auth, err := headless.New(c)
	if err != nil {
		return nil, err
	}
	return auth.Handler(), nil
}

const redisPrefix = "bench:"

type nobody struct{}

func (nobody) Send(context.Context, account.Message) error { return nil }

// bareServer is the limit: net/http and the database's driver.
type bareServer struct {
	pool   *pgxpool.Pool
	lite   *sql.Stmt
	redis  *goredis.Client
	hasher *password.Hasher
	key    *jwt.Key
	token  string // one that it has signed
}

func bare(ctx context.Context, e environment) (http.Handler, error) {
	s := &bareServer{}
	var err error
	if s.hasher, err = password.New(password.Params{}); err != nil {
		return nil, err
	}
	if s.key, err = jwt.NewKey(signingKey, ""); err != nil {
		return nil, err
	}
	if s.token, err = s.key.Sign(jwt.Claims{Subject: "1", SessionID: "1", ID: "1.0.0", Use: jwt.Refresh}, nil); err != nil {
		return nil, err
	}
	switch e.store {
	case "sqlite":
		var db *sql.DB
		if db, err = sql.Open("sqlite", "file:"+e.dsn+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)"); err == nil {
			s.lite, err = db.PrepareContext(ctx, bareSession)
		}
	case "postgres", "redis":
		s.pool, err = openPool(ctx, e.dsn)
	}
	if err == nil && e.store == "redis" {
		s.redis, err = openRedis(e.redis)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /session", s.session)
	mux.HandleFunc("GET /json", func(w http.ResponseWriter, _ *http.Request) { identity(w, 1, "somebody@example.org", 1) })
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /refresh", s.refresh)
	return mux, err
}

// bareSession is the one question that tells who a token is.
const bareSession = `select u.id, coalesce(e.email, ''), s.expires_at from auth_sessions s join auth_users u on u.id = s.user_id
	left join auth_emails e on e.user_id = u.id and e.is_primary where s.token_hash = $1 and substr(s.token_hash, 1, 7) = $2 and s.epoch = u.epoch`

type answered struct {
	ID      string `json:"id"`
	Email   string `json:"email"`
	Expires int64  `json:"expires_at"`
}

func answer(w http.ResponseWriter, a *answered) {
	b, err := json.Marshal(a)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

// identity tells who somebody is, in as much JSON as ours.
func identity(w http.ResponseWriter, id int64, email string, at int64) {
	b := append(make([]byte, 0, 400), `{"status":200,"data":{"user":{"id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"display":`...)
	b = strconv.AppendQuote(b, email)
	b = append(b, `,"email":`...)
	b = strconv.AppendQuote(b, email)
	b = append(b, `,"has_usable_password":true},"methods":[{"method":"password","at":`...)
	b = strconv.AppendInt(b, at, 10)
	b = append(b, `,"email":`...)
	b = strconv.AppendQuote(b, email)
	b = append(b, `}]},"meta":{"is_authenticated":true}}`...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b)
}

func (s *bareServer) session(w http.ResponseWriter, r *http.Request) {
	hash := sha256.Sum256([]byte(r.Header.Get("X-Session-Token")))
	var a answered
	var id int64
	var err error
	switch {
	case s.redis != nil: // the session there, its user here
		var f []any
		f, err = s.redis.HMGet(r.Context(), redisPrefix+"s:{"+r.Header.Get("X-Session-ID")+"}", "u", "x", "h").Result()
		if err == nil {
			var expires time.Time
			err = s.pool.QueryRow(r.Context(), `select u.id, coalesce(e.email, ''), u.created_at from auth_users u
				left join auth_emails e on e.user_id = u.id and e.is_primary where u.id::text = $1`, f[0]).Scan(&id, &a.Email, &expires)
			a.Expires = expires.Unix()
		}
	case s.lite != nil:
		err = s.lite.QueryRowContext(r.Context(), hash[:], hash[:7]).Scan(&id, &a.Email, &a.Expires)
	case s.pool != nil:
		var expires time.Time
		err = s.pool.QueryRow(r.Context(), bareSession, hash[:], hash[:7]).Scan(&id, &a.Email, &expires)
		a.Expires = expires.Unix()
	default:
		id, a.Email = 1, "somebody@example.org"
	}
	if err != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	identity(w, id, a.Email, a.Expires)
}

func (s *bareServer) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	var id int64
	var encoded string
	err := json.NewDecoder(r.Body).Decode(&in)
	if err == nil {
		err = s.pool.QueryRow(r.Context(), `select u.id, u.password from auth_emails e join auth_users u on u.id = e.user_id where e.email = $1`, in.Email).Scan(&id, &encoded)
	}
	ok := false
	if err == nil {
		ok, _, err = s.hasher.Verify(r.Context(), in.Password, encoded)
	}
	if err != nil || !ok {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answer(w, &answered{fmt.Sprint(id), in.Email, 0})
}

// refresh reads a token, does the statement of a refresh and signs two tokens.
func (s *bareServer) refresh(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	var user int64
	_, err := jwt.Open(s.token, func(string, string) ([]*jwt.Key, error) { return []*jwt.Key{s.key}, nil })
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	err = s.pool.QueryRow(r.Context(), `update auth_sessions set generation = generation + 1, refreshed_at = $2, seen_at = $2 where id = $1 returning user_id`, r.Header.Get("X-Session-ID"), now).Scan(&user)
	c := jwt.Claims{Subject: fmt.Sprint(user), SessionID: "1", ID: "x", Use: jwt.Access, IssuedAt: jwt.Seconds(now), ExpiresAt: jwt.Seconds(now.Add(time.Minute))}
	var access, refresh string
	if err == nil {
		access, err = s.key.Sign(c, nil)
	}
	if err == nil {
		refresh, err = s.key.Sign(c, nil)
	}
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	answer(w, &answered{access, refresh, 0})
}
