package authtest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/store"
)

// Password is everybody's.
const Password = "plum-Quartz-31"

// cheap are the parameters of password hashes: next to nothing.
var cheap = struct{ memory, time, threads int }{64, 1, 1}

// Person is somebody who has an account: "alice" is alice@example.org, with
// [Password], and has used the site before.
type Person struct {
	ID, Name, Email string

	// TOTP, RecoveryCodes and Passkey are what [WithTOTP], [WithRecoveryCodes]
	// and [WithPasskey] have set up. The codes are those that are left.
	TOTP          *TOTP
	RecoveryCodes []string
	Passkey       *softauthn.Authenticator

	mu sync.Mutex // one login at a time: counters and codes go in order
}

// person finds somebody by name, or makes them.
func (s *Site) person(t testing.TB, name string, o *login) *Person {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[name]
	if p == nil {
		p = &Person{Name: name, Email: strings.ToLower(name) + "@example.org"}
		if err := s.make(t, p, o); err != nil {
			t.Fatalf("make %s: %v", name, err)
		}
		if s.people == nil {
			s.people = map[string]*Person{}
		}
		s.people[name] = p
	}
	if o.provider != "" {
		if err := s.link(t, p, o.provider); err != nil {
			t.Fatalf("link %s to %s: %v", name, o.provider, err)
		}
	}
	return p
}

// make stores somebody, unless the store knows them already.
func (s *Site) make(t testing.TB, p *Person, o *login) error {
	ctx, now := t.Context(), s.now()
	known, err := s.Store.EmailsByAddress(ctx, p.Email)
	if err != nil {
		return err
	}
	if len(known) > 0 {
		p.ID = known[0].UserID
		return nil
	}
	u := &store.User{Password: hash(Password), CreatedAt: now.Add(-24 * time.Hour)}
	if !s.Config.Account.NoUsernames {
		u.Username = p.Name
	}
	for _, change := range o.change {
		change(u)
	}
	return s.Store.InTx(ctx, func(tx store.Store) error {
		if err := tx.CreateUser(ctx, u); err != nil {
			return err
		}
		p.ID = u.ID
		e := &store.EmailAddress{UserID: u.ID, Email: p.Email, Primary: true, Verified: !o.unverified, CreatedAt: u.CreatedAt}
		if err := tx.CreateEmail(ctx, e); err != nil {
			return err
		}
		return tx.RecordLogin(ctx, u.ID, now.Add(-time.Hour))
	})
}

// uid is who somebody is at every provider.
func (p *Person) uid() string { return "authtest-" + p.Name }

// link stores that somebody has an account at a provider.
func (s *Site) link(t testing.TB, p *Person, provider string) error {
	a := &store.SocialAccount{UserID: p.ID, Provider: provider, UID: p.uid(), CreatedAt: s.now()}
	if err := s.Store.CreateSocialAccount(t.Context(), a); !errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil
}

// hash encodes a password as the library reads it.
func hash(password string) store.PasswordHash {
	salt, enc := make([]byte, 16), base64.RawStdEncoding
	_, _ = rand.Read(salt) // it never fails
	tag := argon2.IDKey([]byte(password), salt, uint32(cheap.time), uint32(cheap.memory), uint8(cheap.threads), 32)
	return store.PasswordHash(fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
		cheap.memory, cheap.time, cheap.threads, enc.EncodeToString(salt), enc.EncodeToString(tag)))
}
