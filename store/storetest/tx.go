package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// errRefused is what a transaction's function fails with.
var errRefused = errors.New("refused by the test")

// Transactions tests [store.Store].InTx.
func Transactions(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("what succeeds is kept, all of it", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		var e estate
		var inside picture
		ok(t, st.InTx(ctx, func(tx store.Store) error {
			e = populate(t, tx, "ada")
			inside = dump(t, tx, e) // one reads what one has written
			return nil
		}))
		pictures(t, "after the commit", dump(t, st, e), inside)
		if len(inside) < 18 {
			t.Fatalf("only %d of what was written was there: %v", len(inside), inside)
		}
	})

	for _, tt := range []struct {
		name string
		end  func() error
		want string
	}{
		{"what fails is undone, all of it", func() error { return errRefused }, errRefused.Error()},
		{"a panic undoes all, and goes on", func() error { panic("at the disco") }, "panic: at the disco"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, ctx := open(t), t.Context()
			ada, bob := populate(t, st, "ada"), populate(t, st, "bob")
			before, owned := dump(t, st, ada, bob), holdings(t, st, ada, bob)
			var cyd estate
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = fmt.Errorf("panic: %v", p)
					}
				}()
				return st.InTx(ctx, func(tx store.Store) error {
					upset(t, tx, ada)
					ok(t, tx.DeleteUser(ctx, bob.user))
					cyd = populate(t, tx, "cyd")
					if slices.Equal(dump(t, tx, ada, bob), before) {
						t.Error("the transaction does not see what it has written")
					}
					return tt.end()
				})
			}()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
			pictures(t, "what was there", dump(t, st, ada, bob), before)
			// What was not there is free, and everything still works.
			ok(t, st.InTx(ctx, func(tx store.Store) error { cyd = populate(t, tx, "cyd"); return nil }))
			ok(t, st.DeleteUser(ctx, cyd.user))
			pictures(t, "what was there", holdings(t, st, ada, bob), owned)
		})
	}

	t.Run("what is undone is limited, used and claimed no more", func(t *testing.T) {
		st, ctx, m := open(t), t.Context(), message(0)
		ok(t, st.CreateMessage(ctx, m))
		at := m.DueAt
		b, other := store.Bucket{Key: "k", Amount: 1, Per: time.Hour}, store.Bucket{Key: "other", Amount: 1, Per: time.Hour}
		equal(t, "wait", got(st.Take(ctx, at, other))(t), 0)
		ok(t, st.UseOnce(ctx, "before", at, at.Add(time.Hour)))
		err := st.InTx(ctx, func(tx store.Store) error {
			equal(t, "wait", got(tx.Take(ctx, at, b))(t), 0)
			waits(t, "Take", got(tx.Take(ctx, at, b))(t), time.Hour)
			ok(t, tx.GiveBack(ctx, at, "other"))
			equal(t, "wait", got(tx.Take(ctx, at.Add(time.Minute), other))(t), 0)
			ok(t, tx.UseOnce(ctx, "k", at, at.Add(time.Hour)))
			fails(t, tx.UseOnce(ctx, "k", at, at.Add(time.Hour)), store.ErrConflict)
			fails(t, tx.UseOnce(ctx, "before", at, at.Add(time.Hour)), store.ErrConflict)
			equal(t, "claimed", len(got(tx.ClaimMessages(ctx, at, at.Add(time.Hour), 9))(t)), 1)
			equal(t, "claimed again", len(got(tx.ClaimMessages(ctx, at, at.Add(time.Hour), 9))(t)), 0)
			equal(t, "limits swept", got(tx.DeleteExpiredLimits(ctx, at.Add(2*time.Hour)))(t), 2)
			equal(t, "nonces swept", got(tx.DeleteExpiredNonces(ctx, at.Add(2*time.Hour)))(t), 2)
			return errRefused
		})
		fails(t, err, errRefused)
		equal(t, "wait", got(st.Take(ctx, at, b))(t), 0)
		waits(t, "Take", got(st.Take(ctx, at, other))(t), time.Hour) // and not one minute more
		ok(t, st.UseOnce(ctx, "k", at, at.Add(time.Hour)))
		fails(t, st.UseOnce(ctx, "before", at, at.Add(time.Hour)), store.ErrConflict)
		equal(t, "claimed", len(got(st.ClaimMessages(ctx, at, at.Add(time.Hour), 9))(t)), 1)
	})

	t.Run("a context that ends on the way leaves all or nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ada := populate(t, st, "ada")
		before := dump(t, st, ada)
		var after picture
		inTx, cancel := context.WithCancel(ctx)
		err := st.InTx(inTx, func(tx store.Store) error {
			upset(t, tx, ada)
			after = dump(t, tx, ada)
			cancel()
			return nil
		})
		want := after
		if err != nil {
			want = before
		}
		pictures(t, fmt.Sprintf("after error %v", err), dump(t, st, ada), want)
		ok(t, st.DeleteUser(ctx, ada.user))
	})

	t.Run("a context that has ended starts nothing", func(t *testing.T) {
		st := open(t)
		honoursContext(t, calls(call{"InTx", func(ctx context.Context) error {
			return st.InTx(ctx, func(store.Store) error { t.Error("the function was run"); return nil })
		}}))
		err := st.InTx(t.Context(), func(tx store.Store) error {
			u := newUser(t, tx)
			honoursContext(t, calls(
				call{"User", func(ctx context.Context) error { return val(tx.User(ctx, u.ID)) }},
				call{"RecordLogin", func(ctx context.Context) error { return tx.RecordLogin(ctx, u.ID, now()) }},
				call{"InTx", func(ctx context.Context) error { return tx.InTx(ctx, func(store.Store) error { return nil }) }},
			))
			return errRefused
		})
		fails(t, err, errRefused)
	})

	t.Run("a session is created on the way to the commit", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		deferring := func(tx store.Store) store.SessionDeferrer {
			d, is := tx.(store.SessionDeferrer)
			if !is {
				t.Skip("the store defers no sessions")
			}
			return d
		}
		u, at := newUser(t, st), now().Add(time.Hour)
		alone, last, read := session(u.ID, 1), session(u.ID, 2), session(u.ID, 3)
		ok(t, deferring(st).DeferSession(ctx, alone))
		ok(t, st.InTx(ctx, func(tx store.Store) error {
			ok(t, tx.RecordLogin(ctx, u.ID, at))
			return deferring(tx).DeferSession(ctx, last)
		}))
		ok(t, st.InTx(ctx, func(tx store.Store) error {
			ok(t, deferring(tx).DeferSession(ctx, read))
			same(t, got(tx.SessionsOf(ctx, u.ID))(t), []*store.Session{alone, last, read})
			return nil
		}))
		same(t, got(st.SessionsOf(ctx, u.ID))(t), []*store.Session{alone, last, read})
		equal(t, "LastLoginAt", got(st.User(ctx, u.ID))(t).LastLoginAt, at)

		// Its failure is the transaction's, whoever hears of it.
		for want, s := range map[error]*store.Session{store.ErrConflict: session(u.ID, 1), store.ErrNotFound: session("999999", 4)} {
			for _, deaf := range []bool{false, true} {
				fails(t, st.InTx(ctx, func(tx store.Store) error {
					ok(t, tx.UseOnce(ctx, "beside", at, at))
					if err := deferring(tx).DeferSession(ctx, s); err != nil {
						return err
					}
					if deaf {
						_, _ = tx.User(ctx, u.ID)
					}
					return nil
				}), want)
			}
		}
		fails(t, st.InTx(ctx, func(tx store.Store) error {
			ok(t, tx.UseOnce(ctx, "beside", at, at)) // which nobody has used
			ok(t, deferring(tx).DeferSession(ctx, session(u.ID, 5)))
			return errRefused
		}), errRefused)
		equal(t, "sessions", len(got(st.SessionsOf(ctx, u.ID))(t)), 3)
		honoursContext(t, calls(call{"DeferSession", func(ctx context.Context) error {
			return st.InTx(t.Context(), func(tx store.Store) error { return deferring(tx).DeferSession(ctx, session(u.ID, 6)) })
		}}))
	})

	t.Run("the function's error comes back", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, want := range []error{errRefused, store.ErrConflict, store.ErrNotFound, fmt.Errorf("deep: %w", errRefused)} {
			err := st.InTx(ctx, func(store.Store) error { return want })
			if !errors.Is(err, want) {
				t.Errorf("got error %v, want %v", err, want)
			}
		}
	})

	t.Run("neither a conflict nor a miss ends the transaction", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ada := populate(t, st, "ada")
		var bob estate
		ok(t, st.InTx(ctx, func(tx store.Store) error {
			at := now()
			u := newUser(t, tx)
			fails(t, tx.CreateUser(ctx, &store.User{Username: ada.name}), store.ErrConflict)
			fails(t, tx.UpdateUser(ctx, &store.User{ID: u.ID, Version: 1, Username: ada.name}), store.ErrConflict)
			fails(t, tx.UpdateUser(ctx, &store.User{ID: u.ID, Version: 9}), store.ErrConflict)
			fails(t, tx.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: ada.address, Verified: true}), store.ErrConflict)
			fails(t, tx.CreateEmail(ctx, &store.EmailAddress{UserID: ada.user, Email: "another@example.org", Primary: true}), store.ErrConflict)
			fails(t, tx.CreateEmail(ctx, &store.EmailAddress{UserID: "never", Email: "another@example.org"}), store.ErrNotFound)
			claim := &store.EmailAddress{UserID: u.ID, Email: ada.address}
			ok(t, tx.CreateEmail(ctx, claim))
			fails(t, tx.VerifyEmail(ctx, claim.ID, claim.Email), store.ErrConflict)
			fails(t, tx.MakePrimaryEmail(ctx, ada.user, claim.ID), store.ErrNotFound)
			ok(t, tx.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "another@example.org"}))
			fails(t, tx.ChangeEmail(ctx, claim.ID, "another@example.org"), store.ErrConflict)
			fails(t, tx.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: ada.number, Verified: true}), store.ErrConflict)
			fails(t, tx.SetPhone(ctx, &store.Phone{UserID: "999999", Number: "+0"}), store.ErrNotFound)
			fails(t, tx.CreateAuthenticator(ctx, &store.Authenticator{UserID: ada.user, Type: store.TOTP}), store.ErrConflict)
			fails(t, tx.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: ada.key}), store.ErrConflict)
			fails(t, tx.CreateAuthenticator(ctx, &store.Authenticator{UserID: "999999", Type: store.WebAuthn}), store.ErrNotFound)
			fails(t, tx.UpdateAuthenticator(ctx, &store.Authenticator{ID: ada.authenticator, Version: 9}), store.ErrConflict)
			fails(t, tx.CreateSocialAccount(ctx, &store.SocialAccount{UserID: u.ID, Provider: "p", UID: ada.name}), store.ErrConflict)
			fails(t, tx.CreateSocialAccount(ctx, &store.SocialAccount{UserID: "999999", Provider: "p", UID: "new"}), store.ErrNotFound)
			fails(t, tx.SetSocialToken(ctx, &store.SocialToken{AccountID: "999999", App: "app"}), store.ErrNotFound)
			fails(t, tx.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: u.ID, TokenHash: ada.hash, ExpiresAt: at}), store.ErrConflict)
			fails(t, tx.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: "999999", TokenHash: hash(7777), ExpiresAt: at}), store.ErrNotFound)
			fails(t, tx.CreateSession(ctx, &store.Session{TokenHash: ada.hash, ExpiresAt: at}), store.ErrConflict)
			s := got(tx.Session(ctx, ada.session))(t)
			s.Version = 9
			fails(t, tx.UpdateSession(ctx, s), store.ErrConflict)
			fails(t, tx.UseOnce(ctx, ada.name, ada.at, ada.at.Add(time.Hour)), store.ErrConflict)
			absent(tx.User(ctx, "abc"))(t)
			bob = populate(t, tx, "bob")
			return nil
		}))
		if n := len(dump(t, st, bob)); n < 18 {
			t.Fatalf("only %d of what was written was there", n)
		}
	})

	t.Run("a transaction within one joins it", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		var ada, bob estate
		all := func(fail error) error {
			return st.InTx(ctx, func(tx store.Store) error {
				ada = populate(t, tx, "ada")
				before := dump(t, tx, ada)
				ok(t, tx.InTx(ctx, func(inner store.Store) error {
					pictures(t, "seen from within", dump(t, inner, ada), before)
					return inner.InTx(ctx, func(innermost store.Store) error {
						bob = populate(t, innermost, "bob")
						return nil
					})
				}))
				if len(dump(t, tx, bob)) < 18 {
					t.Error("what a joined transaction has written is not seen outside of it")
				}
				return fail
			})
		}
		if err := all(errRefused); !errors.Is(err, errRefused) {
			t.Errorf("got error %v, want %v", err, errRefused)
		}
		pictures(t, "after a failure of the whole", holdings(t, st, ada, bob), nil)
		ok(t, all(nil))
		if len(dump(t, st, ada, bob)) < 36 {
			t.Error("what both have written is not there")
		}
	})

	t.Run("a joined transaction that fails is never kept", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, inner := range []func(tx store.Store) error{
			func(tx store.Store) error {
				return tx.InTx(ctx, func(tx store.Store) error {
					ok(t, tx.CreateUser(ctx, &store.User{Username: "inner"}))
					return errRefused
				})
			},
			func(tx store.Store) (err error) {
				defer func() { err = fmt.Errorf("%w: %v", errRefused, recover()) }()
				return tx.InTx(ctx, func(tx store.Store) error {
					ok(t, tx.CreateUser(ctx, &store.User{Username: "inner"}))
					panic("at the disco")
				})
			},
		} {
			for _, outerFails := range []bool{true, false} {
				err := st.InTx(ctx, func(tx store.Store) error {
					ok(t, tx.CreateUser(ctx, &store.User{Username: "outer"}))
					err := inner(tx)
					if !errors.Is(err, errRefused) {
						t.Errorf("got error %v, want %v", err, errRefused)
					}
					if outerFails {
						return err
					}
					return nil
				})
				absent(st.UserByUsername(ctx, "inner"))(t)
				if err == nil && !outerFails {
					// The store can undo the inner one by itself.
					ok(t, st.DeleteUser(ctx, got(st.UserByUsername(ctx, "outer"))(t).ID))
				}
				absent(st.UserByUsername(ctx, "outer"))(t)
			}
		}
	})

	t.Run("nobody sees what is not committed", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ada := populate(t, st, "ada")
		before := dump(t, st, ada)
		for _, fail := range []error{errRefused, nil} {
			seen := make(chan picture, 1)
			_ = st.InTx(ctx, func(tx store.Store) error {
				upset(t, tx, ada)
				go func() {
					// A store may let others wait; not for ever here.
					short, cancel := context.WithTimeout(ctx, time.Second)
					defer cancel()
					p, err := lookAt(short, st, []estate{ada}, true)
					if err != nil {
						seen <- before
						return
					}
					seen <- p
				}()
				pictures(t, "seen from outside", <-seen, before)
				return fail
			})
		}
		if slices.Equal(dump(t, st, ada), before) {
			t.Error("what was committed is not there")
		}
	})

	t.Run("nobody ever sees what is undone", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := &store.User{FirstName: "committed"}
		ok(t, st.CreateUser(ctx, u))
		for _, err := range race(t, st, 10, func(ctx context.Context, i int) error {
			for range rounds(30) {
				if i > 2 {
					x, err := st.User(ctx, u.ID)
					if err != nil {
						return err
					}
					if x.FirstName != "committed" {
						return fmt.Errorf("saw %q", x.FirstName)
					}
					continue
				}
				err := st.InTx(ctx, func(tx store.Store) error {
					x := *u
					x.FirstName = "undone"
					if err := tx.UpdateUser(ctx, &x); err != nil {
						return err
					}
					return errRefused
				})
				if !errors.Is(err, errRefused) {
					return fmt.Errorf("got error %w, want %v", err, errRefused)
				}
			}
			return nil
		}) {
			ok(t, err)
		}
	})
}
