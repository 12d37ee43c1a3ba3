package providers

import (
	"cmp"

	"github.com/headless-auth/headless/socialaccount"
)

// Discord is discord.com.
func Discord(c Client) socialaccount.Provider { return discord.Provider(c) }

var discord = Spec{
	ID: "discord", Name: "Discord",
	AuthorizeURL: "https://discord.com/api/oauth2/authorize",
	TokenURL:     "https://discord.com/api/oauth2/token",
	Scopes:       []string{"email", "identify"},
	Profile:      []Call{{URL: "https://discord.com/api/users/@me"}},
	Map:          Mapping{UID: "id", Email: "email", EmailVerified: "verified", Username: "username", Name: "username"},
	Display:      discordDisplay,
}

// discordDisplay tells old names, which need a discriminator, from new ones,
// which have "0" there.
func discordDisplay(profile any) string {
	username, discriminator := textOf(child(profile, "username")), textOf(child(profile, "discriminator"))
	if len(discriminator) == 4 {
		return username + "#" + discriminator
	}
	return cmp.Or(textOf(child(profile, "global_name")), username)
}
