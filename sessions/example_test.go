package sessions_test

import (
	"fmt"
	"time"

	"github.com/headless-auth/headless/sessions"
)

// Sessions that end after a month without use and half a year in any case, and
// that their users can see and end.
func ExampleConfig() {
	config := sessions.Config{
		Lifetime: 30 * 24 * time.Hour, Sliding: true,
		AbsoluteLifetime: 180 * 24 * time.Hour,
		List:             true, TrackActivity: true,
	}
	fmt.Println(config.Problems())

	config.CookieSameSite = "no"
	fmt.Println(config.Problems())
	// Output:
	// map[]
	// map[CookieSameSite:must be "lax", "strict" or "none"]
}

func ExampleDevice() {
	fmt.Println(sessions.Device("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"))
	// Output: Firefox on Linux
}
