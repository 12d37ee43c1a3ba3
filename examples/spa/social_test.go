package main

import (
	"testing"
)

// signInThere signs in at the identity provider.
func (w *world) signInThere(email, name string) {
	w.Helper()
	w.Heading("Example ID")
	w.Fill("Email", email)
	w.Fill("Name", name)
	w.Click("Continue")
}

func TestProvider(t *testing.T) {
	w := start(t, nil)
	w.Go("/login")
	w.Click("Continue with Example ID")
	w.Heading("Example ID")
	w.Inspect("Example ID")
	w.Click("Cancel")
	w.See("You have cancelled it there.")
	w.At("/login")

	w.Click("Continue with Example ID")
	w.signInThere("ada@example.org", "Ada Lovelace")
	w.Heading("Almost there")
	w.See("You come from Example ID as ada@example.org.")
	w.Inspect("provider signup")
	w.Click("Make the account")
	w.Refused("I accept the terms of use")
	w.Tick("I accept the terms of use")
	w.Click("Make the account")
	w.Heading("Hello, Ada Lovelace") // the address is verified there
	w.See("By another site (example)")
	w.LogOut()
	w.site.id.Rotate() // its keys change now and then
	w.clock.advance(2 * minute)
	w.Click("Continue with Example ID")
	w.signInThere("ada@example.org", "Ada Lovelace")
	w.Heading("Hello, Ada Lovelace")

	// A code by mail would be another way in, so that it may be taken away.
	w.Go("/account/connections")
	w.See("Example ID")
	w.Inspect("connections")
	w.Click("Disconnect")
	w.Heading("Disconnect this account?")
	w.Click("Disconnect")
	w.See("Example ID is disconnected.")
	w.See("There are none yet.")
	w.Click("Password")
	w.Heading("Set a password")
	w.Fill("New password", password)
	w.Click("Set it")
	w.See("Your password is set.")
	w.Heading("Change your password")
}

func TestProviderUnverified(t *testing.T) {
	w := start(t, nil)
	w.Go("/signup")
	w.Click("Continue with Example ID")
	w.Heading("Example ID")
	w.Fill("Email", "bo@example.org")
	w.Fill("Name", "Bo")
	w.Tick("My address has not been verified here")
	w.Click("Continue")
	w.Heading("Almost there")
	w.Fill("Your name", "Bo")
	w.Tick("I accept the terms of use")
	w.Click("Make the account")
	w.Heading("Confirm your address")
	w.Fill("Code", w.Code("bo@example.org"))
	w.Click("Confirm")
	w.Heading("Hello, Bo")
}

func TestConnect(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.Go("/account/connections")
	w.Inspect("no connections")
	w.Click("Connect Example ID")
	w.signInThere("lovelace@example.org", "Ada")
	w.reauthenticate() // and there once more
	w.signInThere("lovelace@example.org", "Ada")
	w.See("Your account is connected.")
	w.See("lovelace@example.org")
	w.Click("Connect Dummy")
	w.Heading("Dummy provider")
	w.Fill("Id", "42")
	w.ClickIn("Id", "Log in")
	w.See("Your account is connected.")
	w.LogOut()

	w.Click("Continue with Dummy")
	w.Heading("Dummy provider")
	w.Fill("Id", "42")
	w.ClickIn("Id", "Log in")
	w.Heading("Hello, Ada")
	w.LogOut()

	// Nobody connects what is connected to somebody else.
	w.clock.advance(minute)
	w.SignUp("Bo", "bo@example.org")
	w.Go("/account/connections")
	w.Click("Connect Example ID")
	w.signInThere("lovelace@example.org", "Ada")
	w.reauthenticate()
	w.signInThere("lovelace@example.org", "Ada")
	w.See("That account is connected to somebody else here.")
}
