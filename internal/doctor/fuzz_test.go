package doctor

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/secret"
)

// A ticket is good if it was made with the site's secret, for this purpose, a
// short while ago.
func FuzzTicket(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	keys := secret.NewKeys([]byte("0123456789abcdef0123456789abcdef"))
	at := func(t time.Time) *Probe { return NewProbe(keys, clientip.Resolver{}, func() time.Time { return t }) }
	p := at(now)
	// One that it has made, as every process of a run makes others.
	const genuine = "gcxdBxc4RUXGF55pttfwWtjutSR5MzIL6_4tsGAuB7WyceD7s9M"
	if !p.good(genuine) {
		f.Fatal("what is genuine is not good")
	}
	for _, s := range []string{
		genuine, "", "x", genuine[1:], genuine + "A", "=" + genuine,
		base64.RawURLEncoding.EncodeToString(keys.Seal([]byte("1800000000"), "another purpose", "")),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, ticket string) {
		if p.good(ticket) && !sameBytes(ticket, genuine) {
			t.Fatalf("%q is taken for a ticket", ticket)
		}
		if late := at(now.Add(lifetime)); late.good(ticket) {
			t.Fatalf("%q is good for ever", ticket)
		}
	})
}

// sameBytes reports whether two texts are base64 of the same.
func sameBytes(a, b string) bool {
	x, err1 := base64.RawURLEncoding.DecodeString(a)
	y, err2 := base64.RawURLEncoding.DecodeString(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
