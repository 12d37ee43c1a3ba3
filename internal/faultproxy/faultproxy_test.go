package faultproxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
)

// echo is a server that says what it hears, by lines.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				for s := bufio.NewScanner(c); s.Scan(); {
					fmt.Fprintln(c, s.Text())
				}
			}()
		}
	}()
	return l.Addr().String()
}

// say says something and returns the answer.
func say(c net.Conn, text string, patience time.Duration) (string, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c, text); err != nil {
		return "", err
	}
	return bufio.NewReader(c).ReadString('\n')
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestStates(t *testing.T) {
	t.Parallel()
	p := faultproxy.New(t, echo(t))
	well := func(c net.Conn) {
		t.Helper()
		if got, err := say(c, "hello", 10*time.Second); got != "hello\n" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	c := dial(t, p.Addr)
	well(c)
	p.Set(faultproxy.Cut)
	if got, err := say(c, "hello", 10*time.Second); err == nil {
		t.Errorf("cut: got %q", got)
	}
	if got, err := say(dial(t, p.Addr), "hello", 10*time.Second); err == nil {
		t.Errorf("cut, and new: got %q", got)
	}
	p.Heal()
	c = dial(t, p.Addr)
	well(c)
	p.Set(faultproxy.Silent)
	var late net.Error
	for name, c := range map[string]net.Conn{"": c, ", and new": dial(t, p.Addr)} {
		if got, err := say(c, "hello", 50*time.Millisecond); !errors.As(err, &late) || !late.Timeout() {
			t.Errorf("silent%s: got %q, %v", name, got, err)
		}
	}
	p.Heal()
	if got, err := say(c, "hello", 10*time.Second); err == nil || errors.As(err, &late) && late.Timeout() {
		t.Errorf("what was silent has lost bytes, and yet goes on: %q, %v", got, err)
	}
	c = dial(t, p.Addr)
	p.Delay(30 * time.Millisecond)
	start := time.Now()
	if well(c); time.Since(start) < 30*time.Millisecond {
		t.Errorf("slow: took %v", time.Since(start))
	}
}

func TestStatements(t *testing.T) {
	t.Parallel()
	straight := testenv.Postgres(t)
	p, url := faultproxy.Postgres(t, straight)
	connect := func(url string) *pgx.Conn {
		t.Helper()
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
		return c
	}
	c := connect(url)
	if _, err := c.Exec(t.Context(), `create table t (n int)`); err != nil {
		t.Fatal(err)
	}
	count := func(c *pgx.Conn, n int) (rows int) {
		t.Helper()
		if err := c.QueryRow(t.Context(), `select count(*) from t where n = $1`, n).Scan(&rows); err != nil {
			t.Error(err)
		}
		return rows
	}
	beside := connect(straight)
	then := make(chan int, 1) // how many rows there are as it goes wrong
	// insert is a transaction of four statements.
	insert := func(n int) error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		c := connect(url)
		p.Arm(faultproxy.Plan{})
		if _, err := c.Prepare(ctx, "i", `insert into t values ($1)`); err != nil {
			t.Fatal(err)
		}
		plan := faultproxy.Plan{Fault: faultproxy.Fault(n / 10), At: n % 10, Delay: 10 * time.Millisecond}
		plan.Then = func() { then <- count(beside, n) }
		p.Arm(plan)
		defer p.Heal()
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			_, err1 := tx.Exec(ctx, "i", n)
			_, err2 := tx.Exec(ctx, "i", n)
			return errors.Join(err1, err2)
		})
	}
	for _, tt := range []struct {
		fault        faultproxy.Fault
		at           int
		failed, kept bool
	}{
		{faultproxy.Before, 1, true, false}, {faultproxy.Before, 4, true, false}, {faultproxy.Before, 5, false, true},
		{faultproxy.After, 1, true, false}, {faultproxy.After, 3, true, false}, {faultproxy.After, 4, true, true},
		{faultproxy.LostCommit, 1, true, true}, {faultproxy.LostCommit, 2, false, true},
		{faultproxy.Outage, 4, true, false}, {faultproxy.Hole, 3, true, false}, {faultproxy.Slow, 2, false, true},
	} {
		n := 10*int(tt.fault) + tt.at
		err := insert(n)
		fired, seen := p.Fired()
		rows := count(connect(url), n)
		if fired {
			after := tt.fault == faultproxy.After || tt.fault == faultproxy.LostCommit
			if then := <-then; after && then != rows || !after && then != 0 {
				t.Errorf("fault %d at %d: there were %d rows then, and %d in the end", tt.fault, tt.at, then, rows)
			}
		}
		if (err != nil) != tt.failed || rows != map[bool]int{false: 0, true: 2}[tt.kept] || seen < min(tt.at, 4) && tt.fault != faultproxy.LostCommit {
			t.Errorf("fault %d at %d: got %v, %d rows; fired %t, seen %d", tt.fault, tt.at, err, rows, fired, seen)
		}
	}
}
