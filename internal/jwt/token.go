package jwt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// ErrInvalid reports that a token is not good.
var ErrInvalid = errors.New("token is not valid")

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }

// MaxLength bounds what is looked at of a presented token.
const MaxLength = 16 << 10

// header is what we write and read of a token's header. It never says where
// keys are.
type header struct {
	Algorithm string   `json:"alg"`
	KeyID     string   `json:"kid,omitempty"`
	Type      string   `json:"typ,omitempty"`
	Critical  []string `json:"crit,omitempty"`
}

// Use is what a token is for: tokens of one use are worth nothing for another.
type Use string

// The uses. spec: sessions-tokens.md §7.3.
const (
	Access  Use = "access"
	Refresh Use = "refresh"
)

// Claims are what every token says.
type Claims struct {
	Issuer    string   `json:"iss,omitempty"`
	Audience  Audience `json:"aud,omitempty"`
	Subject   string   `json:"sub"`
	SessionID string   `json:"sid"`
	ID        string   `json:"jti"`
	Use       Use      `json:"token_use"`
	IssuedAt  Time     `json:"iat"`
	NotBefore Time     `json:"nbf,omitempty"`
	ExpiresAt Time     `json:"exp"`
}

// reserved are the claims that nobody else may set.
var reserved = []string{"iss", "aud", "sub", "sid", "jti", "token_use", "iat", "nbf", "exp"}

// Time is a number of seconds since the epoch.
type Time float64

// At is t as a time.
func (t Time) At() time.Time { return time.UnixMicro(int64(float64(t) * 1e6)).UTC() }

// Seconds is the whole second of a time.
func Seconds(t time.Time) Time { return Time(t.Unix()) }

// Audience is whom a token is for: one name or several (RFC 7519 §4.1.3).
type Audience []string

// MarshalJSON writes one name as text.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads either form.
func (a *Audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		var one string
		err := json.Unmarshal(b, &one)
		*a = Audience{one}
		return err
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// Sign makes a token of claims and of further ones, which never take the place
// of those that are reserved, however they are spelt.
func (k *Key) Sign(c Claims, further map[string]any) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	if further, err := own(further); err != nil {
		return "", fmt.Errorf("claims: %w", err)
	} else if len(further) > 2 {
		payload = append(append(payload[:len(payload)-1], ','), further[1:]...)
	}
	signed := make([]byte, 0, len(k.head)+1+strict.EncodedLen(len(payload))+1+strict.EncodedLen(512))
	signed = append(append(signed, k.head...), '.')
	signed = strict.AppendEncode(signed, payload)
	sig, err := k.sign(signed)
	if err != nil {
		return "", err
	}
	return string(strict.AppendEncode(append(signed, '.'), sig)), nil
}

func own(further map[string]any) ([]byte, error) {
	if len(further) == 0 {
		return nil, nil
	}
	l := make(map[string]any, len(further))
	for name, v := range further {
		// Decoders may take names in any case for the same.
		if !slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) }) {
			l[name] = v
		}
	}
	return json.Marshal(l)
}

// Open checks the signature of a token and returns what it says. find returns
// the keys that it may be signed by.
func Open(token string, find func(keyID, algorithm string) ([]*Key, error)) (payload []byte, err error) {
	if len(token) > MaxLength {
		return nil, invalid("it is too long")
	}
	if strings.ContainsAny(token, "\r\n") { // which decoders pass over
		return nil, invalid("it has line breaks")
	}
	head, rest, ok1 := strings.Cut(token, ".")
	body, sign, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || strings.Contains(sign, ".") {
		return nil, invalid("it has not three parts")
	}
	h, err := readHeader(head)
	if err != nil {
		return nil, err
	}
	sig, err := strict.DecodeString(sign)
	if err != nil {
		return nil, invalid("the signature is malformed")
	}
	keys, err := find(h.KeyID, h.Algorithm)
	if err != nil {
		return nil, err
	}
	signed := []byte(token[:len(head)+1+len(body)])
	if !slices.ContainsFunc(keys, func(k *Key) bool { return k.verify(signed, sig) }) {
		return nil, invalid("no known key has signed it")
	}
	if payload, err = strict.DecodeString(body); err != nil {
		return nil, invalid("the claims are malformed")
	}
	return payload, nil
}

func readHeader(text string) (h header, err error) {
	b, err := strict.DecodeString(text)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return h, invalid("the header is malformed")
	}
	// RFC 7515 §4.1.11: whoever does not understand these must refuse.
	if h.Critical != nil || strings.Contains(string(b), `"crit"`) {
		return h, invalid("it has critical extensions")
	}
	if h.Type != "" && !strings.EqualFold(h.Type, "JWT") && !strings.EqualFold(h.Type, "at+jwt") {
		return h, invalid("it is of another type")
	}
	return h, nil
}

// Skew is how far the clocks of issuer and reader may differ.
const Skew = time.Minute

// Rules are what a token's claims must fulfil.
type Rules struct {
	// Issuer and Audience are compared if they are set.
	Issuer, Audience string
	// Leeway is how long a token counts after its time.
	Leeway time.Duration
}

// Read decodes and judges the claims of a token of one use.
func (r *Rules) Read(payload []byte, use Use, now time.Time) (*Claims, error) {
	c := &Claims{}
	if err := json.Unmarshal(payload, c); err != nil {
		return nil, invalid("the claims are malformed")
	}
	at := float64(now.UnixMicro()) / 1e6
	switch {
	case c.Use != use:
		return nil, invalid("it is no " + string(use) + " token")
	case c.Subject == "" || c.SessionID == "" || c.ID == "":
		return nil, invalid("it lacks claims")
	case !(c.ExpiresAt > 0) || !(c.IssuedAt > 0) || math.IsInf(float64(c.ExpiresAt), 0):
		return nil, invalid("it has no time")
	case at >= float64(c.ExpiresAt)+r.Leeway.Seconds():
		return nil, invalid("its time is over")
	case at < float64(max(c.IssuedAt, c.NotBefore))-Skew.Seconds():
		return nil, invalid("its time has not come")
	case r.Issuer != "" && c.Issuer != r.Issuer:
		return nil, invalid("somebody else has issued it")
	case r.Audience != "" && !slices.Contains(c.Audience, r.Audience):
		return nil, invalid("it is for somebody else")
	}
	return c, nil
}

// Bearer takes the token out of an Authorization header: exactly two parts,
// the first being the scheme in any case. spec: sessions-tokens.md §7.1.
func Bearer(header, scheme string) string {
	f := strings.Fields(header)
	if len(f) != 2 || !strings.EqualFold(f[0], scheme) {
		return ""
	}
	return f[1]
}
