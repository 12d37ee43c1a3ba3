package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
	"github.com/headless-auth/headless/store/storetest"
)

// pool opens a pool with settings on top of a URL.
func pool(t testing.TB, url, settings string) *pgxpool.Pool {
	t.Helper()
	p, err := pgxpool.New(t.Context(), url+settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// migrated returns a store on a pool.
func migrated(t testing.TB, p *pgxpool.Pool) *postgres.Store {
	t.Helper()
	st := postgres.New(p)
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

// empty removes every record.
func empty(t testing.TB, p *pgxpool.Pool) {
	t.Helper()
	_, err := p.Exec(context.Background(), `delete from auth_users; delete from auth_sessions; delete from auth_limits;
		delete from auth_nonces; delete from auth_outbox; delete from auth_audit`)
	if err != nil {
		t.Fatal(err)
	}
}

// opener returns stores on one pool, each time emptied.
func opener(t *testing.T, settings string) func(t *testing.T) store.Store {
	p := pool(t, testenv.Postgres(t), settings)
	st := migrated(t, p)
	return func(t *testing.T) store.Store {
		empty(t, p)
		return st
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, opener(t, "&pool_max_conns=20"))
}

// TestStoreOnOneConnection would hang if a transaction needed a second one.
func TestStoreOnOneConnection(t *testing.T) {
	t.Parallel()
	open := opener(t, "&pool_max_conns=1")
	storetest.Transactions(t, open)
	storetest.Sessions(t, func(t *testing.T) store.Sessions { return open(t) })
	storetest.Limits(t, func(t *testing.T) store.Limits { return open(t) })
	storetest.Nonces(t, func(t *testing.T) store.Nonces { return open(t) })
}

// TestStoreSerializable is for hosts who have made that their default: what
// can't be serialised is done again.
func TestStoreSerializable(t *testing.T) {
	t.Parallel()
	open := opener(t, "&pool_max_conns=20&default_transaction_isolation=serializable")
	storetest.Transactions(t, open)
	storetest.Concurrency(t, open)
}

// TestTwoInstances has one watch what the other changes.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	p := pool(t, url, "&pool_max_conns=4")
	one, other := migrated(t, p), postgres.New(pool(t, url, "&pool_max_conns=1"))
	storetest.SessionWatcher(t, func(t *testing.T) (store.Sessions, store.Sessions) {
		empty(t, p)
		return one, other
	})
}

// TestStoreBehindAPooler runs in the modes that prepare no statements. Values
// may travel as text then, so the time zone must not matter.
func TestStoreBehindAPooler(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			open := opener(t, "&timezone=America/New_York&default_query_exec_mode="+mode)
			storetest.Users(t, open)
			storetest.Emails(t, open)
			storetest.Authenticators(t, open)
			storetest.SocialAccounts(t, open)
			storetest.Outbox(t, open)
			storetest.AuditLog(t, open)
			storetest.Transactions(t, open)
			storetest.SessionWatcher(t, func(t *testing.T) (store.Sessions, store.Sessions) {
				st := open(t)
				return st, st
			})
		})
	}
}

// What is prepared on a connection becomes stale: a later version has changed
// the table, or a pooler has discarded it. Nobody notices.
func TestStaleStatements(t *testing.T) {
	t.Parallel()
	p := pool(t, testenv.Postgres(t), "&pool_max_conns=1")
	st := migrated(t, p)
	u := &store.User{Username: "ada"}
	if err := st.CreateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if _, err := st.User(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	for _, change := range []string{"alter table auth_users alter epoch type integer", "deallocate all", "alter table auth_users alter epoch type bigint"} {
		if _, err := p.Exec(t.Context(), change, pgx.QueryExecModeExec); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := st.User(t.Context(), u.ID)
			if err != nil || got.Username != "ada" {
				t.Errorf("after %q: got %+v, %v", change, got, err)
			}
		}
		if err := st.UpdateUser(t.Context(), u); err != nil {
			t.Errorf("after %q: %v", change, err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	p := pool(b, testenv.Postgres(b), "&pool_max_conns=20")
	st := migrated(b, p)
	storetest.Benchmarks(b, func(b *testing.B) store.Store {
		empty(b, p)
		return st
	})
}
