package mfa

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/headless-auth/headless/internal/api"
)

// spec: mfa.md §6.8.
func TestRecoveryCodeVectors(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 80)
	for name, tt := range map[string]struct {
		seed   string
		digits int
		want   string
	}{
		"8 digits":     {zeros, 8, "40017382 93474438 17854111 92512815 36599119 80501426 17309950 47803705 23071834 73248777"},
		"6 digits":     {zeros, 6, "140692 990134 460367 783253"},
		"9 digits":     {zeros, 9, "340017382 93474438"},
		"another seed": {"c566adfbbcddb1d0c3aaac0f4914e90b9a819c24ab2b06852ddd92b3c4af75fb3af139eec116f3c7", 8, "11653213 73894189 84021691 59687525 87588483 63394867 02669218 68884029 70301328 82969593"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := strings.Fields(tt.want)
			for i, w := range want {
				want[i] = strings.Repeat("0", tt.digits-len(w)) + w
			}
			if d := cmp.Diff(want, deriveCodes(tt.seed, len(want), tt.digits)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, digits := range []int{6, 10, 20} {
		for _, code := range deriveCodes(zeros, 100, digits) {
			if len(code) != digits {
				t.Errorf("got %q, want %d digits", code, digits)
			}
		}
	}
}

// RFC 4226, appendix D.
func TestHOTPVectors(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	for i, want := range strings.Fields("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489") {
		got, err := hotp.GenerateCodeCustom(secret, uint64(i), hotp.ValidateOpts{Digits: 6, Algorithm: otp.AlgorithmSHA1})
		if err != nil || got != want {
			t.Errorf("counter %d: got %s, %v, want %s", i, got, err, want)
		}
	}
}

// RFC 6238, appendix B, for SHA-1.
func TestTOTPVectors(t *testing.T) {
	t.Parallel()
	const secret = "gezdgnbvgy3tqojqgezdgnbvgy3tqojq" // lower case is read, too
	c := &Config{TOTPPeriod: 30 * time.Second, TOTPDigits: 8}
	for at, code := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		step, ok := c.acceptTOTP(secret, code, time.Unix(at, 0), 0)
		if !ok || step != at-at%30 {
			t.Errorf("at %d: got %d, %v", at, step, ok)
		}
		for name, wrong := range map[string]string{"short": code[1:], "long": code + "0", "other": "00000000", "not ASCII": "９" + code[1:], "empty": ""} {
			if _, ok := c.acceptTOTP(secret, wrong, time.Unix(at, 0), 0); ok {
				t.Errorf("at %d: a code that is %s is accepted", at, name)
			}
		}
	}
}

func TestTOTPSteps(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	codes := strings.Fields("755224 287082 359152 969429 338314 254676")
	at := func(step int64) time.Time { return time.Unix(30*step+7, 0) }
	for name, tt := range map[string]struct {
		tolerance int
		step      int64
		code      int
		last      int64
		want      bool
	}{
		"now":                         {0, 3, 3, 0, true},
		"early":                       {0, 3, 4, 0, false},
		"late":                        {0, 3, 2, 0, false},
		"early, but tolerated":        {1, 3, 4, 0, true},
		"late, but tolerated":         {1, 3, 2, 0, true},
		"later than tolerated":        {1, 3, 1, 0, false},
		"used":                        {0, 3, 3, 3, false},
		"used, and still tolerated":   {2, 5, 3, 3, false},
		"older than the last one":     {2, 4, 3, 4, false},
		"newer than the last one":     {2, 4, 5, 4, true},
		"a clock that was set back":   {0, 3, 3, 100, false},
		"the step before the used on": {1, 3, 3, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &Config{TOTPPeriod: 30 * time.Second, TOTPDigits: 6, TOTPTolerance: tt.tolerance}
			step, ok := c.acceptTOTP(secret, codes[tt.code], at(tt.step), 30*tt.last)
			if ok != tt.want || ok && step != 30*int64(tt.code) {
				t.Errorf("got step at %d, %v", step, ok)
			}
		})
	}
}

// spec: mfa.md §8.2.
func TestDjangoTrustVectors(t *testing.T) {
	t.Parallel()
	const cookie = "W1siYWEiLDE3MDAwMDAwMDBdXQ:vCXRfqqZggbMdhLDTkXdYsjjg7yMS2Esbi_CIxvNKaQ"
	l := readDjangoTrusts("psst", cookie)
	if len(l) != 1 || l[0].fingerprint != "aa" || l[0].at.Unix() != 1700000000 {
		t.Errorf("got %v", l)
	}
	got := djangoFingerprint("psst", strings.Split("7|pbkdf2$x|3|totp|5|recovery_codes|seedvalue", "|"))
	if want := "ae6e6c6a9c51d878fbf23011ffb863c8443e7e51dc492528d0c70bb3ffd2e91b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	signed := func(content string) string {
		text := base64.RawURLEncoding.EncodeToString([]byte(content))
		return text + ":" + signDjango("psst", text)
	}
	for name, c := range map[string]string{
		"another key":       cookie[:len(cookie)-1] + "A",
		"no signature":      "W1siYWEiLDE3MDAwMDAwMDBdXQ",
		"empty":             "",
		"not JSON":          signed("x"),
		"another shape":     signed(`{"a":1}`),
		"short entries":     signed(`[["aa"]]`),
		"time is no number": signed(`[["aa","1"]]`),
		"time out of range": signed(`[["aa",1e300]]`),
		"nested":            signed(`[[["aa"],1]]`),
	} {
		if l := readDjangoTrusts("psst", c); len(l) != 0 {
			t.Errorf("%s: got %v", name, l)
		}
	}
}

// spec: mfa.md §7.3.
func TestUserHandles(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		integers   bool
		id, handle string
	}{
		"1":        {true, "1", "MQ"},
		"36":       {true, "36", "MTA"},
		"123456":   {true, "123456", "Mm45Yw"},
		"a UUID":   {false, "8bd0ab1c-0d1c-4f4b-9d5e-3c1c4a0f9a11", base64.RawURLEncoding.EncodeToString([]byte("8bd0ab1c0d1c4f4b9d5e3c1c4a0f9a11"))},
		"any text": {false, "user-7", base64.RawURLEncoding.EncodeToString([]byte("user-7"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rq := &api.Request{Env: &api.Env{IntegerIDs: tt.integers}}
			h := userHandle(rq, tt.id)
			if got := base64.RawURLEncoding.EncodeToString(h); got != tt.handle {
				t.Errorf("got handle %s, want %s", got, tt.handle)
			}
			if got := userOfHandle(rq, h); got != tt.id {
				t.Errorf("got id %q, want %q", got, tt.id)
			}
		})
	}
	rq := &api.Request{Env: &api.Env{IntegerIDs: true}}
	for _, h := range []string{"", "0A", "A", "-1", "+1", " 1", "1 ", "01", "1_0", "zzzzzzzzzzzzzzzz", strings.Repeat("1", 65), "\xff"} {
		if id := userOfHandle(rq, []byte(h)); id != "" {
			t.Errorf("%q: got user %s, want nobody", h, id)
		}
	}
}

// spec: mfa.md §6.4.
func TestTOTPURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		c           Config
		label, want string
	}{
		{
			Config{Issuer: "127.0.0.1:8000", TOTPDigits: 6, TOTPPeriod: 30 * time.Second}, "anna@example.org",
			"otpauth://totp/anna%40example.org?secret=ABC&issuer=127.0.0.1%3A8000",
		},
		{
			Config{Issuer: "Oracle Inc", TOTPDigits: 8, TOTPPeriod: time.Minute}, "a b/ü?",
			"otpauth://totp/a%20b/%C3%BC%3F?secret=ABC&issuer=Oracle%20Inc&digits=8&period=60",
		},
	} {
		if got := tt.c.totpURL(tt.label, "ABC"); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
