package storetest

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// binary is what bytes must survive: every value, and what ends a text.
var binary = func() []byte {
	b := []byte{0, 0, 0xFF, 0xFE, '\'', '\\', 'x', '"', '\n'}
	for i := range 256 {
		b = append(b, byte(i))
	}
	return append(b, 0)
}()

// Authenticators tests the contract [store.Authenticators].
func Authenticators(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.Authenticator{
			ID: "given", UserID: u.ID, Type: store.WebAuthn, Key: bytes.Clone(binary), Data: bytes.Repeat(binary, 100),
			CreatedAt: now(), LastUsedAt: now().Add(time.Second), Version: 9,
		}
		ok(t, st.CreateAuthenticator(ctx, a))
		equal(t, "Version", a.Version, 1)
		same(t, got(st.Authenticator(ctx, a.ID))(t), a)
		same(t, got(st.AuthenticatorByKey(ctx, binary))(t), a)
		same(t, got(st.AuthenticatorsOf(ctx, u.ID))(t), []*store.Authenticator{a})
		bare := &store.Authenticator{UserID: u.ID, Type: store.TOTP}
		ok(t, st.CreateAuthenticator(ctx, bare))
		back := got(st.Authenticator(ctx, bare.ID))(t)
		same(t, back, &store.Authenticator{ID: bare.ID, UserID: u.ID, Type: store.TOTP, Version: 1})
		if back.Key != nil {
			t.Errorf("Key: got %q, want nil", back.Key)
		}
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: []byte("key"), Data: []byte("data")}
		ok(t, st.CreateAuthenticator(ctx, a))
		want := clone(got(st.Authenticator(ctx, a.ID))(t))
		scribble := func(a *store.Authenticator) {
			a.Type = "scribble"
			clear(a.Key)
			clear(a.Data)
			_, _ = append(a.Key, "scribble"...), append(a.Data, "scribble"...)
		}
		scribble(a)
		scribble(got(st.Authenticator(ctx, a.ID))(t))
		scribble(got(st.AuthenticatorByKey(ctx, []byte("key")))(t))
		scribble(got(st.AuthenticatorsOf(ctx, u.ID))(t)[0])
		same(t, got(st.AuthenticatorByKey(ctx, []byte("key")))(t), want)
		changed := *want
		changed.Data = []byte("new")
		ok(t, st.UpdateAuthenticator(ctx, &changed))
		clear(changed.Data)
		equal(t, "Data", string(got(st.Authenticator(ctx, a.ID))(t).Data), "new")
	})

	t.Run("of some types there is one", func(t *testing.T) {
		for _, tt := range []struct {
			kind   string
			single bool
		}{{store.TOTP, true}, {store.RecoveryCodes, true}, {store.WebAuthn, false}} {
			t.Run(tt.kind, func(t *testing.T) {
				st, ctx := open(t), t.Context()
				u, other := newUser(t, st), newUser(t, st)
				first := &store.Authenticator{UserID: u.ID, Type: tt.kind}
				ok(t, st.CreateAuthenticator(ctx, first))
				ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: other.ID, Type: tt.kind}))
				second := &store.Authenticator{UserID: u.ID, Type: tt.kind}
				if !tt.single {
					ok(t, st.CreateAuthenticator(ctx, second))
					return
				}
				fails(t, st.CreateAuthenticator(ctx, second), store.ErrConflict)
				same(t, second, &store.Authenticator{UserID: u.ID, Type: tt.kind})
				ok(t, st.DeleteAuthenticator(ctx, first.ID))
				ok(t, st.CreateAuthenticator(ctx, second))
			})
		}
	})

	t.Run("a key is known once", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		first := &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: []byte("key")}
		ok(t, st.CreateAuthenticator(ctx, first))
		for _, id := range []string{u.ID, other.ID} {
			fails(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: id, Type: store.WebAuthn, Key: []byte("key")}), store.ErrConflict)
		}
		for _, key := range []string{"KEY", "key\x00", "ke", "key "} {
			absent(st.AuthenticatorByKey(ctx, []byte(key)))(t)
			ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: other.ID, Type: store.WebAuthn, Key: []byte(key)}))
		}
		same(t, got(st.AuthenticatorByKey(ctx, []byte("key")))(t), first)
		ok(t, st.DeleteAuthenticator(ctx, first.ID))
		absent(st.AuthenticatorByKey(ctx, []byte("key")))(t)
		ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: other.ID, Type: store.WebAuthn, Key: []byte("key")}))
	})

	t.Run("no key finds nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		for range 2 {
			ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.WebAuthn}))
		}
		absent(st.AuthenticatorByKey(ctx, nil))(t)
		absent(st.AuthenticatorByKey(ctx, []byte{}))(t)
	})

	t.Run("an update saves Data and LastUsedAt", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: []byte("key"), Data: []byte("old"), CreatedAt: now()}
		ok(t, st.CreateAuthenticator(ctx, a))
		want := *a
		want.Data, want.LastUsedAt, want.Version = bytes.Clone(binary), now(), 2
		x := &store.Authenticator{ID: a.ID, UserID: "other", Type: store.TOTP, Key: []byte("other"), Data: want.Data, LastUsedAt: want.LastUsedAt, Version: 1}
		ok(t, st.UpdateAuthenticator(ctx, x))
		equal(t, "Version", x.Version, 2)
		same(t, got(st.Authenticator(ctx, a.ID))(t), &want)
		same(t, got(st.AuthenticatorByKey(ctx, []byte("key")))(t), &want)
		absent(st.AuthenticatorByKey(ctx, []byte("other")))(t)
	})

	t.Run("an update of what has changed or gone is refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		a := &store.Authenticator{UserID: newUser(t, st).ID, Type: store.TOTP}
		ok(t, st.CreateAuthenticator(ctx, a))
		first, second := *a, *a
		first.Data, second.Data = []byte("first"), []byte("second")
		ok(t, st.UpdateAuthenticator(ctx, &first))
		fails(t, st.UpdateAuthenticator(ctx, &second), store.ErrConflict)
		equal(t, "Version after a refused update", second.Version, 1)
		same(t, got(st.Authenticator(ctx, a.ID))(t), &first)
		ok(t, st.DeleteAuthenticator(ctx, a.ID))
		fails(t, st.UpdateAuthenticator(ctx, &first), store.ErrConflict)
		absent(st.Authenticator(ctx, a.ID))(t)
	})

	t.Run("they are listed oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other, at := newUser(t, st), newUser(t, st), now()
		var l []*store.Authenticator
		for _, age := range []time.Duration{0, 0, time.Microsecond, 0, time.Hour} {
			a := &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, CreatedAt: at.Add(-age)}
			ok(t, st.CreateAuthenticator(ctx, a))
			ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: other.ID, Type: store.WebAuthn, CreatedAt: at}))
			l = append(l, a)
		}
		ok(t, st.UpdateAuthenticator(ctx, l[0])) // which moves nothing
		same(t, got(st.AuthenticatorsOf(ctx, u.ID))(t), []*store.Authenticator{l[4], l[2], l[0], l[1], l[3]})
		ok(t, st.DeleteAuthenticator(ctx, l[0].ID))
		same(t, got(st.AuthenticatorsOf(ctx, u.ID))(t), []*store.Authenticator{l[4], l[2], l[1], l[3]})
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.Authenticator{UserID: u.ID, Type: store.TOTP}
		ok(t, st.CreateAuthenticator(ctx, a))
		for _, id := range neverIDs(a.ID) {
			absent(st.Authenticator(ctx, id))(t)
			fails(t, st.UpdateAuthenticator(ctx, &store.Authenticator{ID: id, Version: 1}), store.ErrConflict)
			ok(t, st.DeleteAuthenticator(ctx, id))
		}
		for _, id := range neverIDs(u.ID) {
			equal(t, "authenticators", len(got(st.AuthenticatorsOf(ctx, id))(t)), 0)
			fails(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: id, Type: store.WebAuthn}), store.ErrNotFound)
		}
		same(t, got(st.Authenticator(ctx, a.ID))(t), a)
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st := open(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"CreateAuthenticator", func(ctx context.Context) error {
				return st.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.TOTP})
			}},
			call{"Authenticator", func(ctx context.Context) error { return val(st.Authenticator(ctx, "1")) }},
			call{"AuthenticatorByKey", func(ctx context.Context) error { return val(st.AuthenticatorByKey(ctx, []byte("key"))) }},
			call{"AuthenticatorsOf", func(ctx context.Context) error { return val(st.AuthenticatorsOf(ctx, u.ID)) }},
			call{"UpdateAuthenticator", func(ctx context.Context) error { return st.UpdateAuthenticator(ctx, &store.Authenticator{ID: "1"}) }},
			call{"DeleteAuthenticator", func(ctx context.Context) error { return st.DeleteAuthenticator(ctx, "1") }},
		))
		equal(t, "authenticators", len(got(st.AuthenticatorsOf(t.Context(), u.ID))(t)), 0)
	})
}
