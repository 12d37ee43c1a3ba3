package importer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/headless-auth/headless/store"
)

// Duplicates says what becomes of a record whose user is in the store already.
type Duplicates string

// The ways to treat duplicates.
const (
	// Skip leaves the user alone.
	Skip Duplicates = "skip"
	// Update adds what the record has and the user lacks, and takes over names
	// and that they are disabled. A password that was set or renewed here stays,
	// and so does who is disabled here.
	Update Duplicates = "update"
	// Fail ends the import.
	Fail Duplicates = "fail"
)

// Options say how users are imported.
type Options struct {
	// Source names the system that the users come from, such as "auth0". Marks
	// of what was imported are kept by it and the users' ids there.
	Source string
	// Duplicates: default [Skip].
	Duplicates Duplicates
	// DryRun judges everything, and writes nothing.
	DryRun bool
	// BatchSize is how many users are stored in a transaction. Default 100.
	BatchSize int
	// EmailsVerified takes every address for verified, where the other system
	// did verify them but does not say so.
	EmailsVerified bool
	// ForgetPasswords imports users whose hash can't be read, without a
	// password. By default they are refused.
	ForgetPasswords bool
	// PlainPHPass stores hashes of phpass (WordPress before 6.8, phpBB) as they
	// are. That is quicker, and whoever gets hold of the database has an easier
	// game. By default they are put into an Argon2id hash at once.
	PlainPHPass bool
	// Providers are ids of identity providers here, by what the records have.
	Providers map[string]string
	// OnProblem hears of each problem, OnProgress of each batch.
	OnProblem  func(Problem)
	OnProgress func(Report)
}

// Report counts what became of records.
type Report struct {
	// Read are all of them.
	Read int
	// Created are new users; in a dry run, those who would be.
	Created int
	// Updated were users before.
	Updated int
	// Before were imported by an earlier run.
	Before int
	// Duplicates were users before, and left alone.
	Duplicates int
	// Refused have a problem.
	Refused int
	// Wrapped are weak hashes that were put into one of ours.
	Wrapped int
}

// remembered is how long the marks of imported users are kept.
const remembered = 2 * 365 * 24 * time.Hour

// Import stores the users of a source. The report counts also what was done
// before an error. What a batch of users has in common is their transaction:
// after an error, or a crash, run it again, and it goes on where it was.
func (m *Importer) Import(ctx context.Context, source Source, o Options) (Report, error) {
	if o.BatchSize <= 0 {
		o.BatchSize = 100
	}
	switch o.Duplicates {
	case "":
		o.Duplicates = Skip
	case Skip, Update, Fail:
	default:
		return Report{}, fmt.Errorf("importer: %q is no way to treat duplicates; write skip, update or fail", o.Duplicates)
	}
	r := &run{Importer: m, Options: o, seen: map[string]bool{}}
	next, stop := iter.Pull2(source)
	defer stop()
	for {
		batch, err := r.read(ctx, next)
		if err == nil || errors.Is(err, errEnd) {
			if e := r.take(ctx, batch); e != nil {
				return r.report, e
			}
			if o.OnProgress != nil {
				o.OnProgress(r.report)
			}
		}
		switch {
		case errors.Is(err, errEnd):
			return r.report, nil
		case err != nil:
			return r.report, err
		}
	}
}

// run is one import.
type run struct {
	*Importer
	Options
	report Report
	// seen is what a dry run would have stored.
	seen map[string]bool
}

var errEnd = errors.New("no more users")

// read takes the next batch from the source.
func (r *run) read(ctx context.Context, next func() (*Record, error, bool)) (batch []*prepared, err error) {
	for len(batch) < r.BatchSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rec, err, more := next()
		if !more {
			return batch, errEnd
		}
		r.report.Read++
		var p *prepared
		if err == nil {
			p, err = r.prepare(ctx, rec, &r.Options)
		}
		var wrong *Problem
		switch {
		case err == nil:
			batch = append(batch, p)
		case errors.As(err, &wrong):
			r.refuse(wrong)
		default:
			r.report.Read--
			return nil, err
		}
	}
	return batch, nil
}

func (r *run) refuse(p *Problem) {
	r.report.Refused++
	r.tell(p)
}

func (r *run) tell(p *Problem) {
	if r.OnProblem != nil {
		r.OnProblem(*p)
	}
}

// outcome is what became of a record.
type outcome struct {
	kind    outcomeKind
	problem *Problem
}

type outcomeKind int

const (
	created outcomeKind = iota
	updated
	before
	duplicate
	refused
)

// take stores a batch.
func (r *run) take(ctx context.Context, batch []*prepared) error {
	if len(batch) == 0 {
		return nil
	}
	if r.DryRun {
		for _, p := range batch {
			done, err := r.judge(ctx, p)
			if err != nil {
				return err
			}
			if err := r.count(p, done); err != nil {
				return err
			}
		}
		return nil
	}
	// Outside of the transaction: it takes long, and others want to write.
	if err := r.hashes(ctx, batch); err != nil {
		return err
	}
	done := make([]outcome, len(batch))
	for {
		failed := -1
		err := r.store.InTx(ctx, func(tx store.Store) (err error) {
			for i, p := range batch {
				if done[i].kind == refused {
					continue
				}
				if done[i], err = r.one(ctx, tx, p); err != nil {
					failed = i
					return fmt.Errorf("line %d: %w", p.Line, err)
				}
				if done[i].kind == duplicate && r.Duplicates == Fail {
					r.tell(done[i].problem)
					return fatal{done[i].problem}
				}
			}
			return nil
		})
		var wrong *Problem
		if failed >= 0 && errors.As(err, &wrong) && !errors.As(err, new(fatal)) {
			// The store found something that a look had not: the others have
			// to be stored without this one.
			done[failed] = outcome{refused, wrong}
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	for i, p := range batch {
		if err := r.count(p, done[i]); err != nil {
			return err
		}
	}
	return nil
}

// fatal is a problem that ends the import.
type fatal struct{ error }

// Unwrap returns the problem.
func (f fatal) Unwrap() error { return f.error }

func (r *run) count(p *prepared, done outcome) error {
	switch done.kind {
	case created:
		r.report.Created++
	case updated:
		r.report.Updated++
	case before:
		r.report.Before++
		return nil
	case duplicate:
		r.report.Duplicates++
	case refused:
		r.report.Refused++
	}
	if done.problem != nil {
		r.tell(done.problem)
		if done.kind == duplicate && r.Duplicates == Fail {
			return done.problem
		}
	}
	if done.kind == created || done.kind == updated {
		if r.wraps(p) {
			r.report.Wrapped++
		}
		for _, q := range p.problems {
			r.tell(q)
		}
	}
	return nil
}

// wraps reports whether the hash of a record is too weak to be stored.
func (r *run) wraps(p *prepared) bool {
	return p.hash != nil && p.hash.Weak() && !(r.PlainPHPass && p.hash.Encoded() != "")
}

// judge is one without writing, for a dry run. What records of the file have in
// common with one another counts, too.
func (r *run) judge(ctx context.Context, p *prepared) (outcome, error) {
	done, err := r.one(ctx, readOnly{r.store}, p)
	var wrong *Problem
	if errors.As(err, &wrong) {
		return outcome{refused, wrong}, nil
	}
	if err != nil {
		return done, fmt.Errorf("line %d: %w", p.Line, err)
	}
	if done.kind != created {
		return done, nil
	}
	var keys []string
	add := func(field, key string) { keys = append(keys, field+"\x00"+key) }
	if k := p.key(); k != "" {
		add("id", k)
	}
	if p.user.Username != "" {
		add("username", strings.ToLower(p.user.Username))
	}
	for _, e := range p.emails {
		if e.Verified {
			add("email", e.Email)
		}
	}
	if p.PhoneVerified && p.Phone != "" {
		add("phone", p.Phone)
	}
	for _, s := range p.Social {
		add("social", s.Provider+":"+s.UID)
	}
	for _, k := range keys {
		if r.seen[k] {
			field, _, _ := strings.Cut(k, "\x00")
			return outcome{duplicate, &Problem{Line: p.Line, Field: field, Text: "is that of an earlier record"}}, nil
		}
	}
	for _, k := range keys {
		r.seen[k] = true
	}
	return done, nil
}

// hashes puts weak hashes into ours, of those who are not here yet.
func (r *run) hashes(ctx context.Context, batch []*prepared) error {
	work := make(chan *prepared)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for p := range work {
				if errs[i] == nil {
					errs[i] = r.encode(ctx, p)
				}
			}
		})
	}
	for _, p := range batch {
		if p.hash != nil {
			work <- p
		}
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

func (r *run) encode(ctx context.Context, p *prepared) error {
	if !r.wraps(p) {
		p.user.Password = store.PasswordHash(p.hash.Encoded())
		return nil
	}
	if r.Duplicates != Update {
		// It takes a while: not for those who are here, as after a crash.
		if m, err := find(ctx, r.store, p); err != nil || m.user != nil {
			return err
		}
	}
	encoded, err := r.hasher.Wrap(ctx, p.hash)
	p.user.Password = store.PasswordHash(encoded)
	return err
}

// mark names a record for [store.Nonces]; with the id of a user, that this is
// who it was stored as.
func (r *run) mark(p *prepared, userID string) string {
	key := p.key()
	if key == "" {
		key = "social:" + p.Social[0].Provider + ":" + p.Social[0].UID
	}
	sum := sha256.Sum256([]byte(r.Source + "\x00" + key + "\x00" + userID))
	return "import/" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// one stores a record, or tells why not. An error that is a [*Problem] may have
// left half of it, for the transaction to take back.
func (r *run) one(ctx context.Context, tx store.Store, p *prepared) (outcome, error) {
	m, err := find(ctx, tx, p)
	if err != nil {
		return outcome{}, err
	}
	now := micro(r.now())
	if m.user == nil {
		// Once, whatever happens: the store sees to it.
		switch err := tx.UseOnce(ctx, r.mark(p, ""), now, now.Add(remembered)); {
		case errors.Is(err, store.ErrConflict):
			return outcome{kind: before}, nil // they have been deleted since, or have changed
		case err != nil:
			return outcome{}, err
		}
		id, err := r.create(ctx, tx, p)
		if err == nil {
			err = tx.UseOnce(ctx, r.mark(p, id), now, now.Add(remembered))
		}
		return outcome{kind: created}, err
	}
	// Another may have the name by now.
	known, err := r.known(ctx, tx, r.mark(p, m.user.ID), now)
	switch {
	case err != nil:
		return outcome{}, err
	case r.Duplicates != Update && known:
		return outcome{kind: before}, nil
	case r.Duplicates != Update:
		return outcome{duplicate, &Problem{Line: p.Line, Field: m.field, Text: "is that of a user who is here already"}}, nil
	case !m.sure && !known:
		// Somebody may have taken the name before their arrival.
		return outcome{refused, &Problem{Line: p.Line, Field: m.field, Text: "is that of a user who has not shown to be the same"}}, nil
	case !known:
		for _, mark := range []string{r.mark(p, ""), r.mark(p, m.user.ID)} {
			if err := tx.UseOnce(ctx, mark, now, now.Add(remembered)); err != nil && !errors.Is(err, store.ErrConflict) {
				return outcome{}, err
			}
		}
	}
	return outcome{kind: updated}, r.update(ctx, tx, m.user, p)
}

// known reports whether a mark is there. To ask for one that is over at once
// leaves none.
func (r *run) known(ctx context.Context, tx store.Store, mark string, now time.Time) (bool, error) {
	err := tx.UseOnce(ctx, mark, now, now)
	if errors.Is(err, store.ErrConflict) {
		return true, nil
	}
	return false, err
}

// match is a user who is in the store already.
type match struct {
	user  *store.User
	field string // what they have in common with the record
	// sure: something that they have proven.
	sure bool
}

// find looks for the user of a record.
func find(ctx context.Context, st store.Store, p *prepared) (m match, err error) {
	var id string
	for _, s := range p.Social {
		a, err := st.SocialAccount(ctx, s.Provider, s.UID)
		if err == nil {
			id, m = a.UserID, match{field: "social", sure: true}
			break
		} else if !errors.Is(err, store.ErrNotFound) {
			return m, err
		}
	}
	for _, e := range p.emails {
		if id != "" {
			break
		}
		l, err := st.EmailsByAddress(ctx, e.Email)
		if err != nil {
			return m, err
		}
		// Who only claims an address that was verified elsewhere is not its
		// owner.
		if len(l) > 0 && (l[0].Verified || !e.Verified) {
			id, m = l[0].UserID, match{field: "email", sure: l[0].Verified && e.Verified}
		}
	}
	var u *store.User
	switch {
	case id != "":
		u, err = st.User(ctx, id)
	case p.user.Username != "":
		u, err = st.UserByUsername(ctx, p.user.Username)
		m.field = "username"
	}
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err == nil {
		m.user = u
	}
	return m, err
}
