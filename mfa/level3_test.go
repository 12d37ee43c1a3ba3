package mfa

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// The test vectors of WebAuthn Level 3, §16: every attestation format, every
// algorithm. Those from inside a frame are refused, as ceremonies in frames
// are.
func TestLevel3Vectors(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/webauthn_level3.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Section, Name string
		Refused       bool
		Credential    string
		Creation      struct {
			Challenge         string
			ClientData        string `json:"client_data"`
			AttestationObject string `json:"attestation_object"`
		}
		Assertion struct {
			Challenge         string
			ClientData        string `json:"client_data"`
			AuthenticatorData string `json:"authenticator_data"`
			Signature         string
		}
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	url := func(text string) string {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	answer := func(id string, response map[string]string) []byte {
		b, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	c := &Config{RPID: "example.org", Origins: []string{"https://example.org"}}
	for _, v := range vectors {
		t.Run(v.Section+" "+v.Name, func(t *testing.T) {
			t.Parallel()
			id := url(v.Credential)
			k, err := c.created(&ceremony{Kind: ceremonyAdd, Challenge: hashChallenge(url(v.Creation.Challenge))},
				answer(id, map[string]string{"clientDataJSON": url(v.Creation.ClientData), "attestationObject": url(v.Creation.AttestationObject)}))
			if (err != nil) != v.Refused {
				t.Fatalf("creation: got %v, want refused %v", err, v.Refused)
			}
			if v.Refused {
				return
			}
			p, err := parseAnswer(answer(id, map[string]string{
				"clientDataJSON": url(v.Assertion.ClientData), "authenticatorData": url(v.Assertion.AuthenticatorData), "signature": url(v.Assertion.Signature),
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.asserted(&ceremony{Challenge: hashChallenge(url(v.Assertion.Challenge))}, p, k, []byte("1"), false); err != nil {
				t.Errorf("assertion: %v", err)
			}
		})
	}
}
