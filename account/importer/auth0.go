package importer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"time"
)

// auth0User is a user as the export has it, and as the import there takes it.
type auth0User struct {
	UserID        string    `json:"user_id"`
	Email         string    `json:"email"`
	EmailVerified bool      `json:"email_verified"`
	Username      string    `json:"username"`
	Phone         string    `json:"phone_number"`
	PhoneVerified bool      `json:"phone_verified"`
	GivenName     string    `json:"given_name"`
	FamilyName    string    `json:"family_name"`
	Name          string    `json:"name"`
	Blocked       bool      `json:"blocked"`
	CreatedAt     time.Time `json:"created_at"`
	LastLogin     time.Time `json:"last_login"`
	Identities    []struct {
		Provider string `json:"provider"`
		UserID   any    `json:"user_id"`
	} `json:"identities"`
	PasswordHash string           `json:"password_hash"`
	Custom       *auth0CustomHash `json:"custom_password_hash"`
	Factors      []struct {
		TOTP *struct {
			Secret string `json:"secret"`
		} `json:"totp"`
	} `json:"mfa_factors"`
}

type auth0CustomHash struct {
	Algorithm string `json:"algorithm"`
	Hash      struct {
		Value    string `json:"value"`
		Encoding string `json:"encoding"`
	} `json:"hash"`
	Salt struct {
		Value    string `json:"value"`
		Encoding string `json:"encoding"`
		Position string `json:"position"`
	} `json:"salt"`
	Password struct {
		Encoding string `json:"encoding"`
	} `json:"password"`
	Cost            uint64 `json:"cost"`
	BlockSize       int    `json:"blockSize"`
	Parallelization int    `json:"parallelization"`
}

// auth0Hash is a line of the export of password hashes.
type auth0Hash struct {
	ID struct {
		OID string `json:"$oid"`
	} `json:"_id"`
	Email        string `json:"email"`
	PasswordHash string `json:"passwordHash"`
}

// Auth0 reads users as Auth0 exports them, a JSON object on each line, and the
// password hashes that its support hands out on request, likewise. hashes may be
// nil. The users may also be in the format of its bulk import, on lines.
func Auth0(users, hashes io.Reader) Source {
	return func(yield func(*Record, error) bool) {
		byID, byEmail := map[string]string{}, map[string]string{}
		if hashes != nil {
			for _, err := range jsonLines(hashes, false, func(_ int, h *auth0Hash) (*Record, error) {
				byID[h.ID.OID] = h.PasswordHash
				email := strings.ToLower(h.Email)
				if _, twice := byEmail[email]; twice {
					h.PasswordHash = "" // of two connections: only the id tells
				}
				byEmail[email] = h.PasswordHash
				return nil, nil
			}) {
				if err != nil {
					yield(nil, fmt.Errorf("password hashes: %w", errors.New(err.Error())))
					return
				}
			}
		}
		jsonLines(users, false, func(line int, u *auth0User) (*Record, error) {
			r := u.record()
			if r.PasswordHash == "" && u.Custom == nil {
				oid, own := strings.CutPrefix(u.UserID, "auth0|")
				if r.PasswordHash = byID[oid]; r.PasswordHash == "" && own {
					r.PasswordHash = byEmail[strings.ToLower(u.Email)]
				}
			}
			if u.Custom != nil {
				if text := u.Custom.into(r); text != "" {
					return nil, &Problem{Line: line, Field: "custom_password_hash", Text: text}
				}
			}
			return r, nil
		})(yield)
	}
}

func (u *auth0User) record() *Record {
	r := &Record{
		ID: u.UserID, Username: u.Username, Phone: u.Phone, PhoneVerified: u.PhoneVerified, PasswordHash: u.PasswordHash,
		Disabled: u.Blocked, CreatedAt: u.CreatedAt, LastLoginAt: u.LastLogin,
	}
	r.address(u.Email, u.EmailVerified)
	full := u.Name
	if strings.Contains(full, "@") {
		full = "" // the address, where nobody has given a name
	}
	r.name(u.GivenName, u.FamilyName, full)
	for _, i := range u.Identities {
		r.link(i.Provider, fmt.Sprint(i.UserID))
	}
	if len(u.Identities) == 0 {
		provider, uid, _ := strings.Cut(u.UserID, "|")
		r.link(provider, uid)
	}
	for _, f := range u.Factors {
		if f.TOTP != nil {
			r.TOTP = &TOTP{Secret: f.TOTP.Secret}
		}
	}
	return r
}

// link adds a linked account.
func (r *Record) link(provider, uid string) {
	if name := ours(provider); name != "" && uid != "" {
		r.Social = append(r.Social, Social{Provider: name, UID: uid})
	}
}

// ours is our name of what another system calls an identity provider; what is
// no provider has none.
func ours(provider string) string {
	switch provider {
	case "auth0", "sms", "email", "phone", "password", "anonymous":
		return ""
	case "google-oauth2", "google.com", "google_oauth2":
		return "google"
	case "facebook.com", "github.com", "apple.com", "yahoo.com", "twitter.com":
		return strings.TrimSuffix(provider, ".com")
	case "windowslive", "microsoft.com":
		return "microsoft"
	case "linkedin":
		return "linkedin_oauth2"
	}
	return provider
}

// into fills in the password, or tells what is wrong.
func (c *auth0CustomHash) into(r *Record) string {
	if e := c.Password.Encoding; e != "" && e != "utf8" && e != "ascii" {
		return "is of a password in another encoding than UTF-8"
	}
	salt := c.Salt.Value
	if c.Salt.Encoding == "base64" || c.Salt.Encoding == "hex" {
		salt = c.Salt.Encoding + ":" + salt
	}
	r.PasswordHash = c.Hash.Value
	switch c.Algorithm {
	case "argon2", "bcrypt", "pbkdf2", "ldap":
	case "scrypt":
		b, err := saltBytes(salt)
		if err != nil {
			return err.Error()
		}
		tag, err := saltBytes(cmp.Or(c.Hash.Encoding, "hex") + ":" + c.Hash.Value)
		if err != nil {
			return "can't be read"
		}
		r.PasswordHash = fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.Len64(cmp.Or(c.Cost, 16384))-1, cmp.Or(c.BlockSize, 8), cmp.Or(c.Parallelization, 1), unpadded(b), unpadded(tag))
	default:
		r.PasswordFormat = c.Algorithm
		if c.Salt.Position == "suffix" {
			r.PasswordSaltAfter = salt
		} else {
			r.PasswordSalt = salt
		}
	}
	return ""
}

// list reads a JSON list of T below a member, or at the top.
func list[T any](r io.Reader, member string, fn func(n int, v *T) (*Record, error)) Source {
	return func(yield func(*Record, error) bool) {
		d := json.NewDecoder(r)
		wrong := func() { yield(nil, fmt.Errorf("is no JSON list of users under %q", member)) }
		t, err := d.Token()
		if err != nil {
			wrong()
			return
		}
		if t == json.Delim('{') {
			for {
				name, err := d.Token()
				if err != nil || name == json.Delim('}') {
					wrong()
					return
				}
				if name == member {
					break
				}
				var other json.RawMessage
				if d.Decode(&other) != nil {
					wrong()
					return
				}
			}
			t, err = d.Token()
		}
		if err != nil || t != json.Delim('[') {
			wrong()
			return
		}
		for n := 1; d.More(); n++ {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				yield(nil, fmt.Errorf("user %d: is no JSON", n))
				return
			}
			v := new(T)
			var rec *Record
			err := decodeJSON(n, raw, v, false)
			if err == nil {
				rec, err = fn(n, v)
			}
			if rec != nil {
				rec.Line = n
			}
			if (rec != nil || err != nil) && !yield(rec, err) {
				return
			}
		}
	}
}
