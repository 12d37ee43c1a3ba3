package verify

import "testing"

// Whatever an issuer says of how long its keys are fresh, they are asked for
// neither all the time nor never again.
func FuzzMaxAge(f *testing.F) {
	for _, s := range []string{"max-age=60", "public, max-age=3600", "max-age=-1", "max-age=99999999999999999999", "max-age=9223372036854775807", "no-store", "max-age=", ",,", "max-age=0", `max-age="5"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if d := maxAge(header); d < freshMin || d > freshMax {
			t.Fatalf("%q: fresh for %v", header, d)
		}
	})
}
