package providers

import "github.com/headless-auth/headless/socialaccount"

// Notion is notion.com. An account here is a user together with a workspace.
func Notion(c Client) socialaccount.Provider { return notion.Provider(c) }

var notion = Spec{
	ID: "notion", Name: "Notion",
	AuthorizeURL: "https://api.notion.com/v1/oauth/authorize",
	TokenURL:     "https://api.notion.com/v1/oauth/token",
	AuthParams:   map[string]string{"owner": "user"},
	AuthNames:    map[string]string{"redirect_uri": ""},
	NoPKCE:       true,
	Token:        TokenRequest{Basic: true, JSON: true, Names: map[string]string{"redirect_uri": ""}},
	Map: Mapping{
		UID: "user-{owner.user.id}_workspace-{workspace_id}", Email: "owner.user.person.email", Name: "owner.user.name",
		Display: "{owner.user.name} ({workspace_name})",
	},
}
