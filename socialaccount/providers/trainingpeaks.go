package providers

import "github.com/headless-auth/headless/socialaccount"

// TrainingPeaks is trainingpeaks.com. By default it is the sandbox.
func TrainingPeaks(c Client) socialaccount.Provider { return trainingPeaks.Provider(c) }

var trainingPeaks = Spec{
	ID: "trainingpeaks", Name: "TrainingPeaks",
	Settings: []Setting{{Name: "USE_PRODUCTION", Kind: Flag, Default: "false", Help: "true for real accounts", Choices: map[string]map[string]string{
		"true":  {"host": "trainingpeaks.com"},
		"false": {"host": "sandbox.trainingpeaks.com"},
	}}},
	AuthorizeURL: "https://oauth.{host}/OAuth/Authorize",
	TokenURL:     "https://oauth.{host}/oauth/token",
	Scopes:       []string{"athlete:profile"},
	Profile:      []Call{{URL: "https://api.{host}/v1/athlete/profile"}},
	Map: Mapping{
		UID: "Id", Email: "Email", Username: "username|{FirstName:lower}.{LastName:lower}",
		Name: "{FirstName} {LastName}", FirstName: "FirstName", LastName: "LastName",
	},
}
