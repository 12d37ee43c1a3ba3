package storetest

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// Users tests the contract [store.Users], and [store.IntegerIDs].
func Users(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("creating fills id and version", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		a, b := &store.User{ID: "given", Version: 9}, &store.User{ID: "given"}
		ok(t, st.CreateUser(ctx, a))
		ok(t, st.CreateUser(ctx, b))
		if a.ID == "" || a.ID == "given" || b.ID == "" || a.ID == b.ID {
			t.Fatalf("got ids %q and %q, want two different ones", a.ID, b.ID)
		}
		equal(t, "Version", a.Version, 1)
		same(t, got(st.User(ctx, a.ID))(t), a)
	})

	t.Run("integer ids are integers", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		if ids, is := st.(store.IntegerIDs); !is || !ids.IntegerIDs() {
			t.Skip("the store's ids are no integers")
		}
		u := newUser(t, st)
		e := &store.EmailAddress{UserID: u.ID, Email: "a@example.org"}
		ok(t, st.CreateEmail(ctx, e))
		a := &store.Authenticator{UserID: u.ID, Type: store.TOTP}
		ok(t, st.CreateAuthenticator(ctx, a))
		x := &store.SocialAccount{UserID: u.ID, Provider: "p", UID: "1"}
		ok(t, st.CreateSocialAccount(ctx, x))
		b := browser(u.ID, 1)
		ok(t, st.CreateTrustedBrowser(ctx, b))
		s := session(u.ID, 1)
		ok(t, st.CreateSession(ctx, s))
		m := message(0)
		ok(t, st.CreateMessage(ctx, m))
		for _, id := range []string{u.ID, e.ID, a.ID, x.ID, b.ID, s.ID, m.ID} {
			if n, err := strconv.ParseInt(id, 10, 64); err != nil || n < 1 || n > 1<<53-1 || strconv.FormatInt(n, 10) != id {
				t.Errorf("%q is no decimal integer between 1 and 2^53-1", id)
			}
		}
	})

	t.Run("every field is kept, but those that are written elsewhere", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := fullUser()
		want := *u
		ok(t, st.CreateUser(ctx, u))
		want.ID, want.Version, want.Email, want.LastLoginAt = u.ID, 1, "", time.Time{}
		same(t, got(st.User(ctx, u.ID))(t), &want)
		same(t, got(st.UserByUsername(ctx, u.Username))(t), &want)
	})

	t.Run("nothing is kept as nothing", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := &store.User{}
		ok(t, st.CreateUser(ctx, u))
		back := got(st.User(ctx, u.ID))(t)
		same(t, back, &store.User{ID: u.ID, Version: 1})
		if back.Fields != nil {
			t.Errorf("Fields: got %q, want nil", back.Fields)
		}
	})

	t.Run("times are kept to the microsecond, in UTC", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, at := range []time.Time{
			time.Date(2026, 2, 3, 4, 5, 6, 123456000, time.UTC),
			time.Date(2026, 2, 3, 4, 5, 6, 999999000, time.FixedZone("", 5*3600+1800)),
			time.Date(2026, 7, 3, 4, 5, 6, 1000, time.Local),
			time.Unix(0, 0), time.Unix(0, 1000), time.Unix(-1, 1000),
			time.Date(1901, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
		} {
			u := &store.User{CreatedAt: at}
			ok(t, st.CreateUser(ctx, u))
			same(t, got(st.User(ctx, u.ID))(t), &store.User{ID: u.ID, Version: 1, CreatedAt: at})
		}
		fine := time.Date(2026, 2, 3, 4, 5, 6, 123456789, time.UTC)
		u := &store.User{CreatedAt: fine}
		ok(t, st.CreateUser(ctx, u))
		back := got(st.User(ctx, u.ID))(t).CreatedAt
		if d := back.Sub(fine).Abs(); d >= time.Microsecond || back.Nanosecond()%1000 != 0 {
			t.Errorf("got %v, want %v to the microsecond", back, fine)
		}
	})

	t.Run("fields are kept by their meaning", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, fields := range []string{
			`{}`, `{"b":1,"a":[true,null,{"x":"y"}]}`, `{ "long" : 9007199254740993 }`, `{"uml":"ü","html":"<&>","quote":"\"\\"}`,
			`{"escaped":"\u00fc\ud83d\ude00"}`, `{"fraction":0.1}`, `{"big":"` + strings.Repeat("x", 100_000) + `"}`,
		} {
			u := &store.User{Fields: json.RawMessage(fields)}
			ok(t, st.CreateUser(ctx, u))
			same(t, got(st.User(ctx, u.ID))(t), u)
			u.Fields = nil
			ok(t, st.UpdateUser(ctx, u))
			if back := got(st.User(ctx, u.ID))(t); back.Fields != nil {
				t.Errorf("Fields: got %q, want nil", back.Fields)
			}
		}
	})

	t.Run("a password that is not told is not saved", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := fullUser()
		ok(t, st.CreateUser(ctx, u))
		want := clone(got(st.User(ctx, u.ID))(t))
		u.Password = store.PasswordNotTold
		fails(t, st.UpdateUser(ctx, u), store.ErrPasswordNotTold)
		same(t, got(st.User(ctx, u.ID))(t), want)
	})

	t.Run("records are the caller's", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := fullUser()
		ok(t, st.CreateUser(ctx, u))
		want := clone(got(st.User(ctx, u.ID))(t))
		scribble := func(u *store.User) {
			u.Username, u.FirstName, u.Epoch = "scribble", "scribble", 99
			clear(u.Fields)
			_ = append(u.Fields, "scribble"...)
		}
		scribble(u)
		scribble(got(st.User(ctx, u.ID))(t))
		scribble(got(st.UserByUsername(ctx, want.Username))(t))
		same(t, got(st.User(ctx, u.ID))(t), want)
		changed := *clone(want)
		changed.Fields = json.RawMessage(`{"new":1}`)
		ok(t, st.UpdateUser(ctx, &changed))
		want = clone(got(st.User(ctx, u.ID))(t))
		scribble(&changed)
		same(t, got(st.User(ctx, u.ID))(t), want)
	})

	t.Run("ids that were never given out find nobody", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		absent(st.User(ctx, "1"))(t)
		u := newUser(t, st)
		for _, id := range neverIDs(u.ID) {
			absent(st.User(ctx, id))(t)
			fails(t, st.UpdateUser(ctx, &store.User{ID: id, Version: 1}), store.ErrConflict)
			ok(t, st.UpgradePassword(ctx, id, "", "new"))
			ok(t, st.RecordLogin(ctx, id, now()))
			ok(t, st.DeleteUser(ctx, id))
		}
		same(t, got(st.User(ctx, u.ID))(t), u)
	})

	t.Run("names are found without regard to case", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		for _, tt := range foldTests {
			t.Run(tt.a+" and "+tt.b, func(t *testing.T) {
				a := &store.User{Username: tt.a}
				ok(t, st.CreateUser(ctx, a))
				if tt.same {
					same(t, got(st.UserByUsername(ctx, tt.b))(t), a)
					fails(t, st.CreateUser(ctx, &store.User{Username: tt.b}), store.ErrConflict)
					ok(t, st.DeleteUser(ctx, a.ID))
					return
				}
				absent(st.UserByUsername(ctx, tt.b))(t)
				b := &store.User{Username: tt.b}
				ok(t, st.CreateUser(ctx, b))
				same(t, got(st.UserByUsername(ctx, tt.a))(t), a)
				same(t, got(st.UserByUsername(ctx, tt.b))(t), b)
				ok(t, st.DeleteUser(ctx, a.ID))
				ok(t, st.DeleteUser(ctx, b.ID))
			})
		}
	})

	t.Run("an empty name is none", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		a, b := newUser(t, st), newUser(t, st)
		absent(st.UserByUsername(ctx, ""))(t)
		b.Username = "b"
		ok(t, st.UpdateUser(ctx, b))
		b.Username = ""
		ok(t, st.UpdateUser(ctx, b))
		absent(st.UserByUsername(ctx, ""))(t)
		absent(st.UserByUsername(ctx, "b"))(t)
		ok(t, st.UpdateUser(ctx, a))
	})

	t.Run("a taken name is refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ada := &store.User{Username: "Ada"}
		ok(t, st.CreateUser(ctx, ada))
		dup := &store.User{Username: "aDA"}
		fails(t, st.CreateUser(ctx, dup), store.ErrConflict)
		same(t, dup, &store.User{Username: "aDA"})
		bob := &store.User{Username: "bob", FirstName: "Bob"}
		ok(t, st.CreateUser(ctx, bob))
		want := got(st.User(ctx, bob.ID))(t)
		bob.Username, bob.FirstName = "ADA", "Robert"
		fails(t, st.UpdateUser(ctx, bob), store.ErrConflict)
		equal(t, "Version after a refused update", bob.Version, 1)
		same(t, got(st.UserByUsername(ctx, "BOB"))(t), want)
		same(t, got(st.UserByUsername(ctx, "ADA"))(t), ada)
	})

	t.Run("names are freed", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ada := &store.User{Username: "ada"}
		ok(t, st.CreateUser(ctx, ada))
		ada.Username = "ADA" // one's own, written otherwise
		ok(t, st.UpdateUser(ctx, ada))
		equal(t, "Username", got(st.UserByUsername(ctx, "ada"))(t).Username, "ADA")
		ada.Username = "lovelace"
		ok(t, st.UpdateUser(ctx, ada))
		absent(st.UserByUsername(ctx, "ada"))(t)
		next := &store.User{Username: "Ada"}
		ok(t, st.CreateUser(ctx, next))
		ok(t, st.DeleteUser(ctx, ada.ID))
		absent(st.UserByUsername(ctx, "lovelace"))(t)
		next.Username = "Lovelace"
		ok(t, st.UpdateUser(ctx, next))
		same(t, got(st.UserByUsername(ctx, "LOVELACE"))(t), next)
	})

	t.Run("odd names are kept or refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		ok(t, st.CreateUser(ctx, &store.User{Username: "a"}))
		ok(t, st.CreateUser(ctx, &store.User{Username: "ab"}))
		ok(t, st.CreateUser(ctx, &store.User{Username: "\uFFFD"}))
		for _, name := range append(oddTexts, strings.Repeat("n", 2000)) {
			if u, err := st.UserByUsername(ctx, name); err == nil {
				t.Errorf("%q finds %q", name, u.Username)
			}
			u := &store.User{Username: name, FirstName: name, LastName: name}
			err := st.CreateUser(ctx, u)
			faithful(t, name, err, func() (string, error) {
				x, err := st.UserByUsername(ctx, name)
				if err != nil {
					return "", err
				}
				same(t, x, u)
				return x.Username, nil
			})
		}
		long := &store.User{FirstName: strings.Repeat("ü", 10_000), Password: store.PasswordHash(strings.Repeat("$", 10_000))}
		ok(t, st.CreateUser(ctx, long))
		same(t, got(st.User(ctx, long.ID))(t), long)
	})

	t.Run("an update saves the user, but what is written elsewhere", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := &store.User{Username: "old", CreatedAt: now()}
		ok(t, st.CreateUser(ctx, u))
		ok(t, st.CreateEmail(ctx, &store.EmailAddress{UserID: u.ID, Email: "a@example.org", Primary: true}))
		login := now().Add(time.Hour)
		ok(t, st.RecordLogin(ctx, u.ID, login))
		x := fullUser()
		x.ID, x.Version = u.ID, u.Version
		ok(t, st.UpdateUser(ctx, x))
		equal(t, "Version", x.Version, 2)
		want := *x
		want.Email, want.CreatedAt, want.LastLoginAt = "a@example.org", u.CreatedAt, login
		same(t, got(st.User(ctx, u.ID))(t), &want)
		same(t, got(st.UserByUsername(ctx, x.Username))(t), &want)
		x.Disabled, x.DeactivatedAt, x.Password, x.Fields = false, time.Time{}, "", nil
		ok(t, st.UpdateUser(ctx, x))
		want.Disabled, want.DeactivatedAt, want.Password, want.Fields, want.Version = false, time.Time{}, "", nil, 3
		same(t, got(st.User(ctx, u.ID))(t), &want)
	})

	t.Run("an update of what has changed or gone is refused", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		first, second := *u, *u
		first.FirstName, second.FirstName = "first", "second"
		ok(t, st.UpdateUser(ctx, &first))
		fails(t, st.UpdateUser(ctx, &second), store.ErrConflict)
		equal(t, "Version after a refused update", second.Version, 1)
		second.Version = 3 // one that is yet to come
		fails(t, st.UpdateUser(ctx, &second), store.ErrConflict)
		same(t, got(st.User(ctx, u.ID))(t), &first)
		ok(t, st.DeleteUser(ctx, u.ID))
		fails(t, st.UpdateUser(ctx, &first), store.ErrConflict)
		absent(st.User(ctx, u.ID))(t)
	})

	t.Run("a password is upgraded only if it is still the same", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := &store.User{Password: "old", Epoch: 5}
		ok(t, st.CreateUser(ctx, u))
		ok(t, st.UpgradePassword(ctx, u.ID, "OLD", "wrong"))
		ok(t, st.UpgradePassword(ctx, u.ID, "", "wrong"))
		same(t, got(st.User(ctx, u.ID))(t), u)
		ok(t, st.UpgradePassword(ctx, u.ID, "old", "new"))
		ok(t, st.UpgradePassword(ctx, u.ID, "old", "late"))
		want := *u
		want.Password = "new"
		same(t, got(st.User(ctx, u.ID))(t), &want)
		u.Password, u.FirstName = "chosen", "still the same version"
		ok(t, st.UpdateUser(ctx, u))
		ok(t, st.UpgradePassword(ctx, u.ID, "new", "late"))
		equal(t, "Password", string(got(st.User(ctx, u.ID))(t).Password), "chosen")
	})

	t.Run("a login changes no version", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		u := newUser(t, st)
		at := now().Add(time.Minute)
		ok(t, st.RecordLogin(ctx, u.ID, at))
		want := *u
		want.LastLoginAt = at
		same(t, got(st.User(ctx, u.ID))(t), &want)
		ok(t, st.RecordLogin(ctx, u.ID, at.Add(-time.Second)))
		u.FirstName = "still the same version"
		ok(t, st.UpdateUser(ctx, u))
		equal(t, "LastLoginAt", got(st.User(ctx, u.ID))(t).LastLoginAt, at.Add(-time.Second))
	})

	t.Run("a deleted user's id is not given out again", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		seen := map[string]bool{}
		for range 3 {
			u := newUser(t, st)
			if seen[u.ID] {
				t.Fatalf("id %q was given out twice", u.ID)
			}
			seen[u.ID] = true
			ok(t, st.DeleteUser(ctx, u.ID))
			ok(t, st.DeleteUser(ctx, u.ID))
			absent(st.User(ctx, u.ID))(t)
		}
	})

	t.Run("with a user goes all that is theirs, and nothing else", func(t *testing.T) {
		st, ctx := open(t), t.Context()
		gone, stays := settle(t, st, "gone"), settle(t, st, "stays")
		want := holdings(t, st, stays)
		if n := len(holdings(t, st, gone)); n < 18 {
			t.Fatalf("only %d of what a user can have was there", n)
		}
		ok(t, st.DeleteUser(ctx, gone.user))
		pictures(t, "what is left", holdings(t, st, gone), nil)
		pictures(t, "what is another's", holdings(t, st, stays), want)
		// What was theirs may be somebody's again.
		settle(t, st, "gone")
	})

	t.Run("a context that has ended is honoured", func(t *testing.T) {
		st, u := open(t), &store.User{Username: "new"}
		honoursContext(t, calls(
			call{"CreateUser", func(ctx context.Context) error { return st.CreateUser(ctx, u) }},
			call{"User", func(ctx context.Context) error { return val(st.User(ctx, "1")) }},
			call{"UserByUsername", func(ctx context.Context) error { return val(st.UserByUsername(ctx, "new")) }},
			call{"UpdateUser", func(ctx context.Context) error { return st.UpdateUser(ctx, &store.User{ID: "1"}) }},
			call{"UpgradePassword", func(ctx context.Context) error { return st.UpgradePassword(ctx, "1", "a", "b") }},
			call{"RecordLogin", func(ctx context.Context) error { return st.RecordLogin(ctx, "1", now()) }},
			call{"DeleteUser", func(ctx context.Context) error { return st.DeleteUser(ctx, "1") }},
		))
		absent(st.UserByUsername(t.Context(), "new"))(t)
	})
}

// foldTests say which names are the same: simple Unicode case folding, and no
// more. See CaseFolding.txt of Unicode, statuses C and S.
var foldTests = []struct {
	a, b string
	same bool
}{
	{"ada", "ADA", true},
	{"Straße", "STRAẞE", true},      // U+1E9E folds to ß
	{"kelvin", "\u212Aelvin", true}, // the Kelvin sign
	{"\u212A", "K", true},           // and the other way round
	{"ångström", "\u212Bngström", true},
	{"session", "\u017Fession", true}, // long s
	{"ὈΔΥΣΣΕΎΣ", "ὀδυσσεύς", true},    // final sigma
	{"σ", "ς", true},
	{"\u00B5", "\u03BC", true}, // micro sign and mu
	{"ДА", "да", true},
	{"\u01C4", "\u01C5", true}, // DŽ and Dž
	{"Ⅷ", "ⅷ", true},
	{"𐐀", "𐐨", true}, // beyond 16 bits

	{"straße", "strasse", false}, // full folding only
	{"ﬀ", "ff", false},
	{"İ", "i", false}, // Turkic folding only
	{"ı", "i", false},
	{"é", "e\u0301", false}, // no normalisation
	{"e", "é", false},
	{"a", "а", false}, // Cyrillic
	{"a", "a ", false},
	{"a_b", "axb", false},
	{"a%", "abc", false},
	{"a", "ａ", false},
	{"[", "{", false}, // ASCII beside the letters
	{"@", "`", false},
}

func fullUser() *store.User {
	at := now()
	return &store.User{
		Username: "Ada", Email: "not@written.example", Password: "argon2$x\\'\"", FirstName: "Ada ", LastName: "Lovelace\n",
		Disabled: true, DeactivatedAt: at.Add(-time.Minute), Epoch: 1 << 40, Fields: json.RawMessage(`{"age":36,"tags":["a","b"]}`),
		CreatedAt: at.Add(-time.Hour), LastLoginAt: at,
	}
}
