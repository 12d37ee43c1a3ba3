package redis_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	headlessredis "github.com/headless-auth/headless/store/redis"
	"github.com/headless-auth/headless/store/storetest"
)

// conform runs the parts of the suite, each test in a space of its own.
func conform(t *testing.T, client redis.UniversalClient) {
	open := func(*testing.T) *headlessredis.Store {
		return headlessredis.New(client, headlessredis.Options{Prefix: "test[*]" + rand.Text() + ":"})
	}
	t.Run("Sessions", func(t *testing.T) {
		storetest.Sessions(t, func(t *testing.T) store.Sessions { return open(t) })
	})
	t.Run("SessionWatcher", func(t *testing.T) {
		storetest.SessionWatcher(t, func(t *testing.T) (one, other store.Sessions) {
			o := headlessredis.Options{Prefix: "test:" + rand.Text() + ":"}
			return headlessredis.New(client, o), headlessredis.New(client, o)
		})
	})
	t.Run("Limits", func(t *testing.T) {
		storetest.Limits(t, func(t *testing.T) store.Limits { return open(t) })
	})
	t.Run("Nonces", func(t *testing.T) {
		storetest.Nonces(t, func(t *testing.T) store.Nonces { return open(t) })
	})
	t.Run("Clock", func(t *testing.T) { storetest.Clock(t, func(t *testing.T) any { return open(t) }) })
	t.Run("Ping", func(t *testing.T) {
		if err := open(t).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func single(t *testing.T) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestSingleServer(t *testing.T) { conform(t, single(t)) }

func TestCluster(t *testing.T) { conform(t, cluster(t)) }

// server starts a server that is stopped when the test ends.
func server(t *testing.T, args ...string) (addr string, cmd *exec.Cmd) {
	t.Helper()
	path := testenv.Program(t, "redis-server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd = exec.Command(path, append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()}, args...)...) //nolint:gosec // a test's own arguments
	var log strings.Builder
	cmd.Stdout = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { _ = c.Close() }()
	eventually(t, func() error { return c.Ping(t.Context()).Err() })
	return addr, cmd
}

// eventually asks until there is no error.
func eventually(t *testing.T, ask func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// cluster starts three servers that share the slots.
func cluster(t *testing.T) *redis.ClusterClient {
	t.Helper()
	ctx := t.Context()
	const nodes, slots = 3, 16384
	var addrs, buses []string
	for i := range nodes {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, bus, _ := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		addr, _ := server(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "5000")
		addrs, buses = append(addrs, addr), append(buses, bus)
		c := redis.NewClient(&redis.Options{Addr: addr})
		defer func() { _ = c.Close() }()
		if err := c.ClusterAddSlotsRange(ctx, i*slots/nodes, (i+1)*slots/nodes-1).Err(); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			_, port, _ := net.SplitHostPort(addrs[0])
			if err := c.Do(ctx, "cluster", "meet", "127.0.0.1", port, buses[0]).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, addr := range addrs {
		c := redis.NewClient(&redis.Options{Addr: addr})
		defer func() { _ = c.Close() }()
		eventually(t, func() error {
			info, err := c.ClusterInfo(ctx).Result()
			if err == nil && (!strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3")) {
				err = errors.New(info)
			}
			return err
		})
	}
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func session(user string) *store.Session {
	at := time.Now().UTC().Truncate(time.Microsecond)
	return &store.Session{TokenHash: []byte(rand.Text()), UserID: user, CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(time.Hour)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is left over when an instance dies between two steps.
func TestCrashes(t *testing.T) {
	c, ctx := single(t), t.Context()
	st := headlessredis.New(c, headlessredis.Options{})
	t.Run("an id that was announced, and never became a session", func(t *testing.T) {
		must(t, c.SAdd(ctx, "headless:u:{7}", "1", "nonsense").Err())
		s := session("7")
		must(t, st.CreateSession(ctx, s))
		l, err := st.SessionsOf(ctx, "7")
		if err != nil || len(l) != 1 || l[0].ID != s.ID {
			t.Errorf("got %v, %v", l, err)
		}
		if c.SIsMember(ctx, "headless:u:{7}", "1").Val() {
			t.Error("it was not removed")
		}
		must(t, st.DeleteSessionsOf(ctx, "7", ""))
		if l, err := st.SessionsOf(ctx, "7"); err != nil || len(l) != 0 {
			t.Errorf("got %v, %v", l, err)
		}
	})
	t.Run("a token that points to a session with another token", func(t *testing.T) {
		s := session("8")
		must(t, st.CreateSession(ctx, s))
		must(t, c.Set(ctx, "headless:t:{stale}", s.ID, 0).Err())
		if x, err := st.SessionByHash(ctx, []byte("stale")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, %v", x, err)
		}
		other := session("8")
		other.TokenHash = []byte("stale")
		must(t, st.CreateSession(ctx, other)) // it is free
		if x, err := st.SessionByHash(ctx, []byte("stale")); err != nil || x.ID != other.ID {
			t.Errorf("got %v, %v", x, err)
		}
	})
	t.Run("a session without a token is ended with its user's others", func(t *testing.T) {
		s := session("9")
		must(t, st.CreateSession(ctx, s))
		must(t, c.Del(ctx, "headless:t:{"+string(s.TokenHash)+"}").Err())
		must(t, st.DeleteSessionsOf(ctx, "9", ""))
		if x, err := st.Session(ctx, s.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, %v", x, err)
		}
	})
	t.Run("nothing stays for ever", func(t *testing.T) {
		s := session("10")
		must(t, st.CreateSession(ctx, s))
		s.TokenHash = []byte(rand.Text())
		must(t, st.UpdateSession(ctx, s))
		must(t, st.TouchSession(ctx, s, s.SeenAt))
		_, err := st.Take(ctx, time.Now(), store.Bucket{Key: "k", Amount: 1, Per: time.Minute})
		must(t, err)
		must(t, st.UseOnce(ctx, "k", time.Now(), time.Now().Add(time.Minute)))
		for _, key := range []string{"s:{" + s.ID + "}", "t:{" + string(s.TokenHash) + "}", "u:{10}", "l:{k}", "n:{k}"} {
			if d := c.PTTL(ctx, "headless:"+key).Val(); d <= 0 || d > 3*time.Hour {
				t.Errorf("%s is kept for %v", key, d)
			}
		}
	})
}

func TestServerIsLost(t *testing.T) {
	addr, cmd := server(t)
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialTimeout: 200 * time.Millisecond})
	defer func() { _ = c.Close() }()
	st, ctx := headlessredis.New(c, headlessredis.Options{}), t.Context()
	s := session("7")
	must(t, st.CreateSession(ctx, s))
	heard, deaf := make(chan string, 10), make(chan error, 1)
	go func() { deaf <- st.WatchSessions(ctx, func(userID string) { heard <- userID }) }()
	if got := <-heard; got != "" {
		t.Errorf("at first it hears %q", got)
	}
	_ = cmd.Process.Kill()
	_, _ = cmd.Process.Wait()
	if err := <-deaf; !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("WatchSessions: got %v, want %v", err, store.ErrUnavailable)
	}
	for name, call := range map[string]func() error{
		"CreateSession":    func() error { return st.CreateSession(ctx, session("7")) },
		"SessionByHash":    func() error { _, err := st.SessionByHash(ctx, s.TokenHash); return err },
		"Session":          func() error { _, err := st.Session(ctx, s.ID); return err },
		"UpdateSession":    func() error { return st.UpdateSession(ctx, s) },
		"TouchSession":     func() error { return st.TouchSession(ctx, s, s.SeenAt) },
		"DeleteSession":    func() error { return st.DeleteSession(ctx, s.ID) },
		"SessionsOf":       func() error { _, err := st.SessionsOf(ctx, "7"); return err },
		"DeleteSessionsOf": func() error { return st.DeleteSessionsOf(ctx, "7", "") },
		"RefreshSession": func() error {
			_, _, err := st.RefreshSession(ctx, &store.Refresh{SessionID: s.ID, UserID: "7"})
			return err
		},
		"Take": func() error {
			_, err := st.Take(ctx, time.Now(), store.Bucket{Key: "k", Amount: 1, Per: time.Second})
			return err
		},
		"GiveBack": func() error { return st.GiveBack(ctx, time.Now(), "k") },
		"UseOnce":  func() error { return st.UseOnce(ctx, "k", time.Now(), time.Now().Add(time.Hour)) },
		"Ping":     func() error { return st.Ping(ctx) },
		"WatchSessions": func() error {
			return st.WatchSessions(ctx, func(string) { t.Error("it hears without a server") })
		},
	} {
		if err := call(); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, store.ErrUnavailable)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := st.Ping(gone); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a caller who went away: got %v", err)
	}
}

func TestServerThatIsNotReady(t *testing.T) {
	c, ctx := single(t), t.Context()
	st := headlessredis.New(c, headlessredis.Options{})
	must(t, c.HSet(ctx, "headless:s:{1}", "h", "x", "v", "many").Err())
	if _, err := st.Session(ctx, "1"); err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session that can't be read: got %v", err)
	}
	must(t, c.Set(ctx, "headless:s:{2}", "x", 0).Err())
	if _, err := st.Session(ctx, "2"); err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a key of another type: got %v", err)
	}
}

// One that died is followed by another: sentinels tell who is the master.
func TestSentinel(t *testing.T) {
	path := testenv.Program(t, "redis-server")
	master, cmd := server(t)
	host, port, _ := net.SplitHostPort(master)
	replica, _ := server(t, "--replicaof", host+" "+port)
	sentinel := startSentinel(t, path, host, port)
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{sentinel}, DialTimeout: time.Second})
	defer func() { _ = c.Close() }()
	st, ctx := headlessredis.New(c, headlessredis.Options{}), t.Context()
	s := session("7")
	must(t, st.CreateSession(ctx, s))
	must(t, c.Wait(ctx, 1, 10*time.Second).Err())
	_ = cmd.Process.Kill()
	_, _ = cmd.Process.Wait()
	eventually(t, func() error {
		x, err := st.SessionByHash(ctx, s.TokenHash)
		if err == nil {
			err = st.UpdateSession(ctx, x) // not just read
		}
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Fatal(err)
		}
		return err
	})
	r := redis.NewClient(&redis.Options{Addr: replica})
	defer func() { _ = r.Close() }()
	if role := fmt.Sprint(r.Do(ctx, "role").Val()); !strings.HasPrefix(role, "[master") {
		t.Errorf("the replica is %s", role)
	}
}
