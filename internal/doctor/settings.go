package doctor

import (
	"cmp"
	"context"
	"math"
	"strings"
	"time"
)

// Settings are what can be set to be weak.
type Settings struct {
	// Secret is judged, and never shown. PreviousSecrets is how many more count.
	Secret          []byte
	PreviousSecrets int
	// NoLimits: there is no rate limit. LimitsOff are those that are off.
	NoLimits  bool
	LimitsOff []string
	// Reveal: strangers are told whether an account exists.
	Reveal bool
	// MinPassword is the least length; Passwords: there are any.
	Passwords   bool
	MinPassword int
	// WeakPasswords are the rules that are off, as settings.
	WeakPasswords []string
	// Argon2Memory in KiB and Argon2Time, as set; 0 for the default.
	Argon2Memory, Argon2Time int
	// Unverified: addresses are believed without proof.
	Unverified bool
	// Development are the settings that permit what must not be in production.
	Development []string
	// SlidingForEver: sessions that are used never end.
	SlidingForEver bool
}

// minBits is less than a random secret of 32 bytes can look like.
const minBits = 96

// placeholders are words of secrets that nobody has made at random.
var placeholders = []string{"secret", "change", "password", "example", "insecure", "replace", "placeholder", "default"}

func (e *exam) secret(context.Context) {
	s := e.Settings
	const why = "whoever guesses it can make sessions' codes and keys, and read what is encrypted"
	const mend = "make one with: openssl rand -base64 32; and keep the present one in PreviousSecrets for a while"
	lower := strings.ToLower(string(s.Secret))
	switch {
	case len(s.Secret) == 0:
		e.skip("the secret is not known")
	case bits(s.Secret) < minBits:
		e.add(Problem, why, mend, "the secret is not random: it has some %.0f bits at most", bits(s.Secret))
	default:
		for _, word := range placeholders {
			if strings.Contains(lower, word) {
				e.add(Problem, why, mend, "the secret has a word in it, as placeholders have")
				break
			}
		}
	}
	if s.PreviousSecrets > 0 {
		e.add(Note, "what was made with them is still accepted, by whoever has them", "drop them once nothing is in use that they have made; Auth.ReencryptMFA moves factors",
			"accepted besides the secret: %s", count(s.PreviousSecrets, "previous secret"))
	}
}

// bits is an upper bound of what a secret leaves to guess: how evenly its bytes
// are spread, and the steps from each to the next.
func bits(b []byte) float64 {
	steps := make([]byte, 0, len(b))
	for i := 1; i < len(b); i++ {
		steps = append(steps, b[i]-b[i-1])
	}
	return min(spread(b), spread(steps))
}

// spread is Shannon's entropy of a text, in bits.
func spread(b []byte) (total float64) {
	var n [256]float64
	for _, c := range b {
		n[c]++
	}
	for _, k := range n {
		if k > 0 {
			total -= k * math.Log2(k/float64(len(b)))
		}
	}
	return total
}

// Tokens are those that are signed.
type Tokens struct {
	Access time.Duration
	// KeepRefresh: refresh tokens are not traded for new ones.
	KeepRefresh bool
	// SignsSince is since when the present key signs; zero is unknown.
	SignsSince time.Time
}

const (
	longAccess = time.Hour
	dayAccess  = 24 * time.Hour
	oldKey     = 365 * 24 * time.Hour
)

func (e *exam) tokens(context.Context) {
	t := e.Tokens
	if t == nil {
		return
	}
	const why = "services that check them by themselves let in who has logged out, or was locked out, for so long"
	const mend = "set AccessLifetime to minutes; apps get a new one with their refresh token"
	switch {
	case t.Access > dayAccess:
		e.add(Problem, why, mend, "access tokens are good for %v", t.Access)
	case t.Access > longAccess:
		e.add(Warning, why, mend, "access tokens are good for %v", t.Access)
	}
	if t.KeepRefresh {
		e.add(Warning, "nobody notices a stolen one", "leave out KeepRefreshToken", "refresh tokens are not traded for new ones")
	}
	if age := e.Now().Sub(t.SignsSince); !t.SignsSince.IsZero() && age > oldKey {
		e.add(Warning, "the longer a key is in use, the more copies of it there are", "add a key that signs from some days ahead: docs/tokens.md", "the key that signs tokens has done so for %d days", int(age.Hours()/24))
	}
}

func (e *exam) settings(context.Context) {
	s := e.Settings
	if s.NoLimits {
		e.add(Problem, "passwords and codes can be guessed as fast as the server answers", "leave out NoLimits, and change single limits if need be", "all rate limits are off (NoLimits)")
	}
	for _, action := range s.LimitsOff {
		e.add(Warning, "whoever wants to can repeat that without end", "set a rate, even a generous one", "the rate limit %s is off", action)
	}
	for _, setting := range s.Development {
		e.add(Problem, "it lets anybody in", "leave it out in production", "%s is on", setting)
	}
	if s.Reveal {
		e.add(Warning, "strangers can try who has an account here", `leave out Account.PreventEnumeration, or set it to "strict"`, "enumeration prevention is off")
	}
	if s.Unverified {
		e.add(Warning, "an account can be made with somebody else's address", "leave out Account.EmailVerification", "addresses are believed without proof (EmailVerification is none)")
	}
	if s.SlidingForEver {
		e.add(Warning, "a stolen session that is used does not end", "set Session.AbsoluteLifetime, say to 90 days", "sessions that are used never end (Session.Sliding without AbsoluteLifetime)")
	}
	if s.Passwords {
		e.passwords(s)
	}
}

// passwords judges the rules against what is recommended. NIST SP 800-63B §3.1.1;
// OWASP Password Storage Cheat Sheet.
func (e *exam) passwords(s Settings) {
	if s.MinPassword < 8 {
		e.add(Problem, "short passwords are guessed; NIST SP 800-63B §3.1.1.2 asks for 8 characters at the very least", "leave out Account.Password.MinLength", "passwords may have %d characters", s.MinPassword)
	}
	for _, setting := range s.WeakPasswords {
		e.add(Warning, "such passwords are guessed first", "leave it out", "%s is on", setting)
	}
	memory, passes := cmp.Or(s.Argon2Memory, 19456), cmp.Or(s.Argon2Time, 2)
	if memory < 7168 || memory*passes < 7168*5 {
		e.add(Warning, "whoever gets hold of the hashes tries more passwords a second", "leave out Account.Password.Argon2Memory and Argon2Time",
			"password hashes are cheaper than is recommended (%d KiB, %d passes)", memory, passes)
	}
}
