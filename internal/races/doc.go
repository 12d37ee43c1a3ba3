// Package races has tests alone: everything that works once, that there is one
// of, or so many of, is fallen upon by fifty clients at once, on every store,
// with one instance and with two. Requirements ONE-1, ONE-4, LIM-2, LIM-5,
// LIM-6, MFA-3, SES-1, SES-4, SES-5.
//
//	go run ./internal/testenv go test ./internal/races -timeout 12h -races.rounds 200
package races
