package storetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
	"github.com/headless-auth/headless/store/storetest"
)

// A store may differ from others where the contracts let it.
func TestTheSuiteLetsPass(t *testing.T) {
	errText := errors.New("text holds NUL or is no UTF-8")
	refused := func(text string) bool { return strings.Contains(text, "\x00") || strings.ToValidUTF8(text, "") != text }

	for name, d := range map[string]defect{
		"a store that is merely wrapped": {},
		"text that can't be kept is refused": {
			createUser: func(ctx context.Context, st full, u *store.User) error {
				if refused(u.Username) {
					return errText
				}
				return st.CreateUser(ctx, u)
			},
			userByUsername: func(ctx context.Context, st full, name string) (*store.User, error) {
				if refused(name) {
					return nil, errText
				}
				return st.UserByUsername(ctx, name)
			},
			createSession: func(ctx context.Context, st full, s *store.Session) error {
				if refused(s.UserAgent) {
					return errText
				}
				return st.CreateSession(ctx, s)
			},
			take: func(ctx context.Context, st full, now time.Time, b store.Bucket) (time.Duration, error) {
				if refused(b.Key) {
					return 0, errText
				}
				return st.Take(ctx, now, b)
			},
			useOnce: func(ctx context.Context, st full, key string, now, until time.Time) error {
				if refused(key) {
					return errText
				}
				return st.UseOnce(ctx, key, now, until)
			},
		},
		"JSON is written in another way": {
			user: func(ctx context.Context, st full, id string) (*store.User, error) {
				u, err := st.User(ctx, id)
				if err == nil && u.Fields != nil {
					var b bytes.Buffer
					if err := json.Indent(&b, u.Fields, " ", "\t"); err != nil {
						return nil, err
					}
					u.Fields = b.Bytes()
				}
				return u, err
			},
			sessionByHash: func(ctx context.Context, st full, hash []byte) (*store.Session, error) {
				s, err := st.SessionByHash(ctx, hash)
				if err == nil && s.Methods == nil {
					s.Methods = store.Methods("[ ]")
				}
				return s, err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(*testing.T) store.Store { return faulty{full: memory.New(), defect: d} })
		})
	}
}

// A store that has only a part runs that part.
func TestPartOfAStore(t *testing.T) {
	t.Run("Sessions", func(t *testing.T) {
		storetest.Sessions(t, func(*testing.T) store.Sessions { return struct{ store.Sessions }{memory.New()} })
	})
	t.Run("Limits", func(t *testing.T) {
		storetest.Limits(t, func(*testing.T) store.Limits { return struct{ store.Limits }{memory.New()} })
	})
	t.Run("Nonces", func(t *testing.T) {
		storetest.Nonces(t, func(*testing.T) store.Nonces { return struct{ store.Nonces }{memory.New()} })
	})
	t.Run("without abilities", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) store.Store { return plain{memory.New()} })
	})
}

// plain is a store without optional abilities.
type plain struct{ store.Store }

func (p plain) InTx(ctx context.Context, fn func(store.Store) error) error {
	return p.Store.InTx(ctx, func(tx store.Store) error { return fn(plain{tx}) })
}
