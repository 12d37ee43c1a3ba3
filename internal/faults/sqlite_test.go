package faults_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/headless-auth/headless/account/authtest"
	"github.com/headless-auth/headless/store/sqlite"
)

// safe is a buffer for a log.
type safe struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String is what was written.
func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A disk that is full, or not to be written to, is answered 503, and the log
// says why. Reading goes on, nothing is damaged, and as soon as there is room
// all works again. REL-6.
func TestDisk(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, break_, mend, said string }{
		// No page more than there are.
		{"full", `pragma max_page_count = 1`, `pragma max_page_count = 1000000`, "full"},
		{"read-only", `pragma query_only = 1`, `pragma query_only = 0`, "readonly"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "auth.db")+"?_pragma=foreign_keys(1)&_pragma=journal_mode(wal)")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			db.SetMaxOpenConns(1) // whose settings these are
			st := sqlite.New(db)
			if err := st.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			log := &safe{}
			c := config()
			c.Store, c.Logger = st, slog.New(slog.NewTextHandler(log, nil))
			w := &world{t: t, direct: st, site: serve(t, c)}
			w.mails = boxes{w.site}
			in := w.newTrip()
			loggedIn(in)

			if _, err := db.Exec(tt.break_); err != nil {
				t.Fatal(err)
			}
			lost := 0
			var waiting []*trip
			for range 300 { // until what is left in the pages is used up
				tr := w.newTrip()
				if err := tr.goes(signUpByLink); errors.Is(err, errAstray) {
					t.Fatal(err)
				} else if err != nil {
					if !strings.Contains(err.Error(), ": 503: ") {
						t.Errorf("got %v", err)
					}
					waiting = append(waiting, tr)
					if lost++; lost == 3 {
						break
					}
				}
			}
			if lost < 3 {
				t.Fatalf("%d were refused", lost)
			}
			if said := log.String(); !strings.Contains(said, tt.said) {
				t.Errorf("the log does not say why: %s", said)
			}
			if err := in.goes(func(tr *trip) { tr.do("GET", "/auth/session", nil, 200) }); err != nil {
				t.Errorf("reading: %v", err)
			}
			if _, err := db.Exec(tt.mend); err != nil {
				t.Fatal(err)
			}
			for _, tr := range waiting {
				w.again(tr, flow{run: signUpByLink}, "with room again")
			}
			w.sound(tt.name)
			var state string
			if err := db.QueryRow(`pragma integrity_check`).Scan(&state); err != nil || state != "ok" {
				t.Errorf("integrity: got %q, %v", state, err)
			}
		})
	}
}

// One connection is enough for everybody, on SQLite too. REL-6.
func TestOneConnectionToSQLite(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "auth.db")+"?_pragma=foreign_keys(1)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	st := sqlite.New(db)
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := everything()
	c.Store = st
	p := authtest.NewProvider("example")
	w := &world{t: t, direct: st, site: serve(t, c, p), provider: p, patience: c.Timeout}
	w.mails = boxes{w.site}
	w.everybody()
	w.sound(fmt.Sprint("on one connection of ", db.Stats().MaxOpenConnections))
}
