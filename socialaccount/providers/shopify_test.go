package providers_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// TestShopifyShop: whoever begins a login chooses the host that is asked, but
// only among Shopify's shops.
func TestShopifyShop(t *testing.T) {
	t.Parallel()
	p := providers.Shopify(providers.Client{ID: "a", Secret: "b"}).(socialaccount.Redirector)
	begin := func(shop string) (string, error) {
		return p.Begin(t.Context(), &socialaccount.AuthRequest{
			Tools: tools(nil), State: "s", RedirectURI: redirectURI, Verifier: "v", Query: url.Values{"shop": {shop}},
		})
	}
	for _, shop := range []string{
		"", "evil.example.org", "acme.myshopify.com.example.org", "acme.myshopify.com/", "acme.myshopify.com:8443", "user@acme.myshopify.com",
		"a.b.myshopify.com", "ACME.myshopify.com", "-.myshopify.com", "acme.myshopify.com\n", "acme?x=.myshopify.com", "acme#.myshopify.com", "{key}", "äcme",
	} {
		if location, err := begin(shop); err == nil {
			t.Errorf("shop %q: got %s", shop, location)
		}
	}
	for _, shop := range []string{"acme", "acme-2.myshopify.com"} {
		location, err := begin(shop)
		if err != nil || !strings.HasPrefix(location, "https://"+strings.TrimSuffix(shop, ".myshopify.com")+".myshopify.com/admin/oauth/authorize?") {
			t.Errorf("shop %q: got %s, %v", shop, location, err)
		}
	}
}
