package memory

import (
	"cmp"
	"slices"
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

	changed []string // whose sessions the write or transaction has changed
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
