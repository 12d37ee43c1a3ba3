// Package softauthn is a WebAuthn authenticator in software, with the browser
// in front of it, for tests: it answers creation and request options as
// navigator.credentials does, and can be made to misbehave in every way.
//
//	key := softauthn.New("https://site.test", softauthn.ES256)
//	credential := key.Create(creationOptions) // to be sent as JSON
//	key.Unverified = true
//	credential = key.Get(requestOptions)
//
// Package authtest, above, logs in with it.
package softauthn

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Authenticator holds one credential. Its fields say what the authenticator
// and the browser claim; change them between ceremonies.
type Authenticator struct {
	// Origin of the page.
	Origin string
	// RPID and Challenge, if set, take the place of the options'.
	RPID, Challenge string
	// Type, if set, takes the place of the client data's type.
	Type string
	// CrossOrigin: the page is in a frame of another origin, TopOrigin.
	CrossOrigin bool
	TopOrigin   string

	// Absent and Unverified: the user was not there, or not verified.
	Absent, Unverified bool
	// BackupEligible and BackedUp are what passkeys that are synced say.
	BackupEligible, BackedUp bool
	// Counter of signatures. It advances by one with each; NoCounter keeps it
	// at zero, as synced passkeys do.
	Counter   uint32
	NoCounter bool
	// AAGUID tells the model.
	AAGUID [16]byte
	// RK is what credProps tells of the credential being discoverable. Nil: as
	// the options demand. OmitRK tells nothing.
	RK     *bool
	OmitRK bool
	// SelfAttested signs the creation (attestation format "packed").
	SelfAttested bool
	// UserHandle is the user's, from the creation options. It is sent along
	// with assertions unless OmitHandle is set.
	UserHandle string
	OmitHandle bool

	id  []byte
	alg Algorithm
	key crypto.Signer
}

// New returns an authenticator with a new credential, on a page of that origin.
func New(origin string, alg Algorithm) *Authenticator {
	id := make([]byte, 32)
	_, _ = rand.Read(id) // it never fails
	return &Authenticator{Origin: origin, id: id, alg: alg, key: alg.generate()}
}

// ID is the credential's id, as browsers write it.
func (a *Authenticator) ID() string { return encode(a.id) }

// Clone returns a copy of the authenticator, as an attacker might have made:
// from now on, both count their signatures from the same number.
func (a *Authenticator) Clone() *Authenticator { c := *a; return &c }

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Credential is what the browser answers, as JSON.
type Credential map[string]any

// Response is the credential's response.
func (c Credential) Response() map[string]any { return c["response"].(map[string]any) }

// options are the parts of creation and request options that count here.
type options struct {
	PublicKey struct {
		Challenge string
		RP        struct{ ID string }
		RPID      string `json:"rpId"`
		User      struct{ ID string }
		Selection struct {
			ResidentKey string
		} `json:"authenticatorSelection"`
	} `json:"publicKey"`
}

func read(text []byte) (o options) {
	if err := json.Unmarshal(text, &o); err != nil {
		panic(fmt.Sprintf("softauthn: options: %v", err))
	}
	return o
}

// Create answers creation options, {"publicKey": …}.
func (a *Authenticator) Create(optionsJSON []byte) Credential {
	o := read(optionsJSON).PublicKey
	a.UserHandle = o.User.ID
	client := a.clientData("webauthn.create", o.Challenge)
	data := a.authData(o.RP.ID, true)

	results := map[string]any{}
	if !a.OmitRK {
		rk := o.Selection.ResidentKey == "required"
		if a.RK != nil {
			rk = *a.RK
		}
		results["credProps"] = map[string]any{"rk": rk}
	}
	object := cborMap(3)
	object = append(object, cborText("fmt")...)
	if a.SelfAttested {
		object = append(object, cborText("packed")...)
		object = append(object, cborText("attStmt")...)
		object = append(object, cborMap(2)...)
		object = append(object, cborText("alg")...)
		object = append(object, cborInt(int(a.alg))...)
		object = append(object, cborText("sig")...)
		object = append(object, cborBytes(a.sign(data, client))...)
	} else {
		object = append(object, cborText("none")...)
		object = append(object, cborText("attStmt")...)
		object = append(object, cborMap(0)...)
	}
	object = append(object, cborText("authData")...)
	object = append(object, cborBytes(data)...)
	return a.credential(results, map[string]any{
		"clientDataJSON": encode(client), "attestationObject": encode(object), "transports": []any{"internal"},
	})
}

// Get answers request options, {"publicKey": …}.
func (a *Authenticator) Get(optionsJSON []byte) Credential {
	o := read(optionsJSON).PublicKey
	if !a.NoCounter {
		a.Counter++
	}
	client := a.clientData("webauthn.get", o.Challenge)
	data := a.authData(o.RPID, false)
	response := map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(a.sign(data, client)),
	}
	if !a.OmitHandle {
		response["userHandle"] = a.UserHandle
	}
	return a.credential(map[string]any{}, response)
}

func (a *Authenticator) credential(results, response map[string]any) Credential {
	return Credential{
		"type": "public-key", "id": a.ID(), "rawId": a.ID(), "authenticatorAttachment": "platform",
		"clientExtensionResults": results, "response": response,
	}
}

func (a *Authenticator) clientData(kind, challenge string) []byte {
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	if a.Type != "" {
		kind = a.Type
	}
	m := map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin}
	if a.TopOrigin != "" {
		m["topOrigin"] = a.TopOrigin
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // texts always marshal
	}
	return b
}

// Flags of authenticator data. WebAuthn Level 3, §6.1.
const (
	userPresent    = 1 << 0
	userVerified   = 1 << 2
	backupEligible = 1 << 3
	backedUp       = 1 << 4
	attested       = 1 << 6
)

func (a *Authenticator) authData(rpID string, create bool) []byte {
	if a.RPID != "" {
		rpID = a.RPID
	}
	flags := byte(0)
	for bit, on := range map[byte]bool{
		userPresent: !a.Absent, userVerified: !a.Unverified, backupEligible: a.BackupEligible, backedUp: a.BackedUp, attested: create,
	} {
		if on {
			flags |= bit
		}
	}
	h := sha256.Sum256([]byte(rpID))
	data := append(h[:], flags)
	data = binary.BigEndian.AppendUint32(data, a.Counter)
	if !create {
		return data
	}
	data = append(data, a.AAGUID[:]...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(data, a.id...)
	return append(data, a.alg.cose(a.key.Public())...)
}

// sign signs authenticator data and client data. WebAuthn Level 3, §6.3.3.
func (a *Authenticator) sign(data, client []byte) []byte {
	h := sha256.Sum256(client)
	return a.alg.sign(a.key, append(data[:len(data):len(data)], h[:]...))
}

// Rekey gives the credential another key under the same id.
func (a *Authenticator) Rekey() { a.key = a.alg.generate() }
