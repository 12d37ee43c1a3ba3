package wiretest

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// referenceProblems judges an answer by the reference's description, where
// that knows it.
func (d *described) referenceProblems(method, where, what string, r *Reply, value any) (l []string) {
	found := func(format string, a ...any) { l = append(l, fmt.Sprintf(format, a...)) }
	op := operation(d.reference, "", method, where)
	for _, client := range []string{"app", "browser"} {
		if op == nil {
			op = operation(d.reference, client, method, where)
		}
	}
	if op == nil {
		if !strings.HasPrefix(where, "/ext/") {
			found("%s, and is not in the reference's description", what)
		}
		return l
	}
	response := op.Responses.Status(r.Status)
	if response == nil {
		name, ok := unmentioned[r.Status]
		if !ok && unmentionedHere[method+" "+where] != r.Status {
			found("%s, which the reference does not describe", what)
		}
		response = d.reference.Components.Responses[name]
	}
	if schema := schemaOf(response); schema != nil && value != nil {
		if err := schema.VisitJSON(value, openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails()); err != nil {
			found("%s with what is not as the reference describes it: %v\n%s", what, err, r.Raw)
		}
	}
	return l
}

// unmentioned are statuses that the reference does not list wherever it answers
// them, with what it answers then: what its component of that name describes.
var unmentioned = map[int]string{
	http.StatusBadRequest:            "Error",                            // what is no JSON, or no input at all
	http.StatusUnauthorized:          "AuthenticationOrReauthentication", // where one must be logged in
	http.StatusForbidden:             "Forbidden",                        // a browser's call without CSRF token
	http.StatusGone:                  "SessionGone",                      // an app's call with a dead token
	http.StatusTooManyRequests:       "TooManyRequests",                  // every limited call; account.md §17
	http.StatusConflict:              "",                                 // where another request was quicker; ours
	http.StatusMethodNotAllowed:      "",
	http.StatusRequestEntityTooLarge: "", // ours
	http.StatusInternalServerError:   "",
	http.StatusServiceUnavailable:    "", // ours
}

// unmentionedHere are statuses of single operations that it does not list.
var unmentionedHere = map[string]int{
	"POST /v1/account/password/change":               http.StatusOK,
	"POST /v1/account/authenticators/recovery-codes": http.StatusOK,
	"POST /v1/auth/code/request":                     http.StatusOK,       // when logged in; account.md §17
	"POST /v1/auth/webauthn/login":                   http.StatusConflict, // when logged in
}

// amendments are where the reference's description contradicts what it does,
// or what we do more.
var amendments = []struct {
	why   string
	apply func(c *openapi3.T)
}{
	{"people log in by phone too, and the login methods are in one word only where there is one; config-openapi.md §1", func(c *openapi3.T) {
		s := c.Components.Schemas["AccountConfiguration"].Value
		s.Properties["login_methods"].Value.Items.Value.Enum = []any{"email", "username", "phone"}
		s.Required = without(s.Required, "authentication_method")
	}},
	{"flows are missing; account.md §17. Hosts add their own", func(c *openapi3.T) {
		c.Components.Schemas["Flow"].Value.Properties["id"].Value.Enum = nil
	}},
	{"a password reset by code tells that it is not pending; account.md §17", func(c *openapi3.T) {
		c.Components.Schemas["Flow"].Value.Properties["is_pending"].Value.Enum = nil
	}},
	{"a password that was repeated is by password, too; a reset by link has no address, account.md §17; a first login through a provider is no reauthentication", func(c *openapi3.T) {
		s := c.Components.Schemas["AuthenticationMethod"].Value
		s.AnyOf, s.OneOf = s.OneOf, nil
		for _, kind := range s.AnyOf {
			switch kind.Value.Properties["method"].Value.Enum[0] {
			case "password_reset":
				kind.Value.Required = without(kind.Value.Required, "email")
			case "socialaccount":
				kind.Value.Required = without(kind.Value.Required, "reauthenticated")
			}
		}
	}},
	{"what asks to reauthenticate fits what asks to log in, too", func(c *openapi3.T) {
		s := c.Components.Responses["AuthenticationOrReauthentication"].Value.Content["application/json"].Schema.Value
		s.AnyOf, s.OneOf = s.OneOf, nil
	}},
	{"who has to be logged in recently has to be logged in", func(c *openapi3.T) {
		media := c.Components.Responses["ReauthenticationRequired"].Value.Content["application/json"]
		media.Schema = openapi3.NewSchemaRef("", &openapi3.Schema{AnyOf: openapi3.SchemaRefs{media.Schema, c.Components.Schemas["AuthenticationResponse"]}})
	}},
	{"signing up with a passkey takes creation options; mfa.md §14", func(c *openapi3.T) {
		get := c.Paths.Value("/_allauth/{client}/v1/auth/webauthn/signup").Get
		get.Responses.Set("200", c.Components.Responses["WebAuthnCreationOptionsResponse"])
	}},
	{"nullable stands beside a $ref, where it does not count: never used is null", func(c *openapi3.T) {
		s := *c.Components.Schemas["OptionalTimestamp"].Value
		s.Nullable = true
		c.Components.Schemas["BaseAuthenticator"].Value.Properties["last_used_at"].Value = &s
	}},
	{"ids are texts where the store's are, as those of users are", func(c *openapi3.T) {
		for _, s := range []*openapi3.Schema{c.Components.Schemas["AuthenticatorID"].Value, c.Components.Schemas["Session"].Value.Properties["id"].Value} {
			s.Type = &openapi3.Types{"integer", "string"}
		}
	}},
	{"recovery codes are not shown again where they are shown once; ours", func(c *openapi3.T) {
		s := c.Components.Schemas["SensitiveRecoveryCodesAuthenticator"].Value.AllOf[1].Value
		s.Required = without(s.Required, "unused_codes")
	}},
}

func without(l []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(l), func(s string) bool { return s == name })
}

// referenceDocument is the reference's description, amended.
var referenceDocument = sync.OnceValues(func() (*openapi3.T, error) {
	_, here, _, _ := runtime.Caller(0)
	text, err := os.ReadFile(filepath.Join(filepath.Dir(here), "../openapi/testdata/openapi-reference.yaml"))
	if err != nil {
		return nil, err
	}
	text = bytes.Replace(text, []byte("description:\n    $ref: \"./description.md\""), []byte("description: none"), 1)
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	for _, a := range amendments {
		a.apply(doc)
	}
	return doc, nil
})
