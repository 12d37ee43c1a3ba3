package openapi

import (
	"slices"
	"strings"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/i18n"
)

func response(description string, schema object, examples ...string) object {
	content := m("schema", schema)
	var all object
	for _, name := range examples {
		all = append(all, member{name, example(name)})
	}
	return m("description", description, "content", m("application/json", content.with("examples", all)))
}

// describeResponses describes the answers that operations share, under the
// reference's names.
func (d *draft) describeResponses() map[string]object {
	ok := func(description string, data object, further ...property) object {
		return response(description, d.envelope("", ref("StatusOK"), append([]property{must("data", data)}, further...)...))
	}
	generated := m("allOf", list(ref("BaseAuthenticationMeta"),
		record("", must("recovery_codes_generated", boolean("Whether the user got recovery codes with it.")))))
	secret := m("allOf", list(ref("BaseAuthenticationMeta"), record("",
		must("secret", example1(text("The secret, for who can't scan the code."), "J4ZKKXTK7NOVU7EPUVY23LCDV4T2QZYM")),
		must("totp_url", example1(text("The same as a URL, to be shown as QR code."), "otpauth://totp/alice%40fsf.org?secret=J4ZKKXTK7NOVU7EPUVY23LCDV4T2QZYM&issuer=Example")))))
	tooMany := response("Too many requests.", ref("FailureResponse"))
	tooMany = append(m("description", tooMany.get("description"), "headers",
		m("Retry-After", m("description", "In how many seconds to try again.", "schema", m("type", "integer")))), tooMany[1:]...)
	return map[string]object{
		"Authenticated":                 response("The user is logged in.", ref("AuthenticatedResponse"), "authenticated_by_password"),
		"AuthenticatedByPassword":       response("The user is logged in.", ref("AuthenticatedResponse"), "authenticated_by_password"),
		"AuthenticatedByCode":           response("The user is logged in.", ref("AuthenticatedResponse"), "authenticated_by_code"),
		"AuthenticatedByPasswordAnd2FA": response("The user is logged in.", ref("AuthenticatedResponse"), "authenticated_by_password_and_2fa"),
		"Authentication":                response("Nobody is logged in. The flows tell what can be done next, and which of them is pending.", ref("AuthenticationResponse")),
		"Unauthenticated":               response("Nobody is logged in.", ref("AuthenticationResponse"), "unauthenticated"),
		"AuthenticationOrReauthentication": response("Nobody is logged in, or a recent proof of identity is needed: then it is told who is logged in, and the flows are those that give one.",
			m("anyOf", list(ref("ReauthenticationResponse"), ref("AuthenticationResponse"))), "reauthentication_required", "unauthenticated"),
		"SessionGone": response("Apps only: the session token is not good, or no longer. Forget it.", ref("SessionGoneResponse")),
		"Error":       response("The input is wrong. What may be wrong with it, by field:", ref("ErrorResponse")),
		"Forbidden":   response("Not allowed.", ref("ForbiddenResponse")),
		"Conflict":    response("Not the moment for this call.", ref("ConflictResponse")),
		"AddAuthenticatorConflict": response("The account can't have an authenticator now, as an email address of it is not verified.",
			ref("ConflictResponse")),
		"NotFound":        response("There is none.", d.envelope("", one(404))),
		"TooManyRequests": tooMany,
		"Failure":         response("Any other failure: 405 for a method that is not offered, 413 for a body that is too large, 500 and 503 for trouble of the site's own.", ref("FailureResponse")),
		"StatusOK":        response("Done.", d.envelope("", ref("StatusOK"))),
		"PasswordRequested": response("A link was mailed; or nothing was done, as somebody is logged in.",
			m("anyOf", list(d.envelope("", ref("StatusOK")), ref("AuthenticatedResponse")))),
		"Configuration":         response("What is on.", ref("ConfigurationResponse"), "configuration"),
		"EmailVerificationInfo": response("What the key verifies.", ref("EmailVerificationInfo")),
		"PasswordResetInfo":     ok("Whose password it is.", record("", must("user", ref("User")))),
		"EmailAddresses":        ok("The email addresses.", array(ref("EmailAddress"))),
		"PendingCodes": ok("The codes.", array(record("A code that was sent and waits to be repeated.",
			must("flow", m("type", "string", "enum", list("login_by_code", "verify_phone", "verify_email", "password_reset_by_code"), "description", "The flow that it belongs to.")),
			must("sent_to", example1(text("Where it was sent, so that its owner knows."), "a***@example.org")),
			must("expires_at", ref("Timestamp")),
			must("attempts_left", count("How many more may be wrong.")),
			must("resends_left", count("How often another can be asked for.")),
			must("changes_left", count("How often it can be sent elsewhere, at a signup."))))),
		"Forms": ok("What forms ask for.", record("",
			must("signup_fields", array(record("A field of the form to sign up with.",
				must("name", text("Its name in the request.")),
				must("type", text("What it holds: `string`, `email`, `phone`, `password`, `integer`, `number`, `boolean`, `date`, `date-time` or `uri`.")),
				must("required", boolean("Whether it has to be given.")),
				may("min_length", count("In characters.")), may("max_length", count("In characters.")),
				may("choices", array(m("type", "string"))), may("description", text("For people."))))),
			must("password", record("What a new password has to be.", must("min_length", count("In characters.")), must("max_bytes", count("In UTF-8.")))))),
		"Reauthentication": ok("Whether the proof of identity is recent.", record("",
			must("recent", boolean("Whether it is. Whoever has nothing to prove it with always counts as if it were.")),
			may("recent_until", ref("Timestamp")),
			must("flows", m("type", "array", "items", ref("Flow"), "description", "What gives another one.")))),
		"PhoneNumbers":      response("The phone number.", ref("PhoneNumbersResponse")),
		"PhoneNumberChange": response("A code was sent to the new number.", ref("PhoneNumberChangeResponse")),
		"Sessions":          ok("The sessions.", array(ref("Session"))),
		"RefreshToken": ok("A new access token.", append(record("",
			must("access_token", ref("AccessToken")), may("refresh_token", ref("RefreshToken"))), member{"additionalProperties", true})),
		"Authenticators":    ok("The authenticators.", ref("AuthenticatorList")),
		"RecoveryCodes":     ok("The recovery codes.", ref("SensitiveRecoveryCodesAuthenticator")),
		"TOTPAuthenticator": ok("The authenticator app.", ref("TOTPAuthenticator")),
		"TOTPAuthenticatorNotFound": response("There is none. Here is a secret to set one up.",
			d.envelope("", one(404), must("meta", secret))),
		"TrustedBrowsers":                 ok("The browsers that the user trusts.", array(ref("TrustedBrowser"))),
		"WebAuthnRequestOptionsResponse":  ok("The options.", ref("WebAuthnCredentialRequestOptions")),
		"WebAuthnCreationOptionsResponse": ok("The options.", ref("WebAuthnCredentialCreationOptions")),
		"WebAuthnAuthenticator":           ok("The security key.", ref("WebAuthnAuthenticator")),
		"AddWebAuthnAuthenticator":        ok("The new security key.", ref("WebAuthnAuthenticator"), must("meta", generated)),
		"WebAuthnSignals":                 ok("The arguments.", ref("WebAuthnSignals")),
		"ProviderAccounts":                ok("The linked accounts.", array(ref("ProviderAccount"))),
		"ProviderSignup": ok("What the identity provider told.", record("",
			must("user", ref("User")), must("account", ref("ProviderAccount")), must("email", array(ref("EmailAddress"))))),
		"ProviderPrompt": ok("What to tell the script.", record("",
			must("client_id", ref("ClientID")), must("login_uri", text("Where it is to post to.")), must("nonce", text("What its token must say.")))),
		"ProviderPage": m("description", "A page that leads to the identity provider by itself.",
			"content", m("text/html", m("schema", text("")))),
		"ProviderRedirect": m("description", "On to the identity provider; or back to the front end, if that can't be.",
			"headers", m("Location", m("description", "Where to go.", "schema", text("")))),
	}
}

// describeExamples shows what bodies look like on this site.
func (d *draft) describeExamples() {
	at := m("method", "password", "at", 1711555057.065702, "email", "email@domain.org")
	var id, key any = "89d3f9a0-51a5-49dd-8b97-7536641958e9", "66f8a1de-0b1c-4c53-a1a4-2d1f4fbb9a10"
	if d.IntegerIDs {
		id, key = 123, 66
	}
	user := m("id", id, "display", "Magic Wizard", "email", "email@domain.org", "has_usable_password", true)
	if d.Usernames {
		user = append(user, member{"username", "wizard"})
	}
	for i := range d.UserFields {
		if f := &d.UserFields[i]; f.Required {
			user = append(user, member{f.Name, sample(f)})
		}
	}
	meta := m("is_authenticated", true)
	if d.serves(api.App) {
		meta = meta.with("session_token", "ufwcig0zen9skyd545jc0fkq813ghar2")
		if d.AccessTokens {
			meta = meta.with("access_token", d.schemas["AccessToken"].get("example")).with("refresh_token", d.schemas["RefreshToken"].get("example"))
		}
	}
	mfa := m("method", "mfa", "at", 1711555060.937585, "id", key, "type", "totp")
	authenticated := func(methods ...object) object {
		return m("value", m("status", 200, "data", m("user", user, "methods", list(methods...)), "meta", meta))
	}
	d.examples["authenticated_by_password"] = authenticated(at)
	d.examples["authenticated_by_code"] = authenticated(m("method", "code", "at", 1711555057.065702, "email", "email@domain.org"))
	d.examples["authenticated_by_password_and_2fa"] = authenticated(at, mfa)
	if !d.has("/v1/account/authenticators") {
		d.examples["authenticated_by_password_and_2fa"] = authenticated(at)
	}
	again := list(m("id", "reauthenticate"))
	if d.has("/v1/auth/2fa/reauthenticate") {
		again = append(again, m("id", "mfa_reauthenticate", "types", list("recovery_codes", "totp")))
	}
	d.examples["reauthentication_required"] = m("value", m("status", 401,
		"data", m("user", user, "methods", list(at), "flows", again), "meta", m("is_authenticated", true)))
	d.examples["unauthenticated"] = d.flowsExample("")
	for _, id := range d.flows {
		d.examples["pending_"+id] = d.flowsExample(id)
	}
	d.examples["configuration"] = d.configurationExample()
}

// sample is a value of a host's field.
func sample(f *api.Field) any {
	if len(f.Choices) > 0 {
		return f.Choices[0]
	}
	return map[string]any{
		"boolean": true, "integer": 7, "number": 7.5, "date": "2026-03-01", "date-time": "2026-03-01T12:00:00Z",
		"email": "email@domain.org", "uri": "https://example.org/", "string": "text",
	}[f.Type]
}

// pendingExamples refers to the 401s that may follow: of all the flows named
// those that can occur, and the host's own stages.
func (d *draft) pendingExamples(flows string) object {
	o := m("unauthenticated", example("unauthenticated"))
	for _, id := range d.flows {
		if slices.Contains(strings.Fields(flows), id) || flows != "" && slices.Contains(d.Stages, id) {
			o = append(o, member{"pending_" + id, example("pending_" + id)})
		}
	}
	return o
}

func provider() object {
	return m("id", "google", "name", "Google", "flows", list("provider_redirect", "provider_token"), "client_id", "123.apps.googleusercontent.com")
}

// flowsExample is a 401 in which a flow is pending, or none.
func (d *draft) flowsExample(pending string) object {
	flows := []any{}
	add := func(url string, flow object) {
		if d.has(url) {
			flows = append(flows, flow)
		}
	}
	add("/v1/auth/login", m("id", "login"))
	code := m("id", "login_by_code")
	if pending == "login_by_code" {
		code, pending = append(code, member{"is_pending", true}), ""
		add("/v1/auth/code/confirm", code)
	} else {
		add("/v1/auth/code/request", code)
	}
	add("/v1/auth/signup", m("id", "signup"))
	add("/v1/auth/provider/redirect", m("id", "provider_redirect", "providers", list("google")))
	add("/v1/auth/provider/token", m("id", "provider_token", "providers", list("google")))
	add("/v1/auth/webauthn/login", m("id", "mfa_login_webauthn"))
	flow := m("id", pending, "is_pending", true)
	switch pending {
	case "":
		flow = nil
	case "provider_signup":
		flow = append(flow, member{"provider", provider()})
	case "mfa_authenticate":
		flow = append(flow, member{"types", list("recovery_codes", "totp")})
	case "mfa_enroll":
		flow = append(flow, member{"types", list("totp")})
	}
	if flow != nil {
		flows = append(flows, flow)
	}
	return m("value", m("status", 401, "data", m("flows", flows), "meta", m("is_authenticated", false)))
}

func (d *draft) configurationExample() object {
	data := m("account", m("authentication_method", "email", "login_methods", list("email"), "is_open_for_signup", true,
		"email_verification_by_code_enabled", false, "login_by_code_enabled", d.has("/v1/auth/code/request"), "password_reset_by_code_enabled", false))
	if d.has("/v1/account/providers") {
		data = append(data, member{"socialaccount", m("providers", list(provider()))})
	}
	if d.has("/v1/account/authenticators") {
		data = append(data, member{"mfa", m("supported_types", list("recovery_codes", "totp"), "passkey_login_enabled", d.has("/v1/auth/webauthn/login"))})
	}
	if d.has("/v1/auth/sessions") {
		data = append(data, member{"usersessions", m("track_activity", false)})
	}
	return m("value", m("status", 200, "data", data))
}

// errorExample shows an error with the sentence that comes with it.
func (d *draft) errorExample(name, param string, code api.Code) {
	message := i18n.Message("", string(code))
	item := m("message", message, "code", string(code)).with("param", param)
	d.examples[name] = m("summary", message, "value", m("status", 400, "errors", list(item)))
}
