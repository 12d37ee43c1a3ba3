package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// hash is a token hash, another one for each n.
func hash(n int) []byte {
	sum := sha256.Sum256(fmt.Append(nil, n))
	return sum[:]
}

func browser(userID string, n int) *store.TrustedBrowser {
	at := now()
	return &store.TrustedBrowser{
		UserID: userID, TokenHash: hash(n), Fingerprint: bytes.Clone(binary), IP: "2001:db8::1", UserAgent: "Mozilla/5.0 (ü)",
		CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
}

// TrustedBrowsers tests the contract [store.TrustedBrowsers].
func TrustedBrowsers(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		b := browser(u.ID, 1)
		b.ID = "given"
		ok(t, st.CreateTrustedBrowser(ctx, b))
		same(t, got(st.TrustedBrowserByHash(ctx, hash(1)))(t), b)
		same(t, got(st.TrustedBrowsersOf(ctx, u.ID))(t), []*store.TrustedBrowser{b})
		bare := &store.TrustedBrowser{UserID: u.ID, TokenHash: hash(2)}
		ok(t, st.CreateTrustedBrowser(ctx, bare))
		same(t, got(st.TrustedBrowserByHash(ctx, hash(2)))(t), bare)
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		b := browser(u.ID, 1)
		ok(t, st.CreateTrustedBrowser(ctx, b))
		want := clone(got(st.TrustedBrowserByHash(ctx, hash(1)))(t))
		for _, x := range []*store.TrustedBrowser{b, got(st.TrustedBrowserByHash(ctx, hash(1)))(t), got(st.TrustedBrowsersOf(ctx, u.ID))(t)[0]} {
			clear(x.TokenHash)
			clear(x.Fingerprint)
			_, _ = append(x.TokenHash, "scribble"...), append(x.Fingerprint, "scribble"...)
		}
		same(t, got(st.TrustedBrowserByHash(ctx, hash(1)))(t), want)
	})

	t.Run("a token is known once", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		b := browser(u.ID, 1)
		ok(t, st.CreateTrustedBrowser(ctx, b))
		dup := browser(other.ID, 1)
		fails(t, st.CreateTrustedBrowser(ctx, dup), store.ErrConflict)
		equal(t, "ID after a refusal", dup.ID, "")
		same(t, got(st.TrustedBrowserByHash(ctx, hash(1)))(t), b)
		ok(t, st.DeleteTrustedBrowser(ctx, b.ID))
		ok(t, st.CreateTrustedBrowser(ctx, dup))
	})

	t.Run("no token finds nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		for _, none := range [][]byte{nil, {}} {
			_ = st.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: u.ID, TokenHash: none}) // better refused
			absent(st.TrustedBrowserByHash(ctx, none))(t)
		}
		ok(t, st.CreateTrustedBrowser(ctx, browser(u.ID, 1)))
		absent(st.TrustedBrowserByHash(ctx, hash(1)[:31]))(t)
		absent(st.TrustedBrowserByHash(ctx, append(hash(1), 0)))(t)
	})

	t.Run("they are listed oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other, at := newUser(t, st), newUser(t, st), now()
		var l []*store.TrustedBrowser
		for i, age := range []time.Duration{0, 0, time.Microsecond, 0, time.Hour} {
			b := browser(u.ID, i)
			b.CreatedAt = at.Add(-age)
			ok(t, st.CreateTrustedBrowser(ctx, b))
			ok(t, st.CreateTrustedBrowser(ctx, browser(other.ID, 100+i)))
			l = append(l, b)
		}
		same(t, got(st.TrustedBrowsersOf(ctx, u.ID))(t), []*store.TrustedBrowser{l[4], l[2], l[0], l[1], l[3]})
	})

	t.Run("they are removed one by one, or all of a user", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		var l []*store.TrustedBrowser
		for i := range 3 {
			l = append(l, browser(u.ID, i))
			ok(t, st.CreateTrustedBrowser(ctx, l[i]))
		}
		theirs := browser(other.ID, 9)
		ok(t, st.CreateTrustedBrowser(ctx, theirs))
		ok(t, st.DeleteTrustedBrowser(ctx, l[1].ID))
		ok(t, st.DeleteTrustedBrowser(ctx, l[1].ID))
		absent(st.TrustedBrowserByHash(ctx, hash(1)))(t)
		same(t, got(st.TrustedBrowsersOf(ctx, u.ID))(t), []*store.TrustedBrowser{l[0], l[2]})
		ok(t, st.DeleteTrustedBrowsersOf(ctx, u.ID))
		ok(t, st.DeleteTrustedBrowsersOf(ctx, u.ID))
		equal(t, "browsers", len(got(st.TrustedBrowsersOf(ctx, u.ID))(t)), 0)
		absent(st.TrustedBrowserByHash(ctx, hash(0)))(t)
		same(t, got(st.TrustedBrowsersOf(ctx, other.ID))(t), []*store.TrustedBrowser{theirs})
	})

	t.Run("expired ones are swept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, at := newUser(t, st), now().Add(time.Hour)
		for i, end := range []time.Time{at.Add(-time.Minute), at, at.Add(time.Microsecond), {}} {
			b := browser(u.ID, i)
			b.ExpiresAt = end
			ok(t, st.CreateTrustedBrowser(ctx, b))
		}
		equal(t, "swept", got(st.DeleteExpiredTrustedBrowsers(ctx, at))(t), 2)
		equal(t, "swept again", got(st.DeleteExpiredTrustedBrowsers(ctx, at))(t), 0)
		absent(st.TrustedBrowserByHash(ctx, hash(0)))(t)
		absent(st.TrustedBrowserByHash(ctx, hash(1)))(t)
		got(st.TrustedBrowserByHash(ctx, hash(2)))(t)
		got(st.TrustedBrowserByHash(ctx, hash(3)))(t)
		equal(t, "browsers", len(got(st.TrustedBrowsersOf(ctx, u.ID))(t)), 2)
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		b := browser(u.ID, 1)
		ok(t, st.CreateTrustedBrowser(ctx, b))
		for _, id := range neverIDs(b.ID) {
			ok(t, st.DeleteTrustedBrowser(ctx, id))
		}
		for _, id := range neverIDs(u.ID) {
			fails(t, st.CreateTrustedBrowser(ctx, browser(id, 2)), store.ErrNotFound)
			equal(t, "browsers", len(got(st.TrustedBrowsersOf(ctx, id))(t)), 0)
			ok(t, st.DeleteTrustedBrowsersOf(ctx, id))
		}
		same(t, got(st.TrustedBrowsersOf(ctx, u.ID))(t), []*store.TrustedBrowser{b})
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st := open(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"CreateTrustedBrowser", func(ctx context.Context) error { return st.CreateTrustedBrowser(ctx, browser(u.ID, 1)) }},
			call{"TrustedBrowserByHash", func(ctx context.Context) error { return val(st.TrustedBrowserByHash(ctx, hash(1))) }},
			call{"TrustedBrowsersOf", func(ctx context.Context) error { return val(st.TrustedBrowsersOf(ctx, u.ID)) }},
			call{"DeleteTrustedBrowser", func(ctx context.Context) error { return st.DeleteTrustedBrowser(ctx, "1") }},
			call{"DeleteTrustedBrowsersOf", func(ctx context.Context) error { return st.DeleteTrustedBrowsersOf(ctx, u.ID) }},
			call{"DeleteExpiredTrustedBrowsers", func(ctx context.Context) error { return val(st.DeleteExpiredTrustedBrowsers(ctx, now())) }},
		))
		absent(st.TrustedBrowserByHash(t.Context(), hash(1)))(t)
	})
}
