//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

type options struct {
	conns  []int
	rounds int
	slice  time.Duration
	bound  time.Duration // of session checks during a storm; 0 for none
	agent  string        // of the clients whose sessions are counted in bytes
	// profiles is how the names of profiles begin; empty for none.
	profiles string
}

// operation is what is measured, and of which server it is the limit.
type operation struct {
	kind   string // of our server
	ours   func(p *person) request
	bare   func(p *person) request // nil: there is none
	stores string                  // empty: all
	trades bool                    // each answer has the next refresh token
}

var operations = map[string]operation{
	"session": {kind: "ours",
		ours: func(p *person) request { return render("GET", app+"/auth/session", "", "X-Session-Token", p.token) }, bare: bareSessionOf},
	"browser": {kind: "ours",
		ours: func(p *person) request { return render("GET", browser+"/auth/session", "", "Cookie", p.cookies) }, bare: bareSessionOf},
	"jwt": {kind: "ours",
		ours: func(p *person) request {
			return render("GET", app+"/auth/session", "", "Authorization", "Bearer "+p.access)
		}, bare: bareSessionOf},
	"cached": {kind: "cached",
		ours: func(p *person) request { return render("GET", app+"/auth/session", "", "X-Session-Token", p.token) },
		bare: func(*person) request { return render("GET", "/json", "") }},
	"refresh": {kind: "ours", trades: true, stores: "postgres",
		ours: func(p *person) request {
			return render("POST", app+"/tokens/refresh", fmt.Sprintf(`{"refresh_token":%q}`, p.refresh))
		},
		bare: func(p *person) request { return render("POST", "/refresh", "{}", "X-Session-ID", p.session) }},
	"login": {kind: "ours", stores: "postgres",
		ours: func(p *person) request {
			return render("POST", app+"/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, passphrase))
		},
		bare: func(p *person) request {
			return render("POST", "/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, passphrase))
		}},
	"signup": {kind: "ours",
		ours: func(*person) request {
			return render("POST", app+"/auth/signup", fmt.Sprintf(`{"email":"s%s@example.org","password":%q}`, strings.ToLower(rand.Text()), passphrase))
		}},
}

func bareSessionOf(p *person) request {
	return render("GET", "/session", "", "X-Session-Token", p.token, "X-Session-ID", p.session)
}

const header = "%-9s %-9s %5s  %-5s %9s %8s %8s %8s %7s  %s\n"

func (o *options) measure(ctx context.Context, stores, ops []string) error {
	fmt.Printf("%s, %d processors, %s\n\n", processor(), runtime.NumCPU(), runtime.Version())
	fmt.Printf(header, "store", "operation", "conns", "", "rate/s", "cpu/op", "p50", "p99", "errors", "ours to limit: rate, cpu")
	for _, st := range stores {
		e, drop, err := prepare(ctx, st)
		if err != nil {
			return err
		}
		if e.store == "" {
			fmt.Printf("%-9s left out: there is no server for it; see the command's documentation\n", st)
			continue
		}
		for _, name := range ops {
			op, ok := operations[name]
			if !ok {
				err = fmt.Errorf("there is no operation %q", name)
			} else if op.stores == "" || op.stores == st {
				err = o.measureOperation(ctx, e, name, op)
			}
			if err != nil {
				drop()
				return fmt.Errorf("%s on %s: %w", name, st, err)
			}
		}
		drop()
	}
	return nil
}

// prepare makes an empty database; drop removes it.
func prepare(ctx context.Context, st string) (e environment, drop func(), err error) {
	none := func() {}
	switch st {
	case "memory":
		return environment{store: st}, none, nil
	case "sqlite":
		dir, err := os.MkdirTemp("", "bench")
		return environment{store: st, dsn: dir + "/auth.db"}, func() { _ = os.RemoveAll(dir) }, err
	case "postgres", "redis":
		e := environment{store: st, dsn: os.Getenv("HEADLESS_TEST_POSTGRES"), redis: os.Getenv("HEADLESS_TEST_REDIS")}
		if e.dsn == "" || st == "redis" && e.redis == "" {
			return environment{}, none, nil
		}
		return schema(ctx, e)
	}
	return e, none, fmt.Errorf("there is no store %q", st)
}

// schema makes an empty schema.
func schema(ctx context.Context, e environment) (environment, func(), error) {
	c, err := pgx.Connect(ctx, e.dsn)
	if err != nil {
		return e, nil, err
	}
	name := "bench_" + strings.ToLower(rand.Text())
	if _, err := c.Exec(ctx, "create schema "+name); err != nil {
		return e, nil, err
	}
	u, err := url.Parse(e.dsn)
	if err != nil {
		return e, nil, err
	}
	q := u.Query()
	q.Set("options", "-c search_path="+name)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	e.dsn = u.String()
	return e, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		_, _ = c.Exec(last, "drop schema "+name+" cascade")
		_ = c.Close(last)
	}, nil
}

func (o *options) measureOperation(ctx context.Context, e environment, name string, op operation) error {
	e.kind = op.kind
	ours, err := start(ctx, e)
	if err != nil {
		return err
	}
	defer ours.stop()
	most := slices.Max(o.conns)
	people, err := ours.signUp(max(most, 16))
	others := people
	if err == nil && op.trades { // the limit must not trade in what is ours
		others, err = ours.signUp(len(people))
	}
	if err != nil {
		return err
	}
	var limit *server
	if op.bare != nil {
		e.kind = "bare"
		if limit, err = start(ctx, e); err != nil {
			return err
		}
		defer limit.stop()
	}
	if o.profiles != "" {
		for _, s := range []*server{ours, limit} {
			if s != nil {
				s.profile(fmt.Sprintf("%s-%s-%s-%s.pprof", o.profiles, e.store, name, s.kind))
			}
		}
	}
	for _, n := range o.conns {
		if err := o.pair(e.store, name, n, ours, limit, op, people, others); err != nil {
			return err
		}
	}
	return nil
}

// pair lets both servers take turns.
func (o *options) pair(st, name string, n int, ours, limit *server, op operation, people, others []*person) error {
	next := func(make func(*person) request, people []*person) func(conn, i int) request {
		if make == nil {
			return nil
		}
		if op.trades || name == "signup" {
			return func(conn, _ int) request { return make(people[conn]) }
		}
		made := map[int]request{}
		for i := range people {
			made[i] = make(people[i])
		}
		return func(conn, i int) request { return made[(conn+i)%len(people)] }
	}
	var trade func(conn int, body []byte)
	if op.trades {
		trade = func(conn int, body []byte) {
			var v struct {
				Data struct {
					Refresh string `json:"refresh_token"`
				}
			}
			if json.Unmarshal(body, &v) == nil && v.Data.Refresh != "" {
				people[conn].refresh = v.Data.Refresh
			}
		}
	}
	var mine, theirs []sample
	turn := func(s *server, l *[]sample, next func(conn, i int) request, seen func(int, []byte)) error {
		x, err := s.drive(n, o.slice, next, seen)
		*l = append(*l, x)
		return err
	}
	for round := range o.rounds + 1 {
		turns := []func() error{func() error { return turn(ours, &mine, next(op.ours, people), trade) }}
		if limit != nil {
			turns = append(turns, func() error { return turn(limit, &theirs, next(op.bare, others), nil) })
		}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		for _, t := range turns {
			if err := t(); err != nil {
				return err
			}
		}
	}
	mine = mine[1:] // the first turn warms up
	a := median(mine)
	ratio := ""
	if limit != nil {
		theirs = theirs[1:]
		b := median(theirs)
		show(st, name, n, "limit", b, "")
		var rates, cpus []float64
		for i := range mine {
			rates = append(rates, mine[i].perSecond/theirs[i].perSecond)
			cpus = append(cpus, float64(mine[i].cpu)/math.Max(float64(theirs[i].cpu), 1))
		}
		ratio = spread(rates) + ", " + spread(cpus)
	}
	show(st, name, n, "ours", a, ratio)
	return nil
}

func show(st, name string, n int, who string, x sample, ratio string) {
	round := func(d time.Duration) string { return d.Round(time.Microsecond).String() }
	fmt.Printf(header, st, name, fmt.Sprint(n), who, fmt.Sprintf("%.0f", x.perSecond), round(x.cpu), round(x.p50), round(x.p99), fmt.Sprint(x.errors), ratio)
}

// spread is the median with the least and the largest.
func spread(l []float64) string {
	return fmt.Sprintf("%.2f [%.2f–%.2f]", middle(l), slices.Min(l), slices.Max(l))
}

func median(l []sample) sample {
	var rate []float64
	var cpu, p50, p99 []time.Duration
	x := sample{}
	for _, s := range l {
		rate, cpu, p50, p99 = append(rate, s.perSecond), append(cpu, s.cpu), append(p50, s.p50), append(p99, s.p99)
		x.errors += s.errors
	}
	x.perSecond, x.cpu, x.p50, x.p99 = middle(rate), middle(cpu), middle(p50), middle(p99)
	return x
}

func middle[T float64 | time.Duration](l []T) T {
	l = slices.Sorted(slices.Values(l))
	return l[len(l)/2]
}

func quantile(l []time.Duration, q float64) time.Duration {
	slices.Sort(l)
	return l[min(int(float64(len(l))*q), len(l)-1)]
}

// processor is what the machine's is called.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// Users and sessions are made by the database itself. The i-th token is its
// number in words.
const (
	seedUsers = `insert into auth_users (username, password, first_name, last_name, disabled, deactivated_at, epoch, fields,
		created_at, last_login_at, version) select '', '!', '', '', false, '0001-01-01', 0, '', now(), now(), 1 from generate_series($1::bigint, $2)`
	seedSessions = `insert into auth_sessions (token_hash, user_id, epoch, methods, state, ip, user_agent, created_at, seen_at,
		expires_at, version, generation, refreshed_at) select sha256(('token-' || i)::bytea), u.id, 0, s.methods, '', '203.0.113.77', s.user_agent,
		s.created_at, s.seen_at, s.expires_at, 1, 0, '0001-01-01'
		from (select * from auth_sessions where methods <> '' order by id limit 1) s,
		(select id, row_number() over (order by id) + $1 - 1 i from auth_users where id not in (select coalesce(user_id, 0) from auth_sessions)) u`
	seedSize = `select pg_total_relation_size('auth_sessions') / greatest(count(*), 1) from auth_sessions`
)

// measureScale measures session checks among ever more users and sessions.
func (o *options) measureScale(ctx context.Context, sizes []int) error {
	e, drop, err := prepare(ctx, "postgres")
	if err != nil {
		return err
	}
	if e.store == "" {
		return fmt.Errorf("there is no PostgreSQL; see the command's documentation")
	}
	defer drop()
	e.kind = "ours"
	s, err := start(ctx, e) // which makes the tables
	if err != nil {
		return err
	}
	defer s.stop()
	c, err := pgx.Connect(ctx, e.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	fmt.Printf("%s, %d processors, %s\n\n%10s %9s %9s %9s %9s %14s %12s\n", processor(), runtime.NumCPU(), runtime.Version(),
		"sessions", "rate/s", "cpu/op", "p50", "p99", "bytes/session", "server MiB")
	// Somebody logs in; the others' sessions are like theirs.
	for _, path := range []string{"/auth/signup", "/auth/login"} {
		if _, _, err := s.call("POST", app+path, fmt.Sprintf(`{"email":"somebody@example.com","password":%q}`, passphrase), "User-Agent", o.agent); err != nil {
			return err
		}
	}
	have := 0
	for _, size := range slices.Sorted(slices.Values(sizes)) {
		if _, err := c.Exec(ctx, seedUsers, have+1, size); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, seedSessions, have+1); err != nil {
			return err
		}
		have = size
		if _, err := c.Exec(ctx, "vacuum analyze auth_sessions, auth_users"); err != nil {
			return err
		}
		var bytes int64
		if err := c.QueryRow(ctx, seedSize).Scan(&bytes); err != nil {
			return err
		}
		var l []sample
		for range o.rounds + 1 {
			x, err := s.drive(16, o.slice, func(int, int) request {
				token := fmt.Sprintf("token-%d", 1+mathrand.IntN(size)) // #nosec G404 -- any will do
				return render("GET", app+"/auth/session", "", "X-Session-Token", token)
			}, nil)
			if err != nil {
				return err
			}
			if x.errors > 0 {
				return fmt.Errorf("%d requests failed", x.errors)
			}
			l = append(l, x)
		}
		x := median(l[1:])
		held, _ := s.memory()
		fmt.Printf("%10d %9.0f %9v %9v %9v %14d %12d\n", size, x.perSecond, x.cpu.Round(time.Microsecond), x.p50.Round(time.Microsecond), x.p99.Round(time.Microsecond), bytes, held>>20)
	}
	return nil
}
