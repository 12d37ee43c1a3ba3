package wiretest_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// keyedHasher hashes with a key that is not in the database.
type keyedHasher struct {
	key   []byte
	asked atomic.Int64
	gone  atomic.Bool
}

func (k *keyedHasher) sum(salt, password string) string {
	mac := hmac.New(sha256.New, k.key)
	mac.Write([]byte(salt + "\x00" + password))
	return hex.EncodeToString(mac.Sum(nil))
}

// Hash implements [account.PasswordHasher].
func (k *keyedHasher) Hash(_ context.Context, password string) (string, error) {
	salt := rand.Text()
	return "keyed$" + salt + "$" + k.sum(salt, password), nil
}

// Verify implements [account.PasswordHasher].
func (k *keyedHasher) Verify(_ context.Context, password, encoded string) (ok, upgrade bool, err error) {
	k.asked.Add(1)
	if k.gone.Load() {
		return false, false, fmt.Errorf("the key is out of reach: %w", store.ErrUnavailable)
	}
	f := strings.Split(encoded, "$")
	if len(f) != 3 || f[0] != "keyed" {
		return false, false, account.ErrUnknownHash
	}
	return hmac.Equal([]byte(k.sum(f[1], password)), []byte(f[2])), false, nil
}

// Requirements TST-1, ENU-2.
func TestPasswordHasher(t *testing.T) {
	mine := &keyedHasher{key: []byte("in a safe place")}
	wiretest.Each(t, func(c *Config) {
		usernames(c)
		c.Account.Password.Hasher = mine
	}, func(t *testing.T, w *World, c *Client) {
		logIn := func(name, password string) *wiretest.Reply {
			return c.Other().Post("/auth/login", M{"username": name, "password": password})
		}
		w.Run("hashes what is set, and verifies it", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName(), NoPassword: true})
			if err := w.Auth.Users().SetPassword(t.Context(), p.ID, newPassword); err != nil {
				t.Fatal(err)
			}
			if h := string(w.User(p.ID).Password); !strings.HasPrefix(h, "keyed$") {
				t.Errorf("got %q", h)
			}
			logIn(p.Username, newPassword).LoggedIn()
			logIn(p.Username, newPassword+" ").Fails("password:username_password_mismatch")
		})
		w.Run("takes over from ours as people log in", func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			before := w.User(p.ID).Password
			logIn(p.Username, "wrong").Fails("password:username_password_mismatch")
			if w.User(p.ID).Password != before {
				t.Error("a wrong password has changed the hash")
			}
			for range 2 {
				logIn(p.Username, wiretest.Password).LoggedIn()
				if h := string(w.User(p.ID).Password); !strings.HasPrefix(h, "keyed$") {
					t.Errorf("got %q", h)
				}
			}
		})
	})

	t.Run("works as hard for nobody, and is out of reach for all alike", func(t *testing.T) {
		own := &keyedHasher{key: []byte("in a safe place")}
		wiretest.EachOn(t, []string{"memory"}, func(c *Config) {
			usernames(c)
			c.Account.Password.Hasher = own
		}, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{Username: wiretest.FreshName()})
			c.Post("/auth/login", M{"username": p.Username, "password": wiretest.Password}).LoggedIn()
			for _, name := range []string{p.Username, wiretest.FreshName(), w.Make(Person{Username: wiretest.FreshName(), NoPassword: true}).Username} {
				before := own.asked.Load()
				c.Other().Post("/auth/login", M{"username": name, "password": "wrong"}).Fails("password:username_password_mismatch")
				if n := own.asked.Load() - before; n != 1 {
					t.Errorf("%s: asked %d times", name, n)
				}
			}
			own.gone.Store(true)
			for _, name := range []string{p.Username, wiretest.FreshName()} {
				c.Other().Post("/auth/login", M{"username": name, "password": wiretest.Password}).Is(503)
			}
			own.gone.Store(false)
		})
	})

	t.Run("is refused by New if it does not do", func(t *testing.T) {
		t.Parallel()
		c := wiretest.Config()
		inbox := &wiretest.Inbox{}
		c.URL, c.Store, c.Mailer = "https://site.test", memory.New(), inbox
		gone := &keyedHasher{key: mine.key}
		gone.gone.Store(true)
		c.Account.Password.Hasher = gone
		if _, err := headless.New(c); err == nil || !strings.Contains(err.Error(), "Account.Password") || !strings.Contains(err.Error(), "Hasher can't verify") {
			t.Errorf("got %v", err)
		}
	})
}
