package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"

	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/socialaccount"
)

// Shopify is shopify.com. An account here is a shop or, with the parameter
// {"grant_options[]": "per-user"} among AuthParams, somebody who works there.
// Which shop it is stands in the URL that begins the login ("?shop=acme").
func Shopify(c Client) socialaccount.Provider { return shopify.Provider(c) }

var shopify = Spec{
	ID: "shopify", Name: "Shopify",
	AuthorizeURL:   "https://{kept.shop}/admin/oauth/authorize",
	TokenURL:       "https://{kept.shop}/admin/oauth/access_token",
	Scopes:         []string{"read_orders", "read_products"},
	ScopeDelimiter: ",",
	Profile:        []Call{{URL: "https://{kept.shop}/admin/shop.json", Auth: Auth{Header: "X-Shopify-Access-Token"}}},
	Map:            Mapping{UID: "shop.id", Email: "shop.email", DisplayIn: "shop"},
	Adjust: func(s *Spec, c Client) error {
		if c.AuthParams["grant_options[]"] == "per-user" {
			s.After = shopifyUser
			s.Map = Mapping{
				UID: "associated_user.id", Email: "associated_user.email", EmailVerified: "associated_user.email_verified",
				FirstName: "associated_user.first_name", LastName: "associated_user.last_name", DisplayIn: "shop",
			}
		}
		return nil
	},
	Begin:  shopifyShop,
	Before: shopifyCallback,
}

var shopifyHost = pattern.New(`^[a-z0-9][a-z0-9-]*\.myshopify\.com$`)

// shopifyShop takes the shop from whoever begins, so it must look like one of
// Shopify's.
func shopifyShop(_ context.Context, x *Exchange) error {
	shop := x.Query.Get("shop")
	if !strings.Contains(shop, ".") {
		shop += ".myshopify.com"
	}
	if !shopifyHost.MatchString(shop) {
		return errors.New("shop: is no shop of Shopify")
	}
	x.Kept["shop"] = shop
	return nil
}

// shopifyCallback checks that the browser brings what Shopify has signed, about
// the shop that was asked.
func shopifyCallback(_ context.Context, x *Exchange) error {
	if x.Callback == nil { // a token is renewed
		return nil
	}
	signed := url.Values{}
	for name, values := range x.Callback {
		if name != "hmac" && name != "signature" {
			signed[name] = values
		}
	}
	mac := hmac.New(sha256.New, []byte(x.Client.Secret))
	mac.Write([]byte(signed.Encode()))
	given, err := hex.DecodeString(x.Callback.Get("hmac"))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return errors.New("the answer is not signed by Shopify")
	}
	if x.Callback.Get("shop") != x.Kept["shop"] {
		return errors.New("the answer is another shop's")
	}
	return nil
}

// shopifyUser adds who it is at the shop, which the answer to the token request
// tells.
func shopifyUser(_ context.Context, x *Exchange) error {
	x.put("associated_user", x.Token["associated_user"])
	return nil
}
