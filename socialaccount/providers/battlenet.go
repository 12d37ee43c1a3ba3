package providers

import (
	"cmp"
	"context"

	"github.com/headless-auth/headless/socialaccount"
)

// BattleNet is Battle.net. The region comes from the URL that begins the login
// ("?region=kr"), or else from the setting.
func BattleNet(c Client) socialaccount.Provider { return battleNet.Provider(c) }

var battleNet = Spec{
	ID: "battlenet", Name: "Battle.net",
	Settings:     []Setting{{Name: "REGION", Default: "us", Help: `"cn" has servers of its own`, Choices: battleNetRegions}},
	AuthorizeURL: "https://{host}/authorize",
	TokenURL:     "https://{host}/token",
	Profile:      []Call{{URL: "https://{host}/userinfo"}},
	Add:          map[string]string{"region": "{region}"},
	Map:          Mapping{UID: "id", Username: "battletag", Display: "battletag"},
	Begin:        battleNetRegion,
	Before:       battleNetRegion,
	Identified: func(x *Exchange, id *socialaccount.Identity) error {
		if x.Get("region") == "cn" && id.UID != "" {
			id.UID += "-cn" // ids of China are counted on their own
		}
		return nil
	},
}

var battleNetRegions = map[string]map[string]string{"apac": {}, "cn": {}, "eu": {}, "kr": {}, "sea": {}, "tw": {}, "us": {}}

// battleNetRegion chooses the servers.
func battleNetRegion(_ context.Context, x *Exchange) error {
	region := x.Get("REGION")
	if asked := x.Query.Get("region"); battleNetRegions[asked] != nil {
		region = asked
	}
	region = cmp.Or(x.Kept["region"], region)
	if region == "sea" {
		region = "us"
	}
	host := "oauth.battle.net"
	if region == "cn" {
		host = "oauth.battlenet.com.cn"
	}
	x.Set("region", region)
	x.Set("host", host)
	if x.Kept != nil {
		x.Kept["region"] = region
	}
	return nil
}
