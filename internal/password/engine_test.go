package password_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/password"
)

// engine is what a host may hash with: "mine$" or "better$", salt and tag.
type engine struct {
	kind            string
	hashes, checks  atomic.Int64
	running, atOnce atomic.Int64
	entered, leave  chan struct{}

	// What is wrong with it, if anything.
	hash   func(text, encoded string) (string, error)
	verify func(text, encoded string, ok, upgrade bool) (bool, bool, error)
}

func (e *engine) tag(text, salt string) string {
	key, err := pbkdf2.Key(sha512.New, text, []byte(salt), 10, 32)
	if err != nil {
		panic(err)
	}
	return base64.RawStdEncoding.EncodeToString(key)
}

func (e *engine) Hash(_ context.Context, text string) (string, error) {
	e.hashes.Add(1)
	salt := rand.Text()
	encoded := e.kind + "$" + salt + "$" + e.tag(text, salt)
	if e.hash != nil {
		return e.hash(text, encoded)
	}
	return encoded, nil
}

func (e *engine) Verify(_ context.Context, text, encoded string) (ok, upgrade bool, err error) {
	e.checks.Add(1)
	n := e.running.Add(1)
	defer e.running.Add(-1)
	for most := e.atOnce.Load(); n > most && !e.atOnce.CompareAndSwap(most, n); most = e.atOnce.Load() {
	}
	if e.leave != nil {
		e.entered <- struct{}{}
		<-e.leave
	}
	f := strings.Split(encoded, "$")
	if len(f) != 3 || f[0] != "mine" && f[0] != "better" {
		return false, false, password.ErrUnknownHash
	}
	ok = subtle.ConstantTimeCompare([]byte(e.tag(text, f[1])), []byte(f[2])) == 1
	if upgrade = f[0] != e.kind; e.verify != nil {
		return e.verify(text, encoded, ok, upgrade)
	}
	return ok, upgrade, nil
}

// Requirement TST-1.
func TestEngine(t *testing.T) {
	ctx := t.Context()
	mine, better := &engine{kind: "mine"}, &engine{kind: "better"}
	h, err := password.New(password.Params{Memory: 64, Time: 1, Engine: mine})
	if err != nil {
		t.Fatal(err)
	}
	later, err := password.New(password.Params{Memory: 64, Time: 1, Engine: better})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := password.New(password.Params{Memory: 64, Time: 1})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := h.Hash(ctx, "a secret")
	if err != nil || !strings.HasPrefix(encoded, "mine$") {
		t.Fatalf("got %q, %v", encoded, err)
	}
	old, err := ours.Hash(ctx, "a secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name        string
		by          *password.Hasher
		text        string
		encoded     string
		ok, upgrade bool
		engineAsked int64
	}{
		{"verifies what it made", h, "a secret", encoded, true, false, 1},
		{"refuses another password", h, "a Secret", encoded, false, false, 1},
		{"renews what it made worse before", later, "a secret", encoded, true, true, 1},
		{"says nothing of better hashes to who does not know the password", later, "wrong", encoded, false, false, 1},
		{"leaves to our code what that has made, and renews it", h, "a secret", old, true, true, 1},
		{"lets our code refuse", h, "wrong", old, false, false, 1},
		{"works as hard for what nobody can read", h, "a secret", "junk", false, false, 2},
		{"works as hard for no password", h, "a secret", "!", false, false, 1},
		{"works as hard for none at all", h, "a secret", "", false, false, 1},
		{"works as hard for a password that is too long", h, strings.Repeat("x", password.MaxBytes+1), encoded, false, false, 1},
		{"is not asked what our code alone reads", ours, "a secret", encoded, false, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := mine.checks.Load() + better.checks.Load()
			ok, upgrade, err := tt.by.Verify(ctx, tt.text, tt.encoded)
			if ok != tt.ok || upgrade != tt.upgrade || err != nil {
				t.Errorf("got %v, %v, %v, want %v, %v", ok, upgrade, err, tt.ok, tt.upgrade)
			}
			if n := mine.checks.Load() + better.checks.Load() - before; n != tt.engineAsked {
				t.Errorf("the engine was asked %d times, want %d", n, tt.engineAsked)
			}
		})
	}
	t.Run("works as hard for an account that does not exist", func(t *testing.T) {
		before := mine.checks.Load()
		if err := h.Dummy(ctx); err != nil || mine.checks.Load() != before+1 {
			t.Errorf("got %v after %d", err, mine.checks.Load()-before)
		}
	})
	t.Run("no more at once than allowed", func(t *testing.T) {
		e := &engine{kind: "mine"}
		h, err := password.New(password.Params{Engine: e, MaxConcurrent: 2, MaxWait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		e.entered, e.leave = make(chan struct{}, 8), make(chan struct{})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := h.Dummy(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		<-e.entered
		<-e.entered
		for range 8 {
			e.leave <- struct{}{}
		}
		all.Wait()
		if n := e.atOnce.Load(); n != 2 {
			t.Errorf("%d at once, want 2", n)
		}
	})
	t.Run("an engine that fails fails the deed", func(t *testing.T) {
		gone := errors.New("the module is out of reach")
		e := &engine{kind: "mine"}
		h, err := password.New(password.Params{Engine: e})
		if err != nil {
			t.Fatal(err)
		}
		e.hash = func(string, string) (string, error) { return "", gone }
		e.verify = func(string, string, bool, bool) (bool, bool, error) { return true, false, gone }
		if _, err := h.Hash(ctx, "a secret"); !errors.Is(err, gone) {
			t.Errorf("hash: got %v", err)
		}
		if ok, _, err := h.Verify(ctx, "a secret", encoded); ok || !errors.Is(err, gone) {
			t.Errorf("verify: got %v, %v", ok, err)
		}
		if err := h.Dummy(ctx); !errors.Is(err, gone) {
			t.Errorf("dummy: got %v", err)
		}
		e.hash = func(string, string) (string, error) { return "!none", nil }
		if got, err := h.Hash(ctx, "a secret"); err == nil {
			t.Errorf("got %q, which would be no password", got)
		}
	})
}

// What New refuses, so that nobody finds out by being let in, or not.
func TestEngineIsTried(t *testing.T) {
	for want, e := range map[string]*engine{
		"Hasher can't hash a password of 4096 bytes: too long": {hash: func(string, string) (string, error) { return "", errors.New("too long") }},
		`begins with "!"`:          {hash: func(_, s string) (string, error) { return "!" + s, nil }},
		"is empty":                 {hash: func(string, string) (string, error) { return "", nil }},
		"not UTF-8":                {hash: func(_, s string) (string, error) { return s + "\xff", nil }},
		"without NUL":              {hash: func(_, s string) (string, error) { return s + "\x00", nil }},
		"longer than 4096":         {hash: func(_, s string) (string, error) { return s + strings.Repeat("=", 4096), nil }},
		"puts no salt":             {hash: func(string, string) (string, error) { return "mine$a$b", nil }},
		"does not know a password": {verify: func(string, string, bool, bool) (bool, bool, error) { return false, false, nil }},
		"wants to replace":         {verify: func(_, _ string, ok, _ bool) (bool, bool, error) { return ok, true, nil }},
		"takes another password":   {verify: func(string, string, bool, bool) (bool, bool, error) { return true, false, nil }},
		"can't verify":             {verify: func(string, string, bool, bool) (bool, bool, error) { return false, false, errors.New("broken") }},
	} {
		e.kind = "mine"
		if _, err := password.New(password.Params{Engine: e}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	t.Run("that cuts passwords off", func(t *testing.T) {
		if _, err := password.New(password.Params{Engine: cutter{&engine{kind: "mine"}}}); err == nil || !strings.Contains(err.Error(), "takes another password") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("that fails otherwise for what it does not know", func(t *testing.T) {
		if _, err := password.New(password.Params{Engine: puzzled{&engine{kind: "mine"}}}); err == nil || !strings.Contains(err.Error(), "ErrUnknownHash") {
			t.Errorf("got %v", err)
		}
	})
}

// cutter looks at the first 72 bytes.
type cutter struct{ *engine }

func (s cutter) Hash(ctx context.Context, text string) (string, error) {
	return s.engine.Hash(ctx, text[:min(72, len(text))])
}

func (s cutter) Verify(ctx context.Context, text, encoded string) (ok, upgrade bool, err error) {
	return s.engine.Verify(ctx, text[:min(72, len(text))], encoded)
}

// puzzled has an error of its own.
type puzzled struct{ *engine }

func (p puzzled) Verify(ctx context.Context, text, encoded string) (ok, upgrade bool, err error) {
	if ok, upgrade, err = p.engine.Verify(ctx, text, encoded); err != nil {
		err = errors.New("what is this?")
	}
	return ok, upgrade, err
}
