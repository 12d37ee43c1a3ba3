package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Emails tests the contract [store.Emails].
func Emails(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		e := &store.EmailAddress{ID: "given", UserID: u.ID, Email: "ada@example.org", Verified: true, Primary: true, CreatedAt: now()}
		ok(t, st.CreateEmail(ctx, e))
		if e.ID == "" || e.ID == "given" {
			t.Fatal("ID was not filled")
		}
		same(t, got(st.Email(ctx, e.ID))(t), e)
		same(t, got(st.EmailsOf(ctx, u.ID))(t), []*store.EmailAddress{e})
		same(t, got(st.EmailsByAddress(ctx, "ada@example.org"))(t), []*store.EmailAddress{e})
		bare := &store.EmailAddress{UserID: u.ID, Email: "bare@example.org"}
		ok(t, st.CreateEmail(ctx, bare))
		same(t, got(st.Email(ctx, bare.ID))(t), &store.EmailAddress{ID: bare.ID, UserID: u.ID, Email: "bare@example.org"})
	})

	t.Run("who claims an address is found in one question", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		finder, is := st.(store.UserFinder)
		if !is {
			t.Skip("it can't")
		}
		const address = "shared@example.org"
		want := map[string]*store.User{}
		var claims []*store.EmailAddress
		for i, primary := range []bool{false, true, true, false} {
			u := fullUser()
			u.Username = fmt.Sprintf("%s%d", u.Username, i)
			ok(t, st.CreateUser(ctx, u))
			e := &store.EmailAddress{UserID: u.ID, Email: address, Primary: primary, CreatedAt: now().Add(time.Duration(10-i) * time.Hour)}
			ok(t, st.CreateEmail(ctx, e))
			ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "other@example.org", Primary: !primary}))
			claims = append(claims, e)
			want[u.ID] = got(st.User(ctx, u.ID))(t)
		}
		listed := func(limit int, numbers ...int) {
			t.Helper()
			var users []*store.User
			for _, i := range numbers {
				users = append(users, want[claims[i].UserID])
			}
			same(t, got(finder.UsersByEmail(ctx, address, limit))(t), users)
		}
		listed(10, 2, 1, 3, 0)
		listed(3, 2, 1, 3)
		listed(0)
		for _, nobodys := range []string{"Shared@example.org", "", "%", "\x00"} {
			equal(t, "users of "+nobodys, len(got(finder.UsersByEmail(ctx, nobodys, 10))(t)), 0)
		}
		ok(t, st.VerifyEmail(ctx, claims[0].ID, address))
		listed(10, 0)
		got(finder.UsersByEmail(ctx, address, 1))(t)[0].Username = "scribble"
		listed(10, 0)
		ok(t, st.DeleteUser(ctx, claims[0].UserID))
		listed(10, 2, 1, 3)
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		e := &store.EmailAddress{UserID: u.ID, Email: "a@example.org"}
		ok(t, st.CreateEmail(ctx, e))
		want := *e
		e.Email, e.Verified = "scribble", true
		got(st.Email(ctx, e.ID))(t).Verified = true
		got(st.EmailsOf(ctx, u.ID))(t)[0].Email = "scribble"
		got(st.EmailsByAddress(ctx, "a@example.org"))(t)[0].Primary = true
		same(t, got(st.Email(ctx, e.ID))(t), &want)
	})

	t.Run("addresses are compared exactly", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		for _, address := range []string{"a@example.org", "A@example.org", "á@example.org", "a@example.org ", "_@example.org", "a@exampleXorg"} {
			e := &store.EmailAddress{UserID: u.ID, Email: address}
			ok(t, st.CreateEmail(ctx, e))
			same(t, got(st.EmailsByAddress(ctx, address))(t), []*store.EmailAddress{e})
		}
		equal(t, "claims to another", len(got(st.EmailsByAddress(ctx, "%"))(t)), 0)
		e := got(st.EmailsByAddress(ctx, "a@example.org"))(t)[0]
		fails(t, st.VerifyEmail(ctx, e.ID, "A@example.org"), store.ErrNotFound)
	})

	t.Run("an address of nobody is refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		for _, id := range neverIDs(u.ID) {
			e := &store.EmailAddress{UserID: id, Email: "a@example.org", Primary: true}
			fails(t, st.CreateEmail(ctx, e), store.ErrNotFound)
			equal(t, "ID after a refusal", e.ID, "")
			equal(t, "addresses", len(got(st.EmailsOf(ctx, id))(t)), 0)
		}
		equal(t, "claims", len(got(st.EmailsByAddress(ctx, "a@example.org"))(t)), 0)
		equal(t, "Email", got(st.User(ctx, u.ID))(t).Email, "")
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		e := &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Primary: true}
		ok(t, st.CreateEmail(ctx, e))
		for _, id := range neverIDs(e.ID) {
			absent(st.Email(ctx, id))(t)
			fails(t, st.VerifyEmail(ctx, id, "a@example.org"), store.ErrNotFound)
			fails(t, st.ChangeEmail(ctx, id, "b@example.org"), store.ErrNotFound)
			fails(t, st.MakePrimaryEmail(ctx, u.ID, id), store.ErrNotFound)
			ok(t, st.DeleteEmail(ctx, id))
		}
		for _, id := range neverIDs(u.ID) {
			fails(t, st.MakePrimaryEmail(ctx, id, e.ID), store.ErrNotFound)
		}
		same(t, got(st.Email(ctx, e.ID))(t), e)
	})

	t.Run("a user's addresses are listed oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		at := now()
		create := func(userID, address string, at time.Time) *store.EmailAddress {
			e := &store.EmailAddress{UserID: userID, Email: address, CreatedAt: at}
			ok(t, st.CreateEmail(ctx, e))
			return e
		}
		third := create(u.ID, "z@example.org", at)
		create(other.ID, "other@example.org", at)
		fourth := create(u.ID, "b@example.org", at)
		second := create(u.ID, "x@example.org", at.Add(-time.Microsecond))
		fifth := create(u.ID, "a@example.org", at)
		first := create(u.ID, "y@example.org", at.Add(-time.Hour))
		same(t, got(st.EmailsOf(ctx, u.ID))(t), []*store.EmailAddress{first, second, third, fourth, fifth})
		ok(t, st.MakePrimaryEmail(ctx, u.ID, fourth.ID)) // which moves nothing
		ok(t, st.VerifyEmail(ctx, fifth.ID, "a@example.org"))
		fourth.Primary, fifth.Verified = true, true
		same(t, got(st.EmailsOf(ctx, u.ID))(t), []*store.EmailAddress{first, second, third, fourth, fifth})
	})

	t.Run("claims to an address are listed verified first, then oldest first", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		at := now()
		var l []*store.EmailAddress
		for i := range 5 {
			e := &store.EmailAddress{UserID: newUser(t, st).ID, Email: "a@example.org", CreatedAt: at.Add(-time.Duration(i/2) * time.Second)}
			ok(t, st.CreateEmail(ctx, e))
			l = append(l, e)
		}
		same(t, got(st.EmailsByAddress(ctx, "a@example.org"))(t), []*store.EmailAddress{l[4], l[2], l[3], l[0], l[1]})
		ok(t, st.VerifyEmail(ctx, l[0].ID, "a@example.org"))
		l[0].Verified = true
		same(t, got(st.EmailsByAddress(ctx, "a@example.org"))(t), []*store.EmailAddress{l[0], l[4], l[2], l[3], l[1]})
	})

	t.Run("a user has an address once", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a@example.org"}))
		for _, e := range []store.EmailAddress{{}, {Verified: true}, {Primary: true}} {
			e.UserID, e.Email = u.ID, "a@example.org"
			fails(t, st.CreateEmail(ctx, &e), store.ErrConflict)
			equal(t, "ID after a refusal", e.ID, "")
		}
		equal(t, "addresses", len(got(st.EmailsOf(ctx, u.ID))(t)), 1)
		equal(t, "Email", got(st.User(ctx, u.ID))(t).Email, "")
	})

	t.Run("a user has one primary address", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Primary: true}))
		fails(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "b@example.org", Primary: true}), store.ErrConflict)
		equal(t, "addresses", len(got(st.EmailsOf(ctx, u.ID))(t)), 1)
		equal(t, "Email", got(st.User(ctx, u.ID))(t).Email, "a@example.org")
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: other.ID, Email: "a@example.org", Primary: true}))
	})

	t.Run("an address is verified for one user", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		owner, other := newUser(t, st), newUser(t, st)
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: owner.ID, Email: "a@example.org", Verified: true}))
		fails(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: other.ID, Email: "a@example.org", Verified: true, Primary: true}), store.ErrConflict)
		equal(t, "Email", got(st.User(ctx, other.ID))(t).Email, "")
		claim := &store.EmailAddress{UserID: other.ID, Email: "a@example.org", Primary: true}
		ok(t, st.CreateEmail(ctx, claim)) // a claim is free
		fails(t, st.VerifyEmail(ctx, claim.ID, "a@example.org"), store.ErrConflict)
		same(t, got(st.Email(ctx, claim.ID))(t), claim)
		ok(t, st.DeleteUser(ctx, owner.ID))
		ok(t, st.VerifyEmail(ctx, claim.ID, "a@example.org"))
	})

	t.Run("verifying works once, and only for that text", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		e := &store.EmailAddress{UserID: u.ID, Email: "a@example.org", CreatedAt: now()}
		ok(t, st.CreateEmail(ctx, e))
		for _, text := range []string{"", "b@example.org", "a@example.org ", "a@example.or"} {
			fails(t, st.VerifyEmail(ctx, e.ID, text), store.ErrNotFound)
		}
		ok(t, st.ChangeEmail(ctx, e.ID, "b@example.org"))
		fails(t, st.VerifyEmail(ctx, e.ID, "a@example.org"), store.ErrNotFound) // a link to the old one
		ok(t, st.VerifyEmail(ctx, e.ID, "b@example.org"))
		fails(t, st.VerifyEmail(ctx, e.ID, "b@example.org"), store.ErrNotFound)
		e.Email, e.Verified = "b@example.org", true
		same(t, got(st.Email(ctx, e.ID))(t), e)
		ok(t, st.DeleteEmail(ctx, e.ID))
		fails(t, st.VerifyEmail(ctx, e.ID, "b@example.org"), store.ErrNotFound)
	})

	t.Run("an unverified address can be changed", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		at := now()
		e := &store.EmailAddress{UserID: u.ID, Email: "a@example.org", CreatedAt: at}
		ok(t, st.CreateEmail(ctx, e))
		second := &store.EmailAddress{UserID: u.ID, Email: "b@example.org", CreatedAt: at}
		ok(t, st.CreateEmail(ctx, second))
		fails(t, st.ChangeEmail(ctx, e.ID, "b@example.org"), store.ErrConflict)
		same(t, got(st.Email(ctx, e.ID))(t), e)
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: other.ID, Email: "c@example.org", Verified: true}))
		ok(t, st.ChangeEmail(ctx, e.ID, "c@example.org")) // a claim is free
		e.Email = "c@example.org"
		same(t, got(st.EmailsOf(ctx, u.ID))(t), []*store.EmailAddress{e, second})
		equal(t, "claims to the old one", len(got(st.EmailsByAddress(ctx, "a@example.org"))(t)), 0)
		equal(t, "claims to the new one", len(got(st.EmailsByAddress(ctx, "c@example.org"))(t)), 2)
		ok(t, st.VerifyEmail(ctx, second.ID, "b@example.org"))
		fails(t, st.ChangeEmail(ctx, second.ID, "d@example.org"), store.ErrNotFound)
		ok(t, st.DeleteEmail(ctx, e.ID))
		fails(t, st.ChangeEmail(ctx, e.ID, "d@example.org"), store.ErrNotFound)
	})

	t.Run("the user's email is in step with the primary address", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := &store.User{Username: "ada", Email: "ignored@example.org"}
		ok(t, st.CreateUser(ctx, u))
		step := func(want string) {
			t.Helper()
			x := got(st.User(ctx, u.ID))(t)
			equal(t, "Email", x.Email, want)
			equal(t, "Email by name", got(st.UserByUsername(ctx, "ada"))(t).Email, want)
			equal(t, "Version", x.Version, 1)
			primary := ""
			for _, e := range got(st.EmailsOf(ctx, u.ID))(t) {
				if e.Primary {
					primary += e.Email
				}
			}
			equal(t, "primary address", primary, want)
		}
		step("")
		a := &store.EmailAddress{UserID: u.ID, Email: "a@example.org"}
		ok(t, st.CreateEmail(ctx, a))
		step("")
		b := &store.EmailAddress{UserID: u.ID, Email: "b@example.org", Primary: true}
		ok(t, st.CreateEmail(ctx, b))
		step("b@example.org")
		ok(t, st.VerifyEmail(ctx, a.ID, "a@example.org"))
		step("b@example.org")
		ok(t, st.ChangeEmail(ctx, b.ID, "c@example.org"))
		step("c@example.org")
		ok(t, st.MakePrimaryEmail(ctx, u.ID, a.ID))
		step("a@example.org")
		ok(t, st.MakePrimaryEmail(ctx, u.ID, a.ID))
		step("a@example.org")
		ok(t, st.ChangeEmail(ctx, b.ID, "d@example.org"))
		step("a@example.org")
		ok(t, st.DeleteEmail(ctx, b.ID))
		step("a@example.org")
		ok(t, st.DeleteEmail(ctx, a.ID))
		step("")
		ok(t, st.DeleteEmail(ctx, a.ID))
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Verified: true, Primary: true}))
		step("a@example.org")
	})

	t.Run("another's address can't become primary", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u, other := newUser(t, st), newUser(t, st)
		own := &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Primary: true}
		ok(t, st.CreateEmail(ctx, own))
		theirs := &store.EmailAddress{UserID: other.ID, Email: "b@example.org"}
		ok(t, st.CreateEmail(ctx, theirs))
		fails(t, st.MakePrimaryEmail(ctx, u.ID, theirs.ID), store.ErrNotFound)
		same(t, got(st.Email(ctx, own.ID))(t), own)
		same(t, got(st.Email(ctx, theirs.ID))(t), theirs)
		equal(t, "Email", got(st.User(ctx, u.ID))(t).Email, "a@example.org")
		equal(t, "Email of the other", got(st.User(ctx, other.ID))(t).Email, "")
		ok(t, st.DeleteEmail(ctx, theirs.ID))
		fails(t, st.MakePrimaryEmail(ctx, other.ID, theirs.ID), store.ErrNotFound)
	})

	t.Run("odd addresses are kept or refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a"}))
		for _, text := range append(oddTexts, strings.Repeat("a", 1000)+"@example.org") {
			if l, err := st.EmailsByAddress(ctx, text); err == nil && len(l) > 0 {
				t.Errorf("%q finds %q", text, l[0].Email)
			}
			e := &store.EmailAddress{UserID: u.ID, Email: text}
			err := st.CreateEmail(ctx, e)
			faithful(t, text, err, func() (string, error) {
				same(t, got(st.EmailsByAddress(ctx, text))(t), []*store.EmailAddress{e})
				return e.Email, nil
			})
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st := open(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"CreateEmail", func(ctx context.Context) error {
				return st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a@example.org"})
			}},
			call{"Email", func(ctx context.Context) error { return val(st.Email(ctx, "1")) }},
			call{"EmailsOf", func(ctx context.Context) error { return val(st.EmailsOf(ctx, u.ID)) }},
			call{"EmailsByAddress", func(ctx context.Context) error { return val(st.EmailsByAddress(ctx, "a@example.org")) }},
			call{"VerifyEmail", func(ctx context.Context) error { return st.VerifyEmail(ctx, "1", "a@example.org") }},
			call{"ChangeEmail", func(ctx context.Context) error { return st.ChangeEmail(ctx, "1", "a@example.org") }},
			call{"MakePrimaryEmail", func(ctx context.Context) error { return st.MakePrimaryEmail(ctx, u.ID, "1") }},
			call{"DeleteEmail", func(ctx context.Context) error { return st.DeleteEmail(ctx, "1") }},
		))
		equal(t, "addresses", len(got(st.EmailsOf(t.Context(), u.ID))(t)), 0)
	})
}
