package importer

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/password"
)

// Record is a user on the way from one system to another: one line of the
// format that [JSONLines] reads and [Importer.Export] writes. Only what is
// known need be filled.
type Record struct {
	// Line is where it was read.
	Line int `json:"-"`

	// ID is the user's in the system they come from. It tells them apart when
	// an import is run again.
	ID        string `json:"id,omitempty"`
	Username  string `json:"username,omitempty"`
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	// Emails are their addresses. If none is primary, the first is.
	Emails []Email `json:"emails,omitempty"`
	// Phone is in E.164 form.
	Phone         string `json:"phone,omitempty"`
	PhoneVerified bool   `json:"phone_verified,omitempty"`

	// PasswordHash is the hash as it was stored. PasswordFormat is empty for
	// one that tells by itself what it is, else "md5", "sha1", "sha256",
	// "sha512", "aspnet", "devise" or "firebase". PasswordSalt and
	// PasswordSaltAfter were put before and behind the password; bytes that are
	// no text begin with "base64:" or "hex:".
	PasswordHash      string `json:"password_hash,omitempty"`
	PasswordFormat    string `json:"password_format,omitempty"`
	PasswordSalt      string `json:"password_salt,omitempty"`
	PasswordSaltAfter string `json:"password_salt_after,omitempty"`

	Disabled      bool      `json:"disabled,omitempty"`
	DeactivatedAt time.Time `json:"deactivated_at,omitzero"`
	CreatedAt     time.Time `json:"created_at,omitzero"`
	LastLoginAt   time.Time `json:"last_login_at,omitzero"`
	// Fields is a JSON object with the values of the host's own signup fields.
	Fields json.RawMessage `json:"fields,omitempty"`

	TOTP          *TOTP          `json:"totp,omitempty"`
	RecoveryCodes *RecoveryCodes `json:"recovery_codes,omitempty"`
	// SecurityKeys are security keys and passkeys. They are bound to the
	// user's id, and are taken over only where it stays the same.
	SecurityKeys []SecurityKey `json:"security_keys,omitempty"`
	// Social are linked accounts at identity providers.
	Social []Social `json:"social,omitempty"`

	firebase *password.Firebase
	// recovery is what django-allauth has stored of recovery codes.
	recovery json.RawMessage
}

// Email is an address of a [Record].
type Email struct {
	Email     string    `json:"email"`
	Verified  bool      `json:"verified,omitempty"`
	Primary   bool      `json:"primary,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// TOTP is an authenticator app: the secret in base32, or an otpauth:// URL.
type TOTP struct {
	Secret     string    `json:"secret"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// RecoveryCodes are those that were not used.
type RecoveryCodes struct {
	Codes      []string  `json:"codes"`
	CreatedAt  time.Time `json:"created_at,omitzero"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// SecurityKey is a security key or passkey: its credential id, and what is
// stored of it.
type SecurityKey struct {
	Key        []byte          `json:"key"`
	Data       json.RawMessage `json:"data"`
	CreatedAt  time.Time       `json:"created_at,omitzero"`
	LastUsedAt time.Time       `json:"last_used_at,omitzero"`
}

// Social is an account at an identity provider, by its immutable subject.
type Social struct {
	Provider    string          `json:"provider"`
	UID         string          `json:"uid"`
	Data        json.RawMessage `json:"data,omitempty"`
	CreatedAt   time.Time       `json:"created_at,omitzero"`
	LastLoginAt time.Time       `json:"last_login_at,omitzero"`
}

// Format shows the line alone, whatever the verb: the rest has secrets in it.
func (r Record) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "{line %d [redacted]}", r.Line) }

// key names the record where an import is run again.
func (r *Record) key() string {
	if r.ID != "" {
		return "id:" + r.ID
	}
	for _, e := range r.Emails {
		if e.Primary || len(r.Emails) == 1 {
			return "email:" + strings.ToLower(e.Email)
		}
	}
	if r.Username != "" {
		return "username:" + strings.ToLower(r.Username)
	}
	if len(r.Emails) > 0 {
		return "email:" + strings.ToLower(r.Emails[0].Email)
	}
	return ""
}

// hash is the password's, understood; nil if there is none.
func (r *Record) hash() (*password.Converted, error) {
	if r.PasswordHash == "" || strings.HasPrefix(r.PasswordHash, "!") {
		return nil, nil
	}
	before, err := saltBytes(r.PasswordSalt)
	if err != nil {
		return nil, err
	}
	after, err := saltBytes(r.PasswordSaltAfter)
	if err != nil {
		return nil, err
	}
	return password.Convert(password.Foreign{Format: r.PasswordFormat, Hash: r.PasswordHash, SaltBefore: before, SaltAfter: after, Firebase: r.firebase})
}

func saltBytes(s string) (b []byte, err error) {
	if t, ok := strings.CutPrefix(s, "base64:"); ok {
		b, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(t), "="))
	} else if t, ok := strings.CutPrefix(s, "hex:"); ok {
		b, err = hex.DecodeString(t)
	} else {
		b = []byte(s)
	}
	if err != nil {
		return nil, fmt.Errorf("has a salt that can't be read")
	}
	return b, nil
}
