// Package testenv lends tests a database of their own on the servers that
// command testenv has started:
//
//	go run ./internal/testenv go test ./...
//
// Without a server a test is skipped, and says so; under the command, which
// sets HEADLESS_TEST_REQUIRE=1, it fails.
package testenv

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Postgres returns the URL of an empty schema that nobody else uses, and that
// goes when the test ends. It is not a database: making one takes thirty times
// as long. A test that wants to know its own connections can give them an
// application_name.
func Postgres(t testing.TB) string {
	t.Helper()
	server := variable(t, "HEADLESS_TEST_POSTGRES")
	schema := "test_" + strings.ToLower(rand.Text())
	postgres(t, server, "create schema "+schema)
	t.Cleanup(func() { postgres(t, server, "drop schema "+schema+" cascade") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("options", "-c search_path="+schema+" -c client_min_messages=warning")
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20")
	return u.String()
}

func postgres(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Redis returns the URL of an empty database that nobody else uses, as long as
// no more tests run at once than the server has databases, less one.
func Redis(t testing.TB) string {
	t.Helper()
	o, err := redis.ParseURL(variable(t, "HEADLESS_TEST_REDIS"))
	if err != nil {
		t.Fatal(err)
	}
	// Database 0 counts who had which.
	o.DB = 0
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c := redis.NewClient(o)
	defer c.Close()
	settings, err := c.ConfigGet(ctx, "databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	all, err := strconv.ParseInt(settings["databases"], 10, 64)
	if err != nil || all < 2 {
		t.Fatalf("the server has %q databases", settings["databases"])
	}
	n, err := c.Incr(ctx, "headless:testenv:databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	o.DB = int(1 + n%(all-1))
	flush(t, o)
	t.Cleanup(func() { flush(t, o) })
	u := url.URL{Scheme: "redis", Host: o.Addr, Path: "/" + strconv.Itoa(o.DB)}
	if o.Username != "" || o.Password != "" {
		u.User = url.UserPassword(o.Username, o.Password)
	}
	return u.String()
}

func flush(t testing.TB, o *redis.Options) {
	t.Helper()
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.FlushDB(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
}

// variable returns the address of a server.
func variable(t testing.TB, name string) string {
	t.Helper()
	v := os.Getenv(name)
	switch {
	case v != "":
		return v
	case os.Getenv("HEADLESS_TEST_REQUIRE") == "1":
		t.Fatalf("%s is not set, and HEADLESS_TEST_REQUIRE says that it has to be", name)
	default:
		t.Skipf("SKIPPED: %s is not set; run: go run ./internal/testenv go test ./…", name)
	}
	return ""
}
