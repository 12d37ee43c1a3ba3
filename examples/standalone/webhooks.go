package main

import (
	"strings"
	"time"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/account/webhook"
	"github.com/headless-auth/headless/internal/jsonconfig"
)

// hook is an entry of "webhooks": where events are posted to, such as
// {"url": "https://crm.example.org/hooks", "secrets": ["env:CRM_SECRET"],
// "events": ["user_signed_up"]}. See docs/webhooks.md.
type hook struct {
	// URL is where events are posted to.
	URL string
	// Secrets sign what is posted, all of them: "whsec_" and 24 to 64 random
	// bytes in base64.
	Secrets [][]byte
	// Events are the names of those to tell; one that ends in "*" means all that
	// begin so. Default: all.
	Events []string
	// Name is what waiting events are kept under. Default: one made of the URL.
	Name string
	// Internal are the internal addresses, networks and host names that may be
	// called, also over http. By default none is.
	Internal []string
	// Timeout bounds a call. Default "15s".
	Timeout time.Duration
}

func readHook(v *jsonconfig.Value) any {
	var s hook
	v.Into(&s)
	o := webhook.EndpointOptions{Events: s.Events, Name: s.Name, Internal: s.Internal, Timeout: s.Timeout}
	for _, secret := range s.Secrets {
		o.Secrets = append(o.Secrets, string(secret))
	}
	e, err := webhook.NewEndpoint(s.URL, o)
	if err != nil {
		v.Fail("%s", strings.TrimPrefix(err.Error(), "webhook: "))
		return nil
	}
	return account.Webhook(e)
}
