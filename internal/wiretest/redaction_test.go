package wiretest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/webhook"
	"github.com/headless-auth/headless/tokens"
	"github.com/headless-auth/headless/tokens/verify"
)

// Whoever prints, logs or marshals a configuration shows no secret. SEC-5.
func TestConfigurationsRedactThemselves(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("hunter2-", 4)
	b := []byte(secret)
	for _, v := range []any{
		headless.Config{Secret: b, PreviousSecrets: [][]byte{b}},
		&headless.Config{Secret: b},
		account.Config{Password: account.PasswordConfig{BcryptPepper: b}},
		tokens.Key{Secret: b}, tokens.JWTConfig{Keys: []tokens.Key{{Secret: b}}},
		verify.Key{Secret: b}, verify.Config{Keys: []verify.Key{{Secret: b}}},
		webhook.Options{Token: secret, Secret: b},
	} {
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("m", "v", v)
		if j, err := json.Marshal(v); err == nil {
			shown.Write(j)
		}
		for _, form := range []string{secret, fmt.Sprintf("%x", b), base64.StdEncoding.EncodeToString(b), strings.Trim(fmt.Sprint(b), "[]"), strings.Trim(fmt.Sprintf("%#v", b), "[]byte{}")} {
			if strings.Contains(shown.String(), form) {
				t.Errorf("%T shows its secret", v)
				break
			}
		}
	}
}
