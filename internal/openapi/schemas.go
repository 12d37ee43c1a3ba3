package openapi

import (
	"slices"

	"github.com/headless-auth/headless/internal/api"
)

// describeSchemas describes what bodies are made of, under the reference's
// names. Those that nothing refers to are left out of the document.
func (d *draft) describeSchemas() {
	id := m("type", "string", "example", "89d3f9a0-51a5-49dd-8b97-7536641958e9")
	if d.IntegerIDs {
		id = m("type", "integer", "example", 123)
	}
	all := d.schemas
	all["ID"] = id.with("description", "An id.")
	d.describeValues()
	d.describeEnvelopes()
	d.describeAuthentication()
	d.describeConfiguration()
	d.describeAccount()
	d.describeFactors()
	d.describeProviders()
}

func example1(schema object, value any) object {
	return append(slices.Clip(schema), member{"example", value})
}

func (d *draft) describeValues() {
	all := d.schemas
	all["Email"] = example1(text("An email address."), "email@domain.org")
	all["Username"] = example1(text("A username."), "wizard")
	all["Phone"] = example1(text("A phone number with country code."), "+314159265359")
	all["Password"] = example1(text("A password. It counts exactly as it is sent."), "Alohomora!")
	all["Code"] = example1(text("A code that was sent. Case, blanks and dashes don't matter."), "NQDH-TWPB")
	all["AuthenticatorCode"] = example1(text("A code of an authenticator app, or a recovery code."), "314159")
	all["AccessToken"] = example1(text("An access token."), "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJzdW")
	all["RefreshToken"] = example1(text("A refresh token."), "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9.eyJqdG")
	all["Timestamp"] = m("type", "number", "description", "Seconds since 1970. `new Date(value * 1000)`", "example", 1711555057.065702)
	all["OptionalTimestamp"] = append(slices.Clip(all["Timestamp"]), member{"nullable", true})
	all["StatusOK"] = one(200)
	all["StatusAccepted"] = one(202)
}

// envelope is the schema of an answer. Any may bring an app its session token.
func (d *draft) envelope(description string, status object, properties ...property) object {
	all := append([]property{must("status", status)}, properties...)
	if d.serves(api.App) && !slices.ContainsFunc(all, func(p property) bool { return p.name == "meta" }) {
		all = append(all, may("meta", ref("BaseAuthenticationMeta")))
	}
	return record(description, all...)
}

func (d *draft) describeEnvelopes() {
	all := d.schemas
	all["Errors"] = array(record("",
		must("message", text("A sentence for people, in the language of the request.")),
		must("code", text("The stable name of the error.")),
		may("param", text("The field that is wrong; absent for the input as a whole.")),
	))
	errs := may("errors", ref("Errors"))
	all["ErrorResponse"] = d.envelope("What is wrong with the input.", one(400), errs)
	all["ForbiddenResponse"] = d.envelope("", one(403), errs)
	all["ConflictResponse"] = d.envelope("Not the moment for this call.", one(409), errs)
	all["FailureResponse"] = d.envelope("", m("type", "integer"), errs)
	all["BaseAuthenticationMeta"] = record("",
		when(d.serves(api.App), may("session_token", text("Apps only: the session token from now on."))),
		when(d.AccessTokens, may("access_token", m("allOf", list(ref("AccessToken")), "description", "Apps only."))),
		when(d.AccessTokens, may("refresh_token", m("allOf", list(ref("RefreshToken")), "description", "Apps only."))),
	)
	meta := func(is object) object {
		return m("allOf", list(ref("BaseAuthenticationMeta"), record("", must("is_authenticated", is))))
	}
	all["AuthenticationMeta"] = meta(boolean("Whether somebody is logged in."))
	all["AuthenticatedMeta"] = meta(one(true))
}

func (d *draft) describeAuthentication() {
	all := d.schemas
	user := []property{
		may("id", m("allOf", list(ref("ID")), "description", "The id of the user. Absent before there is an account.")),
		may("display", example1(text("What to call the user."), "Magic Wizard")),
		may("email", m("allOf", list(ref("Email")), "description", "The primary email address, verified or not.")),
		must("has_usable_password", boolean("Whether the user can log in with a password.")),
		when(d.Usernames, may("username", ref("Username"))),
	}
	for i := range d.UserFields {
		f := &d.UserFields[i]
		user = append(user, property{f.Name, hostField(f).with("description", f.Description), !f.Required})
	}
	all["User"] = record("What the API tells of a user.", user...)

	data := must("user", ref("User"))
	methods := must("methods", m("type", "array", "items", ref("AuthenticationMethod"), "description", "How the user has proven who they are, oldest first."))
	flows := must("flows", m("type", "array", "items", ref("Flow"), "description", "What the client can do next."))
	all["Authenticated"] = record("", data, methods)
	all["ReauthenticationRequired"] = record("", flows, data, methods)
	all["AuthenticatedResponse"] = record("The user is logged in.",
		must("status", ref("StatusOK")), must("data", ref("Authenticated")), must("meta", ref("AuthenticationMeta")))
	all["AuthenticationResponse"] = record("Nobody is logged in.",
		must("status", one(401)), must("data", record("", flows)), must("meta", ref("AuthenticationMeta")))
	all["ReauthenticationResponse"] = record("A recent proof of identity is needed.",
		must("status", one(401)), must("data", ref("ReauthenticationRequired")), must("meta", ref("AuthenticatedMeta")))
	all["SessionGoneResponse"] = record("The session is over.",
		must("status", one(410)), must("data", record("", flows)), must("meta", ref("AuthenticationMeta")))
	all["Flow"] = d.flow()
	all["AuthenticationMethod"] = d.method()
}

func (d *draft) flow() object {
	flow := record("Something that the client can do next, or has begun.",
		must("id", m("type", "string", "enum", list(d.flows...))),
		may("is_pending", boolean("Whether it is this that the client is expected to do now. Most flows don't say that they are not.")),
		when(d.has("/v1/auth/provider/redirect") || d.has("/v1/auth/provider/token"),
			may("providers", m("type", "array", "items", ref("ProviderID"), "description", "The identity providers to choose from."))),
		when(d.has("/v1/auth/provider/signup"), may("provider", ref("Provider"))),
		when(d.has("/v1/account/authenticators"),
			may("types", m("type", "array", "items", ref("AuthenticatorType"), "description", "The kinds of authenticators that can be used, or set up."))),
	)
	if len(d.Stages) > 0 {
		flow = append(flow, member{"additionalProperties", true})
	}
	return flow
}

func count(description string) object {
	return m("type", "integer", "minimum", 0).with("description", description)
}

func (d *draft) method() object {
	kind := func(title, name string, properties ...property) object {
		return append(m("title", title), record("", append([]property{must("method", one(name)), must("at", ref("Timestamp"))}, properties...)...)...)
	}
	email, phone := may("email", ref("Email")), may("phone", ref("Phone"))
	again := may("reauthenticated", boolean("Whether the user was logged in already."))
	// All of them, on any site: records outlive the features that made them.
	return m("oneOf", list(
		kind("By password", "password", email, when(d.Usernames, may("username", ref("Username"))), phone, again),
		kind("By a password reset", "password_reset", email),
		kind("By a code that was sent", "code", email, phone),
		kind("Through an identity provider", "socialaccount", must("provider", ref("ProviderID")), must("uid", ref("ProviderAccountID"))),
		kind("By an authenticator", "mfa", must("id", ref("AuthenticatorID")), must("type", ref("AuthenticatorType")), again,
			may("passwordless", boolean("Whether it was used in place of a password."))),
	))
}

func (d *draft) describeConfiguration() {
	all := d.schemas
	all["AccountConfiguration"] = record("What accounts are like.",
		may("authentication_method", m("type", "string", "enum", list("email", "username", "username_email"), "description", "The login methods in one word, for older front ends.")),
		must("login_methods", array(m("type", "string", "enum", list("email", "username", "phone")))),
		must("is_open_for_signup", boolean("Whether accounts can be made.")),
		must("email_verification_by_code_enabled", boolean("Whether addresses are verified by a code, rather than a link.")),
		must("login_by_code_enabled", boolean("Whether people can log in with a code that is sent to them.")),
		must("password_reset_by_code_enabled", boolean("Whether passwords are reset by a code, rather than a link.")),
	)
	all["SocialAccountConfiguration"] = record("The identity providers.", must("providers", ref("ProviderList")))
	all["MFAConfiguration"] = record("Further factors.",
		must("supported_types", m("type", "array", "items", ref("AuthenticatorType"), "description", "What users may set up.")),
		must("passkey_login_enabled", boolean("Whether people can log in with a passkey alone.")),
	)
	all["UserSessionsConfiguration"] = record("The list of sessions.", must("track_activity", boolean("Whether it is told when a session was last seen.")))
	all["ConfigurationResponse"] = d.envelope("", ref("StatusOK"), must("data", record("",
		must("account", ref("AccountConfiguration")),
		when(d.has("/v1/account/providers"), must("socialaccount", ref("SocialAccountConfiguration"))),
		when(d.has("/v1/account/authenticators"), must("mfa", ref("MFAConfiguration"))),
		when(d.has("/v1/auth/sessions"), must("usersessions", ref("UserSessionsConfiguration"))),
	)))
}

func (d *draft) describeAccount() {
	all := d.schemas
	all["EmailAddress"] = record("", must("email", ref("Email")), must("primary", boolean("Mails go there.")), must("verified", boolean("Proven to be the user's.")))
	all["EmailVerificationInfo"] = d.envelope("", ref("StatusOK"),
		must("data", record("", must("email", ref("Email")), must("user", ref("User")))),
		must("meta", m("allOf", list(ref("BaseAuthenticationMeta"), record("", must("is_authenticating", boolean("Whether the caller's login waits for this.")))))))
	all["PhoneNumber"] = record("", must("phone", ref("Phone")), must("verified", boolean("Proven to be the user's.")))
	all["PhoneNumbersResponse"] = d.envelope("", ref("StatusOK"), must("data", array(ref("PhoneNumber"))))
	all["PhoneNumberChangeResponse"] = d.envelope("", ref("StatusAccepted"), must("data", array(ref("PhoneNumber"))))
	all["Session"] = record("Where a user is logged in.",
		must("user_agent", example1(text("What the client says it is."), "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")),
		may("device", example1(text("The same in words, where it is known."), "Firefox on Linux")),
		must("ip", example1(text("The client's address."), "203.0.113.7")),
		must("created_at", ref("Timestamp")),
		must("is_current", boolean("Whether it is the caller's.")),
		must("id", ref("ID")),
		may("last_seen_at", ref("Timestamp")),
	)
	all["SessionIDs"] = m("type", "array", "minItems", 1, "items", ref("ID"))
}

func (d *draft) describeFactors() {
	all := d.schemas
	all["AuthenticatorType"] = m("type", "string", "enum", list("recovery_codes", "totp", "webauthn"))
	all["AuthenticatorID"] = m("allOf", list(ref("ID")), "description", "The id of an authenticator.")
	all["AuthenticatorIDs"] = m("type", "array", "minItems", 1, "items", ref("AuthenticatorID"))
	all["BaseAuthenticator"] = record("", must("created_at", ref("Timestamp")), must("last_used_at", ref("OptionalTimestamp")))
	authenticator := func(kind string, properties ...property) object {
		return m("allOf", list(ref("BaseAuthenticator"), record("", append([]property{must("type", one(kind))}, properties...)...)))
	}
	all["TOTPAuthenticator"] = authenticator("totp")
	all["RecoveryCodesAuthenticator"] = authenticator("recovery_codes",
		must("total_code_count", m("type", "integer", "description", "How many codes there were.", "example", 10)),
		must("unused_code_count", m("type", "integer", "description", "How many are left.", "example", 7)))
	all["SensitiveRecoveryCodesAuthenticator"] = m("allOf", list(ref("RecoveryCodesAuthenticator"), record("",
		may("unused_codes", m("type", "array", "items", ref("AuthenticatorCode"), "description", "The codes that are left. Absent where the site shows them once, and has.")))))
	all["WebAuthnAuthenticator"] = authenticator("webauthn",
		must("id", ref("AuthenticatorID")),
		must("name", example1(text("What the user calls it."), "Master key")),
		may("is_passwordless", boolean("Whether it is a passkey. Absent where it isn't known.")),
		may("model", example1(text("What it is, where that is known."), "YubiKey 5 Series")))
	all["AuthenticatorList"] = array(m("oneOf", list(ref("TOTPAuthenticator"), ref("RecoveryCodesAuthenticator"), ref("WebAuthnAuthenticator"))))
	all["TrustedBrowser"] = record("",
		must("id", ref("ID")), must("ip", text("Where it was trusted from.")), must("user_agent", text("What it says it is.")),
		must("created_at", ref("Timestamp")), must("expires_at", ref("Timestamp")), must("is_current", boolean("Whether it is the caller's.")))
	all["TrustedBrowserIDs"] = m("type", "array", "minItems", 1, "items", ref("ID"))
	d.describeWebAuthn()
}

func (d *draft) describeWebAuthn() {
	all := d.schemas
	encoded := text("base64url")
	descriptors := array(record("", must("type", one("public-key")), must("id", encoded)))
	verification := m("type", "string", "enum", list("required", "preferred", "discouraged"))
	all["WebAuthnCredentialRequestOptions"] = record("", must("request_options", record("", must("publicKey", record("",
		must("challenge", encoded), must("rpId", text("")), must("allowCredentials", descriptors), must("userVerification", verification))))))
	all["WebAuthnCredentialCreationOptions"] = record("", must("creation_options", record("",
		may("mediation", one("conditional")),
		must("publicKey", record("",
			must("rp", record("", must("id", text("")), must("name", text("")))),
			must("user", record("", must("id", encoded), must("name", text("")), must("displayName", text("")))),
			must("challenge", encoded),
			must("pubKeyCredParams", array(record("", must("type", one("public-key")), must("alg", m("type", "integer"))))),
			must("excludeCredentials", descriptors),
			must("authenticatorSelection", record("",
				must("residentKey", verification), must("userVerification", verification), must("requireResidentKey", m("type", "boolean")))),
			must("extensions", m("type", "object", "additionalProperties", true)),
		)))))
	all["WebAuthnCredential"] = append(record("A `PublicKeyCredential` in the form of its `toJSON()`.",
		must("id", encoded), must("rawId", encoded), must("type", one("public-key")),
		must("response", m("type", "object", "additionalProperties", true)),
		may("authenticatorAttachment", text("")),
		may("clientExtensionResults", m("type", "object", "additionalProperties", true)),
	), member{"additionalProperties", true})
	all["WebAuthnSignals"] = record("",
		must("all_accepted_credentials", record("", must("rpId", text("")), must("userId", encoded), must("allAcceptedCredentialIds", array(encoded)))),
		must("current_user_details", record("", must("rpId", text("")), must("userId", encoded), must("name", text("")), must("displayName", text("")))))
}

func (d *draft) describeProviders() {
	all := d.schemas
	all["ProviderID"] = example1(text("The id of an identity provider."), "google")
	all["ProviderAccountID"] = example1(text("The identity provider's own id of the account."), "goo12345")
	all["ClientID"] = example1(text("The site's id at the identity provider."), "123.apps.googleusercontent.com")
	all["Process"] = m("type", "string", "enum", list("login", "connect"),
		"description", "`login` logs in, or signs up; `connect` links the account there to the user who is logged in.")
	all["ProviderTokens"] = record("What the identity provider's library gave.",
		may("client_id", m("allOf", list(ref("ClientID")), "description", "Required, unless the site has none there.")), may("id_token", text("An ID token.")), may("access_token", text("An access token.")))
	all["CallbackURL"] = example1(text("The front end's page that the user comes back to: of the site itself, or of an origin that it allows."), "https://app.example.org/welcome")
	all["ProviderRedirect"] = record("",
		must("provider", ref("ProviderID")), must("process", ref("Process")), must("callback_url", ref("CallbackURL")),
		must("csrfmiddlewaretoken", text("The value of the cookie `"+d.CSRFCookie+"`.")))
	all["ProviderLogout"] = record("",
		must("callback_url", ref("CallbackURL")), must("csrfmiddlewaretoken", text("The value of the cookie `"+d.CSRFCookie+"`.")))
	all["Provider"] = record("An identity provider.",
		must("id", ref("ProviderID")),
		must("name", example1(text("For people."), "Google")),
		must("flows", m("type", "array", "items", m("type", "string", "enum", list("provider_redirect", "provider_token")), "description", "The flows it can be used with.")),
		may("client_id", ref("ClientID")),
		may("openid_configuration_url", example1(text("Where an OpenID Connect provider describes itself."), "https://accounts.google.com/.well-known/openid-configuration")))
	all["ProviderList"] = array(ref("Provider"))
	all["ProviderAccount"] = record("An account at an identity provider.",
		must("uid", ref("ProviderAccountID")), must("display", example1(text("What to call it."), "Wizzkid")), must("provider", ref("Provider")))
}
