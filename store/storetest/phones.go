package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/headless-auth/headless/store"
)

// Phones tests the contract [store.Phones].
func Phones(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("every field is kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		absent(st.PhoneOf(ctx, u.ID))(t)
		for _, p := range []*store.Phone{{UserID: u.ID, Number: "+4915112345678"}, {UserID: u.ID, Number: "+4915112345678", Verified: true}} {
			ok(t, st.SetPhone(ctx, p))
			same(t, got(st.PhoneOf(ctx, u.ID))(t), p)
			same(t, got(st.PhonesByNumber(ctx, p.Number))(t), []*store.Phone{p})
		}
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		p := &store.Phone{UserID: u.ID, Number: "+1"}
		ok(t, st.SetPhone(ctx, p))
		want := *p
		p.Verified = true
		got(st.PhoneOf(ctx, u.ID))(t).Number = "scribble"
		got(st.PhonesByNumber(ctx, "+1"))(t)[0].Verified = true
		same(t, got(st.PhoneOf(ctx, u.ID))(t), &want)
	})

	t.Run("a user has one number, which can be replaced and removed", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: "+1", Verified: true}))
		p := &store.Phone{UserID: u.ID, Number: "+2"}
		ok(t, st.SetPhone(ctx, p))
		same(t, got(st.PhoneOf(ctx, u.ID))(t), p)
		equal(t, "claims to the old one", len(got(st.PhonesByNumber(ctx, "+1"))(t)), 0)
		equal(t, "claims to a part", len(got(st.PhonesByNumber(ctx, "2"))(t)), 0)
		ok(t, st.DeletePhone(ctx, u.ID))
		ok(t, st.DeletePhone(ctx, u.ID))
		absent(st.PhoneOf(ctx, u.ID))(t)
		equal(t, "claims", len(got(st.PhonesByNumber(ctx, "+2"))(t)), 0)
	})

	t.Run("a number is verified for one user", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		owner, other := newUser(t, st), newUser(t, st)
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: owner.ID, Number: "+1", Verified: true}))
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: owner.ID, Number: "+1", Verified: true}))
		old := &store.Phone{UserID: other.ID, Number: "+2"}
		ok(t, st.SetPhone(ctx, old))
		fails(t, st.SetPhone(ctx, &store.Phone{UserID: other.ID, Number: "+1", Verified: true}), store.ErrConflict)
		same(t, got(st.PhoneOf(ctx, other.ID))(t), old)
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: other.ID, Number: "+1"})) // a claim is free
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: owner.ID, Number: "+1"}))
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: other.ID, Number: "+1", Verified: true}))
		fails(t, st.SetPhone(ctx, &store.Phone{UserID: owner.ID, Number: "+1", Verified: true}), store.ErrConflict)
	})

	t.Run("claims to a number are listed verified first, then by user id", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		var l []*store.Phone
		for range 12 { // enough for ids of one and of two digits
			l = append(l, &store.Phone{UserID: newUser(t, st).ID, Number: "+1"})
		}
		for i := range l {
			ok(t, st.SetPhone(ctx, l[(i*5)%len(l)]))
		}
		if ids, is := st.(store.IntegerIDs); is && ids.IntegerIDs() {
			slices.SortFunc(l, func(a, b *store.Phone) int {
				x, _ := strconv.Atoi(a.UserID)
				y, _ := strconv.Atoi(b.UserID)
				return x - y
			})
		} else { // each store has its own way of ordering ids, and keeps to it
			order := got(st.PhonesByNumber(ctx, "+1"))(t)
			slices.SortFunc(l, func(a, b *store.Phone) int {
				at := func(p *store.Phone) int {
					return slices.IndexFunc(order, func(x *store.Phone) bool { return x.UserID == p.UserID })
				}
				return at(a) - at(b)
			})
		}
		same(t, got(st.PhonesByNumber(ctx, "+1"))(t), l)
		v := l[10]
		v.Verified = true
		ok(t, st.SetPhone(ctx, v))
		same(t, got(st.PhonesByNumber(ctx, "+1"))(t), append([]*store.Phone{v}, slices.Delete(l, 10, 11)...))
	})

	t.Run("ids that were never given out find nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		p := &store.Phone{UserID: u.ID, Number: "+1"}
		ok(t, st.SetPhone(ctx, p))
		for _, id := range neverIDs(u.ID) {
			absent(st.PhoneOf(ctx, id))(t)
			fails(t, st.SetPhone(ctx, &store.Phone{UserID: id, Number: "+1"}), store.ErrNotFound)
			ok(t, st.DeletePhone(ctx, id))
		}
		same(t, got(st.PhonesByNumber(ctx, "+1"))(t), []*store.Phone{p})
		ok(t, st.DeleteUser(ctx, u.ID))
		fails(t, st.SetPhone(ctx, p), store.ErrNotFound)
	})

	t.Run("odd numbers are kept or refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ok(t, st.SetPhone(ctx, &store.Phone{UserID: newUser(t, st).ID, Number: "a"}))
		for _, text := range append(oddTexts, strings.Repeat("9", 1000)) {
			if l, err := st.PhonesByNumber(ctx, text); err == nil && len(l) > 0 {
				t.Errorf("%q finds %q", text, l[0].Number)
			}
			p := &store.Phone{UserID: newUser(t, st).ID, Number: text}
			err := st.SetPhone(ctx, p)
			faithful(t, text, err, func() (string, error) {
				same(t, got(st.PhonesByNumber(ctx, text))(t), []*store.Phone{p})
				return p.Number, nil
			})
		}
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st := open(t)
		u := newUser(t, st)
		honoursContext(t, calls(
			call{"PhoneOf", func(ctx context.Context) error { return val(st.PhoneOf(ctx, u.ID)) }},
			call{"PhonesByNumber", func(ctx context.Context) error { return val(st.PhonesByNumber(ctx, "+1")) }},
			call{"SetPhone", func(ctx context.Context) error { return st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: "+1"}) }},
			call{"DeletePhone", func(ctx context.Context) error { return st.DeletePhone(ctx, u.ID) }},
		))
		absent(st.PhoneOf(t.Context(), u.ID))(t)
	})
}
