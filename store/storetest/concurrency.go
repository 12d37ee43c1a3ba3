package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// crowd is how many goroutines race for something that one can have.
const crowd = 50

// rounds is n, or less with -short.
func rounds(n int) int {
	if testing.Short() {
		return max(1, n/3)
	}
	return n
}

// race has n goroutines do something at once, after each has asked the store
// something, so that its connection is warm. It returns how each has fared.
func race[S any](t testing.TB, st S, n int, do func(ctx context.Context, i int) error) []error {
	ctx := t.Context()
	errs := make([]error, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			warm(ctx, st)
			ready.Done()
			<-start
			for range 20 { // a store that is too busy says so; callers try again
				if errs[i] = do(ctx, i); !errors.Is(errs[i], store.ErrUnavailable) {
					return
				}
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return errs
}

// warm asks for something that changes nothing.
func warm(ctx context.Context, st any) {
	switch st := st.(type) {
	case store.Sessions:
		_, _ = st.SessionByHash(ctx, hash(0))
	case store.Limits:
		_, _ = st.Peek(ctx, time.Now(), store.Bucket{Key: "warm", Amount: 1, Per: time.Second})
	case store.Nonces:
		_, _ = st.DeleteExpiredNonces(ctx, time.Unix(0, 0)) // nothing is as old
	}
}

// oneWins checks that one of a race has won and that the others have got an
// error of that kind. It returns the winner.
func oneWins(t testing.TB, errs []error, kind error) int {
	t.Helper()
	winner, winners := -1, 0
	for i, err := range errs {
		if err == nil {
			winner = i
			winners++
		} else if !errors.Is(err, kind) {
			t.Errorf("a loser got error %v, want %q", err, kind)
		}
	}
	if winners != 1 {
		t.Fatalf("%d of %d have won, want one", winners, len(errs))
	}
	return winner
}

// each runs an operation on a store in one way.
type each[S any] func(ctx context.Context, fn func(S) error) error

// bothWays runs a race on its own and, if the store has transactions, with each
// operation in one of its own.
func bothWays[S any](t *testing.T, open func(t *testing.T) S, name string, test func(t *testing.T, st S, do each[S])) {
	t.Run(name, func(t *testing.T) {
		t.Run("alone", func(t *testing.T) {
			st := open(t)
			test(t, st, func(_ context.Context, fn func(S) error) error { return fn(st) })
		})
		t.Run("in transactions", func(t *testing.T) {
			st := open(t)
			whole, is := any(st).(store.Store)
			if !is {
				t.Skip("the store has no transactions")
			}
			test(t, st, func(ctx context.Context, fn func(S) error) error {
				return whole.InTx(ctx, func(tx store.Store) error { return fn(any(tx).(S)) })
			})
		})
	})
}

func raceNonces(t *testing.T, open func(t *testing.T) store.Nonces) {
	bothWays(t, open, "of many who use a key at once one succeeds", func(t *testing.T, st store.Nonces, do each[store.Nonces]) {
		at := now()
		for i := range rounds(6) {
			key, at := fmt.Sprint("k", i%5), at.Add(time.Duration(i/5)*time.Minute) // half of them used before
			oneWins(t, race(t, st, crowd, func(ctx context.Context, _ int) error {
				return do(ctx, func(st store.Nonces) error { return st.UseOnce(ctx, key, at, at.Add(time.Minute)) })
			}), store.ErrConflict)
		}
	})
}

func raceLimits(t *testing.T, open func(t *testing.T) store.Limits) {
	bothWays(t, open, "many takers at once are granted the amount", func(t *testing.T, st store.Limits, do each[store.Limits]) {
		b, at := store.Bucket{Key: "k", Amount: 10, Per: time.Minute}, now()
		for i := range rounds(3) {
			at := at.Add(time.Duration(i) * time.Minute)
			equal(t, "granted", granted(t, st, 4*crowd, do, func(int) (time.Time, []store.Bucket) { return at, []store.Bucket{b} }), b.Amount)
		}
	})

	bothWays(t, open, "many takers at about the same time are granted the amount", func(t *testing.T, st store.Limits, do each[store.Limits]) {
		b, at := store.Bucket{Key: "k", Amount: 10, Per: time.Minute}, now()
		equal(t, "granted", granted(t, st, 4*crowd, do, func(i int) (time.Time, []store.Bucket) {
			return at.Add(time.Duration(i%7) * time.Millisecond), []store.Bucket{b}
		}), b.Amount)
	})

	bothWays(t, open, "takers of the same buckets in another order don't block each other", func(t *testing.T, st store.Limits, do each[store.Limits]) {
		a, b := store.Bucket{Key: "a", Amount: 1000, Per: time.Minute}, store.Bucket{Key: "b", Amount: 1000, Per: time.Minute}
		at := now()
		for i := range rounds(3) {
			at := at.Add(time.Duration(i) * time.Minute)
			equal(t, "granted", granted(t, st, crowd, do, func(i int) (time.Time, []store.Bucket) {
				if i%2 == 0 {
					return at, []store.Bucket{a, b}
				}
				return at, []store.Bucket{b, a}
			}), crowd)
		}
	})

	t.Run("takes and give-backs at once add up", func(t *testing.T) {
		st, at := open(t), now()
		b := store.Bucket{Key: "k", Amount: crowd, Per: time.Minute}
		for range b.Amount {
			got(st.Take(t.Context(), at, b))(t)
		}
		given := race(t, st, crowd, func(ctx context.Context, i int) error { return st.GiveBack(ctx, at, "k") })
		for _, err := range given {
			ok(t, err)
		}
		direct := func(_ context.Context, fn func(store.Limits) error) error { return fn(st) }
		equal(t, "granted", granted(t, st, 2*crowd, direct, func(int) (time.Time, []store.Bucket) { return at, []store.Bucket{b} }), crowd)
	})
}

// granted counts how many of n takers at once are granted what they ask for.
func granted(t testing.TB, st store.Limits, n int, do each[store.Limits], ask func(i int) (time.Time, []store.Bucket)) int {
	t.Helper()
	waits := make([]time.Duration, n)
	for _, err := range race(t, st, n, func(ctx context.Context, i int) error {
		at, buckets := ask(i)
		return do(ctx, func(st store.Limits) (err error) {
			waits[i], err = st.Take(ctx, at, buckets...)
			return err
		})
	}) {
		ok(t, err)
	}
	count := 0
	for _, w := range waits {
		if w == 0 {
			count++
		} else if w < 0 {
			t.Errorf("got a wait of %v", w)
		}
	}
	return count
}

func raceSessions(t *testing.T, open func(t *testing.T) store.Sessions) {
	bothWays(t, open, "of many saves at once one succeeds", func(t *testing.T, st store.Sessions, do each[store.Sessions]) {
		s := session("", 1)
		ok(t, st.CreateSession(t.Context(), s))
		for round := range rounds(6) {
			before := got(st.Session(t.Context(), s.ID))(t)
			token := func(i int) []byte { return hash(100*round + i + 10) }
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Sessions) error {
					x := *before
					x.TokenHash, x.State = token(i), fmt.Append(nil, i)
					return st.UpdateSession(ctx, &x)
				})
			}), store.ErrConflict)
			after := got(st.SessionByHash(t.Context(), token(winner)))(t)
			equal(t, "Version", after.Version, before.Version+1)
			equal(t, "State", string(after.State), fmt.Sprint(winner))
			absent(st.SessionByHash(t.Context(), before.TokenHash))(t)
			for i := range crowd {
				if i != winner {
					absent(st.SessionByHash(t.Context(), token(i)))(t)
				}
			}
		}
	})

	bothWays(t, open, "of many sessions with one token one is made", func(t *testing.T, st store.Sessions, do each[store.Sessions]) {
		for round := range rounds(4) {
			oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Sessions) error { return st.CreateSession(ctx, session("", round)) })
			}), store.ErrConflict)
		}
	})

	ends := []struct {
		name string
		end  func(ctx context.Context, st store.Sessions, s *store.Session) error
	}{
		{"ended", func(ctx context.Context, st store.Sessions, s *store.Session) error {
			return st.DeleteSession(ctx, s.ID)
		}},
		{"ended with all of its user", func(ctx context.Context, st store.Sessions, s *store.Session) error {
			return st.DeleteSessionsOf(ctx, s.UserID, "")
		}},
	}
	for _, tt := range ends {
		bothWays(t, open, "a session "+tt.name+" is not brought back by saves and touches at once", func(t *testing.T, st store.Sessions, do each[store.Sessions]) {
			user := owners(t, st)()
			for round := range rounds(6) {
				s := session(user, 1000*round)
				ok(t, st.CreateSession(t.Context(), s))
				errs := race(t, st, crowd, func(ctx context.Context, i int) error {
					return do(ctx, func(st store.Sessions) error {
						x := *s
						switch {
						case i == crowd/2:
							return tt.end(ctx, st, &x)
						case i%2 == 0:
							return st.TouchSession(ctx, &x, x.SeenAt)
						}
						x.TokenHash = hash(1000*round + i)
						return st.UpdateSession(ctx, &x)
					})
				})
				for i, err := range errs {
					if err != nil && (i == crowd/2 || i%2 == 0 || !errors.Is(err, store.ErrConflict)) {
						t.Errorf("unexpected error: %v", err)
					}
				}
				absent(st.Session(t.Context(), s.ID))(t)
				equal(t, "sessions", len(got(st.SessionsOf(t.Context(), user))(t)), 0)
				for i := range crowd {
					absent(st.SessionByHash(t.Context(), hash(1000*round+i)))(t)
				}
			}
		})
	}

	bothWays(t, open, "touches at once with a save take nothing back", func(t *testing.T, st store.Sessions, do each[store.Sessions]) {
		newUser := owners(t, st)
		before, after := newUser(), newUser()
		for round := range rounds(4) {
			s := session(before, 2*round)
			ok(t, st.CreateSession(t.Context(), s))
			saved := *s
			saved.UserID, saved.TokenHash, saved.State, saved.Methods = after, hash(2*round+1), []byte("saved"), nil
			for _, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Sessions) error {
					if i == crowd/2 {
						x := saved
						return st.UpdateSession(ctx, &x)
					}
					x := *s
					x.SeenAt = s.SeenAt.Add(time.Minute)
					return st.TouchSession(ctx, &x, x.SeenAt)
				})
			}) {
				ok(t, err)
			}
			absent(st.SessionByHash(t.Context(), hash(2*round)))(t)
			x := got(st.SessionByHash(t.Context(), hash(2*round+1)))(t)
			saved.Version, saved.SeenAt = 2, x.SeenAt
			same(t, x, &saved)
			equal(t, "sessions of the former user", len(got(st.SessionsOf(t.Context(), before))(t)), 0)
		}
	})
}

// Concurrency races for everything in a whole store that one can have. The
// races of sessions, limits and nonces are in [Sessions], [Limits] and
// [Nonces].
func Concurrency(t *testing.T, open func(t *testing.T) store.Store) {
	type do = each[store.Store]

	bothWays(t, open, "of many users with one name one is made", func(t *testing.T, st store.Store, do do) {
		for round := range rounds(6) {
			names := []string{fmt.Sprint("ada", round), fmt.Sprint("Ada", round), fmt.Sprint("ADA", round)}
			oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error { return st.CreateUser(ctx, &store.User{Username: names[i%3]}) })
			}), store.ErrConflict)
		}
	})

	bothWays(t, open, "of many users who take one name one gets it", func(t *testing.T, st store.Store, do do) {
		for round := range rounds(4) {
			users := people(t, st)
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					u := *users[i]
					u.Username = fmt.Sprint("ada", round)
					return st.UpdateUser(ctx, &u)
				})
			}), store.ErrConflict)
			equal(t, "ID", got(st.UserByUsername(t.Context(), fmt.Sprint("ADA", round)))(t).ID, users[winner].ID)
		}
	})

	bothWays(t, open, "of many updates of a user one succeeds", func(t *testing.T, st store.Store, do do) {
		id := newUser(t, st).ID
		for range rounds(6) {
			before := got(st.User(t.Context(), id))(t)
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					u := *before
					u.FirstName = fmt.Sprint(i)
					return st.UpdateUser(ctx, &u)
				})
			}), store.ErrConflict)
			after := got(st.User(t.Context(), id))(t)
			equal(t, "Version", after.Version, before.Version+1)
			equal(t, "FirstName", after.FirstName, fmt.Sprint(winner))
		}
	})

	bothWays(t, open, "of many updates of an authenticator one succeeds", func(t *testing.T, st store.Store, do do) {
		a := &store.Authenticator{UserID: newUser(t, st).ID, Type: store.RecoveryCodes}
		ok(t, st.CreateAuthenticator(t.Context(), a))
		for range rounds(6) {
			before := got(st.Authenticator(t.Context(), a.ID))(t)
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					a := *before
					a.Data = fmt.Append(nil, i)
					return st.UpdateAuthenticator(ctx, &a)
				})
			}), store.ErrConflict)
			after := got(st.Authenticator(t.Context(), a.ID))(t)
			equal(t, "Version", after.Version, before.Version+1)
			equal(t, "Data", string(after.Data), fmt.Sprint(winner))
		}
	})

	bothWays(t, open, "of many users who verify one address one gets it", func(t *testing.T, st store.Store, do do) {
		for round := range rounds(4) {
			address := fmt.Sprintf("a%d@example.org", round)
			var ids []string
			for _, u := range people(t, st) {
				e := &store.EmailAddress{UserID: u.ID, Email: address}
				ok(t, st.CreateEmail(t.Context(), e))
				ids = append(ids, e.ID)
			}
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error { return st.VerifyEmail(ctx, ids[i], address) })
			}), store.ErrConflict)
			verified := 0
			for _, e := range got(st.EmailsByAddress(t.Context(), address))(t) {
				if e.Verified {
					verified++
					equal(t, "ID", e.ID, ids[winner])
				}
			}
			equal(t, "verified", verified, 1)
		}
	})

	bothWays(t, open, "of many who verify with one link one succeeds", func(t *testing.T, st store.Store, do do) {
		u := newUser(t, st)
		for round := range rounds(6) {
			e := &store.EmailAddress{UserID: u.ID, Email: fmt.Sprintf("a%d@example.org", round)}
			ok(t, st.CreateEmail(t.Context(), e))
			oneWins(t, race(t, st, crowd, func(ctx context.Context, _ int) error {
				return do(ctx, func(st store.Store) error { return st.VerifyEmail(ctx, e.ID, e.Email) })
			}), store.ErrNotFound)
		}
	})

	bothWays(t, open, "an address is not changed and verified at once", func(t *testing.T, st store.Store, do do) {
		u := newUser(t, st)
		for round := range rounds(6) {
			old, changed := fmt.Sprintf("old%d@example.org", round), fmt.Sprintf("new%d@example.org", round)
			e := &store.EmailAddress{UserID: u.ID, Email: old}
			ok(t, st.CreateEmail(t.Context(), e))
			errs := race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					if i%2 == 0 {
						return st.ChangeEmail(ctx, e.ID, changed)
					}
					return st.VerifyEmail(ctx, e.ID, old)
				})
			})
			for _, err := range errs {
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("unexpected error: %v", err)
				}
			}
			if e := got(st.Email(t.Context(), e.ID))(t); e.Verified != (e.Email == old) {
				t.Errorf("%q is verified: %v", e.Email, e.Verified)
			}
		}
	})

	bothWays(t, open, "of many primary addresses of a user one is made", func(t *testing.T, st store.Store, do do) {
		for range rounds(6) {
			u := newUser(t, st)
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					return st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: fmt.Sprintf("a%d@example.org", i), Primary: true})
				})
			}), store.ErrConflict)
			equal(t, "Email", got(st.User(t.Context(), u.ID))(t).Email, fmt.Sprintf("a%d@example.org", winner))
		}
	})

	bothWays(t, open, "of many addresses made primary one remains", func(t *testing.T, st store.Store, do do) {
		for range rounds(4) {
			u := newUser(t, st)
			var ids []string
			for i := range crowd {
				e := &store.EmailAddress{UserID: u.ID, Email: fmt.Sprintf("a%d@example.org", i)}
				ok(t, st.CreateEmail(t.Context(), e))
				ids = append(ids, e.ID)
			}
			for _, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error { return st.MakePrimaryEmail(ctx, u.ID, ids[i]) })
			}) {
				ok(t, err)
			}
			primary := ""
			for _, e := range got(st.EmailsOf(t.Context(), u.ID))(t) {
				if e.Primary {
					primary += e.Email
				}
			}
			equal(t, "primary address", primary, got(st.User(t.Context(), u.ID))(t).Email)
		}
	})

	bothWays(t, open, "of many users who verify one number one gets it", func(t *testing.T, st store.Store, do do) {
		for round := range rounds(4) {
			users, number := people(t, st), fmt.Sprint("+", round)
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					return st.SetPhone(ctx, &store.Phone{UserID: users[i].ID, Number: number, Verified: true})
				})
			}), store.ErrConflict)
			same(t, got(st.PhonesByNumber(t.Context(), number))(t), []*store.Phone{{UserID: users[winner].ID, Number: number, Verified: true}})
		}
	})

	bothWays(t, open, "many numbers of a user at once leave one", func(t *testing.T, st store.Store, do do) {
		u := newUser(t, st)
		for _, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
			return do(ctx, func(st store.Store) error {
				return st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: fmt.Sprint("+", i)})
			})
		}) {
			ok(t, err)
		}
		claims := 0
		for i := range crowd {
			claims += len(got(st.PhonesByNumber(t.Context(), fmt.Sprint("+", i)))(t))
		}
		equal(t, "claims", claims, 1)
	})

	for _, kind := range []string{store.TOTP, store.RecoveryCodes} {
		bothWays(t, open, "of many authenticators of type "+kind+" one is made", func(t *testing.T, st store.Store, do do) {
			for range rounds(6) {
				u := newUser(t, st)
				oneWins(t, race(t, st, crowd, func(ctx context.Context, _ int) error {
					return do(ctx, func(st store.Store) error {
						return st.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: kind})
					})
				}), store.ErrConflict)
				equal(t, "authenticators", len(got(st.AuthenticatorsOf(t.Context(), u.ID))(t)), 1)
			}
		})
	}

	bothWays(t, open, "of many authenticators with one key one is made", func(t *testing.T, st store.Store, do do) {
		users := people(t, st)
		for round := range rounds(4) {
			oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					return st.CreateAuthenticator(ctx, &store.Authenticator{UserID: users[i].ID, Type: store.WebAuthn, Key: hash(round)})
				})
			}), store.ErrConflict)
		}
	})

	bothWays(t, open, "of many links of one identity one is made", func(t *testing.T, st store.Store, do do) {
		users := people(t, st)
		for round := range rounds(6) {
			winner := oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					return st.CreateSocialAccount(ctx, &store.SocialAccount{UserID: users[i].ID, Provider: "p", UID: fmt.Sprint(round)})
				})
			}), store.ErrConflict)
			equal(t, "UserID", got(st.SocialAccount(t.Context(), "p", fmt.Sprint(round)))(t).UserID, users[winner].ID)
		}
	})

	bothWays(t, open, "tokens of an account set at once leave one", func(t *testing.T, st store.Store, do do) {
		a := &store.SocialAccount{UserID: newUser(t, st).ID, Provider: "p", UID: "1"}
		ok(t, st.CreateSocialAccount(t.Context(), a))
		for _, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
			return do(ctx, func(st store.Store) error {
				return st.SetSocialToken(ctx, &store.SocialToken{AccountID: a.ID, App: "app", Token: fmt.Append(nil, i), Secret: fmt.Append(nil, i)})
			})
		}) {
			ok(t, err)
		}
		tok := got(st.SocialToken(t.Context(), a.ID, "app"))(t)
		equal(t, "Secret", string(tok.Secret), string(tok.Token))
	})

	bothWays(t, open, "of many trusted browsers with one token one is made", func(t *testing.T, st store.Store, do do) {
		users := people(t, st)
		for round := range rounds(4) {
			oneWins(t, race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error { return st.CreateTrustedBrowser(ctx, browser(users[i].ID, round)) })
			}), store.ErrConflict)
		}
	})

	bothWays(t, open, "a message is claimed by one of many", func(t *testing.T, st store.Store, do do) {
		at := now()
		for round := range rounds(4) {
			at := at.Add(time.Duration(round) * time.Hour)
			const messages = 2 * crowd
			for range messages {
				ok(t, st.CreateMessage(t.Context(), &store.OutboxMessage{Payload: []byte("x"), CreatedAt: at, DueAt: at}))
			}
			claimed := make([][]*store.OutboxMessage, crowd+1)
			for _, err := range race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) (err error) {
					claimed[i], err = st.ClaimMessages(ctx, at, at.Add(time.Minute), 3)
					return err
				})
			}) {
				ok(t, err)
			}
			// Who met with another may have got less; what is left is still due.
			claimed[crowd] = got(st.ClaimMessages(t.Context(), at, at.Add(time.Minute), messages))(t)
			seen := map[string]bool{}
			for i, l := range claimed {
				if i < crowd && len(l) > 3 {
					t.Errorf("%d messages were claimed at once, want at most 3", len(l))
				}
				for _, m := range l {
					if seen[m.ID] {
						t.Fatalf("message %s was claimed twice", m.ID)
					}
					seen[m.ID] = true
					ok(t, st.DeleteMessage(t.Context(), m.ID))
				}
			}
			equal(t, "claimed", len(seen), messages)
		}
	})

	t.Run("increments by read and update are not lost", func(t *testing.T) {
		st := open(t)
		id := newUser(t, st).ID
		n := rounds(30)
		for _, err := range race(t, st, n, func(ctx context.Context, _ int) error {
			var err error
			for range 10 * n { // with each conflict another has got on
				err = st.InTx(ctx, func(tx store.Store) error {
					u, err := tx.User(ctx, id)
					if err != nil {
						return err
					}
					var fields struct{ N int }
					if u.Fields != nil {
						if err := json.Unmarshal(u.Fields, &fields); err != nil {
							return err
						}
					}
					u.Fields = fmt.Appendf(nil, `{"N":%d}`, fields.N+1)
					return tx.UpdateUser(ctx, u)
				})
				if !errors.Is(err, store.ErrConflict) {
					break
				}
			}
			return err
		}) {
			ok(t, err)
		}
		same(t, got(st.User(t.Context(), id))(t), &store.User{
			ID: id, Version: int64(n) + 1, Fields: fmt.Appendf(nil, `{"N":%d}`, n), CreatedAt: got(st.User(t.Context(), id))(t).CreatedAt,
		})
	})

	bothWays(t, open, "nothing of a deleted user is left by who adds to it at once", func(t *testing.T, st store.Store, do do) {
		for round := range rounds(4) {
			u := newUser(t, st)
			name := fmt.Sprint("ada", round)
			errs := race(t, st, crowd, func(ctx context.Context, i int) error {
				return do(ctx, func(st store.Store) error {
					switch i % 7 {
					case 0:
						return st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: fmt.Sprintf("a%d@example.org", i)})
					case 1:
						return st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: "+1"})
					case 2:
						return st.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.WebAuthn})
					case 3:
						return st.CreateSocialAccount(ctx, &store.SocialAccount{UserID: u.ID, Provider: name, UID: fmt.Sprint(i)})
					case 4:
						return st.CreateTrustedBrowser(ctx, browser(u.ID, 1000*round+i))
					case 5:
						x := *u
						x.Username = name
						return st.UpdateUser(ctx, &x)
					}
					if i == 27 {
						return st.DeleteUser(ctx, u.ID)
					}
					return st.RecordLogin(ctx, u.ID, now())
				})
			})
			for _, err := range errs {
				if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
					t.Errorf("unexpected error: %v", err)
				}
			}
			ctx := t.Context()
			absent(st.User(ctx, u.ID))(t)
			absent(st.UserByUsername(ctx, name))(t)
			absent(st.PhoneOf(ctx, u.ID))(t)
			left := len(got(st.EmailsOf(ctx, u.ID))(t)) + len(got(st.PhonesByNumber(ctx, "+1"))(t)) + len(got(st.AuthenticatorsOf(ctx, u.ID))(t)) +
				len(got(st.SocialAccountsOf(ctx, u.ID))(t)) + len(got(st.TrustedBrowsersOf(ctx, u.ID))(t))
			equal(t, "left", left, 0)
		}
	})
}

// people makes a crowd of users.
func people(t testing.TB, st store.Users) []*store.User {
	t.Helper()
	var l []*store.User
	for range crowd {
		l = append(l, newUser(t, st))
	}
	return l
}
