package mfa_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/headless-auth/headless/mfa"
)

// Authenticator apps, recovery codes and passkeys. The password alone does not
// remove them.
func ExampleConfig() {
	_ = mfa.Config{
		SupportedTypes:     []string{"totp", "recovery_codes", "webauthn"},
		PasskeyLogin:       true,
		RPID:               "example.org", // for ever: passkeys belong to it
		Trust:              true,
		TrustLifetime:      30 * 24 * time.Hour,
		RemovalNeedsFactor: true,
	}
}

// A page that the server renders shows the QR code as an image.
func ExampleQR() {
	svg, err := mfa.QR("otpauth://totp/Example:ada?secret=JBSWY3DPEHPK3PXP&issuer=Example")
	fmt.Println(strings.HasPrefix(svg, "<svg "), err)
	// Output: true <nil>
}
