package providers

import "github.com/headless-auth/headless/socialaccount"

// JupyterHub is a JupyterHub. Its uid is the username.
func JupyterHub(c Client) socialaccount.Provider { return jupyterHub.Provider(c) }

var jupyterHub = Spec{
	ID: "jupyterhub", Name: "JupyterHub",
	Settings:     []Setting{{Name: "API_URL", Kind: URL, Required: true, Help: "write the hub's URL"}},
	AuthorizeURL: "{API_URL}/hub/api/oauth2/authorize",
	TokenURL:     "{API_URL}/hub/api/oauth2/token",
	Profile:      []Call{{URL: "{API_URL}/hub/api/user"}},
	Map:          Mapping{UID: "name", Name: "name"},
}
