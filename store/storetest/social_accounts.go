package storetest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// SocialAccounts tests the contract [store.SocialAccounts].
func SocialAccounts(t *testing.T, open func(t *testing.T) store.Store) {
	link := func(t *testing.T, st store.Store, userID, provider, uid string) *store.SocialAccount {
		t.Helper()
		a := &store.SocialAccount{UserID: userID, Provider: provider, UID: uid, CreatedAt: now()}
		ok(t, st.CreateSocialAccount(t.Context(), a))
		return a
	}

	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.SocialAccount{
			ID: "given", UserID: u.ID, Provider: "google", UID: "Abc|123", Data: []byte(`{"sub":"1","id":9007199254740993,"name":"ü"}`),
			CreatedAt: now(), LastLoginAt: now().Add(time.Second),
		}
		ok(t, st.CreateSocialAccount(ctx, a))
		same(t, got(st.SocialAccount(ctx, "google", "Abc|123"))(t), a)
		same(t, got(st.SocialAccountsOf(ctx, u.ID))(t), []*store.SocialAccount{a})
		bare := &store.SocialAccount{UserID: u.ID, Provider: "google", UID: "bare"}
		ok(t, st.CreateSocialAccount(ctx, bare))
		back := got(st.SocialAccount(ctx, "google", "bare"))(t)
		same(t, back, &store.SocialAccount{ID: bare.ID, UserID: u.ID, Provider: "google", UID: "bare"})
		if back.Data != nil {
			t.Errorf("Data: got %q, want nil", back.Data)
		}
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := &store.SocialAccount{UserID: u.ID, Provider: "p", UID: "1", Data: []byte(`{"a":1}`)}
		ok(t, st.CreateSocialAccount(ctx, a))
		want := clone(got(st.SocialAccount(ctx, "p", "1"))(t))
		clear(a.Data)
		clear(got(st.SocialAccount(ctx, "p", "1"))(t).Data)
		clear(got(st.SocialAccountsOf(ctx, u.ID))(t)[0].Data)
		same(t, got(st.SocialAccount(ctx, "p", "1"))(t), want)
		tok := &store.SocialToken{AccountID: a.ID, App: "app", Token: []byte("token"), Secret: []byte("secret")}
		ok(t, st.SetSocialToken(ctx, tok))
		wantToken := clone(got(st.SocialToken(ctx, a.ID, "app"))(t))
		for _, x := range []*store.SocialToken{tok, got(st.SocialToken(ctx, a.ID, "app"))(t)} {
			clear(x.Token)
			clear(x.Secret)
			_, _ = append(x.Token, "scribble"...), append(x.Secret, "scribble"...)
		}
		same(t, got(st.SocialToken(ctx, a.ID, "app"))(t), wantToken)
	})

	t.Run("an identity is linked once, and compared exactly", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		first := link(t, st, u.ID, "github", "abc")
		for _, id := range []string{u.ID, other.ID} {
			dup := &store.SocialAccount{UserID: id, Provider: "github", UID: "abc"}
			fails(t, st.CreateSocialAccount(ctx, dup), store.ErrConflict)
			equal(t, "ID after a refusal", dup.ID, "")
		}
		for _, x := range [][2]string{{"github", "ABC"}, {"GitHub", "abc"}, {"github", "abc "}, {"githuba", "bc"}, {"github", ""}, {"github", "ab%"}, {"github", "ábc"}} {
			absent(st.SocialAccount(ctx, x[0], x[1]))(t)
			a := link(t, st, other.ID, x[0], x[1])
			same(t, got(st.SocialAccount(ctx, x[0], x[1]))(t), a)
		}
		same(t, got(st.SocialAccount(ctx, "github", "abc"))(t), first)
	})

	t.Run("they are listed oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other, at := newUser(t, st), newUser(t, st), now()
		var l []*store.SocialAccount
		for i, age := range []time.Duration{0, 0, time.Microsecond, 0, time.Hour} {
			a := &store.SocialAccount{UserID: u.ID, Provider: "p", UID: strings.Repeat("z", 9-i), CreatedAt: at.Add(-age)}
			ok(t, st.CreateSocialAccount(ctx, a))
			link(t, st, other.ID, "other", a.UID)
			l = append(l, a)
		}
		ok(t, st.UpdateSocialAccount(ctx, l[0])) // which moves nothing
		same(t, got(st.SocialAccountsOf(ctx, u.ID))(t), []*store.SocialAccount{l[4], l[2], l[0], l[1], l[3]})
	})

	t.Run("an update saves Data and LastLoginAt", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		a := link(t, st, newUser(t, st).ID, "p", "1")
		want := *a
		want.Data, want.LastLoginAt = []byte(`{"new":true}`), now().Add(time.Minute)
		ok(t, st.UpdateSocialAccount(ctx, &store.SocialAccount{
			ID: a.ID, UserID: "other", Provider: "other", UID: "other", Data: want.Data, LastLoginAt: want.LastLoginAt, CreatedAt: want.LastLoginAt,
		}))
		same(t, got(st.SocialAccount(ctx, "p", "1"))(t), &want)
		absent(st.SocialAccount(ctx, "other", "other"))(t)
		ok(t, st.DeleteSocialAccount(ctx, a.ID))
		fails(t, st.UpdateSocialAccount(ctx, a), store.ErrNotFound)
		absent(st.SocialAccount(ctx, "p", "1"))(t)
	})

	t.Run("a token is kept for each account and app", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a, b := link(t, st, u.ID, "p", "1"), link(t, st, u.ID, "p", "2")
		absent(st.SocialToken(ctx, a.ID, "app"))(t)
		first := &store.SocialToken{AccountID: a.ID, App: "app", Token: bytes.Clone(binary), Secret: bytes.Repeat(binary, 10), ExpiresAt: now()}
		ok(t, st.SetSocialToken(ctx, first))
		second := &store.SocialToken{AccountID: a.ID, App: "App", Token: []byte("second")}
		ok(t, st.SetSocialToken(ctx, second))
		third := &store.SocialToken{AccountID: b.ID, App: "app", Token: []byte("third")}
		ok(t, st.SetSocialToken(ctx, third))
		same(t, got(st.SocialToken(ctx, a.ID, "app"))(t), first)
		same(t, got(st.SocialToken(ctx, a.ID, "App"))(t), second)
		same(t, got(st.SocialToken(ctx, b.ID, "app"))(t), third)
		absent(st.SocialToken(ctx, b.ID, "App"))(t)
		absent(st.SocialToken(ctx, a.ID, ""))(t)
		first.Token, first.Secret, first.ExpiresAt = []byte("newer"), nil, time.Time{}
		ok(t, st.SetSocialToken(ctx, first))
		same(t, got(st.SocialToken(ctx, a.ID, "app"))(t), first)
	})

	t.Run("with a link go its tokens", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a, b := link(t, st, u.ID, "p", "1"), link(t, st, u.ID, "p", "2")
		for _, app := range []string{"one", "two"} {
			ok(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: a.ID, App: app}))
			ok(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: b.ID, App: app}))
		}
		ok(t, st.DeleteSocialAccount(ctx, a.ID))
		ok(t, st.DeleteSocialAccount(ctx, a.ID))
		absent(st.SocialAccount(ctx, "p", "1"))(t)
		again := link(t, st, u.ID, "p", "1")
		for _, app := range []string{"one", "two"} {
			absent(st.SocialToken(ctx, a.ID, app))(t)
			absent(st.SocialToken(ctx, again.ID, app))(t)
			got(st.SocialToken(ctx, b.ID, app))(t)
		}
		fails(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: a.ID, App: "one"}), store.ErrNotFound)
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		a := link(t, st, u.ID, "p", "1")
		tok := &store.SocialToken{AccountID: a.ID, App: "app"}
		ok(t, st.SetSocialToken(ctx, tok))
		for _, id := range neverIDs(a.ID) {
			fails(t, st.UpdateSocialAccount(ctx, &store.SocialAccount{ID: id}), store.ErrNotFound)
			fails(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: id, App: "app"}), store.ErrNotFound)
			absent(st.SocialToken(ctx, id, "app"))(t)
			ok(t, st.DeleteSocialAccount(ctx, id))
		}
		for _, id := range neverIDs(u.ID) {
			equal(t, "accounts", len(got(st.SocialAccountsOf(ctx, id))(t)), 0)
			fails(t, st.CreateSocialAccount(ctx, &store.SocialAccount{UserID: id, Provider: "p", UID: "2"}), store.ErrNotFound)
		}
		same(t, got(st.SocialAccount(ctx, "p", "1"))(t), a)
		same(t, got(st.SocialToken(ctx, a.ID, "app"))(t), tok)
		absent(st.SocialAccount(ctx, "p", "2"))(t)
	})

	t.Run("odd identities are kept or refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		link(t, st, u.ID, "p", "a")
		for _, text := range append(oddTexts, strings.Repeat("u", 1000)) {
			if a, err := st.SocialAccount(ctx, "p", text); err == nil {
				t.Errorf("%q finds %q", text, a.UID)
			}
			a := &store.SocialAccount{UserID: u.ID, Provider: "p", UID: text}
			err := st.CreateSocialAccount(ctx, a)
			faithful(t, text, err, func() (string, error) {
				same(t, got(st.SocialAccount(ctx, "p", text))(t), a)
				return a.UID, nil
			})
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st := open(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"CreateSocialAccount", func(ctx context.Context) error {
				return st.CreateSocialAccount(ctx, &store.SocialAccount{UserID: u.ID, Provider: "p", UID: "1"})
			}},
			call{"SocialAccount", func(ctx context.Context) error { return val(st.SocialAccount(ctx, "p", "1")) }},
			call{"SocialAccountsOf", func(ctx context.Context) error { return val(st.SocialAccountsOf(ctx, u.ID)) }},
			call{"UpdateSocialAccount", func(ctx context.Context) error { return st.UpdateSocialAccount(ctx, &store.SocialAccount{ID: "1"}) }},
			call{"DeleteSocialAccount", func(ctx context.Context) error { return st.DeleteSocialAccount(ctx, "1") }},
			call{"SetSocialToken", func(ctx context.Context) error {
				return st.SetSocialToken(ctx, &store.SocialToken{AccountID: "1", App: "app"})
			}},
			call{"SocialToken", func(ctx context.Context) error { return val(st.SocialToken(ctx, "1", "app")) }},
		))
		absent(st.SocialAccount(t.Context(), "p", "1"))(t)
	})
}
