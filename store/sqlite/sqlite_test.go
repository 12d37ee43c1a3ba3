package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/sqlite"
	"github.com/headless-auth/headless/store/storetest"
)

// open returns an empty store in a file, or in memory for ":memory:".
func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

func TestStoreInFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "auth.db")) })
}

// TestStoreInMemory leaves out the races: there is one connection.
func TestStoreInMemory(t *testing.T) {
	open := func(t *testing.T) store.Store { return open(t, ":memory:") }
	storetest.Users(t, open)
	storetest.Emails(t, open)
	storetest.Phones(t, open)
	storetest.Authenticators(t, open)
	storetest.SocialAccounts(t, open)
	storetest.TrustedBrowsers(t, open)
	storetest.Outbox(t, open)
	storetest.AuditLog(t, open)
	storetest.Transactions(t, open)
}

func BenchmarkStore(b *testing.B) {
	storetest.Benchmarks(b, func(b *testing.B) store.Store { return open(b, filepath.Join(b.TempDir(), "auth.db")) })
}
