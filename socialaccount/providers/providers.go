// Package providers has identity providers ready made, and the means to make
// more.
//
// A provider is a [Spec], data that says where it is asked and what in its
// answers is where, together with a [Client], our registration there:
//
//	providers.GitHub(providers.Client{ID: "…", Secret: "…"})
//
// [ByID] finds one by its id, [Specs] lists all that are data. A provider of
// one's own is one literal; see [Spec].
package providers

import (
	"fmt"

	"github.com/headless-auth/headless/socialaccount"
)

// Specs lists every provider that is described by data, by id.
func Specs() []Spec {
	return []Spec{apple, facebook, github, gitlab, google, openIDConnect}
}

// ByID returns a provider by its id, such as "github".
func ByID(id string, c Client) (socialaccount.Provider, error) {
	if id == "dummy" {
		return Dummy(), nil
	}
	for _, s := range Specs() {
		if s.ID == id {
			return s.Provider(c), nil
		}
	}
	return nil, fmt.Errorf("%q is no provider that is known", id)
}
