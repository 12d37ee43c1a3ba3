package phone_test

import (
	"context"
	"testing"

	"github.com/headless-auth/headless/account/phone"
)

func TestClean(t *testing.T) {
	for number, want := range map[string]string{
		"+31612345678":  "+31612345678",
		"+14155552671":  "+14155552671",
		"+442079460958": "+442079460958",
		"+31012":        "",
		"+999123456789": "",
		"0612345678":    "",
		"":              "",
	} {
		got, err := phone.Clean(context.Background(), number)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("Clean(%q) = %q, %v; want %q", number, got, err, want)
		}
	}
}

func TestCountry(t *testing.T) {
	for number, want := range map[string]string{"+31612345678": "NL", "+14155552671": "US", "nope": ""} {
		if got := phone.Country(number); got != want {
			t.Errorf("Country(%q) = %q, want %q", number, got, want)
		}
	}
}
