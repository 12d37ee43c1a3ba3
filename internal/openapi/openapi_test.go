package openapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/mfa"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store/memory"
)

// full is a site with everything on.
func full() headless.Config {
	return headless.Config{
		URL: "https://app.example.org", Name: "Example", Secret: make([]byte, 32), Store: memory.New(),
		Mailer: box{}, SMS: box{},
		Frontend: headless.Frontend{VerifyEmail: "/verify/{key}", ResetPassword: "/reset/{key}"},
		Account: account.Config{
			LoginMethods: []string{"email", "username", "phone"},
			SignupFields: []string{"email*", "email2", "username*", "phone", "password1*", "password2"},
			LoginByCode:  true, Closing: true,
		},
		MFA:     &mfa.Config{SupportedTypes: []string{"totp", "webauthn", "recovery_codes"}, PasskeyLogin: true, Trust: true},
		Session: sessions.Config{List: true},
		OpenAPI: &headless.OpenAPIConfig{},
	}
}

func TestDocumentIsValid(t *testing.T) {
	c := full()
	a, err := headless.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []string{"json", "yaml"} {
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/_allauth/openapi."+x, nil))
		l := openapi3.NewLoader()
		doc, err := l.LoadFromData(w.Body.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableMultiError()); err != nil {
			t.Error(err)
		}
	}
}
