package authtest

import (
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// TOTP is an authenticator app that holds one secret.
type TOTP struct {
	// Secret is what the app was given, in Base32.
	Secret string

	t     testing.TB
	clock *Clock
	opts  totp.ValidateOpts
	last  time.Time // when the code was shown that was used last
}

// NewTOTP returns an app that has read the text of a QR code, otpauth://….
func NewTOTP(t testing.TB, clock *Clock, url string) *TOTP {
	t.Helper()
	k, err := otp.NewKeyFromURL(url)
	if err != nil {
		t.Fatalf("%q is no otpauth URL: %v", url, err)
	}
	return &TOTP{Secret: k.Secret(), t: t, clock: clock, opts: totp.ValidateOpts{
		Period: uint(k.Period()), Digits: k.Digits(), Algorithm: k.Algorithm(),
	}}
}

// Code is what the app shows now.
func (a *TOTP) Code() string {
	a.t.Helper()
	code, err := totp.GenerateCodeCustom(a.Secret, a.clock.Now(), a.opts)
	if err != nil {
		a.t.Fatalf("TOTP: %v", err)
	}
	a.last = a.clock.Now()
	return code
}

// Next is a code that the app has not shown before. As no code works twice,
// Next moves the clock on if the present one has been seen.
func (a *TOTP) Next() string {
	a.t.Helper()
	period := time.Duration(a.opts.Period) * time.Second
	if !a.last.IsZero() && !a.clock.Now().Truncate(period).After(a.last) {
		a.clock.Advance(period)
	}
	return a.Code()
}
