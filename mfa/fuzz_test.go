package mfa

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headless-auth/headless/account/authtest/softauthn"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const fuzzOrigin = "https://app.example.org"

var (
	fuzzConfig   = &Config{RPID: "app.example.org", Origins: []string{fuzzOrigin}}
	fuzzCeremony = &ceremony{Kind: ceremonyAdd, Challenge: hashChallenge("AAAA")}
	fuzzOptions  = []byte(`{"publicKey":{"challenge":"AAAA","rp":{"id":"app.example.org"},"rpId":"app.example.org","user":{"id":"MQ"}}}`)
)

func fuzzSeeds(f *testing.F, good softauthn.Credential) {
	f.Helper()
	b, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	for _, s := range []string{"", "null", "{}", "[]", `"x"`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, `{"response":{"clientDataJSON":"e30","attestationObject":"oA"}}`} {
		f.Add([]byte(s))
	}
}

// What a browser sends of a new key never panics, and what is accepted can be
// stored and read again as the same.
func FuzzCreatedCredential(f *testing.F) {
	fuzzSeeds(f, softauthn.New(fuzzOrigin, softauthn.ES256).Create(fuzzOptions))
	fuzzSeeds(f, softauthn.New(fuzzOrigin, softauthn.EdDSA).Create(fuzzOptions))
	f.Fuzz(func(t *testing.T, credential []byte) {
		k, err := fuzzConfig.created(fuzzCeremony, credential)
		if err != nil {
			if _, ok := err.(errWrong); !ok {
				t.Fatalf("got %v, want a refusal", err)
			}
			return
		}
		for _, record := range []*record{k.Record, nil} { // as ours, and as the reference's
			stored := *k
			stored.Record = record
			b, err := json.Marshal(stored)
			if err != nil {
				t.Fatal(err)
			}
			again, err := readKey(&store.Authenticator{Data: b})
			if err != nil || !slices.Equal(again.Record.ID, k.Record.ID) || !slices.Equal(again.Record.PublicKey, k.Record.PublicKey) {
				t.Fatalf("got %+v, %v, want %+v", again, err, k.Record)
			}
		}
	})
}

// What a browser sends of a key that is used never panics, and nothing but what
// the key has signed is accepted.
func FuzzAssertedCredential(f *testing.F) {
	a := softauthn.New(fuzzOrigin, softauthn.ES256)
	b, err := json.Marshal(a.Create(fuzzOptions))
	if err != nil {
		f.Fatal(err)
	}
	k, err := fuzzConfig.created(fuzzCeremony, b)
	if err != nil {
		f.Fatal(err)
	}
	good := a.Get(fuzzOptions)
	signature := good.Response()["signature"].(string)
	fuzzSeeds(f, good)
	f.Fuzz(func(t *testing.T, credential []byte) {
		answer, err := parseAnswer(credential)
		if err != nil {
			return
		}
		record := *k.Record
		used := &key{Record: &record}
		if err := fuzzConfig.asserted(fuzzCeremony, answer, used, []byte("1"), true); err == nil && !strings.Contains(string(credential), signature) {
			t.Fatalf("accepted: %s", credential)
		}
	})
}

// No text is taken for a code but the code.
func FuzzCode(f *testing.F) {
	const secret, seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "seed"
	c := &Config{TOTPPeriod: 30 * time.Second, TOTPDigits: 6, TOTPTolerance: 1}
	l := codes{data: recoveryData{Seed: seed}, all: deriveCodes(seed, 10, 8)}
	at := time.Unix(59, 0)
	for _, s := range append([]string{"", "287082", "755224", "359152", " 287082", "２８７０８２", "\x00", "287082\x00"}, l.all...) {
		f.Add(s)
	}
	right := []string{"755224", "287082", "359152"}
	f.Fuzz(func(t *testing.T, code string) {
		if _, ok := c.acceptTOTP(secret, code, at, -1); ok != slices.Contains(right, code) {
			t.Errorf("TOTP %q: got %v", code, ok)
		}
		if i := l.find(code); i != slices.Index(l.all, code) {
			t.Errorf("recovery code %q: got %d", code, i)
		}
	})
}

// A handle stands for one user, and each user has one.
func FuzzUserHandle(f *testing.F) {
	for _, s := range []string{"", "1", "10", "2n9c", "0A", "8bd0ab1c0d1c4f4b9d5e3c1c4a0f9a11", "user"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, handle []byte, integers bool) {
		rq := &api.Request{Env: &api.Env{IntegerIDs: integers}}
		if id := userOfHandle(rq, handle); id != "" && string(userHandle(rq, id)) != string(handle) {
			t.Errorf("%q is user %q, whose handle is %q", handle, id, userHandle(rq, id))
		}
	})
}

// A cookie of the reference never panics, and is worth nothing unless it is
// signed.
func FuzzDjangoCookie(f *testing.F) {
	const good = "W1siYWEiLDE3MDAwMDAwMDBdXQ:vCXRfqqZggbMdhLDTkXdYsjjg7yMS2Esbi_CIxvNKaQ"
	f.Add(good)
	f.Add("a:b")
	f.Fuzz(func(t *testing.T, cookie string) {
		if l := readDjangoTrusts("psst", cookie); len(l) > 0 && cookie != good {
			t.Errorf("%q: got %v", cookie, l)
		}
		text, _, _ := strings.Cut(cookie, ":")
		_ = readDjangoTrusts("psst", text+":"+signDjango("psst", text)) // whatever was signed
	})
}

// A list of factors is made of those that are there, each once, or refused.
func FuzzChoices(f *testing.F) {
	for _, s := range []string{``, `null`, `[]`, `{}`, `""`, `[1]`, `["1",1]`, `["01"]`, `[1.0]`, `[1e0]`, `[null]`, `[[1]]`, `[true]`, `["a"]`, `[3]`, `["\u0000"]`, `"1"`, `[-1]`} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	fields := []api.Field{{Name: "ids", Kind: api.Any}}
	own := []string{"1", "2", "a"}
	f.Fuzz(func(t *testing.T, raw []byte, integers bool) {
		if len(raw) > 0 && !json.Valid(raw) {
			t.Skip() // the body's reader has refused it
		}
		values := map[string]json.RawMessage{}
		if len(raw) > 0 {
			values["ids"] = raw
		}
		rq := &api.Request{Env: &api.Env{IntegerIDs: integers}, Input: api.ReadInput(t.Context(), fields, values)}
		chosen, err := choices(rq, "ids", own)
		var e *api.Error
		if (err == nil) != (len(chosen) > 0) || err != nil && (!errors.As(err, &e) || e.Status != http.StatusBadRequest) {
			t.Fatalf("%q: got %q, %v", raw, chosen, err)
		}
		for i, id := range chosen {
			if !slices.Contains(own, id) || slices.Contains(chosen[:i], id) || integers && id == "a" {
				t.Fatalf("%q: got %q", raw, chosen)
			}
		}
	})
}

// The cookie of a browser that is trusted names a few tokens at most.
func FuzzTrustCookie(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "....", "\"a\"", strings.Repeat("a.", 3000), "a b", "\xff"} {
		f.Add(s)
	}
	factors := &Factors{config: Config{TrustCookieName: "trust"}}
	f.Fuzz(func(t *testing.T, value string) {
		r := &http.Request{Header: http.Header{"Cookie": {"trust=" + value}}}
		l := factors.trustTokens(&api.Request{HTTP: r})
		if len(l) > maxTrusts || len(strings.Join(l, ".")) > 4096 || !strings.Contains(value, strings.Join(l, ".")) {
			t.Fatalf("%q: got %q", value, l)
		}
	})
}
