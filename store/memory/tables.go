package memory

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/store"
)

// tables hold the records by id, and what finds them otherwise. A record in
// them never changes: an update puts another in its place. So whoever has got
// hold of one may copy it in peace.
type tables struct {
	users     rows[string, *store.User]
	usernames rows[string, string] // folded name: user id

	emails   rows[string, *store.EmailAddress]
	emailsOf lists // user id: email ids
	claims   lists // address: email ids

	phones  rows[string, *store.Phone] // by user id
	numbers lists                      // number: user ids

	authenticators   rows[string, *store.Authenticator]
	authenticatorsOf lists                // user id: authenticator ids
	keys             rows[string, string] // key: authenticator id

	socials    rows[string, *store.SocialAccount]
	socialsOf  lists                              // user id: social account ids
	identities rows[identity, string]             // social account ids
	tokens     rows[string, []*store.SocialToken] // by social account id

	browsers      rows[string, *store.TrustedBrowser]
	browsersOf    lists                // user id: trusted browser ids
	browserHashes rows[string, string] // token hash: trusted browser id

	sessions      rows[string, *store.Session]
	sessionsOf    lists // user id: session ids
	sessionHashes rows[string, *store.Session]

	limits   rows[string, bucket]
	nonces   rows[string, int64] // until when, in microseconds
	messages rows[string, *store.OutboxMessage]

	audit   rows[string, *store.AuditEntry]
	auditOf rows[string, []*store.AuditEntry] // by user id, oldest first
}

// layer is what tables are made of.
type layer interface {
	make()
	begin()
	commit(changed layer)
	shrink()
}

func (t *tables) layers() []layer {
	return []layer{
		&t.users, &t.usernames,
		&t.emails, &t.emailsOf.rows, &t.claims.rows,
		&t.phones, &t.numbers.rows,
		&t.authenticators, &t.authenticatorsOf.rows, &t.keys,
		&t.socials, &t.socialsOf.rows, &t.identities, &t.tokens,
		&t.browsers, &t.browsersOf.rows, &t.browserHashes,
		&t.sessions, &t.sessionsOf.rows, &t.sessionHashes,
		&t.limits, &t.nonces, &t.messages,
		&t.audit, &t.auditOf,
	}
}

func newTables() *tables {
	t := &tables{}
	for _, l := range t.layers() {
		l.make()
	}
	return t
}

// begin returns t as a transaction sees and changes it.
func (t *tables) begin() *tables {
	c := *t
	for _, l := range c.layers() {
		l.begin()
	}
	return &c
}

// commit takes over what a transaction begun on t has changed.
func (t *tables) commit(tx *tables) {
	changed := tx.layers()
	for i, l := range t.layers() {
		l.commit(changed[i])
	}
}

// shrink gives back what tables that have lost most of their rows still hold.
func (t *tables) shrink() {
	for _, l := range t.layers() {
		l.shrink()
	}
}

// rows are a map that a transaction can change beside what is kept.
type rows[K comparable, V any] struct {
	kept    map[K]V
	peak    int // the most that kept has held since it was made
	inTx    bool
	changed map[K]change[V] // in a transaction only
}

type change[V any] struct {
	value V
	gone  bool
}

func (r *rows[K, V]) make()  { r.kept = map[K]V{} }
func (r *rows[K, V]) begin() { r.inTx = true }

func (r *rows[K, V]) commit(l layer) {
	for k, c := range l.(*rows[K, V]).changed {
		if c.gone {
			r.delete(k)
		} else {
			r.set(k, c.value)
		}
	}
}

// shrink makes a map anew, as deleting alone frees nothing of it.
func (r *rows[K, V]) shrink() {
	if r.inTx || r.peak < 1000 || len(r.kept) > r.peak/4 {
		return
	}
	kept := make(map[K]V, len(r.kept))
	maps.Copy(kept, r.kept)
	r.kept, r.peak = kept, len(kept)
}

func (r *rows[K, V]) get(k K) (V, bool) {
	if c, ok := r.changed[k]; ok {
		return c.value, !c.gone
	}
	v, ok := r.kept[k]
	return v, ok
}

func (r *rows[K, V]) has(k K) bool { _, ok := r.get(k); return ok }

func (r *rows[K, V]) set(k K, v V) {
	if r.inTx {
		r.change(k, change[V]{value: v})
		return
	}
	r.kept[k] = v
	r.peak = max(r.peak, len(r.kept))
}

func (r *rows[K, V]) delete(k K) {
	if r.inTx {
		r.change(k, change[V]{gone: true})
		return
	}
	delete(r.kept, k)
}

func (r *rows[K, V]) change(k K, c change[V]) {
	if r.changed == nil {
		r.changed = map[K]change[V]{}
	}
	r.changed[k] = c
}

func (r *rows[K, V]) len() int {
	n := len(r.kept)
	for k, c := range r.changed {
		switch _, kept := r.kept[k]; {
		case kept && c.gone:
			n--
		case !kept && !c.gone:
			n++
		}
	}
	return n
}

func (r *rows[K, V]) all() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, v := range r.kept {
			if _, ok := r.changed[k]; !ok && !yield(k, v) {
				return
			}
		}
		for k, c := range r.changed {
			if !c.gone && !yield(k, c.value) {
				return
			}
		}
	}
}

// sweep deletes what is over, and returns how much that was.
func (r *rows[K, V]) sweep(over func(V) bool) int {
	n := 0
	for k, v := range r.all() {
		if over(v) {
			r.delete(k)
			n++
		}
	}
	return n
}

// lists are rows of ids. A list is never changed within its length.
type lists struct{ rows[string, []string] }

func (l *lists) of(k string) []string { ids, _ := l.get(k); return ids }

func (l *lists) add(k, id string) { l.set(k, append(l.of(k), id)) }

func (l *lists) remove(k, id string) {
	l.keep(k, func(x string) bool { return x != id })
}

// keep leaves only those ids in a list.
func (l *lists) keep(k string, wanted func(id string) bool) {
	var left []string
	for _, id := range l.of(k) {
		if wanted(id) {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		l.delete(k)
		return
	}
	l.set(k, left)
}

// oldestFirst returns the records with those ids, in order.
func oldestFirst[R any](from *rows[string, *R], ids []string, age func(*R) (time.Time, string)) []*R {
	l := make([]*R, 0, len(ids))
	for _, id := range ids {
		if r, ok := from.get(id); ok {
			l = append(l, r)
		}
	}
	slices.SortFunc(l, func(a, b *R) int {
		at, aid := age(a)
		bt, bid := age(b)
		return compareAge(at, aid, bt, bid)
	})
	return l
}

// compareAge orders by time, then as things were created.
func compareAge(at time.Time, aid string, bt time.Time, bid string) int {
	return cmp.Or(at.Compare(bt), compareIDs(aid, bid))
}

func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// counter gives out ids.
type counter int64

func (c *counter) next() string { *c++; return strconv.FormatInt(int64(*c), 10) }

// micro is t as it is kept.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// own gives each slice memory of its own, all of it from one allocation.
func own(slices ...*[]byte) {
	n := 0
	for _, p := range slices {
		n += len(*p)
	}
	buf := make([]byte, 0, n)
	for _, p := range slices {
		if *p == nil {
			continue
		}
		start := len(buf)
		buf = append(buf, *p...)
		*p = buf[start:len(buf):len(buf)]
	}
}

// copies copies each of l.
func copies[R any](l []*R, clone func(*R) *R) []*R {
	for i, r := range l {
		l[i] = clone(r)
	}
	return l
}
