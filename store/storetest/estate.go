package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
)

// estate is a user with one of everything, told apart from others by name.
type estate struct {
	user, name, address, number            string
	email, authenticator, account, session string
	hash, key                              []byte
	at                                     time.Time
	bucket                                 store.Bucket
	message                                string
}

// settle makes a user with one of everything that a user can have.
func settle(t testing.TB, st store.Store, name string) estate {
	t.Helper()
	ctx, at := t.Context(), now()
	e := estate{
		name: name, address: name + "@example.org", number: "+" + name, key: []byte("key of " + name),
		hash: hash(int(name[0])<<8 + int(name[1])), at: at, bucket: store.Bucket{Key: name, Amount: 1, Per: time.Hour},
	}
	u := &store.User{Username: name, Password: "old", CreatedAt: at}
	ok(t, st.CreateUser(ctx, u))
	e.user = u.ID
	email := &store.EmailAddress{UserID: u.ID, Email: e.address, Primary: true, Verified: true, CreatedAt: at}
	ok(t, st.CreateEmail(ctx, email))
	e.email = email.ID
	ok(t, st.SetPhone(ctx, &store.Phone{UserID: u.ID, Number: e.number, Verified: true}))
	totp := &store.Authenticator{UserID: u.ID, Type: store.TOTP, Data: []byte(name), CreatedAt: at}
	ok(t, st.CreateAuthenticator(ctx, totp))
	e.authenticator = totp.ID
	ok(t, st.CreateAuthenticator(ctx, &store.Authenticator{UserID: u.ID, Type: store.WebAuthn, Key: e.key, CreatedAt: at}))
	account := &store.SocialAccount{UserID: u.ID, Provider: "p", UID: name, Data: []byte(`{"a":1}`), CreatedAt: at}
	ok(t, st.CreateSocialAccount(ctx, account))
	e.account = account.ID
	ok(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: account.ID, App: "app", Token: []byte(name)}))
	ok(t, st.CreateTrustedBrowser(ctx, &store.TrustedBrowser{UserID: u.ID, TokenHash: e.hash, CreatedAt: at, ExpiresAt: at.Add(time.Hour)}))
	s := &store.Session{UserID: u.ID, TokenHash: e.hash, State: []byte(name), CreatedAt: at, ExpiresAt: at.Add(time.Hour)}
	ok(t, st.CreateSession(ctx, s))
	e.session = s.ID
	return e
}

// populate is settle, and what is nobody's.
func populate(t testing.TB, st store.Store, name string) estate {
	t.Helper()
	e, ctx := settle(t, st, name), t.Context()
	equal(t, "wait", got(st.Take(ctx, e.at, e.bucket))(t), 0)
	ok(t, st.UseOnce(ctx, name, e.at, e.at.Add(time.Hour)))
	m := &store.OutboxMessage{Payload: []byte(name), CreatedAt: e.at, DueAt: e.at}
	ok(t, st.CreateMessage(ctx, m))
	e.message = m.ID
	if log, has := st.(store.AuditLog); has {
		ok(t, log.AppendAudit(ctx, &store.AuditEntry{UserID: e.user, Kind: "user_signed_up", Data: json.RawMessage(`{}`), At: e.at}))
	}
	return e
}

// upset changes everything about an estate.
func upset(t testing.TB, st store.Store, e estate) {
	t.Helper()
	ctx, later := t.Context(), e.at.Add(time.Minute)
	u := got(st.User(ctx, e.user))(t)
	u.Username, u.Epoch = e.name+" upset", u.Epoch+1
	ok(t, st.UpdateUser(ctx, u))
	ok(t, st.UpgradePassword(ctx, e.user, "old", "new"))
	ok(t, st.RecordLogin(ctx, e.user, later))
	fresh := &store.EmailAddress{UserID: e.user, Email: "old@example.org", CreatedAt: later}
	ok(t, st.CreateEmail(ctx, fresh))
	ok(t, st.ChangeEmail(ctx, fresh.ID, e.name+".new@example.org"))
	ok(t, st.VerifyEmail(ctx, fresh.ID, e.name+".new@example.org"))
	ok(t, st.MakePrimaryEmail(ctx, e.user, fresh.ID))
	ok(t, st.DeleteEmail(ctx, e.email))
	ok(t, st.SetPhone(ctx, &store.Phone{UserID: e.user, Number: "+new"}))
	a := got(st.Authenticator(ctx, e.authenticator))(t)
	a.Data = []byte("new")
	ok(t, st.UpdateAuthenticator(ctx, a))
	ok(t, st.DeleteAuthenticator(ctx, got(st.AuthenticatorByKey(ctx, e.key))(t).ID))
	ok(t, st.UpdateSocialAccount(ctx, &store.SocialAccount{ID: e.account, LastLoginAt: later}))
	ok(t, st.SetSocialToken(ctx, &store.SocialToken{AccountID: e.account, App: "app", Token: []byte("new")}))
	ok(t, st.DeleteTrustedBrowsersOf(ctx, e.user))
	s := got(st.Session(ctx, e.session))(t)
	s.TokenHash, s.State = hash(-1), nil
	ok(t, st.UpdateSession(ctx, s))
	s.SeenAt = later
	ok(t, st.TouchSession(ctx, s, s.SeenAt))
	ok(t, st.CreateSession(ctx, &store.Session{UserID: e.user, TokenHash: e.hash, CreatedAt: later, ExpiresAt: later}))
	ok(t, st.ClearLimits(ctx, e.bucket.Key))
	ok(t, st.DeleteMessage(ctx, e.message))
	if log, has := st.(store.AuditLog); has {
		ok(t, log.AppendAudit(ctx, &store.AuditEntry{UserID: e.user, Kind: "upset", At: later}))
	}
}

// picture is what a store shows of estates, line by line.
type picture []string

// without returns the lines that are not in q.
func (p picture) without(q picture) picture {
	q = slices.Clone(q)
	var l picture
	for _, line := range p {
		if i := slices.Index(q, line); i >= 0 {
			q = slices.Delete(q, i, i+1)
		} else {
			l = append(l, line)
		}
	}
	return l
}

// pictures compares what a store shows with what it should.
func pictures(t testing.TB, what string, got, want picture) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: got\n\t%s\nwant\n\t%s", what, strings.Join(got.without(want), "\n\t"), strings.Join(want.without(got), "\n\t"))
	}
}

// holdings pictures what belongs to users.
func holdings(t testing.TB, st store.Store, estates ...estate) picture {
	t.Helper()
	return got(lookAt(t.Context(), st, estates, false))(t)
}

// dump pictures all that can be read of estates.
func dump(t testing.TB, st store.Store, estates ...estate) picture {
	t.Helper()
	return got(lookAt(t.Context(), st, estates, true))(t)
}

// lookAt pictures estates, with or without what is nobody's.
func lookAt(ctx context.Context, st store.Store, estates []estate, all bool) (picture, error) {
	v := &viewer{}
	for _, e := range estates {
		see(st.User(ctx, e.user))(v)
		see(st.UserByUsername(ctx, e.name))(v)
		see(st.Email(ctx, e.email))(v)
		seeAll(st.EmailsOf(ctx, e.user))(v)
		seeAll(st.EmailsByAddress(ctx, e.address))(v)
		see(st.PhoneOf(ctx, e.user))(v)
		seeAll(st.PhonesByNumber(ctx, e.number))(v)
		see(st.Authenticator(ctx, e.authenticator))(v)
		see(st.AuthenticatorByKey(ctx, e.key))(v)
		seeAll(st.AuthenticatorsOf(ctx, e.user))(v)
		see(st.SocialAccount(ctx, "p", e.name))(v)
		seeAll(st.SocialAccountsOf(ctx, e.user))(v)
		see(st.SocialToken(ctx, e.account, "app"))(v)
		see(st.TrustedBrowserByHash(ctx, e.hash))(v)
		seeAll(st.TrustedBrowsersOf(ctx, e.user))(v)
		see(st.Session(ctx, e.session))(v)
		see(st.SessionByHash(ctx, e.hash))(v)
		seeAll(st.SessionsOf(ctx, e.user))(v)
		if both, is := st.(store.SessionUser); is {
			s, u, err := both.SessionAndUser(ctx, e.hash)
			see(s, err)(v)
			if u != nil {
				see(u, err)(v)
			}
		}
		if !all {
			continue
		}
		if log, has := st.(store.AuditLog); has {
			seeAll(log.AuditOf(ctx, e.user, "", 100))(v)
		}
		if w, err := st.Peek(ctx, e.at, e.bucket); w > 0 || err != nil {
			v.add(fmt.Sprintf("bucket %q: %v", e.bucket.Key, w), err)
		}
	}
	if all {
		n, err := st.CountMessages(ctx)
		v.add(fmt.Sprintf("%d messages", n), err)
	}
	return v.lines, v.err
}

type viewer struct {
	lines picture
	err   error
}

func (v *viewer) add(line string, err error) {
	if v.err == nil {
		v.err = err
	}
	v.lines = append(v.lines, line)
}

// see adds a record, unless there is none: see(st.User(ctx, id))(v).
func see[R any](r *R, err error) func(v *viewer) {
	return func(v *viewer) {
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			v.add("", err)
		default:
			v.add(line(reflect.ValueOf(r).Elem()), nil)
		}
	}
}

// seeAll adds each of a list.
func seeAll[R any](l []*R, err error) func(v *viewer) {
	return func(v *viewer) {
		if err != nil {
			v.add("", err)
		}
		for _, r := range l {
			see(r, nil)(v)
		}
	}
}

func line(r reflect.Value) string {
	var b strings.Builder
	b.WriteString(r.Type().Name())
	for f, v := range r.Fields() {
		fmt.Fprintf(&b, " %s=%s", f.Name, show(v))
	}
	return b.String()
}
