package providers_test

import (
	"strings"
	"testing"

	"github.com/headless-auth/headless/socialaccount"
	"github.com/headless-auth/headless/socialaccount/providers"
)

// TestProblems: what is wrong is found before anybody logs in.
func TestProblems(t *testing.T) {
	t.Parallel()
	type settings = map[string]string
	set := func(s settings) providers.Client {
		return providers.Client{ID: "a", Secret: "b", Key: "c", Settings: s}
	}
	for _, test := range []struct {
		id     string
		client providers.Client
		field  string // "" if nothing is wrong
		says   string
	}{
		{"discord", providers.Client{ID: "a", Secret: "b"}, "", ""},
		{"discord", providers.Client{Secret: "b"}, "ID", "is missing"},
		{"discord", providers.Client{ID: "a", ProviderID: "a/b"}, "ProviderID", "is no id"},
		{"discord", providers.Client{ID: "a", OtherIDs: []string{"b", "b"}}, "OtherIDs[1]", "written twice"},
		{"discord", providers.Client{ID: "a", OtherIDs: []string{"a"}}, "OtherIDs[0]", "written twice"},
		{"discord", providers.Client{ID: "a", AuthParams: settings{"state": "x"}}, `AuthParams["state"]`, "not for you"},
		{"discord", set(settings{"tenant": "x"}), `Settings["tenant"]`, "is no setting of discord"},
		{"nextcloud", set(nil), `Settings["SERVER"]`, "is missing"},
		{"nextcloud", set(settings{"Server": "https://cloud.example.org/"}), "", ""},
		{"nextcloud", set(settings{"SERVER": "cloud.example.org"}), `Settings["SERVER"]`, "no good URL"},
		{"nextcloud", set(settings{"SERVER": "ftp://cloud.example.org"}), `Settings["SERVER"]`, "no good URL"},
		{"nextcloud", set(settings{"SERVER": "https://u:p@cloud.example.org"}), `Settings["SERVER"]`, "no good URL"},
		{"nextcloud", set(settings{"SERVER": "https://cloud.example.org/?a=b"}), `Settings["SERVER"]`, "no good URL"},
		{"okta", set(settings{"OKTA_BASE_URL": "https://example.okta.com"}), `Settings["OKTA_BASE_URL"]`, "no host name"},
		{"okta", set(settings{"OKTA_BASE_URL": "example.okta.com/x"}), `Settings["OKTA_BASE_URL"]`, "no host name"},
		{"okta", set(settings{"OKTA_BASE_URL": "example.okta.com", "uid_field": "a["}), "Spec.Map.UID", "is no path"},
		{"orcid", set(settings{"MEMBER_API": "yes"}), `Settings["MEMBER_API"]`, "none of false, true"},
		{"paypal", set(settings{"MODE": "production"}), `Settings["MODE"]`, "none of live, sandbox"},
		{"battlenet", set(settings{"REGION": "mars"}), `Settings["REGION"]`, "none of apac"},
		{"pinterest", set(settings{"API_VERSION": "v2"}), `Settings["API_VERSION"]`, "none of v1, v3, v5"},
		{"trello", providers.Client{ID: "a", Secret: "b"}, "Key", "write the key for the API"},
		{"salesforce", set(nil), `Settings["key"]`, "no good URL"},
		{"telegram", providers.Client{ID: "a"}, "Secret", "write the bot's token"},
		{"telegram", set(settings{"auth_date_validity": "-1"}), `Settings["auth_date_validity"]`, "no number of seconds"},
		{"steam", providers.Client{ID: "a"}, "Secret", "is missing"},
		{"apple", set(settings{"certificate_key": "x"}), "Settings", "no PEM text"},
	} {
		p, err := providers.ByID(test.id, test.client)
		if err != nil {
			t.Fatal(err)
		}
		problems := p.(socialaccount.Checker).Problems()
		if test.field == "" && len(problems) > 0 || test.field != "" && !strings.Contains(problems[test.field], test.says) {
			t.Errorf("%s: got %v, want %q for %s", test.id, problems, test.says, test.field)
		}
	}
	if _, err := providers.ByID("pocket", providers.Client{}); err == nil || !strings.Contains(err.Error(), `"pocket"`) {
		t.Errorf("got error %v for a provider that is unknown", err)
	}
}

// TestProblemsOfSpecs is about the literals that hosts write.
func TestProblemsOfSpecs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		change func(*providers.Spec)
		field  string
		says   string
	}{
		{func(*providers.Spec) {}, "", ""},
		{func(s *providers.Spec) { s.AuthorizeURL = "" }, "Spec.AuthorizeURL", "is missing"},
		{func(s *providers.Spec) { s.TokenURL = "" }, "Spec.TokenURL", "is missing"},
		{func(s *providers.Spec) { s.TokenURL = "https://{HOST}/token" }, "Spec.TokenURL", "there is no {HOST}"},
		{func(s *providers.Spec) { s.Map.UID = "" }, "Spec.Map.UID", "is missing"},
		{func(s *providers.Spec) { s.Map.Email = "a..b" }, "Spec.Map.Email", "is no path"},
		{func(s *providers.Spec) { s.Map.Email = "{a:upper}" }, "Spec.Map.Email", "is no path"},
		{func(s *providers.Spec) { s.Profile[0].URL = "{token.api}/me" }, "Spec.Profile[0].Hosts", "the answer chooses the host"},
		{func(s *providers.Spec) { s.Profile[0].Body = `{"a": "{TENANT}"}` }, "Spec.Profile[0].Body", "there is no {TENANT}"},
		{func(s *providers.Spec) { s.IDToken = &providers.IDToken{} }, "Spec.IDToken", "needs Issuer"},
		{func(s *providers.Spec) {
			s.Issuer, s.IDToken = "https://acme.example", &providers.IDToken{KeysURL: "https://acme.example/keys", Algorithms: []string{"HS256"}}
		}, "Spec.IDToken.Algorithms", `"HS256" is none of`},
	} {
		s := providers.Spec{
			ID: "acme", AuthorizeURL: "https://acme.example/authorize", TokenURL: "https://acme.example/token",
			Profile: []providers.Call{{URL: "https://acme.example/me"}}, Map: providers.Mapping{UID: "id"},
		}
		test.change(&s)
		problems := s.Provider(providers.Client{ID: "a"}).(socialaccount.Checker).Problems()
		if test.field == "" && len(problems) > 0 || test.field != "" && !strings.Contains(problems[test.field], test.says) {
			t.Errorf("got %v, want %q for %s", problems, test.says, test.field)
		}
	}
}
