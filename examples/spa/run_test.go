package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// run starts the program in dir and returns where it is, and how to stop it.
func run(t *testing.T, dir string, args ...string) (url string, stop func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), "SPA_RUN=1"), t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "  Open") {
			url = strings.Fields(lines.Text())[1]
		}
	}
	if url == "" {
		t.Fatal("it did not start")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return url, func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("stopped with %v", err)
		}
	}
}

// get asks for a page, without following redirects.
func get(t *testing.T, url string) *http.Response {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(rq)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestProgram(t *testing.T) {
	t.Parallel()
	dir, began := t.TempDir(), time.Now()
	url, stop := run(t, dir, "-port", "0")
	if r := get(t, url); r.StatusCode != 200 || !strings.Contains(r.Header.Get("Content-Security-Policy"), "script-src 'self';") {
		t.Errorf("got %d %v", r.StatusCode, r.Header)
	}
	t.Logf("the first page took %v", time.Since(began))
	if r := get(t, strings.Replace(url, "localhost", "127.0.0.1", 1)); r.StatusCode != http.StatusTemporaryRedirect || r.Header.Get("Location") != url+"/" {
		t.Errorf("by another name: got %d %v", r.StatusCode, r.Header)
	}
	for path, kind := range map[string]string{"/client.js": "javascript", "/account/emails": "html", "/client.d.ts": "", "/web": "html"} {
		if r := get(t, url+path); r.StatusCode != 200 || !strings.Contains(r.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: got %d %v", path, r.StatusCode, r.Header)
		}
	}
	for _, file := range []string{"spa.db", "spa.secret"} {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s must be there for its owner alone: got %v, %v", file, info, err)
		}
	}
	stop()
	_, stop = run(t, dir, "-port", strings.TrimPrefix(url, "http://localhost:"), "-links")
	stop()
}

// Everything can be done without a mouse, and what is said is announced.
func TestKeyboard(t *testing.T) {
	w := start(t, nil)
	w.Go("/login")
	w.Heading("Log in")
	tabs := func(want ...string) {
		t.Helper()
		for _, name := range want {
			w.Press(kb.Tab)
			if f := w.Focused(); f != name {
				t.Fatalf("the focus is on %q, want %q", f, name)
			}
			var seen bool
			if w.Eval(`((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2)(getComputedStyle(document.activeElement))`, &seen); !seen {
				t.Errorf("that the focus is on %q can't be seen", name)
			}
		}
	}
	tabs("Skip to the content", "Larch", "Mailbox in a new tab", "Log in", "Sign up")
	w.Press(kb.Enter)
	w.Heading("Make an account")
	if f := w.Focused(); f != "Make an account" {
		t.Errorf("on a new page the focus is on %q", f)
	}
	tabs("Email")
	w.Press("ada@example.org")
	tabs("Password")
	w.Press(password)
	tabs("Phone", "Your name")
	w.Press("Ada")
	tabs("What brings you here?", "I accept the terms of use")
	w.Press(" ")
	tabs("Sign up")
	w.Press(kb.Enter)
	w.Heading("Confirm your address")
	tabs("Open the mailbox in a new tab", "Code")
	w.Press(w.Code("ada@example.org") + kb.Enter)
	w.Heading("Hello, Ada")

	// A dialog keeps the focus, and gives it back.
	w.Go("/account/close")
	w.Heading("Close your account")
	w.Eval(`[...document.querySelectorAll("main button")].at(-1).focus()`, nil)
	w.Press(kb.Enter)
	w.Heading("Delete your account?")
	tabs("Delete it", "Cancel")
	w.Press(kb.Escape)
	w.Gone("There is no way back. Delete it")
	if f := w.Focused(); f != "Delete the account" {
		t.Errorf("after the dialog the focus is on %q", f)
	}
	var live bool
	if w.Eval(`document.querySelector("#note[role=status]") !== null`, &live); !live {
		t.Error("there is no live region")
	}
}

func TestMailbox(t *testing.T) {
	w := start(t, nil)
	w.Go("/mailbox")
	w.See("Nothing yet.")
	w.SignUp("Ada", "ada@example.org")
	box := w.Tab()
	box.Open(w.site.url + "/mailbox")
	box.See("[Larch] Confirm your email address")
	box.Click("As plain text")
	box.See("Enter this code where you signed up")
	box.Inspect("mailbox")
	w.Go("/account/phone")
	w.Fill("Phone", "+31612345678")
	w.Click("Send a code there")
	w.reauthenticate()
	w.Heading("Confirm +31612345678")
	box.Click("Something new has come")
	box.See("Text message")
}
