package main

import (
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// app is an authenticator app.
type app struct {
	w      *world
	secret string
}

// code is one that was not shown before.
func (a *app) code() string {
	a.w.Helper()
	a.w.clock.advance(minute / 2)
	code, err := totp.GenerateCode(a.secret, a.w.clock.now())
	if err != nil {
		a.w.Fatal(err)
	}
	return code
}

// setUpApp sets up an authenticator app.
func (w *world) setUpApp() *app {
	w.Helper()
	w.Go("/account/two-step")
	w.Click("Set up")
	w.Heading("Set up your authenticator app")
	a := &app{w: w}
	w.Wait("the key", `document.querySelector("dialog .secret").textContent`, &a.secret)
	a.secret = strings.ReplaceAll(a.secret, " ", "")
	w.Wait("the QR code", `document.querySelector("dialog img").naturalWidth`, nil)
	w.Fill("Code", a.code())
	w.Click("Turn it on")
	return a
}

// reauthenticate confirms by password.
func (w *world) reauthenticate() {
	w.Helper()
	w.Heading("Is it still you?")
	w.Fill("Your password", password)
	w.Click("Confirm")
}

func TestAuthenticatorApp(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.Go("/account/two-step")
	w.Inspect("two-step off")
	w.Click("Set up")
	w.Heading("Set up your authenticator app")
	w.Inspect("set up app")
	w.Fill("Code", "123456")
	w.Click("Turn it on")
	w.Refused("Code")
	w.Click("Cancel")
	if f := w.Focused(); f != "Set up" {
		t.Errorf("after the dialog the focus is on %q", f)
	}

	// Whoever has just signed up has not shown their password yet.
	app := w.setUpApp()
	w.Heading("Is it still you?")
	w.Inspect("reauthenticate")
	w.Fill("Your password", "not that one")
	w.Click("Confirm")
	if why := w.Refused("Your password"); why != "This password is not correct." {
		t.Errorf("it says %q", why)
	}
	w.reauthenticate()
	w.See("Two-step login is on.")
	w.See("10 of 10 are left.")
	w.Inspect("two-step on")
	w.Click("Show them")
	w.Heading("Your recovery codes")
	w.Inspect("recovery codes")
	var codes []string
	w.Eval(`[...document.querySelectorAll("dialog li")].map((e) => e.textContent)`, &codes)
	w.Click("Close")

	w.LogOut()
	w.LogIn("ada@example.org", password)
	w.Heading("One more step")
	w.Inspect("one more step")
	w.Fill("Code from your authenticator app", "123456")
	w.Click("Go on")
	w.Refused("Code from your authenticator app")
	w.Fill("Code from your authenticator app", app.code())
	w.Click("Go on")
	w.Heading("Trust this browser?")
	w.Inspect("trust")
	w.Click("Not this time")
	w.Heading("Hello, Ada")
	w.See("By your authenticator app")
	w.LogOut()

	// A recovery code lets in once, and a trusted browser leaves out the step.
	w.LogIn("ada@example.org", password)
	w.Fill("Code from your authenticator app", codes[0])
	w.Click("Go on")
	w.Click("Trust it")
	w.Heading("Hello, Ada")
	w.See("By a recovery code")
	w.LogOut()
	w.LogIn("ada@example.org", password)
	w.Heading("Hello, Ada")
	w.Go("/account/two-step")
	w.See("9 of 10 are left.")
	w.Click("Trust no more")
	w.See("No browser may leave out the second step.")
	w.LogOut()
	w.LogIn("ada@example.org", password)
	w.Heading("One more step")
	w.Fill("Code from your authenticator app", codes[0])
	w.Click("Go on")
	w.Refused("Code from your authenticator app")
	w.Fill("Code from your authenticator app", app.code())
	w.Click("Go on")
	w.Click("Not this time")
	w.Heading("Hello, Ada")

	// New recovery codes take the place of the old ones; by then another proof
	// is due.
	w.clock.advance(10 * minute)
	w.Go("/account/two-step")
	w.Click("Make new ones")
	w.Heading("Make new recovery codes?")
	w.Click("Make new ones")
	w.Heading("Is it still you?")
	w.Fill("A code from your authenticator app, or a recovery code", app.code())
	w.Click("Confirm by code")
	w.Heading("Your recovery codes")
	w.Click("Close")
	w.See("You have new recovery codes.")
	w.See("10 of 10 are left.")

	w.Click("Turn off")
	w.Heading("Turn off the authenticator app?")
	w.Click("Turn off")
	w.See("The authenticator app is turned off.")
	w.Gone("Recovery codes")
	w.LogOut()
	w.LogIn("ada@example.org", password)
	w.Heading("Hello, Ada")
}

func TestKeys(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.Go("/account/keys")
	w.Inspect("no keys")
	key := w.SecurityKey()
	w.Fill("Name", "Yellow key")
	w.Tick("Make it a passkey, to log in without a password")
	w.Click("Add it")
	w.reauthenticate()
	w.See("Yellow key is added. You have recovery codes now")
	w.See("security key")
	w.ClickIn("Yellow key", "Rename")
	w.Fill("Name", "")
	w.Click("Rename")
	w.Refused("Name")
	w.Fill("Name", "Green key")
	w.Click("Rename")
	w.See("It is called Green key now.")
	w.Inspect("keys")

	// It is a second step at login, and a proof later on.
	w.LogOut()
	w.LogIn("ada@example.org", password)
	w.Heading("One more step")
	w.Inspect("one more step by key")
	w.Click("Use your security key")
	w.Click("Trust it")
	w.Heading("Hello, Ada")
	w.clock.advance(10 * minute)
	w.Go("/account/keys")
	w.ClickIn("Green key", "Rename")
	w.Fill("Name", "Blue key")
	w.Click("Rename")
	w.Heading("Is it still you?")
	w.Inspect("reauthenticate by key")
	w.Click("Cancel")
	w.See("That was cancelled")
	w.Click("Rename")
	w.Heading("Is it still you?")
	w.Click("Use a passkey or security key")
	w.See("It is called Blue key now.")

	// A key can't be added twice; another device's passkey can.
	w.Fill("Name", "Once more")
	w.Tick("Make it a passkey, to log in without a password")
	w.Click("Add it")
	w.See("That was cancelled, or this device has no key for it.")
	key.Remove()
	phone := w.Passkeys()
	w.Fill("Name", "Phone")
	w.Tick("Make it a passkey, to log in without a password")
	w.Click("Add it")
	w.See("Phone is added.")
	phone.Touch(false)
	w.LogOut()
	w.Click("Log in with a passkey")
	phone.Touch(true)
	w.Heading("Hello, Ada")
	for _, name := range []string{"Blue key", "Phone"} {
		w.Go("/account/keys")
		w.ClickIn(name, "Remove")
		w.Heading("Remove this key?")
		w.Click("Remove")
		w.See(name + " is removed.")
	}
	w.See("You have none yet.")
	for end := time.Now().Add(10 * time.Second); phone.Count() > 0; { // its device is told so
		if time.Now().After(end) {
			t.Fatal("the device still offers the removed passkey")
		}
	}
}
