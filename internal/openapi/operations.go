package openapi

import "sync"

// operation is what the routes don't tell of one method of one path.
type operation struct {
	// ID names it for generators of clients; Summary and Description for
	// people.
	ID, Summary, Description string
	Tag                      string
	// Body names the schema of the body, which is made from the input's
	// fields. Base names the schema of all of them but the password.
	Body, Base string
	// Either are the errors of a body that has none, or more than one, of the
	// fields that are not required; where there are several, it is to have
	// exactly one. spec: account.md §2.1, §5.1.
	Either string
	// Fields are the schemas of fields, where the name doesn't tell. Needed
	// are fields that are required, whatever the input says: their absence is
	// judged later.
	Fields map[string]string
	Needed string
	// Form: the body is an HTML form, which the input does not tell.
	Form bool
	// Query are the parameters in the URL.
	Query []object
	// Answers are the names of responses by status, each perhaps followed by a
	// colon and a description that takes the place of the response's own.
	Answers map[int]string
	// Errors are what the fields don't tell of a 400, each as "param:code", or
	// ":code" for the input as a whole. One that ends in "?field" is possible
	// where that field is read.
	Errors string
	// Completes is the flow that this call takes to its end, Pending are those
	// that may wait next.
	Completes, Pending string
}

const (
	newPassword  = "password_too_short password_too_common password_too_similar password_entirely_numeric max_length"
	nextAtLogin  = "verify_email verify_phone login_by_code mfa_authenticate mfa_trust mfa_enroll"
	afterAddress = "mfa_authenticate mfa_trust mfa_signup_webauthn mfa_enroll"
	afterFactor  = "mfa_trust mfa_enroll verify_email"
)

func passwordless() object {
	return m("in", "query", "name", "passwordless", "required", false,
		"description", "If it is there, whatever its value, the key is made to log in by itself, as a passkey.",
		"allowEmptyValue", true, "schema", m("type", "boolean"))
}

// operations is every method of every path, by URL below the client's prefix.
// It is made when it is needed first: not every program serves a description.
var operations = sync.OnceValue(func() map[string]operation {
	return map[string]operation{
		"GET /v1/config": {
			ID: "getConfig", Tag: "Configuration", Summary: "What the site offers",
			Description: "Tells which features are on and which identity providers there are. It is the same for everybody: ask once, when the front end starts.",
			Answers:     map[int]string{200: "Configuration"},
		},

		// Where the caller stands.

		"GET /v1/auth/session": {
			ID: "getSession", Tag: "Authentication: Current Session", Summary: "Who is logged in?",
			Description: "200 with the user, or 401 with what the client can do next. A front end asks this first.",
			Answers:     map[int]string{200: "Authenticated", 401: "Authentication"},
			Pending:     "verify_email verify_phone login_by_code mfa_authenticate mfa_trust provider_signup mfa_signup_webauthn mfa_enroll password_reset_by_code",
		},
		"DELETE /v1/auth/session": {
			ID: "logout", Tag: "Authentication: Current Session", Summary: "Log out",
			Description: "Ends the session, and a login that is half done. The answer is a 401: nobody is logged in any more.",
			Answers:     map[int]string{401: "Unauthenticated: Logged out."},
		},

		// Logging in and signing up.

		"POST /v1/auth/login": {
			ID: "login", Tag: "Authentication: Account", Summary: "Log in with a password",
			Description: "Takes one identifier and the password. A 401 means that the password was right and more is asked: see the pending flow.",
			Body:        "Login", Either: ":invalid_login", Completes: "login", Pending: nextAtLogin,
			Answers: map[int]string{200: "AuthenticatedByPassword", 401: "Authentication", 409: "Conflict: Somebody is logged in already."},
			Errors:  "password:username_password_mismatch?username password:email_password_mismatch?email password:phone_password_mismatch?phone :too_many_login_attempts",
		},
		"POST /v1/auth/signup": {
			ID: "signup", Tag: "Authentication: Account", Summary: "Sign up",
			Description: "Makes an account and begins its first login. Where the site hides who has an account, signing up with an address that is taken looks the same, and its owner gets a mail.",
			Body:        "Signup", Base: "BaseSignup", Completes: "signup", Pending: "verify_email verify_phone login_by_code mfa_enroll",
			Answers: map[int]string{
				200: "AuthenticatedByPassword", 401: "Authentication",
				403: "Forbidden: Signing up is closed, or the CSRF token is missing.", 409: "Conflict: Somebody is logged in.",
			},
			Errors: "email:email_taken?email email2:email_mismatch?email2 username:username_taken?username username:username_blacklisted?username username:invalid?username phone:phone_taken?phone password:" + newPassword,
		},
		"GET /v1/auth/email/verify": {
			ID: "getEmailVerification", Tag: "Authentication: Account", Summary: "What does a key verify?",
			Description: "Tells whose address a mailed key or code would verify, and verifies nothing.",
			Answers:     map[int]string{200: "EmailVerificationInfo", 409: "Conflict: No code waits to be repeated by this client."},
			Errors:      "key:email_taken key:too_many_login_attempts",
		},
		"POST /v1/auth/email/verify": {
			ID: "verifyEmail", Tag: "Authentication: Account", Summary: "Verify an email address",
			Description: "Takes the key of a mailed link, or a mailed code. A 401 is no failure: the address is verified, and the caller is not logged in, or not yet.",
			Body:        "VerifyEmail", Completes: "verify_email", Pending: afterAddress,
			Answers: map[int]string{200: "Authenticated", 401: "Authentication: The address is verified. The caller is not logged in, or not yet.", 409: "Conflict: No code waits to be repeated by this client."},
			Errors:  "key:email_taken key:max_email_addresses key:too_many_login_attempts",
		},
		"POST /v1/auth/email/verify/resend": {
			ID: "resendEmailVerification", Tag: "Authentication: Account", Summary: "Mail another code",
			Description: "Sends a new code in place of the former one, as often as the site allows. Links are not sent again; logging in sends one.",
			Answers:     map[int]string{200: "StatusOK", 409: "Conflict: No code waits, or there were enough.", 429: "TooManyRequests"},
		},
		"POST /v1/auth/phone/verify": {
			ID: "verifyPhone", Tag: "Authentication: Account", Summary: "Verify a phone number",
			Description: "Takes the code that was sent to the number. A 401 is no failure: the number is verified, and more is asked before the user is logged in.",
			Body:        "VerifyPhone", Completes: "verify_phone", Pending: "verify_email mfa_authenticate mfa_trust mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "Authentication: The number is verified. The caller is not logged in, or not yet.", 409: "Conflict: No code waits to be repeated by this client."},
			Errors:  "code:phone_taken code:too_many_login_attempts",
		},
		"POST /v1/auth/phone/verify/resend": {
			ID: "resendPhoneVerification", Tag: "Authentication: Account", Summary: "Send another code to the phone",
			Description: "Sends a new code in place of the former one, as often as the site allows.",
			Answers:     map[int]string{200: "StatusOK", 409: "Conflict: No code waits, or there were enough.", 429: "TooManyRequests"},
		},
		"POST /v1/auth/reauthenticate": {
			ID: "reauthenticate", Tag: "Authentication: Account", Summary: "Repeat the password",
			Description: "Some changes need a recent proof of identity, and are answered 401 with the flows that give one. This is the flow `reauthenticate`. Afterwards the client repeats what it had asked for.",
			Body:        "Reauthenticate", Completes: "reauthenticate",
			Answers: map[int]string{200: "AuthenticatedByPassword", 401: "Unauthenticated"},
			Errors:  "password:incorrect_password password:too_many_login_attempts",
		},
		"GET /ext/v1/config": {
			ID: "getForms", Tag: "Configuration", Summary: "What do forms ask for?",
			Description: "The fields of the form to sign up with, in order, and what passwords have to be.",
			Answers:     map[int]string{200: "Forms"},
		},
		"GET /ext/v1/auth/codes": {
			ID: "listPendingCodes", Tag: "Authentication: Current Session", Summary: "Which codes wait to be repeated?",
			Description: "The codes that were sent for this client: where they went, how long they are good, and how often what can still be done.",
			Answers:     map[int]string{200: "PendingCodes"},
		},
		"GET /ext/v1/auth/reauthenticate": {
			ID: "getReauthentication", Tag: "Authentication: Account", Summary: "Is the proof of identity recent?",
			Description: "Tells whether what needs a recent proof of identity would be answered 401 now, and the flows that give one.",
			Answers:     map[int]string{200: "Reauthentication", 401: "Unauthenticated"},
		},

		// Passwords.

		"POST /v1/auth/password/request": {
			ID: "requestPasswordReset", Tag: "Authentication: Password Reset", Summary: "Ask for a password reset",
			Description: "Mails a link with a key, or a code. With links the answer is 200. With codes it is a 401 in which `password_reset_by_code` is pending.",
			Body:        "RequestPassword", Pending: "password_reset_by_code",
			Answers: map[int]string{200: "PasswordRequested", 401: "Authentication: A code was sent.", 429: "TooManyRequests"},
			Errors:  "email:unknown_email",
		},
		"GET /v1/auth/password/reset": {
			ID: "getPasswordReset", Tag: "Authentication: Password Reset", Summary: "Whose password does a key reset?",
			Description: "Tells whether a mailed key or code is good, and whose it is. A wrong code counts as an attempt.",
			Answers:     map[int]string{200: "PasswordResetInfo", 409: "Conflict: No reset by code is under way."},
			Errors:      "key:too_many_login_attempts",
		},
		"POST /v1/auth/password/reset": {
			ID: "resetPassword", Tag: "Authentication: Password Reset", Summary: "Set a new password",
			Description: "Takes the mailed key or code and the new password, and ends all sessions of the user. 200 where the site logs in whoever has reset their password; 401 where they have to log in.",
			Body:        "ResetPassword", Completes: "password_reset_by_code", Pending: nextAtLogin,
			Answers: map[int]string{200: "AuthenticatedByPassword", 401: "Authentication: The password is changed. The caller is not logged in, or not yet.", 409: "Conflict: No reset by code is under way."},
			Errors:  "key:too_many_login_attempts password:" + newPassword,
		},
		"POST /v1/account/password/change": {
			ID: "changePassword", Tag: "Account: Password", Summary: "Change the password",
			Description: "Takes the present password and a new one. Whoever has none yet, because they have signed up through an identity provider or with a passkey, leaves the present one out. All other sessions of the user end.",
			Body:        "ChangePassword",
			Answers:     map[int]string{200: "AuthenticatedByPassword", 401: "AuthenticationOrReauthentication: Nobody is logged in, or nobody is any more, as the site may end this session too; or a first password takes a login a short while ago."},
			Errors:      "current_password:required current_password:enter_current_password current_password:too_many_login_attempts new_password:" + newPassword,
		},

		// Login by code.

		"POST /v1/auth/code/request": {
			ID: "requestLoginCode", Tag: "Authentication: Login By Code", Summary: "Ask for a login code",
			Description: "Sends a code that logs in, by mail or text message. The answer is a 401 in which `login_by_code` is pending; 200, if somebody is logged in already.",
			Body:        "RequestLoginCode", Either: ":required :select_only_one", Pending: "login_by_code",
			Answers: map[int]string{200: "Authenticated: Somebody is logged in already, and no code was sent.", 401: "Authentication: A code was sent."},
			Errors:  "email:unknown_email?email phone:unknown_phone?phone email:too_many_login_attempts?email phone:too_many_login_attempts?phone",
		},
		"POST /v1/auth/code/confirm": {
			ID: "confirmLoginCode", Tag: "Authentication: Login By Code", Summary: "Log in with the code",
			Description: "Takes the code that was sent.",
			Body:        "ConfirmLoginCode", Completes: "login_by_code", Pending: "verify_email verify_phone mfa_authenticate mfa_trust mfa_enroll",
			Answers: map[int]string{200: "AuthenticatedByCode", 401: "Authentication", 409: "Conflict: No code waits to be repeated by this client."},
			Errors:  "code:too_many_login_attempts",
		},
		"POST /v1/auth/code/resend": {
			ID: "resendLoginCode", Tag: "Authentication: Login By Code", Summary: "Send another login code",
			Description: "Sends a new code in place of the former one, as often as the site allows.",
			Answers:     map[int]string{200: "StatusOK", 409: "Conflict: No code waits, or there were enough.", 429: "TooManyRequests"},
		},

		// Identity providers.

		"POST /v1/auth/provider/redirect": {
			ID: "redirectToProvider", Tag: "Authentication: Providers", Summary: "Go to an identity provider",
			Description: "Sends the browser to the identity provider; a front end submits an HTML form with the CSRF token in it, as scripts can't follow. When the user has come back, the browser is sent to `callback_url`, where the front end asks for the session: it is logged in, or a flow is pending. What went wrong is in the query parameter `error`: `cancelled`, `denied`, `signup_closed`, `permission_denied`, `reauthentication_required`, `connected_other`, `max_provider_accounts` or `unknown`.",
			Body:        "ProviderRedirect", Form: true, Completes: "provider_redirect",
			Answers: map[int]string{302: "ProviderRedirect"},
		},
		"POST /ext/v1/auth/provider/prompt": {
			ID: "promptByProvider", Tag: "Authentication: Providers", Summary: "Let an identity provider's script ask",
			Description: "For scripts that ask people on the front end's own page, such as Google One Tap: tells what to configure the script with. The script posts its answer to `login_uri`, and the browser ends at `callback_url`, as when it comes back from the provider. Each nonce works once.",
			Body:        "ProviderPrompt", Fields: map[string]string{"callback_url": "CallbackURL"},
			Answers: map[int]string{200: "ProviderPrompt", 401: "AuthenticationOrReauthentication"},
			Errors:  "provider:required provider:invalid_choice process:required process:invalid_choice callback_url:required callback_url:invalid",
		},
		"POST /ext/v1/auth/provider/logout": {
			ID: "logoutAtProvider", Tag: "Authentication: Providers", Summary: "Log out here and at the identity provider",
			Description: "Ends the session, and sends the browser on to the identity provider that it comes from, if that takes part in single logout; a front end submits an HTML form with the CSRF token in it. In the end the browser is sent to `callback_url`, with the query parameter `error` if the provider did not confirm.",
			Body:        "ProviderLogout", Form: true,
			Answers: map[int]string{200: "ProviderPage", 302: "ProviderRedirect"},
		},
		"POST /v1/auth/provider/token": {
			ID: "loginWithProviderToken", Tag: "Authentication: Providers", Summary: "Log in with an identity provider's token",
			Description: "For apps that use the provider's own library: takes the tokens that it gave. With `process` `connect`, links the account there to the user who is logged in.",
			Body:        "ProviderToken", Completes: "provider_token", Pending: "provider_signup verify_email verify_phone mfa_authenticate mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "AuthenticationOrReauthentication", 403: "Forbidden: Signing up is closed, or the CSRF token is missing."},
			Errors:  "provider:required process:required process:invalid_choice token:required token:invalid_token token:client_id_required token:token_required provider:token_authentication_not_supported :connected_other :max_provider_accounts",
		},
		"GET /v1/auth/provider/signup": {
			ID: "getProviderSignup", Tag: "Authentication: Providers", Summary: "What did the identity provider tell?",
			Description: "A stranger has come from an identity provider that didn't tell enough for an account. Shows what it did tell, to fill in the form.",
			Answers:     map[int]string{200: "ProviderSignup", 403: "Forbidden: Signing up is closed.", 409: "Conflict: No such signup is under way."},
		},
		"POST /v1/auth/provider/signup": {
			ID: "signupWithProvider", Tag: "Authentication: Providers", Summary: "Sign up through an identity provider",
			Description: "Completes what the identity provider didn't tell, makes the account and begins its first login.",
			Body:        "ProviderSignup", Base: "BaseSignup", Completes: "provider_signup", Pending: "verify_email verify_phone mfa_enroll",
			Answers: map[int]string{
				200: "Authenticated", 401: "Authentication",
				403: "Forbidden: Signing up is closed, or the CSRF token is missing.", 409: "Conflict: No such signup is under way.",
			},
			Errors: "email:email_taken?email email2:email_mismatch?email2 username:username_taken?username username:username_blacklisted?username username:invalid?username phone:phone_taken?phone",
		},
		"GET /v1/account/providers": {
			ID: "listProviderAccounts", Tag: "Account: Providers", Summary: "List the linked accounts",
			Answers: map[int]string{200: "ProviderAccounts", 401: "Unauthenticated"},
		},
		"DELETE /v1/account/providers": {
			ID: "disconnectProviderAccount", Tag: "Account: Providers", Summary: "Unlink an account",
			Description: "The last one stays while there is no other way to log in.",
			Body:        "DisconnectProviderAccount",
			Answers:     map[int]string{200: "ProviderAccounts", 401: "AuthenticationOrReauthentication"},
			Errors:      ":account_not_found :no_password :no_verified_email :disconnect_last",
		},

		// Further factors.

		"POST /v1/auth/2fa/authenticate": {
			ID: "authenticateWithCode", Tag: "Authentication: 2FA", Summary: "Give a code as second factor",
			Description: "Takes a code of the authenticator app, or a recovery code, while `mfa_authenticate` is pending.",
			Body:        "MFAAuthenticate", Fields: map[string]string{"code": "AuthenticatorCode"},
			Completes: "mfa_authenticate", Pending: afterFactor,
			Answers: map[int]string{200: "AuthenticatedByPasswordAnd2FA", 401: "Authentication"},
			Errors:  "code:incorrect_code code:too_many_login_attempts",
		},
		"POST /v1/auth/2fa/reauthenticate": {
			ID: "reauthenticateWithCode", Tag: "Authentication: 2FA", Summary: "Give a code to prove identity again",
			Description: "Takes a code of the authenticator app, or a recovery code. This is the flow `mfa_reauthenticate`.",
			Body:        "MFAAuthenticate", Fields: map[string]string{"code": "AuthenticatorCode"}, Completes: "mfa_reauthenticate",
			Answers: map[int]string{200: "AuthenticatedByPasswordAnd2FA", 401: "Unauthenticated"},
			Errors:  "code:incorrect_code code:too_many_login_attempts",
		},
		"POST /v1/auth/2fa/trust": {
			ID: "trustBrowser", Tag: "Authentication: 2FA", Summary: "Trust this browser?",
			Description: "Answers the question of the flow `mfa_trust`. A trusted browser is not asked for a further factor for a while.",
			Body:        "MFATrust", Completes: "mfa_trust", Pending: "mfa_enroll",
			Answers: map[int]string{200: "AuthenticatedByPasswordAnd2FA", 401: "Authentication"},
		},
		"GET /ext/v1/account/trusted-browsers": {
			ID: "listTrustedBrowsers", Tag: "Account: 2FA", Summary: "List the trusted browsers",
			Answers: map[int]string{200: "TrustedBrowsers", 401: "Unauthenticated"},
		},
		"DELETE /ext/v1/account/trusted-browsers": {
			ID: "distrustBrowsers", Tag: "Account: 2FA", Summary: "Trust browsers no more",
			Description: "Ends the trust in all that are named, or in none if one of them is unknown. Lists the others.",
			Body:        "DistrustBrowsers", Needed: "trusted_browsers", Fields: map[string]string{"trusted_browsers": "TrustedBrowserIDs"},
			Answers: map[int]string{200: "TrustedBrowsers", 401: "Unauthenticated"},
			Errors:  "trusted_browsers:required trusted_browsers:invalid_list trusted_browsers:invalid_pk_value trusted_browsers:invalid_choice",
		},
		"GET /v1/account/authenticators": {
			ID: "listAuthenticators", Tag: "Account: 2FA", Summary: "List the authenticators",
			Answers: map[int]string{200: "Authenticators", 401: "Unauthenticated"},
		},
		"GET /v1/account/authenticators/totp": {
			ID: "getTOTP", Tag: "Account: 2FA", Summary: "The authenticator app, or the secret to set one up",
			Description: "404, if there is none, with a new secret: show its URL as QR code, and activate it with a code of the app.",
			Answers:     map[int]string{200: "TOTPAuthenticator", 401: "Unauthenticated", 404: "TOTPAuthenticatorNotFound", 409: "AddAuthenticatorConflict"},
		},
		"POST /v1/account/authenticators/totp": {
			ID: "activateTOTP", Tag: "Account: 2FA", Summary: "Activate an authenticator app",
			Description: "Takes a code that the app has made from the secret.",
			Body:        "ActivateTOTP", Fields: map[string]string{"code": "AuthenticatorCode"},
			Answers: map[int]string{200: "TOTPAuthenticator", 401: "AuthenticationOrReauthentication", 409: "AddAuthenticatorConflict: There is one already."},
			Errors:  "code:incorrect_code code:too_many_login_attempts code:unverified_email",
		},
		"DELETE /v1/account/authenticators/totp": {
			ID: "deactivateTOTP", Tag: "Account: 2FA", Summary: "Remove the authenticator app",
			Answers: map[int]string{200: "StatusOK", 401: "AuthenticationOrReauthentication"},
			Errors:  ":cannot_delete_authenticator",
		},
		"GET /v1/account/authenticators/recovery-codes": {
			ID: "getRecoveryCodes", Tag: "Account: 2FA", Summary: "Show the recovery codes",
			Answers: map[int]string{200: "RecoveryCodes", 401: "AuthenticationOrReauthentication", 404: "NotFound: There are none.", 409: "Conflict: They were used or shown just now."},
		},
		"POST /v1/account/authenticators/recovery-codes": {
			ID: "generateRecoveryCodes", Tag: "Account: 2FA", Summary: "Make new recovery codes",
			Description: "The former ones are void.",
			Answers:     map[int]string{200: "RecoveryCodes", 401: "AuthenticationOrReauthentication"},
			Errors:      ":cannot_generate_recovery_codes",
		},
		"GET /ext/v1/auth/2fa/enroll/totp": {
			ID: "getTOTPEnrollment", Tag: "Authentication: 2FA", Summary: "A secret for the authenticator app that is required",
			Description: "While `mfa_enroll` is pending: the site wants its user to have a further factor. Always a 404, as of the account's own page.",
			Answers:     map[int]string{401: "Authentication", 404: "TOTPAuthenticatorNotFound"},
		},
		"POST /ext/v1/auth/2fa/enroll/totp": {
			ID: "enrollTOTP", Tag: "Authentication: 2FA", Summary: "Set up the authenticator app that is required",
			Body: "ActivateTOTP", Fields: map[string]string{"code": "AuthenticatorCode"}, Completes: "mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "Authentication"},
			Errors:  "code:incorrect_code code:too_many_login_attempts",
		},
		"GET /ext/v1/auth/2fa/enroll/webauthn": {
			ID: "getWebAuthnEnrollment", Tag: "Authentication: 2FA", Summary: "Options for the security key that is required",
			Answers: map[int]string{200: "WebAuthnCreationOptionsResponse", 401: "Authentication"},
		},
		"POST /ext/v1/auth/2fa/enroll/webauthn": {
			ID: "enrollWebAuthn", Tag: "Authentication: 2FA", Summary: "Set up the security key that is required",
			Body: "NewWebAuthnAuthenticator", Needed: "credential", Completes: "mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "Authentication"},
			Errors:  "credential:required credential:invalid :incorrect_code :max_authenticators",
		},

		// Security keys and passkeys.

		"GET /v1/auth/webauthn/authenticate": {
			ID: "getWebAuthnAuthentication", Tag: "Authentication: WebAuthn: Login", Summary: "Options to use a security key as second factor",
			Description: "For `PublicKeyCredential.parseRequestOptionsFromJSON()`.",
			Answers:     map[int]string{200: "WebAuthnRequestOptionsResponse", 401: "Authentication"},
		},
		"POST /v1/auth/webauthn/authenticate": {
			ID: "authenticateWithWebAuthn", Tag: "Authentication: WebAuthn: Login", Summary: "Use a security key as second factor",
			Body: "AuthenticateWebAuthn", Needed: "credential", Completes: "mfa_authenticate", Pending: afterFactor,
			Answers: map[int]string{200: "AuthenticatedByPasswordAnd2FA", 401: "Authentication"},
			Errors:  "credential:required credential:invalid credential:incorrect_code credential:too_many_login_attempts",
		},
		"GET /v1/auth/webauthn/reauthenticate": {
			ID: "getWebAuthnReauthentication", Tag: "Authentication: WebAuthn: Login", Summary: "Options to prove identity again by a security key",
			Description: "For `PublicKeyCredential.parseRequestOptionsFromJSON()`.",
			Answers:     map[int]string{200: "WebAuthnRequestOptionsResponse", 401: "Unauthenticated"},
		},
		"POST /v1/auth/webauthn/reauthenticate": {
			ID: "reauthenticateWithWebAuthn", Tag: "Authentication: WebAuthn: Login", Summary: "Prove identity again by a security key",
			Body: "ReauthenticateWebAuthn", Needed: "credential", Completes: "mfa_reauthenticate",
			Answers: map[int]string{200: "AuthenticatedByPasswordAnd2FA", 401: "Unauthenticated"},
			Errors:  "credential:required credential:invalid credential:incorrect_code credential:too_many_login_attempts",
		},
		"GET /v1/auth/webauthn/login": {
			ID: "getWebAuthnLogin", Tag: "Authentication: WebAuthn: Login", Summary: "Options to log in with a passkey",
			Description: "For `PublicKeyCredential.parseRequestOptionsFromJSON()`. Nobody needs to say who they are; it suits conditional mediation (autofill) too.",
			Answers:     map[int]string{200: "WebAuthnRequestOptionsResponse"},
		},
		"POST /v1/auth/webauthn/login": {
			ID: "loginWithWebAuthn", Tag: "Authentication: WebAuthn: Login", Summary: "Log in with a passkey",
			Body: "LoginWebAuthn", Needed: "credential", Completes: "mfa_login_webauthn", Pending: "verify_email verify_phone login_by_code mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "Authentication", 409: "Conflict: Somebody is logged in already."},
			Errors:  "credential:required credential:invalid credential:incorrect_code credential:too_many_login_attempts",
		},
		"POST /v1/auth/webauthn/signup": {
			ID: "signupWithWebAuthn", Tag: "Authentication: WebAuthn: Signup", Summary: "Sign up with a passkey",
			Description: "Begins as any signup does, without a password. Once the address is verified, the flow `mfa_signup_webauthn` is pending, and the passkey is made: get the options, then put the credential.",
			Body:        "PasskeySignup", Base: "BaseSignup", Pending: "verify_email verify_phone",
			Answers: map[int]string{
				401: "Authentication: The account is made; its address is to be verified next.",
				403: "Forbidden: Signing up is closed, or the CSRF token is missing.", 409: "Conflict: Somebody is logged in.",
			},
			Errors: "email:email_taken?email email2:email_mismatch?email2 username:username_taken?username username:username_blacklisted?username username:invalid?username phone:phone_taken?phone",
		},
		"GET /v1/auth/webauthn/signup": {
			ID: "getWebAuthnSignup", Tag: "Authentication: WebAuthn: Signup", Summary: "Options to make the passkey of a new account",
			Description: "For `PublicKeyCredential.parseCreationOptionsFromJSON()`.",
			Answers:     map[int]string{200: "WebAuthnCreationOptionsResponse", 409: "Conflict: No such signup waits for its passkey."},
		},
		"PUT /v1/auth/webauthn/signup": {
			ID: "completeWebAuthnSignup", Tag: "Authentication: WebAuthn: Signup", Summary: "Complete a signup with its passkey",
			Body: "NewWebAuthnAuthenticator", Needed: "credential", Completes: "mfa_signup_webauthn", Pending: "mfa_enroll",
			Answers: map[int]string{200: "Authenticated", 401: "Authentication", 409: "Conflict: No such signup waits for its passkey."},
			Errors:  "credential:required credential:invalid :incorrect_code",
		},
		"GET /v1/account/authenticators/webauthn": {
			ID: "getWebAuthnCreation", Tag: "Account: WebAuthn", Summary: "Options to make a security key or passkey",
			Description: "For `PublicKeyCredential.parseCreationOptionsFromJSON()`.",
			Query:       []object{passwordless()},
			Answers:     map[int]string{200: "WebAuthnCreationOptionsResponse", 401: "AuthenticationOrReauthentication", 409: "AddAuthenticatorConflict"},
		},
		"POST /v1/account/authenticators/webauthn": {
			ID: "addWebAuthn", Tag: "Account: WebAuthn", Summary: "Add a security key or passkey",
			Body: "NewWebAuthnAuthenticator", Needed: "credential",
			Answers: map[int]string{200: "AddWebAuthnAuthenticator", 401: "AuthenticationOrReauthentication", 409: "AddAuthenticatorConflict"},
			Errors:  "credential:required credential:invalid :incorrect_code :max_authenticators",
		},
		"PUT /v1/account/authenticators/webauthn": {
			ID: "renameWebAuthn", Tag: "Account: WebAuthn", Summary: "Rename a security key",
			Body: "RenameWebAuthnAuthenticator", Needed: "id",
			Answers: map[int]string{200: "WebAuthnAuthenticator", 401: "AuthenticationOrReauthentication", 409: "Conflict: It was used or removed just now."},
			Errors:  "id:required id:invalid_choice",
		},
		"DELETE /v1/account/authenticators/webauthn": {
			ID: "removeWebAuthn", Tag: "Account: WebAuthn", Summary: "Remove security keys",
			Description: "Removes all that are named, or none if one of them is unknown.",
			Body:        "RemoveWebAuthnAuthenticators", Needed: "authenticators",
			Answers: map[int]string{200: "StatusOK", 401: "AuthenticationOrReauthentication"},
			Errors:  "authenticators:required authenticators:invalid_list authenticators:invalid_pk_value authenticators:invalid_choice :cannot_delete_authenticator",
		},
		"GET /ext/v1/account/authenticators/webauthn/conditional": {
			ID: "getConditionalWebAuthnCreation", Tag: "Account: WebAuthn", Summary: "Options to make a passkey without asking",
			Description: "For `navigator.credentials.create()` with conditional mediation, just after a login with a password that the browser knows.",
			Answers:     map[int]string{200: "WebAuthnCreationOptionsResponse", 401: "AuthenticationOrReauthentication", 409: "AddAuthenticatorConflict"},
		},
		"POST /ext/v1/account/authenticators/webauthn/conditional": {
			ID: "addConditionalWebAuthn", Tag: "Account: WebAuthn", Summary: "Add a passkey that was made without asking",
			Body: "NewWebAuthnAuthenticator", Needed: "credential",
			Answers: map[int]string{200: "AddWebAuthnAuthenticator", 401: "AuthenticationOrReauthentication", 409: "AddAuthenticatorConflict"},
			Errors:  "credential:required credential:invalid :incorrect_code :max_authenticators",
		},
		"GET /ext/v1/account/authenticators/webauthn/signals": {
			ID: "getWebAuthnSignals", Tag: "Account: WebAuthn", Summary: "What browsers should know of the passkeys",
			Description: "Arguments of `PublicKeyCredential.signalAllAcceptedCredentials()` and `signalCurrentUserDetails()`, so that password managers forget passkeys that were removed.",
			Answers:     map[int]string{200: "WebAuthnSignals", 401: "Unauthenticated"},
		},

		// The account's addresses.

		"GET /v1/account/email": {
			ID: "listEmails", Tag: "Account: Email", Summary: "List the email addresses",
			Answers: map[int]string{200: "EmailAddresses", 401: "Unauthenticated"},
		},
		"POST /v1/account/email": {
			ID: "addEmail", Tag: "Account: Email", Summary: "Add or change the email address",
			Description: "Adds an address, or, where users have one, begins to change it. A link or code is mailed to the new one. Without being logged in, it corrects the address that a signup waits to be verified, where the site allows that.",
			Body:        "AddEmail",
			Answers:     map[int]string{200: "EmailAddresses", 401: "AuthenticationOrReauthentication", 409: "Conflict: Nobody is logged in, and no address can be corrected."},
			Errors:      "email:duplicate_email email:email_taken email:max_email_addresses email:add_email_blocked email:same_as_current",
		},
		"PUT /v1/account/email": {
			ID: "resendEmail", Tag: "Account: Email", Summary: "Mail another link or code to an address",
			Body:    "KnownEmail",
			Answers: map[int]string{200: "StatusOK", 401: "Unauthenticated", 403: "Forbidden: No mail was sent: there were enough, or there is nothing to verify. Or the CSRF token is missing."},
			Errors:  "email:unknown_email",
		},
		"PATCH /v1/account/email": {
			ID: "makeEmailPrimary", Tag: "Account: Email", Summary: "Make an address the primary one",
			Description: "Only an address that is verified, unless none is.",
			Body:        "MakeEmailPrimary",
			Answers:     map[int]string{200: "EmailAddresses", 401: "AuthenticationOrReauthentication"},
			Errors:      "email:unknown_email email:unverified_primary_email",
		},
		"DELETE /v1/account/email": {
			ID: "removeEmail", Tag: "Account: Email", Summary: "Remove an email address",
			Description: "The primary address stays while there are others, and the last one while it is what users log in with.",
			Body:        "KnownEmail",
			Answers:     map[int]string{200: "EmailAddresses", 401: "AuthenticationOrReauthentication"},
			Errors:      "email:unknown_email email:cannot_remove_primary_email",
		},
		"GET /v1/account/phone": {
			ID: "listPhones", Tag: "Account: Phone", Summary: "The phone number",
			Description: "A list of one number, or of none.",
			Answers:     map[int]string{200: "PhoneNumbers", 401: "Unauthenticated"},
		},
		"POST /v1/account/phone": {
			ID: "changePhone", Tag: "Account: Phone", Summary: "Change the phone number",
			Description: "Sends a code to the new number, which counts once it is verified. Without being logged in, it corrects the number that a signup waits to be verified, where the site allows that.",
			Body:        "ChangePhone",
			Answers:     map[int]string{202: "PhoneNumberChange", 401: "AuthenticationOrReauthentication", 409: "Conflict: Nobody is logged in, and no number can be corrected."},
			Errors:      "phone:same_as_current phone:phone_taken",
		},
		"DELETE /ext/v1/account/phone": {
			ID: "removePhone", Tag: "Account: Phone", Summary: "Remove the phone number",
			Description: "Removes the number, and ends a change of it that waits for its code. It stays where every user needs one, and while it is all that the caller logs in with.",
			Answers:     map[int]string{200: "PhoneNumbers", 401: "AuthenticationOrReauthentication", 403: "Forbidden: The number is needed, or the CSRF token is missing."},
		},

		// Sessions and tokens.

		"GET /v1/auth/sessions": {
			ID: "listSessions", Tag: "Sessions", Summary: "Where the user is logged in",
			Answers: map[int]string{200: "Sessions", 401: "Unauthenticated"},
		},
		"DELETE /v1/auth/sessions": {
			ID: "endSessions", Tag: "Sessions", Summary: "End sessions",
			Description: "Ends all that are named, or none if one of them is unknown. Lists the others; 401, if the caller's own was among them.",
			Body:        "EndSessions", Needed: "sessions", Fields: map[string]string{"sessions": "SessionIDs"},
			Answers: map[int]string{200: "Sessions", 401: "Unauthenticated: Nobody is logged in, or nobody is any more."},
			Errors:  "sessions:required sessions:invalid_list sessions:invalid_pk_value sessions:invalid_choice",
		},
		"POST /v1/tokens/refresh": {
			ID: "refreshToken", Tag: "Tokens", Summary: "Trade a refresh token for an access token",
			Description: "The new access token comes with a new refresh token, unless the site keeps them. A refresh token that is used once too often ends its session: somebody has stolen it.",
			Body:        "RefreshTokenRequest",
			Answers:     map[int]string{200: "RefreshToken", 400: "Error: The refresh token is missing; or, without further errors, it is not good, or no longer."},
		},

		// Closing an account.

		"POST /ext/v1/account/deactivate": {
			ID: "deactivateAccount", Tag: "Account: Closing", Summary: "Close the account for a while",
			Description: "Ends all sessions. The account can be opened again by its owner.",
			Answers:     map[int]string{401: "AuthenticationOrReauthentication: The account is closed and nobody is logged in; or a recent proof of identity is needed."},
		},
		"POST /ext/v1/auth/reactivate": {
			ID: "reactivateAccount", Tag: "Account: Closing", Summary: "Open a closed account again",
			Description: "A login, for an account that its owner has closed.",
			Body:        "Login", Either: ":invalid_login", Pending: nextAtLogin,
			Answers: map[int]string{200: "AuthenticatedByPassword", 401: "Authentication", 409: "Conflict: Somebody is logged in already."},
			Errors:  "password:username_password_mismatch?username password:email_password_mismatch?email password:phone_password_mismatch?phone :too_many_login_attempts",
		},
		"DELETE /ext/v1/account": {
			ID: "deleteAccount", Tag: "Account: Closing", Summary: "Delete the account",
			Description: "Removes the account and everything that belongs to it, for good.",
			Answers:     map[int]string{401: "AuthenticationOrReauthentication: The account is gone and nobody is logged in; or a recent proof of identity is needed."},
		},
	}
})

// tags are the headings of operations, in order, by group.
var tags = []struct{ group, name, description string }{
	{"Overall", "Configuration", "What the site offers."},
	{"Authentication", "Authentication: Current Session", "Who is logged in, and logging out."},
	{"Authentication", "Authentication: Account", "Signing up and logging in with a password, verifying addresses and phone numbers, and proving identity again."},
	{"Authentication", "Authentication: Password Reset", "A new password for who has forgotten theirs."},
	{"Authentication", "Authentication: Providers", "Logging in through identity providers."},
	{"Authentication", "Authentication: 2FA", "Further factors while logging in."},
	{"Authentication", "Authentication: Login By Code", "Logging in with a code that is sent by mail or text message."},
	{"Authentication", "Authentication: WebAuthn: Login", "Security keys as second factor, and logging in with passkeys."},
	{"Authentication", "Authentication: WebAuthn: Signup", "Accounts with a passkey in place of a password."},
	{"Account", "Account: Email", "The email addresses of the user. One of them is primary: it is where mails go."},
	{"Account", "Account: Password", "The password of the user."},
	{"Account", "Account: Phone", "The phone number of the user."},
	{"Account", "Account: Providers", "Accounts at identity providers that are linked to the user."},
	{"Account", "Account: 2FA", "Authenticator app, recovery codes and trusted browsers of the user."},
	{"Account", "Account: WebAuthn", "Security keys and passkeys of the user."},
	{"Account", "Account: Closing", "Closing the account, for a while or for good."},
	{"Sessions", "Sessions", "Where the user is logged in."},
	{"Tokens", "Tokens", "Access tokens of apps."},
}
