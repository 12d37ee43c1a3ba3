package main

import (
	"testing"
)

func TestSignup(t *testing.T) {
	w := start(t, nil)
	w.Go("/")
	w.At("/login")
	w.Click("Make an account")
	w.Heading("Make an account")

	// What is wrong is said where it is wrong, and the first of it has the focus.
	w.Click("Sign up")
	for _, label := range []string{"Email", "Password", "Your name", "I accept the terms of use"} {
		if why := w.Refused(label); why != "This field is required." {
			t.Errorf("%s: it says %q", label, why)
		}
	}
	if f := w.Focused(); f != "Email" {
		t.Errorf("the focus is on %q", f)
	}
	w.Inspect("signup refused")
	w.Fill("Email", "ada@example")
	w.Fill("Password", "password")
	w.Fill("Phone", "12")
	w.Fill("Your name", "Ada")
	w.Choose("What brings you here?", "Studies")
	w.Tick("I accept the terms of use")
	w.Click("Sign up")
	for label, want := range map[string]string{
		"Email": "Enter a valid value.", "Password": "The password is too common.",
		"Phone": "Enter a phone number with country code, such as +31612345678.",
	} {
		if why := w.Refused(label); why != want {
			t.Errorf("%s: it says %q", label, why)
		}
	}

	// The address and the number are corrected on the way.
	w.Fill("Email", "aba@example.org")
	w.Fill("Password", password)
	w.Fill("Phone", "+31 6 1234 5670")
	w.Click("Sign up")
	w.Heading("Confirm your phone number")
	w.Inspect("verify phone")
	w.Message("+31612345670")
	w.clock.advance(2 * minute)
	w.Click("Not your number?")
	w.Fill("The right number", "+31612345678")
	w.Click("Send it there")
	w.See("Another code is on its way.")
	w.Fill("Code", w.Code("+31612345678"))
	w.Click("Confirm")
	w.Heading("Confirm your address")
	w.See("aba@example.org")
	w.Message("aba@example.org")
	w.Click("Not your address?")
	w.Inspect("verify email")
	w.Fill("The right address", "ada@example.org")
	w.Click("Send it there")
	w.See("We have sent a code to ada@example.org")
	first := w.Code("ada@example.org")
	w.clock.advance(minute)
	w.Click("Send another code")
	w.See("Another code is on its way.")
	w.Fill("Code", first)
	w.Click("Confirm")
	if why := w.Refused("Code"); why != "This code is not correct." {
		t.Errorf("it says %q", why)
	}
	w.Fill("Code", w.Code("ada@example.org"))
	w.Click("Confirm")
	w.Heading("Hello, Ada")
	w.See("Studies")
	w.Inspect("account")
	w.Click("Log out")
	w.See("You are logged out.")
	w.At("/login")
}

func TestSignupByLink(t *testing.T) {
	w := start(t, func(o *options) { o.links = true })
	w.signUp("Ada", "ada@example.org")
	w.Heading("Look into your mail")
	w.Inspect("verify by link sent")
	w.Open(w.Link("ada@example.org", "/verify-email/"))
	w.Heading("Is this address yours?")
	w.See("ada@example.org")
	w.Inspect("verify by link")
	used := w.URL().Path
	w.Click("Yes, confirm it")
	w.Heading("Hello, Ada")
	w.Go(used)
	w.Heading("This link is no longer good")
	w.LogOut()

	// Whoever follows the link elsewhere is told to log in.
	w.signUp("Bo", "bo@example.org")
	w.Heading("Look into your mail")
	other := w.Elsewhere()
	other.Open(w.Link("bo@example.org", "/verify-email/"))
	other.Click("Yes, confirm it")
	other.See("Your address is confirmed. Log in now.")
	other.Fill("Email or phone number", "bo@example.org")
	other.Fill("Password", password)
	other.Click("Log in")
	other.Heading("Hello, Bo")
}

func TestSignupTwice(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.LogOut()
	w.clock.advance(minute)
	w.signUp("Eve", "ada@example.org")
	w.Heading("Confirm your address") // as for anybody
	if m := w.Message("ada@example.org"); m.Code != "" {
		t.Errorf("got %q", m.Text)
	}
	for range 3 { // no code is right
		w.Fill("Code", "BCDF-GHJK")
		w.Click("Confirm")
		w.Refused("Code")
		w.Fill("Code", "")
	}
	w.Click("Confirm")
	w.See("No more codes are taken. Begin again.")
	w.At("/login")
}

func TestSignupByPasskey(t *testing.T) {
	w := start(t, nil)
	key := w.Passkeys()
	w.Go("/signup")
	w.Click("Sign up with a passkey")
	w.Inspect("signup with passkey")
	w.Fill("Email", "ada@example.org")
	w.Fill("Your name", "Ada")
	w.Tick("I accept the terms of use")
	w.Click("Go on")
	w.Heading("Confirm your address")
	w.Fill("Code", w.Code("ada@example.org"))
	w.Click("Confirm")
	w.Heading("Make your passkey")
	w.Inspect("make passkey")
	key.Recognises(false)
	w.Click("Make the passkey")
	w.See("That was cancelled, or this device has no key for it.")
	key.Recognises(true)
	w.Click("Make the passkey")
	w.Heading("Hello, Ada")
	w.See("None") // no password
	if n := key.Count(); n != 1 {
		t.Errorf("the device has %d passkeys", n)
	}

	// The passkey logs in: by the button while nothing is picked from the
	// suggestions, and from them.
	key.Touch(false)
	w.LogOut()
	w.Click("Log in with a passkey")
	key.Touch(true)
	w.Heading("Hello, Ada")
	w.See("By a passkey or security key")
	w.LogOut()
	w.Heading("Hello, Ada") // picked from the suggestions, without a click
}
