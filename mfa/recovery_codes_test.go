package mfa_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/headless-auth/headless"
)

// spec: mfa.md §6.5, §6.6, §6.7.
func TestRecoveryCodes(t *testing.T) {
	t.Run("come with the first factor, and are made anew", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			c.Get(recoveryPath).Is(404)
			c.Post(recoveryPath, nil).Fails(":cannot_generate_recovery_codes")
			activate(t, w, c)
			w.Inbox.Mails(p.Email)
			var d M
			c.Get(recoveryPath).Is(200).Into(&d)
			equal(t, without(d, "created_at", "unused_codes"), M{"type": "recovery_codes", "last_used_at": nil, "total_code_count": 10, "unused_code_count": 10})
			first := recoveryCodes(t, c) // again and again
			w.Events.Take()
			c.Post(recoveryPath, nil).Is(200).Into(&d)
			same(t, w.Events.Take(), "authenticator_reset")
			w.Inbox.Mail(t, p.Email, "recovery_codes_generated")
			second := recoveryCodes(t, c)
			equal(t, d["unused_codes"], second)
			if len(second) != 10 || first[0] == second[0] {
				t.Errorf("got %v after %v", second, first)
			}
			c.Delete(recoveryPath, nil).Is(405)
			w.Clock.Advance(10 * time.Minute)
			c.Get(recoveryPath).Is(401)
			c.Post(recoveryPath, nil).Is(401)
		})
	})

	t.Run("log in once each", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			activate(t, w, c)
			codes := recoveryCodes(t, c)
			for _, i := range []int{3, 0, 9} {
				c = c.Other()
				logIn(c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": codes[i] + " "}).LoggedIn()
			}
			equal(t, recoveryCodes(t, c), append(append([]string{}, codes[1:3]...), codes[4:9]...))
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(codePath, M{"code": codes[3]}).Fails("code:incorrect_code")
			c.Post(codePath, M{"code": ""}).Fails("code:required")
			w.Events.Take()
			r := c.Post(codePath, M{"code": codes[1]})
			r.LoggedIn()
			equal(t, without(r.Methods()[1], "id"), M{"method": "mfa", "type": "recovery_codes"})
		})
	})

	t.Run("are shown once, if the host wants so", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.RecoveryCodesShowOnce, c.MFA.RecoveryCodeCount = true, 4 }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			activate(t, w, c)
			seen := func() any {
				var d M
				c.Get(recoveryPath).Is(200).Into(&d)
				equal(t, d["unused_code_count"], 4)
				return d["unused_codes"]
			}
			if codes, ok := seen().([]any); !ok || len(codes) != 4 {
				t.Error("they are not shown")
			}
			if seen() != nil {
				t.Error("they are shown twice")
			}
			var d M
			c.Post(recoveryPath, nil).Is(200).Into(&d)
			if codes, ok := d["unused_codes"].([]any); !ok || len(codes) != 4 || seen() != nil {
				t.Errorf("got %v", d)
			}
		})
	})

	t.Run("go with the last factor, not before", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			activate(t, w, c)
			addKey(t, w, c, "")
			c.Delete(totpPath, nil).Is(200)
			same(t, kinds(t, c), "recovery_codes", "webauthn")
			c.Delete(keysPath, M{"authenticators": []string{rows(t, w, p)[1].ID}}).Is(200)
			same(t, kinds(t, c))
		})
	})

	t.Run("are not for who has not got them supported", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.MFA.SupportedTypes = []string{"totp", "webauthn"} }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			activate(t, w, c)
			same(t, kinds(t, c), "totp")
		})
	})
}

// What Django has left: seeded, migrated and used up codes, all in plain text.
// spec: mfa.md §10.
func TestDjangoRecoveryCodes(t *testing.T) {
	const zeros = "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
	ready := func(t *testing.T, w *World, data string) *Person {
		p := w.Make(Person{})
		row(t, w, p, "totp", `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`, nil)
		row(t, w, p, "recovery_codes", data, nil)
		return p
	}
	for name, tt := range map[string]struct {
		data, good, wrong string
		left              []string
		plain             string // is encrypted once a code was used
	}{
		"seeded": {
			data: `{"seed":"` + zeros + `","used_mask":5}`, good: "93474438", wrong: "40017382",
			left: []string{"92512815", "36599119", "80501426", "17309950", "47803705", "23071834", "73248777"}, plain: zeros,
		},
		"migrated": {
			data: `{"migrated_codes":["abc-def","läuft"]}`, good: "abc-def", wrong: "abc-deg",
			left: []string{"läuft"}, plain: "läuft",
		},
		"migrated, one of them twice": {
			data: `{"migrated_codes":["x","yy-yy","x"]}`, good: "x", wrong: "y",
			left: []string{"yy-yy"}, plain: "yy-yy",
		},
		"migrated, the last one": {
			data: `{"migrated_codes":["x"],"seed":"` + zeros + `"}`, good: "x", wrong: "40017382",
			left: []string{}, plain: zeros,
		},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				p := ready(t, w, tt.data)
				logIn(c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": tt.wrong}).Fails("code:incorrect_code")
				c.Post(codePath, M{"code": tt.good}).LoggedIn()
				equal(t, recoveryCodes(t, c), tt.left)
				var l []M
				c.Get(listPath).Is(200).Into(&l)
				equal(t, l[1]["unused_code_count"], len(tt.left))
				for _, a := range rows(t, w, p) {
					if bytes.Contains(a.Data, []byte(tt.plain)) {
						t.Errorf("still in plain text: %s", a.Data)
					}
				}
				c = c.Other()
				logIn(c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": tt.good}).Fails("code:incorrect_code")
			})
		})
	}
	for name, data := range map[string]string{"none left": `{"migrated_codes":[]}`, "nothing to derive from": `{}`, "null": `{"migrated_codes":null}`} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				p := ready(t, w, data)
				logIn(c, p).Pending("mfa_authenticate")
				c.Post(codePath, M{"code": "64606893"}).Fails("code:incorrect_code")
				c.Post(codePath, M{"code": codeAt(t, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", w.Clock.Now())}).LoggedIn()
				equal(t, recoveryCodes(t, c), []string{})
			})
		})
	}
}
