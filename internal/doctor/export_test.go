package doctor

import (
	"time"

	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/secret"
)

// MakeTicket makes a ticket of another secret or time.
func MakeTicket(key []byte, at time.Time) string {
	return NewProbe(secret.NewKeys(key), clientip.Resolver{}, func() time.Time { return at }).Ticket()
}
