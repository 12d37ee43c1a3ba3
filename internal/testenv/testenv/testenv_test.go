package testenv_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/internal/testenv/testenv"
)

func TestPostgresIsNobodyElses(t *testing.T) {
	ctx := t.Context()
	testenv.Postgres(t) // skip all of it
	var seen string
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			url := testenv.Postgres(t)
			if url == seen {
				t.Fatal("the same one twice")
			}
			seen = url
			c, err := pgx.Connect(ctx, url)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(ctx)
			if _, err := c.Exec(ctx, `create table auth_x (n int)`); err != nil {
				t.Fatal(err)
			}
		})
	}
	c, err := pgx.Connect(ctx, seen)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, `select * from auth_x`); err == nil {
		t.Fatal("the schema is still there")
	}
}

func TestRedisIsNobodyElses(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			o, err := redis.ParseURL(testenv.Redis(t))
			if err != nil {
				t.Fatal(err)
			}
			c := redis.NewClient(o)
			defer c.Close()
			if fresh, err := c.SetNX(ctx, "x", 1, 0).Result(); err != nil || !fresh {
				t.Fatalf("got %v, %v; want an empty database", fresh, err)
			}
		})
	}
}
