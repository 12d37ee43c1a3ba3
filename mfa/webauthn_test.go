package mfa_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/wiretest"
	"github.com/headless-auth/headless/mfa"
)

// spec: mfa.md §7.2.
func TestWebAuthnOptions(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		c.LogIn(p)
		handle := handleOf(p)
		check := func(o []byte, want M) string {
			t.Helper()
			var got struct {
				PublicKey M `json:"publicKey"`
			}
			if err := json.Unmarshal(o, &got); err != nil {
				t.Fatal(err)
			}
			challenge, err := base64.RawURLEncoding.DecodeString(got.PublicKey["challenge"].(string))
			if err != nil || len(challenge) != 32 {
				t.Errorf("got challenge %v", got.PublicKey["challenge"])
			}
			equal(t, without(got.PublicKey, "challenge"), want)
			return string(challenge)
		}
		params := []M{}
		for _, alg := range []int{-7, -8, -35, -36, -37, -257, -47} {
			params = append(params, M{"type": "public-key", "alg": alg})
		}
		creation := M{
			"rp":   M{"id": "127.0.0.1", "name": "Example"},
			"user": M{"id": handle, "name": p.Email, "displayName": p.Email}, "pubKeyCredParams": params, "excludeCredentials": []any{},
			"authenticatorSelection": M{"residentKey": "discouraged", "userVerification": "discouraged", "requireResidentKey": false},
			"extensions":             M{"credProps": true},
		}
		first := check(optionsOf(t, c.Get(keysPath)), creation)
		if check(optionsOf(t, c.Get(keysPath)), creation) == first {
			t.Error("a challenge is handed out twice")
		}
		k := addKey(t, w, c, "")
		known := []M{{"type": "public-key", "id": k.ID()}}
		creation["excludeCredentials"] = known
		creation["authenticatorSelection"] = M{"residentKey": "required", "userVerification": "required", "requireResidentKey": true}
		for _, query := range []string{"?passwordless", "?passwordless=", "?passwordless=false"} { // presence counts
			check(optionsOf(t, c.Get(keysPath+query)), creation)
		}
		request := M{"rpId": "127.0.0.1", "allowCredentials": known, "userVerification": "preferred"}
		check(optionsOf(t, c.Get("/auth/webauthn/reauthenticate")), request)
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		check(optionsOf(t, c.Get(keyPath)), request)
		check(optionsOf(t, c.Other().Get(loginPath)), M{"rpId": "127.0.0.1", "allowCredentials": []any{}, "userVerification": "required"})
	})
}

// handleOf is a person's user handle, as browsers write it.
func handleOf(p *Person) string {
	return base64.RawURLEncoding.EncodeToString([]byte(base36(p.ID)))
}

func base36(id string) string {
	var n int
	_, _ = fmt.Sscan(id, &n)
	digits := ""
	for ; n > 0; n /= 36 {
		digits = string("0123456789abcdefghijklmnopqrstuvwxyz"[n%36]) + digits
	}
	return digits
}

// spec: mfa.md §7.6.
func TestKeys(t *testing.T) {
	t.Run("are added, named, renamed and removed", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			add := func(query string, body M, k *softauthn.Authenticator) M {
				t.Helper()
				body["credential"] = k.Create(optionsOf(t, c.Get(keysPath+query)))
				w.Events.Take()
				r := c.Post(keysPath, body).Is(200)
				var d M
				r.Into(&d)
				d["meta"] = r.Meta["recovery_codes_generated"]
				return d
			}
			first := add("", M{"name": " first "}, newKey(w))
			same(t, w.Events.Take(), "authenticator_added", "authenticator_added")
			w.Inbox.Mail(t, p.Email, "webauthn_added")
			equal(t, without(first, "id", "created_at"), M{"type": "webauthn", "name": "first", "is_passwordless": false, "last_used_at": nil, "meta": true})
			k := newKey(w)
			k.OmitRK = true
			second := add("", M{}, k)
			same(t, w.Events.Take(), "authenticator_added")
			equal(t, without(second, "id", "created_at"), M{"type": "webauthn", "name": "Backup key", "last_used_at": nil, "meta": false})
			k = newKey(w)
			k.AAGUID = [16]byte{0xfb, 0xfc, 0x30, 0x07, 0x15, 0x4e, 0x4e, 0xcc, 0x8c, 0x0b, 0x6e, 0x02, 0x05, 0x57, 0xd7, 0xbd}
			third := add("?passwordless", M{"name": ""}, k)
			equal(t, without(third, "id", "created_at"), M{"type": "webauthn", "name": "Key nr. 3", "is_passwordless": true, "last_used_at": nil, "meta": false, "model": "Apple Passwords"})
			w.Inbox.Mails(p.Email)

			var d M
			c.Put(keysPath, M{"id": first["id"], "name": "renamed"}).Is(200).Into(&d)
			equal(t, d["name"], "renamed")
			c.Put(keysPath, M{"id": fmt.Sprint(first["id"]), "name": "again"}).Is(200)
			c.Put(keysPath, M{}).Fails("id:required", "name:required")
			c.Put(keysPath, M{"id": nil, "name": " "}).Fails("id:required", "name:required")
			c.Put(keysPath, M{"id": first["id"], "name": strings.Repeat("x", 101)}).Fails("name:max_length")
			totp := row(t, w, p, "totp", `{"secret":"x"}`, nil)
			for _, id := range []any{999999, "abc", "", M{"a": 1}, []int{1}, true, 1.5, -1, totp.ID} {
				want := "id:invalid_choice"
				if id == "" {
					want = "id:required"
				}
				c.Put(keysPath, M{"id": id, "name": "x"}).Fails(want)
			}

			for want, l := range map[string][]any{
				"authenticators:required":         {nil, []any{}, ""},
				"authenticators:invalid_list":     {"abc", 5, true, M{"a": 1}},
				"authenticators:invalid_pk_value": {[]any{"x"}, []any{true}, []any{nil}, []any{1.5}},
				"authenticators:invalid_choice":   {[]any{999999}, []any{first["id"], 999999}, []any{totp.ID}},
			} {
				for _, ids := range l {
					c.Delete(keysPath, M{"authenticators": ids}).Fails(want)
				}
			}
			w.Events.Take()
			c.Delete(keysPath, M{"authenticators": []any{first["id"], fmt.Sprint(second["id"]), first["id"]}}).Is(200)
			same(t, w.Events.Take(), "authenticator_removed", "authenticator_removed")
			if n := len(w.Inbox.Mails(p.Email)); n != 2 {
				t.Errorf("got %d mails, want 2", n)
			}
			same(t, kinds(t, c), "recovery_codes", "webauthn", "totp")
		})
	})

	t.Run("of others are out of reach", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			addKey(t, w, c, "")
			id := rows(t, w, p)[0].ID
			c = c.Other()
			c.LogIn(w.Make(Person{}))
			c.Put(keysPath, M{"id": id, "name": "mine"}).Fails("id:invalid_choice")
			c.Delete(keysPath, M{"authenticators": []string{id}}).Fails("authenticators:invalid_choice")
		})
	})

	t.Run("need a recent proof, which leaves the challenge alone", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			w.Clock.Advance(299 * time.Second)
			k := newKey(w)
			credential := k.Create(optionsOf(t, c.Get(keysPath)))
			w.Clock.Advance(2 * time.Second)
			c.Get(keysPath).Is(401)
			c.Post(keysPath, M{}).Fails("credential:required")
			c.Post(keysPath, M{"credential": credential}).Is(401)
			c.Post("/auth/reauthenticate", M{"password": wiretest.Password}).LoggedIn()
			c.Post(keysPath, M{"credential": credential}).Is(200)
			w.Clock.Advance(10 * time.Minute)
			id := rows(t, w, p)[0].ID
			c.Put(keysPath, M{"id": id, "name": "x"}).Is(401)
			c.Delete(keysPath, M{"authenticators": []string{id}}).Is(401)
		})
	})

	t.Run("can't be had twice, by nobody", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			again := func(c *Client) *wiretest.Reply {
				return c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))})
			}
			again(c).Fails(":incorrect_code")
			other := c.Other()
			other.LogIn(w.Make(Person{}))
			again(other).Fails(":incorrect_code")
			if n := len(rows(t, w, p)); n != 2 {
				t.Errorf("got %d authenticators, want 2", n)
			}
		})
	})

	t.Run("are named as the host likes", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			c.MFA.KeyName = func(_ context, n int, model string) string { return fmt.Sprintf("%d %q", n, model) }
		}, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			addKey(t, w, c, "")
			var l []M
			c.Get(listPath).Into(&l)
			equal(t, l[0]["name"], `1 ""`)
		})
	})

	t.Run("are at most fifty", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			for range 50 {
				addKey(t, w, c, "")
			}
			k := newKey(w)
			c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Fails(":max_authenticators")
		})
	})
}

// What a browser or authenticator may get wrong when a key is made. WebAuthn
// Level 3, §7.1.
func TestCreationIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		query  string
		change func(k *softauthn.Authenticator)
		tamper func(c softauthn.Credential)
		ok     bool
	}{
		"as it should be":                  {ok: true},
		"a passkey":                        {query: "?passwordless", ok: true},
		"a user who is not verified":       {change: func(k *softauthn.Authenticator) { k.Unverified = true }, ok: true},
		"a synced key":                     {change: func(k *softauthn.Authenticator) { k.BackupEligible, k.BackedUp = true, true }, ok: true},
		"a key that may be synced":         {change: func(k *softauthn.Authenticator) { k.BackupEligible = true }, ok: true},
		"attested by itself":               {change: func(k *softauthn.Authenticator) { k.SelfAttested = true }, ok: true},
		"a counter":                        {change: func(k *softauthn.Authenticator) { k.Counter = 77 }, ok: true},
		"a passkey without verified user":  {query: "?passwordless", change: func(k *softauthn.Authenticator) { k.Unverified = true }},
		"an absent user":                   {change: func(k *softauthn.Authenticator) { k.Absent = true }},
		"synced but can't be":              {change: func(k *softauthn.Authenticator) { k.BackedUp = true }},
		"another challenge":                {change: func(k *softauthn.Authenticator) { k.Challenge = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE" }},
		"another origin":                   {change: func(k *softauthn.Authenticator) { k.Origin = "http://127.0.0.1:1" }},
		"a look-alike origin":              {change: func(k *softauthn.Authenticator) { k.Origin += ".evil.example" }},
		"another RP id":                    {change: func(k *softauthn.Authenticator) { k.RPID = "evil.example" }},
		"another type":                     {change: func(k *softauthn.Authenticator) { k.Type = "webauthn.get" }},
		"in a foreign frame":               {change: func(k *softauthn.Authenticator) { k.CrossOrigin, k.TopOrigin = true, "https://evil.example" }},
		"in some frame":                    {change: func(k *softauthn.Authenticator) { k.CrossOrigin = true }},
		"no attestation object":            {tamper: func(c softauthn.Credential) { delete(c.Response(), "attestationObject") }},
		"an attestation object of nothing": {tamper: func(c softauthn.Credential) { c.Response()["attestationObject"] = "" }},
		"a cut attestation object":         {tamper: cut("attestationObject")},
		"cut client data":                  {tamper: cut("clientDataJSON")},
		"no base64":                        {tamper: func(c softauthn.Credential) { c.Response()["clientDataJSON"] = "§" }},
		"no client data":                   {tamper: func(c softauthn.Credential) { delete(c.Response(), "clientDataJSON") }},
		"no response":                      {tamper: func(c softauthn.Credential) { delete(c, "response") }},
		"another id":                       {tamper: func(c softauthn.Credential) { c["id"], c["rawId"] = "AAAA", "AAAA" }},
		"two ids":                          {tamper: func(c softauthn.Credential) { c["rawId"] = "AAAA" }},
		"another credential type":          {tamper: func(c softauthn.Credential) { c["type"] = "password" }},
		"too large":                        {tamper: func(c softauthn.Credential) { c["junk"] = strings.Repeat("x", 70<<10) }},
		"results of a wrong kind":          {tamper: func(c softauthn.Credential) { c["clientExtensionResults"] = "x" }},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				c.LogIn(w.Make(Person{}))
				k := newKey(w)
				if tt.change != nil {
					tt.change(k)
				}
				credential := k.Create(optionsOf(t, c.Get(keysPath+tt.query)))
				if tt.tamper != nil {
					tt.tamper(credential)
				}
				r := c.Post(keysPath, M{"credential": credential})
				if tt.ok {
					r.Is(200)
				} else {
					r.Fails(":incorrect_code")
				}
				c.Post(keysPath, M{"credential": k.Create([]byte(`{"publicKey":{}}`))}).Fails(":incorrect_code")
			})
		})
	}
}

func cut(member string) func(softauthn.Credential) {
	return func(c softauthn.Credential) {
		s := c.Response()[member].(string)
		c.Response()[member] = s[:len(s)/2]
	}
}

// spec: mfa.md §7.5.
func TestCredentialInput(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		c.LogIn(p)
		for _, none := range []any{nil, "", M{}, []any{}, "{}", "[]", "null", `""`} {
			c.Post(keysPath, M{"credential": none}).Fails("credential:required")
		}
		c.Post(keysPath, M{}).Fails("credential:required")
		for _, bad := range []string{"x", "{", "{}{}"} {
			c.Post(keysPath, M{"credential": bad}).Fails("credential:invalid")
		}
		for _, odd := range []any{5, true, []int{1}, M{"a": M{"b": 1}}, "5", `[1]`, M{"id": 5}, M{"id": "AA", "rawId": "AA", "type": "public-key", "response": 5}} {
			c.Post(keysPath, M{"credential": odd}).Fails(":incorrect_code")
		}
		k := newKey(w)
		b, err := json.Marshal(k.Create(optionsOf(t, c.Get(keysPath))))
		if err != nil {
			t.Fatal(err)
		}
		c.Post(keysPath, M{"credential": string(b)}).Is(200) // a text that holds it
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		for _, path := range []string{keyPath} {
			c.Post(path, M{}).Fails("credential:required")
			c.Post(path, M{"credential": "x"}).Fails("credential:invalid")
			c.Post(path, M{"credential": 5}).Fails("credential:incorrect_code")
		}
	})
}

// What a browser or authenticator may get wrong when a key is used. WebAuthn
// Level 3, §7.2.
func TestAssertionIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(k *softauthn.Authenticator)
		tamper func(c softauthn.Credential)
		ok     bool
	}{
		"as it should be":                   {ok: true},
		"without user handle":               {change: func(k *softauthn.Authenticator) { k.OmitHandle = true }, ok: true},
		"a user who is not verified":        {change: func(k *softauthn.Authenticator) { k.Unverified = true }, ok: true},
		"a key that has become a synced":    {change: func(k *softauthn.Authenticator) { k.BackupEligible, k.BackedUp = true, true }, ok: true},
		"another user's handle":             {change: func(k *softauthn.Authenticator) { k.UserHandle = "enp6eg" }},
		"an absent user":                    {change: func(k *softauthn.Authenticator) { k.Absent = true }},
		"synced but can't be":               {change: func(k *softauthn.Authenticator) { k.BackedUp = true }},
		"another challenge":                 {change: func(k *softauthn.Authenticator) { k.Challenge = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE" }},
		"another origin":                    {change: func(k *softauthn.Authenticator) { k.Origin = "https://evil.example" }},
		"another RP id":                     {change: func(k *softauthn.Authenticator) { k.RPID = "evil.example" }},
		"another type":                      {change: func(k *softauthn.Authenticator) { k.Type = "webauthn.create" }},
		"in a foreign frame":                {change: func(k *softauthn.Authenticator) { k.CrossOrigin, k.TopOrigin = true, "https://evil.example" }},
		"another key of that id":            {change: func(k *softauthn.Authenticator) { k.Rekey() }},
		"no signature":                      {tamper: func(c softauthn.Credential) { delete(c.Response(), "signature") }},
		"a cut signature":                   {tamper: cut("signature")},
		"cut authenticator data":            {tamper: cut("authenticatorData")},
		"cut client data":                   {tamper: cut("clientDataJSON")},
		"the user marked as verified later": {change: func(k *softauthn.Authenticator) { k.Unverified = true }, tamper: raiseFlag(1 << 2)},
		"an unknown id":                     {tamper: func(c softauthn.Credential) { c["id"], c["rawId"] = "AAAA", "AAAA" }},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				k := addKey(t, w, c, "")
				c = c.Other()
				logIn(c, p).Pending("mfa_authenticate")
				if tt.change != nil {
					tt.change(k)
				}
				credential := k.Get(optionsOf(t, c.Get(keyPath)))
				if tt.tamper != nil {
					tt.tamper(credential)
				}
				w.Events.Take()
				r := c.Post(keyPath, M{"credential": credential})
				if !tt.ok {
					r.Fails("credential:incorrect_code")
					same(t, w.Events.Take(), "authentication_failed")
					c.Session().Pending("mfa_authenticate")
					return
				}
				r.LoggedIn()
				same(t, w.Events.Take(), "authenticator_used", "authentication_step_completed", "user_logged_in")
				equal(t, without(r.Methods()[1], "id"), M{"method": "mfa", "type": "webauthn"})
			})
		})
	}
}

func raiseFlag(flag byte) func(softauthn.Credential) {
	return func(c softauthn.Credential) {
		b, _ := base64.RawURLEncoding.DecodeString(c.Response()["authenticatorData"].(string))
		b[32] |= flag
		c.Response()["authenticatorData"] = base64.RawURLEncoding.EncodeToString(b)
	}
}

// Every algorithm that is advertised works.
func TestAlgorithms(t *testing.T) {
	for _, alg := range softauthn.Algorithms {
		t.Run(fmt.Sprint(int(alg)), func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				c.LogIn(p)
				k := softauthn.New(w.URL, alg)
				k.SelfAttested = true
				c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Is(200)
				c = c.Other()
				logIn(c, p).Pending("mfa_authenticate")
				answer(t, c, keyPath, k).LoggedIn()
			})
		})
	}
}

// spec: mfa.md §7.1.
func TestChallenges(t *testing.T) {
	t.Run("are good for one attempt", func(t *testing.T) {
		everywhere(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := newKey(w)
			o := optionsOf(t, c.Get(keysPath))
			k.RPID = "evil.example"
			c.Post(keysPath, M{"credential": k.Create(o)}).Fails(":incorrect_code")
			k.RPID = ""
			c.Post(keysPath, M{"credential": k.Create(o)}).Fails(":incorrect_code")
			k = addKey(t, w, c, "")
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			o = optionsOf(t, c.Get(keyPath))
			c.Post(keyPath, M{}).Fails("credential:required") // no attempt
			c.Post(keyPath, M{"credential": newKey(w).Get(o)}).Fails("credential:incorrect_code")
			c.Post(keyPath, M{"credential": k.Get(o)}).Fails("credential:incorrect_code")
			o = optionsOf(t, c.Get(keyPath))
			used := k.Get(o)
			c.Post(keyPath, M{"credential": used}).LoggedIn()
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(keyPath, M{"credential": used}).Fails("credential:incorrect_code") // attack by replay
		})
	})

	t.Run("expire", func(t *testing.T) {
		each(t, func(c *headless.Config) { c.Account.ReauthenticationTimeout = time.Hour }, func(t *testing.T, w *World, c *Client) {
			c.LogIn(w.Make(Person{}))
			k := newKey(w)
			o := optionsOf(t, c.Get(keysPath))
			w.Clock.Advance(10 * time.Minute)
			c.Post(keysPath, M{"credential": k.Create(o)}).Fails(":incorrect_code")
		})
	})

	t.Run("are good for one kind of ceremony", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "?passwordless")
			// A passkey's challenge for a second factor, and the other way round.
			c = c.Other()
			o := optionsOf(t, c.Get(loginPath))
			logIn(c, p).Pending("mfa_authenticate")
			c.Post(keyPath, M{"credential": k.Get(o)}).Fails("credential:incorrect_code")
			o = optionsOf(t, c.Get(keyPath))
			c.Post(loginPath, M{"credential": k.Get(o)}).Fails("credential:incorrect_code")
			answer(t, c, keyPath, k).LoggedIn()
			o = optionsOf(t, c.Get("/auth/webauthn/reauthenticate"))
			n := newKey(w)
			c.Post(keysPath, M{"credential": n.Create(o)}).Fails(":incorrect_code")
			o = optionsOf(t, c.Get("/ext/account/authenticators/webauthn/conditional"))
			c.Post(keysPath, M{"credential": n.Create(o)}).Fails(":incorrect_code")
		})
	})

	t.Run("are good for one client", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			a, b := c.Other(), c.Other()
			logIn(a, p).Pending("mfa_authenticate")
			logIn(b, p).Pending("mfa_authenticate")
			b.Get(keyPath).Is(200)
			b.Post(keyPath, M{"credential": k.Get(optionsOf(t, a.Get(keyPath)))}).Fails("credential:incorrect_code")
		})
	})

	t.Run("are stored as hashes", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			var o struct {
				PublicKey struct{ Challenge string } `json:"publicKey"`
			}
			if err := json.Unmarshal(optionsOf(t, c.Get(keysPath)), &o); err != nil {
				t.Fatal(err)
			}
			l, err := w.Store.SessionsOf(t.Context(), p.ID)
			if err != nil || len(l) != 1 || strings.Contains(string(l[0].State), o.PublicKey.Challenge) {
				t.Errorf("got %s, %v", l[0].State, err)
			}
		})
	})
}

// Requirement WAN-2.
func TestSignatureCounter(t *testing.T) {
	var events []account.Event
	counting := func(c *headless.Config) {
		hear := c.OnEvent
		c.OnEvent = func(ctx context, e account.Event) { events = append(events, e); hear(ctx, e) }
	}
	enter := func(w *World, c *Client, p *Person) *Client {
		c = c.Other()
		logIn(c, p).Pending("mfa_authenticate")
		return c
	}
	t.Run("attack by a copied key", func(t *testing.T) {
		wiretest.EachStore(t, with(nil), func(t *testing.T, w *World) {
			c := w.Client("browser")
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			copied := k.Clone()
			for range 3 {
				c = enter(w, c, p)
				answer(t, c, keyPath, k).LoggedIn()
			}
			c = enter(w, c, p)
			w.Events.Take()
			answer(t, c, keyPath, copied).Fails("credential:incorrect_code")
			same(t, w.Events.Take(), "sign_count_regressed", "authentication_failed")
			answer(t, c, keyPath, k).LoggedIn() // the original goes on
		})
	})
	t.Run("is told with both values", func(t *testing.T) {
		wiretest.EachOn(t, inMemory, with(counting), func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			k.Counter = 10
			c = enter(w, c, p)
			answer(t, c, keyPath, k).LoggedIn()
			k.Counter = 10 // the same again
			c = enter(w, c, p)
			events = nil
			answer(t, c, keyPath, k).Fails("credential:incorrect_code")
			if e, ok := events[0].(mfa.SignCountRegressed); !ok || e.Stored != 11 || e.Received != 11 || e.ID != rows(t, w, p)[0].ID || e.User.ID != p.ID {
				t.Errorf("got %#v", events[0])
			}
			k.NoCounter, k.Counter = true, 0 // as if it had stopped counting
			answer(t, c, keyPath, k).Fails("credential:incorrect_code")
		})
	})
	t.Run("keys that do not count are fine", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			k.NoCounter = true
			for range 3 {
				c = enter(w, c, p)
				answer(t, c, keyPath, k).LoggedIn()
			}
		})
	})
}

// Synced passkeys: a known trap. What a key says of being synced may change
// with the software that keeps it, and decides nothing.
func TestSyncedKeys(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		p := w.Make(Person{})
		c.LogIn(p)
		k := addKey(t, w, c, "?passwordless")
		k.NoCounter = true
		for _, flags := range [][2]bool{{false, false}, {true, false}, {true, true}, {true, false}, {false, false}} {
			k.BackupEligible, k.BackedUp = flags[0], flags[1]
			c = c.Other()
			answer(t, c, loginPath, k).LoggedIn()
			var d struct {
				Record struct {
					BackupEligible *bool `json:"backup_eligible"`
					BackedUp       bool  `json:"backed_up"`
				}
			}
			if err := json.Unmarshal(rows(t, w, p)[0].Data, &d); err != nil {
				t.Fatal(err)
			}
			if d.Record.BackupEligible == nil || *d.Record.BackupEligible != flags[0] || d.Record.BackedUp != flags[1] {
				t.Errorf("got %+v, want %v", d.Record, flags)
			}
		}
	})
}

// What Django has left: the browser's answer as it came, and nothing else.
// spec: mfa.md §10.
func TestDjangoKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		rewrite func(data M)
		key     bool // the importer has filled the unique key
		alone   bool
	}{
		"as stored":              {key: true, alone: true},
		"without the unique key": {alone: true},
		"as a text":              {rewrite: func(d M) { b, _ := json.Marshal(d["credential"]); d["credential"] = string(b) }, alone: true},
		"an old row, passwordless": {rewrite: func(d M) {
			d["credential"].(M)["clientExtensionResults"] = M{}
			d["passwordless"] = true
		}, alone: true},
		"nothing known":    {rewrite: func(d M) { delete(d["credential"].(M), "clientExtensionResults") }},
		"no discoverable":  {rewrite: func(d M) { d["credential"].(M)["clientExtensionResults"] = M{"credProps": M{"rk": false}} }},
		"with other parts": {rewrite: func(d M) { d["credential"].(M)["authenticatorAttachment"] = nil; d["x"] = 1 }, alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, w *World, c *Client) {
				p := w.Make(Person{})
				k := newKey(w)
				k.BackupEligible, k.BackedUp = true, true // which nobody has recorded
				options, err := json.Marshal(M{"publicKey": M{
					"challenge": "AAAA", "rp": M{"id": "127.0.0.1"}, "authenticatorSelection": M{"residentKey": "required"},
					"user": M{"id": handleOf(p)},
				}})
				if err != nil {
					t.Fatal(err)
				}
				data := M{"name": "my key", "credential": M(k.Create(options))}
				if tt.rewrite != nil {
					tt.rewrite(data)
				}
				b, err := json.Marshal(data)
				if err != nil {
					t.Fatal(err)
				}
				var id []byte
				if tt.key {
					id, _ = base64.RawURLEncoding.DecodeString(k.ID())
				}
				row(t, w, p, "webauthn", string(b), id)
				logIn(c, p).Pending("mfa_authenticate")
				k.BackupEligible, k.BackedUp = false, false
				answer(t, c, keyPath, k).LoggedIn()
				var l []M
				c.Get(listPath).Is(200).Into(&l)
				equal(t, l[0]["name"], "my key")
				c.Put(keysPath, M{"id": l[0]["id"], "name": "renamed"}).Is(200)
				c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))}).Fails(":incorrect_code")
				c = c.Other()
				if r := answer(t, c, loginPath, k); tt.alone {
					r.LoggedIn()
				} else {
					r.Fails("credential:incorrect_code")
				}
			})
		})
	}
	t.Run("one that can't be read shuts out nobody", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			p := w.Make(Person{})
			c.LogIn(p)
			k := addKey(t, w, c, "")
			broken := row(t, w, p, "webauthn", `{"name":"x","credential":{}}`, nil)
			same(t, kinds(t, c), "webauthn", "recovery_codes", "webauthn")
			c = c.Other()
			logIn(c, p).Pending("mfa_authenticate")
			answer(t, c, keyPath, k).LoggedIn()
			c.Delete(keysPath, M{"authenticators": []string{broken.ID}}).Is(200)
		})
	})
}

// spec: mfa.md §7.8.
func TestReauthenticationByKey(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		const path = "/auth/webauthn/reauthenticate"
		c.Get(path).NothingPending()
		p := w.Make(Person{})
		c.LogIn(p)
		k := addKey(t, w, c, "")
		w.Clock.Advance(10 * time.Minute)
		c.Get(keysPath).Is(401)
		c.Post(path, M{}).Fails("credential:required")
		answer(t, c, path, newKey(w)).Fails("credential:incorrect_code")
		w.Events.Take()
		r := answer(t, c, path, k)
		r.LoggedIn()
		same(t, w.Events.Take(), "authenticator_used", "authentication_step_completed")
		m := r.Methods()
		equal(t, without(m[len(m)-1], "id"), M{"method": "mfa", "type": "webauthn", "reauthenticated": true})
		c.Get(keysPath).Is(200)
	})
}

// WebAuthn Level 3, §5.1.3: passkeys that are made without asking.
func TestConditionalCreation(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		const path = "/ext/account/authenticators/webauthn/conditional"
		c.Get(path).Is(401)
		p := w.Make(Person{})
		c.LogIn(p)
		k := newKey(w)
		k.Absent, k.Unverified = true, true // nobody is asked
		o := optionsOf(t, c.Get(path))
		if !strings.Contains(string(o), `"mediation":"conditional"`) {
			t.Errorf("got %s", o)
		}
		c.Post(path, M{"credential": k.Create(o)}).Is(200)
		w.Inbox.Mail(t, p.Email, "webauthn_added")
		k.Absent = false
		c = c.Other()
		answer(t, c, loginPath, k).Fails("credential:incorrect_code") // but to log in they are
		k.Unverified = false
		answer(t, c, loginPath, k).LoggedIn()
		w.Clock.Advance(10 * time.Minute)
		c.Get(path).Is(401)
	})
}

// WebAuthn Level 3, §5.1.10.
func TestSignals(t *testing.T) {
	each(t, nil, func(t *testing.T, w *World, c *Client) {
		const path = "/ext/account/authenticators/webauthn/signals"
		c.Get(path).Is(401)
		p := w.Make(Person{})
		c.LogIn(p)
		k := addKey(t, w, c, "")
		var d M
		c.Get(path).Is(200).Into(&d)
		handle := handleOf(p)
		equal(t, d, M{
			"all_accepted_credentials": M{"rpId": "127.0.0.1", "userId": handle, "allAcceptedCredentialIds": []string{k.ID()}},
			"current_user_details":     M{"rpId": "127.0.0.1", "userId": handle, "name": p.Email, "displayName": p.Email},
		})
	})
}

// WebAuthn Level 3, §5.11.
func TestRelatedOrigins(t *testing.T) {
	t.Run("are listed and accepted", func(t *testing.T) {
		each(t, func(c *headless.Config) {
			c.MFA.RelatedOrigins = []string{"https://example.co.uk", "https://example.net"}
			c.MFA.Origins = []string{c.URL, "android:apk-key-hash:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"}
		}, func(t *testing.T, w *World, c *Client) {
			w.Mux.Handle("/.well-known/"+c.Kind, w.Auth.WellKnown())
			r := c.Get("//.well-known/" + c.Kind).Is(200)
			var doc M
			if err := json.Unmarshal(r.Raw, &doc); err != nil {
				t.Fatal(err)
			}
			equal(t, doc, M{"origins": []string{"https://example.co.uk", "https://example.net"}})
			if got := r.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("got type %q", got)
			}
			c.LogIn(w.Make(Person{}))
			for origin, ok := range map[string]bool{
				"https://example.co.uk": true, "https://EXAMPLE.net": true, "https://example.com": false, "http://example.net": false, "null": false,
				"android:apk-key-hash:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU": true, "android:apk-key-hash:47DEQpj8HBSa": false,
			} {
				k := newKey(w)
				k.Origin = origin
				r := c.Post(keysPath, M{"credential": k.Create(optionsOf(t, c.Get(keysPath)))})
				if ok {
					r.Is(200)
				} else {
					r.Fails(":incorrect_code")
				}
			}
		})
	})
	t.Run("are not there unless configured", func(t *testing.T) {
		each(t, nil, func(t *testing.T, w *World, c *Client) {
			w.Mux.Handle("/.well-known/"+c.Kind, w.Auth.WellKnown())
			c.Get("//.well-known/" + c.Kind).Is(404)
		})
	})
}
