package importer

import (
	"encoding/base64"
	"io"

	"github.com/headless-auth/headless/internal/password"
)

// FirebaseHash has the parameters of a project's password hashes, which the
// Firebase console shows under Authentication, Password hash parameters.
type FirebaseHash struct {
	// SignerKey and SaltSeparator, decoded from their base64.
	SignerKey, SaltSeparator []byte
	// Rounds and MemCost are 8 and 14, unless the console says otherwise.
	Rounds, MemCost int
}

// redacted is what is exported in place of a hash that one may not see.
const redacted = "UkVEQUNURUQ="

type firebaseUser struct {
	LocalID        string `json:"localId"`
	Email          string `json:"email"`
	EmailVerified  bool   `json:"emailVerified"`
	PasswordHash   string `json:"passwordHash"`
	Salt           string `json:"salt"`
	DisplayName    string `json:"displayName"`
	PhoneNumber    string `json:"phoneNumber"`
	Disabled       bool   `json:"disabled"`
	CreatedAt      string `json:"createdAt"`
	LastSignedInAt string `json:"lastSignedInAt"`
	Providers      []struct {
		ProviderID string `json:"providerId"`
		RawID      string `json:"rawId"`
	} `json:"providerUserInfo"`
}

// Firebase reads what "firebase auth:export users.json" has written.
func Firebase(r io.Reader, h FirebaseHash) Source {
	project := &password.Firebase{SignerKey: h.SignerKey, SaltSeparator: h.SaltSeparator, Rounds: h.Rounds, MemCost: h.MemCost}
	return list(r, "users", func(n int, u *firebaseUser) (*Record, error) {
		rec := &Record{ID: u.LocalID, Phone: u.PhoneNumber, PhoneVerified: u.PhoneNumber != "", Disabled: u.Disabled}
		rec.address(u.Email, u.EmailVerified)
		rec.name("", "", u.DisplayName)
		var ok, okLogin bool
		rec.CreatedAt, ok = milliseconds(u.CreatedAt)
		rec.LastLoginAt, okLogin = milliseconds(u.LastSignedInAt)
		switch {
		case !ok || !okLogin:
			return nil, &Problem{Line: n, Field: "createdAt", Text: "or lastSignedInAt is no time in milliseconds"}
		case u.PasswordHash == redacted:
			return nil, &Problem{Line: n, Field: "passwordHash", Text: "is redacted; export with an account that may see the project's hashes"}
		case u.PasswordHash != "":
			rec.PasswordHash, rec.PasswordFormat, rec.PasswordSalt, rec.firebase = u.PasswordHash, "firebase", "base64:"+u.Salt, project
		}
		for _, p := range u.Providers {
			rec.link(p.ProviderID, p.RawID)
		}
		return rec, nil
	})
}

func unpadded(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }
