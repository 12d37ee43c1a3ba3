package mail

import (
	"fmt"
	"maps"
	"slices"
)

// Kind is a mail that is sent: what for, and what it tells. The table of them
// drives rendering, the check of overrides, previews and docs/mail.md.
type Kind struct {
	Name    string
	Purpose string
	// Variables are what it is told in any form.
	Variables []Variable
	// Variants are alternatives: a mail has the variables of the first that
	// it was given all of, and must have one.
	Variants []Variant
	// Notice: the mail tells of something that has happened.
	Notice bool
}

// Variant is one of several forms of a mail.
type Variant struct {
	Name      string
	Variables []Variable
}

// Variable is what a mail is told by its sender.
type Variable struct {
	Name, Meaning, Sample string
	// Optional variables may be empty or missing.
	Optional bool
	shown    place
}

// place is where the embedded templates show a variable.
type place int

const (
	nowhere    place = iota // for other templates to use
	inSentence              // where a sentence names it
	asCode                  // large, on a line of its own
	asLink                  // as a button, and plainly
	asRow                   // in the table of details
)

// The variables that several kinds have.
var (
	email        = Variable{Name: "email", Meaning: "the address that the mail goes to", Sample: "anna@example.org", shown: inSentence}
	code         = Variable{Name: "code", Meaning: "the code to enter", Sample: "K7QX-M3PD", shown: asCode}
	key          = Variable{Name: "key", Meaning: "the key in the link", Sample: "MTIz.lq2x8k.c2FtcGxl", shown: nowhere}
	activateURL  = Variable{Name: "activate_url", Meaning: "the page that confirms the address", Sample: "https://example.org/verify-email/MTIz.lq2x8k.c2FtcGxl", shown: asLink}
	requestReset = Variable{Name: "password_reset_url", Meaning: "the page that asks for an address to send a reset key to", Sample: "https://example.org/reset-password", Optional: true, shown: asLink}
	resetURL     = Variable{Name: "password_reset_url", Meaning: "the page that takes the new password", Sample: "https://example.org/reset-password/mfrgg-lq2x8k-c2FtcGxl", shown: asLink}
	signupURL    = Variable{Name: "signup_url", Meaning: "the page that makes an account", Sample: "https://example.org/signup", Optional: true, shown: asLink}
	username     = Variable{Name: "username", Meaning: "the user's name, where people log in with it", Sample: "anna", Optional: true, shown: asRow}
	provider     = Variable{Name: "provider", Meaning: "the name of the identity provider", Sample: "GitHub", Optional: true, shown: asRow}
	notice       = []Variable{
		{Name: "timestamp", Meaning: "when it happened", Sample: "2026-03-14 15:09:26 UTC", shown: asRow},
		{Name: "ip", Meaning: "the client's address", Sample: "203.0.113.7", shown: asRow},
		{Name: "user_agent", Meaning: "what the client calls itself, at most 200 characters", Sample: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", shown: asRow},
	}
	linkOrCode = []Variant{{"link", []Variable{key, activateURL}}, {"code", []Variable{code}}}
)

// kinds are all mails. spec: account.md §13, mfa.md §11, socialaccount.md §12;
// new_device and account_closed are ours.
var kinds = complete([]Kind{
	{Name: "email_confirmation_signup", Purpose: "confirm an address while signing up", Variants: linkOrCode},
	{Name: "email_confirmation", Purpose: "confirm an address otherwise", Variants: linkOrCode},
	{Name: "account_already_exists", Purpose: "somebody tried to sign up with the address of an account", Variables: []Variable{requestReset, unshown(signupURL)}},
	{Name: "unknown_account", Purpose: "somebody asked for a code or a new password with an address that has no account", Variables: []Variable{signupURL}},
	{Name: "login_code", Purpose: "log in by code", Variables: []Variable{code}},
	{Name: "password_reset_key", Purpose: "choose a new password by link", Variables: []Variable{resetURL, key, username}},
	{Name: "password_reset_code", Purpose: "choose a new password by code", Variables: []Variable{code}},

	{Name: "password_changed", Purpose: "the password was changed", Notice: true},
	{Name: "password_set", Purpose: "an account without password has one now", Notice: true},
	{Name: "password_reset", Purpose: "a new password was chosen by link or code", Notice: true},
	{Name: "email_changed", Purpose: "another address is the primary one now; goes to the former one", Notice: true, Variables: []Variable{
		{Name: "from_email", Meaning: "the former primary address", Sample: "anna@example.org", shown: inSentence},
		{Name: "to_email", Meaning: "the primary address now", Sample: "anna.schmidt@example.com", shown: inSentence},
	}},
	{Name: "email_deleted", Purpose: "an address was removed", Notice: true, Variables: []Variable{
		{Name: "deleted_email", Meaning: "the removed address", Sample: "anna@old.example.org", shown: inSentence},
	}},
	{Name: "new_device", Purpose: "a login from a browser or app not seen before", Notice: true},
	{Name: "account_closed", Purpose: "the account was closed", Notice: true},

	{Name: "totp_activated", Purpose: "an authenticator app was set up", Notice: true},
	{Name: "totp_deactivated", Purpose: "the authenticator app was removed", Notice: true},
	{Name: "recovery_codes_generated", Purpose: "new recovery codes were generated", Notice: true},
	{Name: "webauthn_added", Purpose: "a security key or passkey was added", Notice: true},
	{Name: "webauthn_removed", Purpose: "a security key or passkey was removed", Notice: true},

	{Name: "account_connected", Purpose: "an account with an identity provider was connected", Notice: true, Variables: []Variable{provider}},
	{Name: "account_disconnected", Purpose: "such an account was disconnected", Notice: true, Variables: []Variable{provider}},
})

// complete gives every mail the variables that all have.
func complete(kinds []Kind) []Kind {
	for i := range kinds {
		k := &kinds[i]
		k.Variables = append([]Variable{email}, k.Variables...)
		if k.Notice {
			k.Variables = append(k.Variables, notice...)
		}
	}
	return kinds
}

// texts are the kinds of text messages. spec: account.md §13.
var texts = []Kind{
	{Name: "verification", Purpose: "confirm a phone number, or log in by code", Variables: []Variable{code, {
		Name: "domain", Meaning: "the site's domain, for programs that fill in the code", Sample: "example.org", Optional: true,
	}}},
	{Name: "unknown_account", Purpose: "somebody asked for a code with a number that has no account"},
	{Name: "account_already_exists", Purpose: "somebody tried to sign up with the number of an account"},
}

func unshown(v Variable) Variable {
	v.shown = nowhere
	return v
}

// all returns every variable that a mail of this kind may have.
func (k *Kind) all() []Variable {
	vs := slices.Clone(k.Variables)
	for _, v := range k.Variants {
		vs = append(vs, v.Variables...)
	}
	return vs
}

// Sample is what a mail may be told, for previews and checks.
type Sample struct {
	Name string // the kind's, and the variant's if it has some
	Data map[string]string
}

// Samples returns data for every variant of the mail.
func (k *Kind) Samples() []Sample {
	fill := func(data map[string]string, vs []Variable) map[string]string {
		for _, v := range vs {
			data[v.Name] = v.Sample
		}
		return data
	}
	always := fill(map[string]string{}, k.Variables)
	if len(k.Variants) == 0 {
		return []Sample{{k.Name, always}}
	}
	var samples []Sample
	for _, v := range k.Variants {
		samples = append(samples, Sample{k.Name + "." + v.Name, fill(maps.Clone(always), v.Variables)})
	}
	return samples
}

// minimal returns the sample without what is optional.
func (k *Kind) minimal(s Sample) Sample {
	data := maps.Clone(s.Data)
	for _, v := range k.all() {
		if v.Optional {
			delete(data, v.Name)
		}
	}
	return Sample{s.Name, data}
}

// values returns the variables as a mail may show them. What is missing, or
// belongs to another variant, is empty.
func (k *Kind) values(data map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range k.all() {
		values[v.Name] = ""
	}
	take := func(vs []Variable) error {
		for _, v := range vs {
			text := clean(data[v.Name])
			if v.shown == inSentence || v.shown == asRow {
				text = inert(text)
			}
			if text == "" && !v.Optional {
				return fmt.Errorf("%s is missing", v.Name)
			}
			if text != "" && v.shown == asLink && !isPage(text) {
				return fmt.Errorf("%s is no http or https URL", v.Name)
			}
			values[v.Name] = text
		}
		return nil
	}
	err := take(k.Variables)
	if err != nil || len(k.Variants) == 0 {
		return values, err
	}
	for _, v := range k.Variants {
		if err = take(v.Variables); err == nil {
			return values, nil
		}
		for _, x := range v.Variables {
			values[x.Name] = ""
		}
	}
	return nil, err
}
