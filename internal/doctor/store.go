package doctor

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Store is what can be asked of what keeps everything.
type Store struct {
	// Clocks tell the time of each backend, by what it keeps.
	Clocks map[string]func(ctx context.Context) (time.Time, error)
	// Pending names the migrations that are missing.
	Pending func(ctx context.Context) ([]string, error)
	// Waiting counts the messages that wait to be delivered; Oldest says since
	// when, the zero time for none.
	Waiting func(ctx context.Context) (int, error)
	Oldest  func(ctx context.Context) (time.Time, error)
	// Scopes are who sees what is kept, by what it is: "process", "machine".
	// What everybody sees is left out.
	Scopes map[string]string
}

const (
	skew    = 2 * time.Second  // between clocks: worth a word
	skewBad = 30 * time.Second // codes and tokens go wrong
)

func (e *exam) clocks(ctx context.Context) {
	if len(e.Store.Clocks) == 0 {
		e.skip("nothing that is kept elsewhere has a clock of its own")
		return
	}
	for _, what := range slices.Sorted(maps.Keys(e.Store.Clocks)) {
		before := e.Now()
		at, err := e.Store.Clocks[what](ctx)
		if err != nil {
			e.add(Problem, "every request that needs it fails", "see that it runs and can be reached", "where the %s are kept does not tell the time: %v", what, err)
			continue
		}
		// The answer was made somewhere between question and arrival.
		off := at.Sub(before.Add(e.Now().Sub(before) / 2)).Round(time.Millisecond)
		severity := Warning
		if off.Abs() > skewBad {
			severity = Problem
		}
		if off.Abs() > skew {
			e.add(severity, "codes, tokens and sessions expire by the clock; which of several instances answers then makes a difference",
				"synchronise the clocks of both machines, say with chrony", "the clock where the %s are kept differs from the one here by %v", what, off)
		}
	}
}

func (e *exam) migrations(ctx context.Context) {
	if e.Store.Pending == nil {
		e.skip("the store has no migrations")
		return
	}
	names, err := e.Store.Pending(ctx)
	if err != nil {
		e.add(Problem, "this program and the database do not fit together", "run the release that fits, or restore the database", "the migrations can't be compared: %v", err)
	} else if len(names) > 0 {
		e.add(Problem, "requests fail where tables or columns are missing", "call Migrate when the server starts; standalone serve does so by itself",
			"the database lacks %s", strings.Join(names, ", "))
	}
}

const (
	longWait  = 15 * time.Minute // some retries
	fewWait   = 20               // mailboxes that are full, say
	manyWait  = 1000
	lookAfter = "see what the log says of messages that could not be delivered, and that Auth.Run is running"
)

func (e *exam) outbox(ctx context.Context) {
	if e.Store.Waiting == nil {
		e.skip("the store can't be asked")
		return
	}
	n, err := e.Store.Waiting(ctx)
	if err != nil {
		e.skip(err.Error())
		return
	}
	var age time.Duration
	if n > 0 && e.Store.Oldest != nil {
		if at, err := e.Store.Oldest(ctx); err == nil && !at.IsZero() {
			age = e.Now().Sub(at).Round(time.Second)
		}
	}
	switch {
	case n >= manyWait || n >= fewWait && age > longWait:
		e.add(Problem, "people wait for mails that do not come; after three days they are given up", lookAfter, "%d messages wait to be delivered, the oldest for %v", n, age)
	case age > longWait:
		e.add(Warning, "somebody waits for a mail that does not come", lookAfter, "%s to be delivered, the oldest for %v", waits(n), age)
	}
}

func waits(n int) string {
	if n == 1 {
		return "1 message waits"
	}
	return count(n, "message") + " wait"
}

// rounds is how often the site is asked who answers.
const rounds = 12

// replicas judges whether all instances see the same.
func (e *exam) replicas(ctx context.Context) {
	known := e.Replicas
	if e.seen != nil {
		seen := map[string]bool{e.seen.Instance: true}
		for range rounds {
			if a, _, err := e.probe(ctx, e.anyPath(), nil); err == nil && a != nil {
				seen[a.Instance] = true
			}
		}
		if known > 1 && len(seen) == 1 {
			e.add(Note, "", "", "%d instances are said to run, and one has answered all of %d calls", known, rounds+1)
		}
		known = max(known, len(seen))
	}
	for _, what := range slices.Sorted(maps.Keys(e.Store.Scopes)) {
		scope := e.Store.Scopes[what]
		const why = "each instance knows its own alone: logins vanish from one request to the next, and limits count anew on each"
		const mend = "keep it in PostgreSQL or Redis: docs/scale.md"
		switch {
		case scope == "process" && known > 1:
			e.add(Problem, why, mend, "the %s are in the memory of one process, and %d instances run", what, known)
		case scope == "process":
			e.add(Warning, "they are gone when it ends, and a second instance would not see them", mend, "the %s are in the memory of one process", what)
		case known > 1:
			e.add(Warning, "instances on other machines would have their own", mend, "the %s are in a file on one machine, and %d instances run", what, known)
		}
	}
}
