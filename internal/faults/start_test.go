//go:build unix

package faults_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/headless-auth/headless/internal/faultproxy"
	"github.com/headless-auth/headless/internal/testenv/testenv"
	"github.com/headless-auth/headless/store/sqlite"
)

// together are servers that start at once on a database without tables.
const together = 4

// Servers that start at once on an empty database, while one of them is killed
// at some statement of its start, make its tables once, and serve. REL-5.
func TestStartAtOnceOnPostgres(t *testing.T) {
	t.Parallel()
	every := 4 * thin
	if *full {
		every = 1
	}
	kills := 0
	for n := 1; ; n += every {
		straight := testenv.Postgres(t)
		proxy, url := faultproxy.Postgres(t, straight)
		victim := (&world{t: t}).process(t, victims[0], url, nil)
		fault := []faultproxy.Fault{faultproxy.Before, faultproxy.After}[n/every%2]
		proxy.Arm(faultproxy.Plan{Fault: fault, At: n, Then: victim.kill})
		victim.launch()
		w := &world{t: t, direct: opened(t, straight+"&pool_max_conns=2")}
		w.startTogether(straight)
		if victim.listens() {
			break
		}
		kills++
		// And so does the victim when it is started again.
		proxy.Heal()
		victim.start()
		w.sound(fmt.Sprintf("killed at statement %d", n))
	}
	if kills == 0 {
		t.Error("nobody was killed")
	}
	t.Logf("%d kills", kills)
}

// The same on one SQLite file, where nobody is killed; package sqlstore has
// that.
func TestStartAtOnceOnSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "auth.db")
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{t: t, direct: st}
	w.startTogether("sqlite:" + path)
	w.sound("started at once")
}

// startTogether has servers start at once, of which the world is the last, and
// somebody sign up there and log in at each.
func (w *world) startTogether(database string) {
	w.t.Helper()
	servers := make([]*process, together)
	for i := range servers {
		of := &world{t: w.t, direct: w.direct}
		if i == together-1 {
			of = w
		}
		servers[i] = of.process(w.t, victims[0], database, nil)
	}
	for _, s := range servers {
		s.launch()
	}
	for _, s := range servers {
		if !s.listens() {
			w.t.Fatalf("the server has ended: %s", &s.log)
		}
	}
	tr := w.newTrip()
	must(w.t, tr, "signup", signUpByLink)
	for _, s := range servers {
		tr.at(s.world)
		tr.anew()
		must(w.t, tr, "login", func(tr *trip) { tr.logIn() })
	}
}
