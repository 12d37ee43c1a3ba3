//go:build linux

package fleet_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/headless-auth/headless/internal/testenv/testenv"
)

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// process is one that the test has started.
type process struct {
	t    *testing.T
	make func() *exec.Cmd
	cmd  *exec.Cmd
	log  *os.File
}

func run(t *testing.T, name string, make func() *exec.Cmd) *process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, make: make, log: log}
	p.start()
	t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if t.Failed() {
			b, _ := os.ReadFile(log.Name())
			t.Logf("%s:\n%s", name, b[max(0, len(b)-3000):])
		}
		_ = log.Close()
	})
	return p
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = p.make()
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// end sends a signal and waits for the end.
func (p *process) end(s os.Signal) {
	_ = p.cmd.Process.Signal(s)
	_ = p.cmd.Wait()
}

// eventually asks until there is no error.
func eventually(t *testing.T, what string, ask func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

func listens(addr string) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		_ = c.Close()
	}
	return err
}

// postgresUser is who runs PostgreSQL, which refuses to be run by root.
func postgresUser(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Skip("SKIPPED: there is nobody who could run PostgreSQL")
	return nil
}

// postgres is a primary with a standby that has whatever was acknowledged.
type postgres struct {
	t                *testing.T
	who              *syscall.Credential
	dir              string
	ports            [2]string
	primary, standby *process
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(testenv.Program(p.t, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.dir, &syscall.SysProcAttr{Credential: p.who}
	return cmd
}

func (p *postgres) do(name string, args ...string) {
	p.t.Helper()
	if out, err := p.command(name, args...).CombinedOutput(); err != nil {
		p.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (p *postgres) serve(i int, further ...string) *process {
	p.t.Helper()
	data := filepath.Join(p.dir, fmt.Sprint("data", i))
	return run(p.t, fmt.Sprint("postgres", i), func() *exec.Cmd {
		return p.command("postgres", append([]string{
			"-D", data, "-h", "127.0.0.1", "-p", p.ports[i], "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=200",
		}, further...)...)
	})
}

func (p *postgres) url(ports ...string) string {
	var hosts []string
	for _, port := range ports {
		hosts = append(hosts, "127.0.0.1:"+port)
	}
	return "postgres://postgres@" + strings.Join(hosts, ",") + "/postgres?sslmode=disable&target_session_attrs=read-write&connect_timeout=2&pool_max_conns=8"
}

func (p *postgres) ask(port, query string) (answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, "postgres://postgres@127.0.0.1:"+port+"/postgres?sslmode=disable")
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(ctx) }()
	err = c.QueryRow(ctx, query).Scan(&answer)
	return answer, err
}

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	p := &postgres{t: t, who: postgresUser(t), ports: [2]string{freePort(t), freePort(t)}}
	var err error
	if p.dir, err = os.MkdirTemp("", "fleet"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(p.dir) })
	if p.who != nil {
		if err := os.Chown(p.dir, int(p.who.Uid), int(p.who.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	p.do("initdb", "-D", filepath.Join(p.dir, "data0"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	p.primary = p.serve(0, "-c", "synchronous_standby_names=standby")
	answers := func(port string) func() error {
		return func() error { _, err := p.ask(port, "select 'yes'"); return err }
	}
	eventually(t, "the primary", answers(p.ports[0]))
	p.do("pg_basebackup", "-D", filepath.Join(p.dir, "data1"), "-R", "-X", "stream", "-c", "fast", "--no-sync",
		"-d", "host=127.0.0.1 user=postgres application_name=standby port="+p.ports[0])
	p.standby = p.serve(1)
	eventually(t, "the standby", answers(p.ports[1]))
	p.follows()
	return p
}

// follows waits until the standby has everything.
func (p *postgres) follows() {
	p.t.Helper()
	eventually(p.t, "replication", func() error {
		state, err := p.ask(p.ports[0], "select coalesce(max(sync_state), 'none') from pg_stat_replication where application_name = 'standby'")
		if err == nil && state != "sync" {
			err = fmt.Errorf("the standby is %s", state)
		}
		return err
	})
}

// promote makes the standby the primary.
func (p *postgres) promote() {
	p.t.Helper()
	if _, err := p.ask(p.ports[1], "select pg_promote()::text"); err != nil {
		p.t.Fatal(err)
	}
}
