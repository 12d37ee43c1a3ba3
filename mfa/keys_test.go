package mfa_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// sealedWith is which key each secret of a person is sealed with.
func sealedWith(t *testing.T, w *World, p *Person) (l []string) {
	t.Helper()
	for _, a := range rows(t, w, p) {
		var d struct{ Secret, Seed string }
		if err := json.Unmarshal(a.Data, &d); err != nil {
			t.Fatal(err)
		}
		kind, rest, _ := strings.Cut(d.Secret+d.Seed, ":")
		id, _, _ := strings.Cut(rest, ".")
		l = append(l, kind+":"+id)
	}
	return l
}

// Requirement SEC-4.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	st := memory.New()
	old, next := bytes.Repeat([]byte("o"), 32), bytes.Repeat([]byte("n"), 32)
	world := func(secrets ...[]byte) *World {
		return wiretest.New(t, st, with(func(c *headless.Config) { c.Secret, c.PreviousSecrets = secrets[0], secrets[1:] }))
	}
	before := world(old)
	c := before.Client("browser")
	p := before.Make(Person{})
	c.LogIn(p)
	app := activate(t, before, c)
	codes := recoveryCodes(t, c)
	first := sealedWith(t, before, p)

	during := world(next, old)
	app.clock = during.Clock
	enter := func(w *World, code string) *wiretest.Reply {
		c := w.Client("browser")
		logIn(c, p).Pending("mfa_authenticate")
		return c.Post(codePath, M{"code": code})
	}
	enter(during, app.Next()).LoggedIn()
	enter(during, codes[0]).LoggedIn()
	second := sealedWith(t, during, p)
	if second[0] == first[0] || second[1] == first[1] || second[0] != second[1] {
		t.Errorf("got keys %v after %v: what is used is not sealed anew", second, first)
	}
	q := before.Make(Person{}) // who does not come by
	d := before.Client("browser")
	d.LogIn(q)
	appQ := activate(t, before, d)
	if err := during.Auth.ReencryptMFA(t.Context(), q.ID); err != nil {
		t.Fatal(err)
	}
	if got := sealedWith(t, during, q); got[0] != second[0] || got[1] != second[0] {
		t.Errorf("got keys %v, want %s", got, second[0])
	}

	after := world(next)
	app.clock = after.Clock
	after.Clock.Advance(wait)
	enter(after, app.Code()).LoggedIn()
	p, appQ.clock = q, after.Clock
	enter(after, appQ.Code()).LoggedIn()
}

// vault is a key management service: it has its own keys and knows what a
// value belongs to.
type vault struct{ down error }

// Seal implements [mfa.Cipher].
func (v *vault) Seal(_ context, plain []byte, bound string) (string, error) {
	return base64.StdEncoding.EncodeToString([]byte(bound + "\n" + string(plain))), v.down
}

// Open implements [mfa.Cipher].
func (v *vault) Open(_ context, sealed, bound string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(sealed)
	plain, ok := bytes.CutPrefix(b, []byte(bound+"\n"))
	if err != nil || !ok {
		return nil, errors.New("not of the vault")
	}
	return plain, v.down
}

func TestCipher(t *testing.T) {
	t.Parallel()
	st := memory.New()
	v := &vault{}
	before := wiretest.New(t, st, with(nil))
	p := before.Make(Person{})
	c := before.Client("app")
	c.LogIn(p)
	app := activate(t, before, c)
	codes := recoveryCodes(t, c)

	w := wiretest.New(t, st, with(func(c *headless.Config) { c.MFA.Cipher = v }))
	app.clock = w.Clock
	enter := func(code string) *wiretest.Reply {
		c := w.Client("app")
		logIn(c, p).Pending("mfa_authenticate")
		return c.Post(codePath, M{"code": code})
	}
	enter(app.Next()).LoggedIn()
	if got := sealedWith(t, w, p); !strings.HasPrefix(got[0], "c1:") || !strings.HasPrefix(got[1], "k1:") {
		t.Errorf("got %v: only what is used moves", got)
	}
	if err := w.Auth.ReencryptMFA(t.Context(), p.ID); err != nil {
		t.Fatal(err)
	}
	if got := sealedWith(t, w, p); !strings.HasPrefix(got[1], "c1:") {
		t.Errorf("got %v", got)
	}
	enter(codes[0]).LoggedIn()
	enter(app.Next()).LoggedIn()

	// Attack: a sealed secret of one user on the row of another.
	q := w.Make(Person{})
	row(t, w, q, "totp", string(rows(t, w, p)[0].Data), nil)
	c = w.Client("app")
	logIn(c, q).Pending("mfa_authenticate")
	c.Post(codePath, M{"code": app.Next()}).Is(500)

	v.down = errors.New("no answer")
	enter(app.Next()).Is(500) // fails closed
	v.down = nil
	before.Clock.Advance(wait)
	app.clock = before.Clock
	c = before.Client("app")
	logIn(c, p).Pending("mfa_authenticate")
	c.Post(codePath, M{"code": app.Code()}).Is(500) // without the vault nothing is to be had
}

// Attack: a sealed secret of one user on the row of another. Requirement SEC-1.
func TestSecretsBelongToTheirRow(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		p, q := w.Make(Person{}), w.Make(Person{})
		c.LogIn(p)
		app := activate(t, w, c)
		row(t, w, q, "totp", string(rows(t, w, p)[0].Data), nil)
		c = c.Other()
		logIn(c, q).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": app.Next()}).Is(500)
	})
}

// What can't be read shuts nobody out who has something else.
func TestUnreadableSecrets(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		row(t, w, p, "recovery_codes", `{"seed":"k1:00000000.AAAA","used_mask":0}`, nil) // its key is lost
		c.LogIn(p)
		w.Clock.Advance(time.Second)
		app := activate(t, w, c)
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": "000000"}).Is(500)
		c.Post(codePath, M{"code": app.Next()}).LoggedIn()
		var l []M
		c.Get(listPath).Is(200).Into(&l)
		equal(t, without(l[0], "created_at", "last_used_at"), M{"type": "recovery_codes", "total_code_count": 0, "unused_code_count": 0})
	})
}

// Secrets that Django has encrypted in its own way.
func TestLegacySecrets(t *testing.T) {
	each(t, func(c *headless.Config) {
		c.MFA.OpenLegacy = func(_ context, stored string) (string, error) {
			plain, ok := strings.CutPrefix(stored, "rot:")
			if !ok {
				return "", errors.New("not of theirs")
			}
			return plain, nil
		}
	}, func(t *testing.T, w *World, c *Client) {
		const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
		p := w.Make(Person{})
		row(t, w, p, "totp", `{"secret":"rot:`+secret+`"}`, nil)
		logIn(c, p).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": codeAt(t, secret, w.Clock.Now())}).LoggedIn()
		if got := sealedWith(t, w, p); !strings.HasPrefix(got[0], "k1:") {
			t.Errorf("got %v", got)
		}
		w.Clock.Advance(wait)
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		c.Post(codePath, M{"code": codeAt(t, secret, w.Clock.Now())}).LoggedIn()
	})
}

// An administrator removes a user's factors.
func TestReset(t *testing.T) {
	wiretest.EachStore(t, with(trusting), func(t *testing.T, w *World) {
		c := w.Client("browser")
		p := w.Make(Person{})
		c.LogIn(p)
		app := activate(t, w, c)
		addKey(t, w, c, "")
		leave(c)
		trustBrowser(t, c, p, app)
		w.Inbox.Mails(p.Email)
		w.Events.Take()
		if err := w.Auth.ResetMFA(t.Context(), p.ID); err != nil {
			t.Fatal(err)
		}
		same(t, w.Events.Take(), "authenticator_removed", "authenticator_removed", "authenticator_removed", "mfa_reset")
		mails := w.Inbox.Mails(p.Email)
		if len(mails) != 2 || mails[0].Data["ip"] != "unknown" {
			t.Errorf("got mails %v", mails)
		}
		if l := rows(t, w, p); len(l) != 0 {
			t.Errorf("got %v", l)
		}
		if l, err := w.Store.TrustedBrowsersOf(t.Context(), p.ID); err != nil || len(l) != 0 {
			t.Errorf("got %v, %v", l, err)
		}
		c.Session().LoggedIn()
		logIn(c.Other(), p).LoggedIn()
		if err := w.Auth.ResetMFA(t.Context(), "999999"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want not found", err)
		}
	})
	t.Run("where there are none", func(t *testing.T) {
		w := wiretest.New(t, memory.New(), nil)
		if w.Auth.ResetMFA(t.Context(), "1") == nil || w.Auth.ReencryptMFA(t.Context(), "1") == nil {
			t.Error("there is nothing to reset without Config.MFA")
		}
		c := w.Client("browser")
		c.Get(listPath).Is(404)
		c.Post(codePath, M{}).Is(404)
	})
}

func TestQR(t *testing.T) {
	t.Parallel()
	svg, err := mfa.QR("otpauth://totp/anna%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example")
	if err != nil {
		t.Fatal(err)
	}
	// The finder pattern at the top left: seven dark modules after the quiet zone.
	if !strings.HasPrefix(svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 `) || !strings.Contains(svg, ` d="M4 4h7v1H4z`) || strings.ContainsAny(svg, "&'") {
		t.Errorf("got %s", svg[:200])
	}
	if _, err := mfa.QR(strings.Repeat("x", 5000)); err == nil {
		t.Error("a text is drawn that is too long")
	}
}
