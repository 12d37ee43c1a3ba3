package account

import (
	"encoding/hex"
	"strings"

	"github.com/headless-auth/headless/internal/api"
)

// maskedEmail is an address that its owner recognises: "a***@example.org".
func maskedEmail(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" {
		return ""
	}
	return local[:1] + "***@" + domain
}

// maskedPhone is a number that its owner recognises: "+31***78".
func maskedPhone(number string) string {
	if len(number) < 6 {
		return ""
	}
	return number[:3] + "***" + number[len(number)-2:]
}

// masked makes of what somebody typed as their name what may be written down.
// Requirements SEC-5, DIS-2.
func masked(rq *api.Request, id string) string {
	if email, ok := CleanEmail(id); ok {
		return maskedEmail(email)
	}
	if e164.MatchString(id) {
		return maskedPhone(id)
	}
	return "#" + hex.EncodeToString(rq.Env.Keys.MAC("identifier", strings.ToLower(id))[:8])
}
