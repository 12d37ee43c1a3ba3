package main

import (
	"testing"
)

func TestLogin(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.LogOut()

	// Where somebody wanted to go is where they get.
	w.Go("/account/sessions")
	w.At("/login")
	w.Inspect("login")
	w.Fill("Email or phone number", "ada@example.org")
	w.Fill("Password", "not that one")
	w.Click("Log in")
	if why := w.Refused("Password"); why != "The email address or the password is not correct." {
		t.Errorf("it says %q", why)
	}
	w.Fill("Password", password)
	w.Click("Log in")
	w.Heading("Sessions")
	w.LogOut()

	for range 5 {
		w.Fill("Email or phone number", "eve@example.org")
		w.Fill("Password", "not that one")
		w.Click("Log in")
		w.Refused("Password")
	}
	w.Click("Log in")
	w.See("Too many failed attempts. Try again later.")
}

func TestLoginByCode(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.LogOut()
	w.Click("Get a code to log in")
	w.Inspect("login by code")
	w.Fill("Email or phone number", "ada@example.org")
	w.Click("Send the code")
	w.Heading("Enter the code")
	w.Inspect("enter code")
	old := w.Code("ada@example.org")
	w.Click("Send another code")
	w.See("Another code is on its way.")
	w.Fill("Code", old)
	w.Click("Log in")
	w.Refused("Code")
	w.Fill("Code", w.Code("ada@example.org"))
	w.Click("Log in")
	w.Heading("Hello, Ada")
	w.See("By a code that we sent")
	w.LogOut()

	// Nobody learns who has an account; and one can start over.
	w.Go("/login/code")
	w.Fill("Email or phone number", "nobody@example.org")
	w.Click("Send the code")
	w.Heading("Enter the code")
	if m := w.Message("nobody@example.org"); m.Code != "" {
		t.Errorf("got %q", m.Text)
	}
	w.Reload() // it is still waited for
	w.Heading("Enter the code")
	w.Click("Start over")
	w.Heading("Log in")
}

func TestPasswordReset(t *testing.T) {
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.LogOut()
	w.Click("Forgot your password?")
	w.Inspect("forgot")
	w.Fill("Email", "ada@example.org")
	w.Click("Send it")
	w.Heading("Set a new password")
	w.Inspect("reset by code")
	w.Fill("Code", "BCDF-GHJK")
	w.Fill("New password", "password")
	w.Click("Set the password")
	if why := w.Refused("Code"); why != "This code is not correct." {
		t.Errorf("it says %q", why)
	}
	w.Fill("Code", w.Code("ada@example.org"))
	w.Click("Set the password")
	if why := w.Refused("New password"); why != "The password is too common." {
		t.Errorf("it says %q", why)
	}
	w.Fill("New password", "wrong horse battery")
	w.Click("Set the password")
	w.See("Your password is set. Log in with it.")
	w.LogIn("ada@example.org", "wrong horse battery")
	w.Heading("Hello, Ada")
}

func TestPasswordResetByLink(t *testing.T) {
	w := start(t, func(o *options) { o.links = true })
	w.signUp("Ada", "ada@example.org")
	w.Heading("Look into your mail")
	w.Open(w.Link("ada@example.org", "/verify-email/"))
	w.Click("Yes, confirm it")
	w.Heading("Hello, Ada")
	w.LogOut()
	w.Click("Forgot your password?")
	w.Fill("Email", "ada@example.org")
	w.Click("Send it")
	w.See("A link is on its way to your mailbox.")
	link := w.Link("ada@example.org", "/reset-password/")
	w.Open(link)
	w.Heading("Set a new password")
	w.See("For ada@example.org.")
	w.Inspect("reset by link")
	w.Fill("New password", "12345678")
	w.Click("Set the password")
	if why := w.Refused("New password"); why != "The password is too common. The password consists of digits only." {
		t.Errorf("it says %q", why)
	}
	w.Fill("New password", "wrong horse battery")
	w.Click("Set the password")
	w.See("Your password is set. Log in with it.")
	w.LogIn("ada@example.org", "wrong horse battery")
	w.Heading("Hello, Ada")
	w.Open(link)
	w.Heading("This link is no longer good")
}
