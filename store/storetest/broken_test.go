package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/storetest"
)

// defectVariable names the defect that the test, run again in a process of its
// own, has to fail for.
const defectVariable = "STORETEST_DEFECT"

// TestTheSuiteCatches breaks a good store in one way after another, and wants
// the suite to fail where that matters. A test that fails can't be undone, so
// each runs in a process of its own.
func TestTheSuiteCatches(t *testing.T) {
	if name, child := os.LookupEnv(defectVariable); child {
		d := defects[name]
		storetest.Run(t, func(*testing.T) store.Store {
			return faulty{full: memory.New(), defect: d.make()}
		})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(defects)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test, _, _ := strings.Cut(t.Name(), "/")
			caught := defects[name].caught
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.timeout=1m", "-test.run="+pattern(test+"/"+caught))
			cmd.Env = append(os.Environ(), defectVariable+"="+name)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !bytes.Contains(out, []byte("--- FAIL: "+test+"/"+strings.ReplaceAll(caught, " ", "_"))) {
				t.Errorf("the suite did not fail in %q: %v\n%s", caught, err, out)
			}
		})
	}
}

// pattern selects a subtest of subtests, as -test.run has it.
func pattern(name string) string {
	var l []string
	for part := range strings.SplitSeq(name, "/") {
		l = append(l, "^"+strings.ReplaceAll(part, " ", "_")+"$")
	}
	return strings.Join(l, "/")
}

// full is a store with every ability.
type full interface {
	store.Store
	store.SessionUser
	store.SessionRefresher
	store.IntegerIDs
	store.Pinger
	store.AuditLog
	store.UserLister
	store.SessionWatcher
}

// faulty is a store with a defect, in its transactions as well.
type faulty struct {
	full
	defect
}

// defect is what takes the place of some methods. Each gets the good store.
type defect struct {
	inTx                  func(ctx context.Context, st full, fn func(full) error) error
	createUser            func(ctx context.Context, st full, u *store.User) error
	user                  func(ctx context.Context, st full, id string) (*store.User, error)
	userByUsername        func(ctx context.Context, st full, name string) (*store.User, error)
	updateUser            func(ctx context.Context, st full, u *store.User) error
	upgradePassword       func(ctx context.Context, st full, id string, old, new store.PasswordHash) error
	recordLogin           func(ctx context.Context, st full, id string, at time.Time) error
	deleteUser            func(ctx context.Context, st full, id string) error
	emailsOf              func(ctx context.Context, st full, id string) ([]*store.EmailAddress, error)
	emailsByAddress       func(ctx context.Context, st full, email string) ([]*store.EmailAddress, error)
	verifyEmail           func(ctx context.Context, st full, id, email string) error
	setPhone              func(ctx context.Context, st full, p *store.Phone) error
	createAuthenticator   func(ctx context.Context, st full, a *store.Authenticator) error
	updateAuthenticator   func(ctx context.Context, st full, a *store.Authenticator) error
	createSocialAccount   func(ctx context.Context, st full, a *store.SocialAccount) error
	createTrustedBrowser  func(ctx context.Context, st full, b *store.TrustedBrowser) error
	createSession         func(ctx context.Context, st full, s *store.Session) error
	sessionByHash         func(ctx context.Context, st full, hash []byte) (*store.Session, error)
	updateSession         func(ctx context.Context, st full, s *store.Session) error
	touchSession          func(ctx context.Context, st full, s *store.Session) error
	deleteSessionsOf      func(ctx context.Context, st full, id, except string) error
	deleteExpiredSessions func(ctx context.Context, st full, now time.Time) (int, error)
	take                  func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error)
	peek                  func(ctx context.Context, st full, now time.Time, l ...store.Bucket) (time.Duration, error)
	giveBack              func(ctx context.Context, st full, at time.Time, keys ...string) error
	useOnce               func(ctx context.Context, st full, key string, now, until time.Time) error
	claimMessages         func(ctx context.Context, st full, now, until time.Time, max int) ([]*store.OutboxMessage, error)
	auditOf               func(ctx context.Context, st full, id, before string, limit int) ([]*store.AuditEntry, error)
	watchSessions         func(ctx context.Context, st full, changed func(string)) error
	listUsers             func(ctx context.Context, st full, after string, limit int) ([]*store.User, error)
}

func (f faulty) InTx(ctx context.Context, fn func(store.Store) error) error {
	wrapped := func(tx full) error { return fn(faulty{full: tx, defect: f.defect}) }
	if f.inTx != nil {
		return f.inTx(ctx, f.full, wrapped)
	}
	return f.full.InTx(ctx, func(tx store.Store) error { return wrapped(tx.(full)) })
}

func (f faulty) CreateUser(ctx context.Context, u *store.User) error {
	if f.createUser != nil {
		return f.createUser(ctx, f.full, u)
	}
	return f.full.CreateUser(ctx, u)
}

func (f faulty) WatchSessions(ctx context.Context, changed func(string)) error {
	if f.watchSessions != nil {
		return f.watchSessions(ctx, f.full, changed)
	}
	return f.full.WatchSessions(ctx, changed)
}

func (f faulty) ListUsers(ctx context.Context, after string, limit int) ([]*store.User, error) {
	if f.listUsers != nil {
		return f.listUsers(ctx, f.full, after, limit)
	}
	return f.full.ListUsers(ctx, after, limit)
}

func (f faulty) User(ctx context.Context, id string) (*store.User, error) {
	if f.user != nil {
		return f.user(ctx, f.full, id)
	}
	return f.full.User(ctx, id)
}

func (f faulty) UserByUsername(ctx context.Context, name string) (*store.User, error) {
	if f.userByUsername != nil {
		return f.userByUsername(ctx, f.full, name)
	}
	return f.full.UserByUsername(ctx, name)
}

func (f faulty) UpdateUser(ctx context.Context, u *store.User) error {
	if f.updateUser != nil {
		return f.updateUser(ctx, f.full, u)
	}
	return f.full.UpdateUser(ctx, u)
}

func (f faulty) UpgradePassword(ctx context.Context, id string, old, new store.PasswordHash) error {
	if f.upgradePassword != nil {
		return f.upgradePassword(ctx, f.full, id, old, new)
	}
	return f.full.UpgradePassword(ctx, id, old, new)
}

func (f faulty) RecordLogin(ctx context.Context, id string, at time.Time) error {
	if f.recordLogin != nil {
		return f.recordLogin(ctx, f.full, id, at)
	}
	return f.full.RecordLogin(ctx, id, at)
}

func (f faulty) DeleteUser(ctx context.Context, id string) error {
	if f.deleteUser != nil {
		return f.deleteUser(ctx, f.full, id)
	}
	return f.full.DeleteUser(ctx, id)
}

func (f faulty) EmailsOf(ctx context.Context, id string) ([]*store.EmailAddress, error) {
	if f.emailsOf != nil {
		return f.emailsOf(ctx, f.full, id)
	}
	return f.full.EmailsOf(ctx, id)
}

func (f faulty) EmailsByAddress(ctx context.Context, email string) ([]*store.EmailAddress, error) {
	if f.emailsByAddress != nil {
		return f.emailsByAddress(ctx, f.full, email)
	}
	return f.full.EmailsByAddress(ctx, email)
}

func (f faulty) VerifyEmail(ctx context.Context, id, email string) error {
	if f.verifyEmail != nil {
		return f.verifyEmail(ctx, f.full, id, email)
	}
	return f.full.VerifyEmail(ctx, id, email)
}

func (f faulty) SetPhone(ctx context.Context, p *store.Phone) error {
	if f.setPhone != nil {
		return f.setPhone(ctx, f.full, p)
	}
	return f.full.SetPhone(ctx, p)
}

func (f faulty) CreateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	if f.createAuthenticator != nil {
		return f.createAuthenticator(ctx, f.full, a)
	}
	return f.full.CreateAuthenticator(ctx, a)
}

func (f faulty) UpdateAuthenticator(ctx context.Context, a *store.Authenticator) error {
	if f.updateAuthenticator != nil {
		return f.updateAuthenticator(ctx, f.full, a)
	}
	return f.full.UpdateAuthenticator(ctx, a)
}

func (f faulty) CreateSocialAccount(ctx context.Context, a *store.SocialAccount) error {
	if f.createSocialAccount != nil {
		return f.createSocialAccount(ctx, f.full, a)
	}
	return f.full.CreateSocialAccount(ctx, a)
}

func (f faulty) CreateTrustedBrowser(ctx context.Context, b *store.TrustedBrowser) error {
	if f.createTrustedBrowser != nil {
		return f.createTrustedBrowser(ctx, f.full, b)
	}
	return f.full.CreateTrustedBrowser(ctx, b)
}

func (f faulty) CreateSession(ctx context.Context, s *store.Session) error {
	if f.createSession != nil {
		return f.createSession(ctx, f.full, s)
	}
	return f.full.CreateSession(ctx, s)
}

func (f faulty) SessionByHash(ctx context.Context, hash []byte) (*store.Session, error) {
	if f.sessionByHash != nil {
		return f.sessionByHash(ctx, f.full, hash)
	}
	return f.full.SessionByHash(ctx, hash)
}

func (f faulty) UpdateSession(ctx context.Context, s *store.Session) error {
	if f.updateSession != nil {
		return f.updateSession(ctx, f.full, s)
	}
	return f.full.UpdateSession(ctx, s)
}

func (f faulty) TouchSession(ctx context.Context, s *store.Session, since time.Time) error {
	if f.touchSession != nil {
		return f.touchSession(ctx, f.full, s)
	}
	return f.full.TouchSession(ctx, s, since)
}

func (f faulty) DeleteSessionsOf(ctx context.Context, id, except string) error {
	if f.deleteSessionsOf != nil {
		return f.deleteSessionsOf(ctx, f.full, id, except)
	}
	return f.full.DeleteSessionsOf(ctx, id, except)
}

func (f faulty) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	if f.deleteExpiredSessions != nil {
		return f.deleteExpiredSessions(ctx, f.full, now)
	}
	return f.full.DeleteExpiredSessions(ctx, now)
}

func (f faulty) Take(ctx context.Context, now time.Time, l ...store.Bucket) (time.Duration, error) {
	if f.take == nil {
		return f.full.Take(ctx, now, l...)
	}
	for _, b := range l {
		if w, err := f.take(ctx, f.full, now, b); w != 0 || err != nil {
			return w, err
		}
	}
	return 0, nil
}

func (f faulty) Peek(ctx context.Context, now time.Time, l ...store.Bucket) (time.Duration, error) {
	if f.peek != nil {
		return f.peek(ctx, f.full, now, l...)
	}
	return f.full.Peek(ctx, now, l...)
}

func (f faulty) GiveBack(ctx context.Context, at time.Time, keys ...string) error {
	if f.giveBack != nil {
		return f.giveBack(ctx, f.full, at, keys...)
	}
	return f.full.GiveBack(ctx, at, keys...)
}

func (f faulty) UseOnce(ctx context.Context, key string, now, until time.Time) error {
	if f.useOnce != nil {
		return f.useOnce(ctx, f.full, key, now, until)
	}
	return f.full.UseOnce(ctx, key, now, until)
}

func (f faulty) ClaimMessages(ctx context.Context, now, until time.Time, max int) ([]*store.OutboxMessage, error) {
	if f.claimMessages != nil {
		return f.claimMessages(ctx, f.full, now, until, max)
	}
	return f.full.ClaimMessages(ctx, now, until, max)
}

func (f faulty) AuditOf(ctx context.Context, id, before string, limit int) ([]*store.AuditEntry, error) {
	if f.auditOf != nil {
		return f.auditOf(ctx, f.full, id, before, limit)
	}
	return f.full.AuditOf(ctx, id, before, limit)
}

// is turns a value into what makes it anew.
func is(d defect) func() defect { return func() defect { return d } }

// defects by name, and where the suite has to fail for each.
var defects = map[string]struct {
	caught string
	make   func() defect
}{
	"a change is not told": {"SessionWatcher/who has changed sessions is told", is(defect{
		watchSessions: func(ctx context.Context, st full, changed func(string)) error {
			return st.WatchSessions(ctx, func(userID string) {
				if userID == "" {
					changed(userID)
				}
			})
		},
	})},
	"what is undone is told": {"SessionWatcher/a transaction tells when it is committed", is(defect{
		inTx: func(_ context.Context, st full, fn func(full) error) error { return fn(st) },
	})},
	"a touch is told": {"SessionWatcher/what changes no answer is not told", is(defect{
		touchSession: func(ctx context.Context, st full, s *store.Session) error { return st.UpdateSession(ctx, s) },
	})},
	"no rollback": {"Transactions/what fails is undone, all of it", is(defect{
		inTx: func(_ context.Context, st full, fn func(full) error) error { return fn(st) },
	})},
	"commit on panic": {"Transactions/a panic undoes all, and goes on", is(defect{
		inTx: func(ctx context.Context, st full, fn func(full) error) error {
			var p any
			err := st.InTx(ctx, func(tx store.Store) error {
				defer func() { p = recover() }()
				return fn(tx.(full))
			})
			if p != nil {
				panic(p)
			}
			return err
		},
	})},
	"panic swallowed": {"Transactions/a panic undoes all, and goes on", is(defect{
		inTx: func(ctx context.Context, st full, fn func(full) error) error {
			defer func() { _ = recover() }()
			return st.InTx(ctx, func(tx store.Store) error { return fn(tx.(full)) })
		},
	})},
	"error of the function lost": {"Transactions/the function's error comes back", is(defect{
		inTx: func(ctx context.Context, st full, fn func(full) error) error {
			if err := st.InTx(ctx, func(tx store.Store) error { return fn(tx.(full)) }); err != nil {
				return errors.New("the transaction failed")
			}
			return nil
		},
	})},
	"joined transaction half kept": {"Transactions/a joined transaction that fails is never kept", func() defect {
		var mu sync.Mutex
		open := map[full]bool{}
		return defect{inTx: func(ctx context.Context, st full, fn func(full) error) error {
			mu.Lock()
			joins := open[st]
			mu.Unlock()
			if joins {
				return fn(st)
			}
			return st.InTx(ctx, func(tx store.Store) error {
				mu.Lock()
				open[tx.(full)] = true
				mu.Unlock()
				return fn(tx.(full))
			})
		}}
	}},
	"uncommitted users seen": {"Transactions/nobody sees what is not committed", func() defect {
		var dirty sync.Map
		return defect{
			updateUser: func(ctx context.Context, st full, u *store.User) error {
				err := st.UpdateUser(ctx, u)
				if err == nil {
					x := *u
					dirty.Store(u.ID, &x)
				}
				return err
			},
			user: func(ctx context.Context, st full, id string) (*store.User, error) {
				if u, ok := dirty.Load(id); ok {
					x := *u.(*store.User)
					return &x, nil
				}
				return st.User(ctx, id)
			},
		}
	}},
	"limits outlive a rollback": {"Transactions/what fails is undone, all of it", func() defect {
		other := memory.New()
		return defect{take: func(ctx context.Context, _ full, now time.Time, b store.Bucket) (time.Duration, error) {
			return other.Take(ctx, now, b)
		}}
	}},
	"nonces outlive a rollback": {"Transactions/what fails is undone, all of it", func() defect {
		other := memory.New()
		return defect{useOnce: func(ctx context.Context, _ full, key string, now, until time.Time) error {
			return other.UseOnce(ctx, key, now, until)
		}}
	}},
	"context ignored": {"Users/a context that has ended is honoured", is(defect{
		createUser: func(ctx context.Context, st full, u *store.User) error {
			return st.CreateUser(context.WithoutCancel(ctx), u)
		},
	})},

	"id filled on conflict": {"Users/a taken name is refused", is(defect{
		createUser: func(ctx context.Context, st full, u *store.User) error { u.ID = "5"; return st.CreateUser(ctx, u) },
	})},
	"email written through the user": {"Users/every field is kept, but those that are written elsewhere", is(defect{
		createUser: func(ctx context.Context, st full, u *store.User) error {
			email := u.Email
			if err := st.CreateUser(ctx, u); err != nil || email == "" {
				return err
			}
			return st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: email, Primary: true})
		},
	})},
	"text cut at NUL": {"Users/odd names are kept or refused", is(defect{
		createUser: func(ctx context.Context, st full, u *store.User) error {
			name := u.Username
			u.Username, _, _ = strings.Cut(name, "\x00")
			defer func() { u.Username = name }()
			return st.CreateUser(ctx, u)
		},
	})},
	"numbers in fields lose digits": {"Users/fields are kept by their meaning", is(defect{
		createUser: func(ctx context.Context, st full, u *store.User) error {
			given, m := u.Fields, map[string]any{}
			if json.Unmarshal(given, &m) == nil {
				u.Fields, _ = json.Marshal(m)
			}
			defer func() { u.Fields = given }()
			return st.CreateUser(ctx, u)
		},
	})},
	"times in milliseconds": {"Users/times are kept to the microsecond, in UTC", is(defect{
		user: func(ctx context.Context, st full, id string) (*store.User, error) {
			u, err := st.User(ctx, id)
			if err == nil {
				u.CreatedAt = u.CreatedAt.Truncate(time.Millisecond)
			}
			return u, err
		},
	})},
	"times in another zone": {"Users/times are kept to the microsecond, in UTC", is(defect{
		user: func(ctx context.Context, st full, id string) (*store.User, error) {
			u, err := st.User(ctx, id)
			if err == nil {
				u.CreatedAt = u.CreatedAt.In(time.FixedZone("", 3600))
			}
			return u, err
		},
	})},
	"zero times come back as the epoch": {"Users/nothing is kept as nothing", is(defect{
		user: func(ctx context.Context, st full, id string) (*store.User, error) {
			u, err := st.User(ctx, id)
			if err == nil && u.LastLoginAt.IsZero() {
				u.LastLoginAt = time.Unix(0, 0).UTC()
			}
			return u, err
		},
	})},
	"records shared": {"Users/records are the caller's", func() defect {
		var mu sync.Mutex
		cache := map[string]*store.User{}
		return defect{user: func(ctx context.Context, st full, id string) (*store.User, error) {
			mu.Lock()
			defer mu.Unlock()
			u, err := st.User(ctx, id)
			if err != nil {
				return nil, err
			}
			if old := cache[id]; old != nil && old.Version == u.Version {
				return old, nil
			}
			cache[id] = u
			return u, nil
		}}
	}},
	"ids read loosely": {"Users/ids that were never given out find nobody", is(defect{
		user: func(ctx context.Context, st full, id string) (*store.User, error) {
			return st.User(ctx, strings.TrimLeft(id, "0"))
		},
	})},
	"misses of another kind": {"Users/ids that were never given out find nobody", is(defect{
		user: func(ctx context.Context, st full, id string) (*store.User, error) {
			u, err := st.User(ctx, id)
			if err != nil {
				err = errors.New("no rows in result set")
			}
			return u, err
		},
	})},
	"only ASCII folded": {"Users/names are found without regard to case", is(defect{
		userByUsername: func(ctx context.Context, st full, name string) (*store.User, error) {
			u, err := st.UserByUsername(ctx, name)
			if err == nil && !strings.EqualFold(ascii(u.Username), ascii(name)) {
				return nil, store.ErrNotFound
			}
			return u, err
		},
	})},
	"users updated blindly": {"Users/an update of what has changed or gone is refused", is(defect{updateUser: blindly})},
	"users updated after a look": {"Concurrency/of many updates of a user one succeeds/alone", is(defect{
		updateUser: func(ctx context.Context, st full, u *store.User) error {
			if x, err := st.User(ctx, u.ID); err != nil || x.Version != u.Version {
				return store.ErrConflict
			}
			dawdle()
			return blindly(ctx, st, u)
		},
	})},
	"version moves on conflict": {"Users/an update of what has changed or gone is refused", is(defect{
		updateUser: func(ctx context.Context, st full, u *store.User) error {
			err := st.UpdateUser(ctx, u)
			if err != nil {
				u.Version++
			}
			return err
		},
	})},
	"passwords upgraded blindly": {"Users/a password is upgraded only if it is still the same", is(defect{
		upgradePassword: func(ctx context.Context, st full, id string, _, new store.PasswordHash) error {
			u, err := st.User(ctx, id)
			if err != nil {
				return nil
			}
			return st.UpgradePassword(ctx, id, u.Password, new)
		},
	})},
	"logins move the version": {"Users/a login changes no version", is(defect{
		recordLogin: func(ctx context.Context, st full, id string, at time.Time) error {
			if u, err := st.User(ctx, id); err == nil {
				_ = st.UpdateUser(ctx, u)
			}
			return st.RecordLogin(ctx, id, at)
		},
	})},
	"sessions outlive their user": {"Users/with a user goes all that is theirs, and nothing else", is(defect{
		deleteUser: func(ctx context.Context, st full, id string) error {
			l, _ := st.SessionsOf(ctx, id)
			err := st.DeleteUser(ctx, id)
			for _, s := range l {
				_ = st.CreateSession(ctx, s)
			}
			return err
		},
	})},

	"email out of step": {"Emails/the user's email is in step with the primary address", func() defect {
		var last sync.Map
		return defect{user: func(ctx context.Context, st full, id string) (*store.User, error) {
			u, err := st.User(ctx, id)
			if err == nil && u.Email == "" {
				if old, ok := last.Load(id); ok {
					u.Email = old.(string)
				}
			} else if err == nil {
				last.Store(id, u.Email)
			}
			return u, err
		}}
	}},
	"verified whatever the text": {"Emails/verifying works once, and only for that text", is(defect{
		verifyEmail: func(ctx context.Context, st full, id, _ string) error {
			e, err := st.Email(ctx, id)
			if err != nil {
				return err
			}
			return st.VerifyEmail(ctx, id, e.Email)
		},
	})},
	"verified more than once": {"Emails/verifying works once, and only for that text", is(defect{
		verifyEmail: func(ctx context.Context, st full, id, email string) error {
			if e, err := st.Email(ctx, id); err == nil && e.Verified && e.Email == email {
				return nil
			}
			return st.VerifyEmail(ctx, id, email)
		},
	})},
	"verified after a look": {"Concurrency/of many who verify with one link one succeeds/alone", is(defect{
		verifyEmail: func(ctx context.Context, st full, id, email string) error {
			if e, err := st.Email(ctx, id); err != nil || e.Verified || e.Email != email {
				return store.ErrNotFound
			}
			dawdle()
			_ = st.VerifyEmail(ctx, id, email)
			return nil
		},
	})},
	"equal times in any order": {"Emails/a user's addresses are listed oldest first", is(defect{
		emailsOf: func(ctx context.Context, st full, id string) ([]*store.EmailAddress, error) {
			l, err := st.EmailsOf(ctx, id)
			slices.Reverse(l)
			slices.SortStableFunc(l, func(a, b *store.EmailAddress) int { return a.CreatedAt.Compare(b.CreatedAt) })
			return l, err
		},
	})},
	"verified claim not first": {"Emails/claims to an address are listed verified first, then oldest first", is(defect{
		emailsByAddress: func(ctx context.Context, st full, email string) ([]*store.EmailAddress, error) {
			l, err := st.EmailsByAddress(ctx, email)
			slices.SortStableFunc(l, func(a, b *store.EmailAddress) int { return a.CreatedAt.Compare(b.CreatedAt) })
			return l, err
		},
	})},
	"number verified after a look": {"Concurrency/of many users who verify one number one gets it/alone", is(defect{
		setPhone: func(ctx context.Context, st full, p *store.Phone) error {
			l, _ := st.PhonesByNumber(ctx, p.Number)
			if p.Verified && len(l) > 0 && l[0].Verified && l[0].UserID != p.UserID {
				return store.ErrConflict
			}
			dawdle()
			_ = st.SetPhone(ctx, p)
			return nil
		},
	})},
	"binary data as text": {"Authenticators/every field is kept", is(defect{
		createAuthenticator: func(ctx context.Context, st full, a *store.Authenticator) error {
			data := a.Data
			a.Data = bytes.ToValidUTF8(data, nil)
			defer func() { a.Data = data }()
			return st.CreateAuthenticator(ctx, a)
		},
	})},
	"one of a type after a look": {"Concurrency/of many authenticators of type totp one is made/alone", is(defect{
		createAuthenticator: func(ctx context.Context, st full, a *store.Authenticator) error {
			if l, _ := st.AuthenticatorsOf(ctx, a.UserID); len(l) > 0 && a.Type != store.WebAuthn {
				return store.ErrConflict
			}
			dawdle()
			_ = st.CreateAuthenticator(ctx, a)
			return nil
		},
	})},
	"authenticators updated blindly": {"Authenticators/an update of what has changed or gone is refused", is(defect{
		updateAuthenticator: func(ctx context.Context, st full, a *store.Authenticator) error {
			if x, err := st.Authenticator(ctx, a.ID); err == nil {
				a.Version = x.Version
			}
			return st.UpdateAuthenticator(ctx, a)
		},
	})},
	"identities compared without case": {"SocialAccounts/an identity is linked once, and compared exactly", is(defect{
		createSocialAccount: func(ctx context.Context, st full, a *store.SocialAccount) error {
			if _, err := st.SocialAccount(ctx, strings.ToLower(a.Provider), strings.ToLower(a.UID)); err == nil {
				return store.ErrConflict
			}
			return st.CreateSocialAccount(ctx, a)
		},
	})},
	"token of a trusted browser known twice": {"TrustedBrowsers/a token is known once", is(defect{
		createTrustedBrowser: func(ctx context.Context, st full, b *store.TrustedBrowser) error {
			if err := st.CreateTrustedBrowser(ctx, b); !errors.Is(err, store.ErrConflict) {
				return err
			}
			return nil
		},
	})},

	"sessions shared": {"Sessions/records are the caller's", func() defect {
		var cache sync.Map
		return defect{sessionByHash: func(ctx context.Context, st full, hash []byte) (*store.Session, error) {
			s, err := st.SessionByHash(ctx, hash)
			if err != nil {
				return nil, err
			}
			shared, _ := cache.LoadOrStore(s.ID, s)
			s.State = shared.(*store.Session).State
			return s, nil
		}}
	}},
	"sessions saved blindly": {"Sessions/an update of what was saved or ended is refused", is(defect{updateSession: saveBlindly})},
	"sessions saved after a look": {"Sessions/of many saves at once one succeeds/alone", is(defect{
		updateSession: func(ctx context.Context, st full, s *store.Session) error {
			if x, err := st.Session(ctx, s.ID); err != nil || x.Version != s.Version {
				return store.ErrConflict
			}
			dawdle()
			return saveBlindly(ctx, st, s)
		},
	})},
	"sessions brought back by a save": {"Sessions/a session ended is not brought back by saves and touches at once/alone", is(defect{
		updateSession: func(ctx context.Context, st full, s *store.Session) error {
			if _, err := st.Session(ctx, s.ID); err != nil {
				return st.CreateSession(ctx, s)
			}
			return st.UpdateSession(ctx, s)
		},
	})},
	"sessions brought back by a touch": {"Sessions/a touch brings nothing back", is(defect{
		touchSession: func(ctx context.Context, st full, s *store.Session) error {
			if _, err := st.Session(ctx, s.ID); err != nil {
				return st.CreateSession(ctx, s)
			}
			return st.TouchSession(ctx, s, s.SeenAt)
		},
	})},
	"a touch saves all": {"Sessions/touches at once with a save take nothing back/alone", is(defect{touchSession: saveBlindly})},
	"old token kept": {"Sessions/an update saves everything, and the new token at once", func() defect {
		var byID sync.Map
		return defect{
			createSession: func(ctx context.Context, st full, s *store.Session) error {
				err := st.CreateSession(ctx, s)
				byID.Store(string(s.TokenHash), s.ID)
				return err
			},
			sessionByHash: func(ctx context.Context, st full, hash []byte) (*store.Session, error) {
				if id, ok := byID.Load(string(hash)); ok {
					return st.Session(ctx, id.(string))
				}
				return st.SessionByHash(ctx, hash)
			},
		}
	}},
	"exception ended as well": {"Sessions/a user's sessions are ended but one", is(defect{
		deleteSessionsOf: func(ctx context.Context, st full, id, _ string) error { return st.DeleteSessionsOf(ctx, id, "") },
	})},
	"sweep a moment late": {"Sessions/expired sessions are swept", is(defect{
		deleteExpiredSessions: func(ctx context.Context, st full, now time.Time) (int, error) {
			return st.DeleteExpiredSessions(ctx, now.Add(-time.Microsecond))
		},
	})},

	"takes granted after a look": {"Limits/many takers at once are granted the amount/alone", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			if w, err := st.Peek(ctx, now, b); w > 0 || err != nil {
				return w, err
			}
			dawdle()
			return count(ctx, st, now, b)
		},
	})},
	"refused takes counted": {"Limits/a refused take is not counted", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			w, err := st.Take(ctx, now, b)
			if w > 0 {
				_, err = count(ctx, st, now, b)
			}
			return w, err
		},
	})},
	"window a moment long": {"Limits/a window slides", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			b.Per += time.Microsecond
			w, err := st.Take(ctx, now, b)
			return max(w-time.Microsecond, min(w, 1)), err
		},
	})},
	"wait guessed": {"Limits/a window slides", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			w, err := st.Take(ctx, now, b)
			if w > 0 {
				w = b.Per
			}
			return w, err
		},
	})},
	"fixed windows": {"Limits/it agrees with a plain model", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			return st.Take(ctx, now.Truncate(b.Per), b)
		},
	})},
	"clock set back empties": {"Limits/a clock that is set back grants no more", func() defect {
		var last time.Time
		return defect{take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			if now.Before(last) {
				_ = st.ClearLimits(ctx, b.Key)
			}
			last = now
			return st.Take(ctx, now, b)
		}}
	}},
	"a peek takes": {"Limits/a peek takes nothing", is(defect{
		peek: func(ctx context.Context, st full, now time.Time, l ...store.Bucket) (time.Duration, error) {
			return st.Take(ctx, now, l...)
		},
	})},
	"all given back": {"Limits/one take is given back", is(defect{
		giveBack: func(ctx context.Context, st full, _ time.Time, keys ...string) error {
			return st.ClearLimits(ctx, keys...)
		},
	})},

	"used after a look": {"Nonces/of many who use a key at once one succeeds/alone", func() defect {
		var used sync.Map
		return defect{useOnce: func(ctx context.Context, _ full, key string, now, until time.Time) error {
			if end, ok := used.Load(key); ok && end.(time.Time).After(now) {
				return store.ErrConflict
			}
			dawdle()
			used.Store(key, until)
			return ctx.Err()
		}}
	}},
	"keys of anything are used": {"Nonces/keys that are no text are refused", is(defect{
		useOnce: func(ctx context.Context, st full, key string, now, until time.Time) error {
			return st.UseOnce(ctx, fmt.Sprintf("%x", key), now, until)
		},
	})},
	"keys of anything are counted": {"Limits/keys that are no text are refused", is(defect{
		take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
			b.Key = fmt.Sprintf("%x", b.Key)
			return st.Take(ctx, now, b)
		},
	})},
	"used for ever": {"Nonces/a key works once until its time is over", is(defect{
		useOnce: func(ctx context.Context, st full, key string, now, _ time.Time) error {
			return st.UseOnce(ctx, key, now, time.Time{})
		},
	})},
	"claimed without a lease": {"Outbox/a claim lasts until its time", is(defect{
		claimMessages: func(ctx context.Context, st full, now, _ time.Time, max int) ([]*store.OutboxMessage, error) {
			return st.ClaimMessages(ctx, now, now, max)
		},
	})},
	"claimed after a look": {"Concurrency/a message is claimed by one of many/alone", is(defect{
		claimMessages: func(ctx context.Context, st full, now, until time.Time, max int) ([]*store.OutboxMessage, error) {
			l, err := st.ClaimMessages(ctx, now, now, max)
			dawdle()
			for _, m := range l {
				m.DueAt = until
				_ = st.RescheduleMessage(ctx, m)
			}
			return l, err
		},
	})},
	"more claimed than asked for": {"Outbox/what is due is claimed, oldest first", is(defect{
		claimMessages: func(ctx context.Context, st full, now, until time.Time, max int) ([]*store.OutboxMessage, error) {
			return st.ClaimMessages(ctx, now, until, max+1)
		},
	})},
	"pages overlap": {"AuditLog/entries are listed newest first, page by page", is(defect{
		auditOf: func(ctx context.Context, st full, id, before string, limit int) ([]*store.AuditEntry, error) {
			all, err := st.AuditOf(ctx, id, "", 1000)
			if i := slices.IndexFunc(all, func(e *store.AuditEntry) bool { return e.ID == before }); i > 0 && i+1 < len(all) {
				all = all[i:]
			} else if i >= 0 {
				all = all[i+1:]
			}
			return all[:min(len(all), max(limit, 0))], err
		},
	})},
	"ids in the order of their letters": {"UserLister/users are listed as they were stored, page by page", is(defect{
		listUsers: func(ctx context.Context, st full, after string, limit int) ([]*store.User, error) {
			all, err := st.ListUsers(ctx, "", 1000)
			all = slices.DeleteFunc(all, func(u *store.User) bool { return u.ID <= after })
			slices.SortFunc(all, func(a, b *store.User) int { return strings.Compare(a.ID, b.ID) })
			return all[:min(len(all), max(limit, 0))], err
		},
	})},
	"nobody comes after who has gone": {"UserLister/a page goes on after a user who has gone", is(defect{
		listUsers: func(ctx context.Context, st full, after string, limit int) ([]*store.User, error) {
			if _, err := st.User(ctx, after); after != "" && err != nil {
				return nil, nil
			}
			return st.ListUsers(ctx, after, limit)
		},
	})},
}

// dawdle gives others the time to come in between.
func dawdle() {
	for range 100 {
		runtime.Gosched()
	}
}

// blindly updates a user, whatever has become of it.
func blindly(ctx context.Context, st full, u *store.User) error {
	for {
		x, err := st.User(ctx, u.ID)
		if err != nil {
			return store.ErrConflict
		}
		u.Version = x.Version
		if err := st.UpdateUser(ctx, u); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// saveBlindly updates a session, whatever has become of it.
func saveBlindly(ctx context.Context, st full, s *store.Session) error {
	for {
		x, err := st.Session(ctx, s.ID)
		if err != nil {
			return store.ErrConflict
		}
		s.Version = x.Version
		if err := st.UpdateSession(ctx, s); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// count takes without a limit.
func count(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
	b.Amount = 1 << 30
	return st.Take(ctx, now, b)
}

// ascii leaves only letters that differ from others of their kind in nothing
// but case.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 {
			return r + 1<<20 // beyond anything that folds
		}
		return r
	}, s)
}
