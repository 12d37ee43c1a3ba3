package mail_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headless-auth/headless/internal/mail"
)

func TestWritePreviews(t *testing.T) {
	t.Parallel()
	r := renderer(t)
	dir := t.TempDir()
	if err := mail.WritePreviews(dir, r, []string{"en", "ja"}); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"en/login_code.txt":                     "Subject: [Example] Your login code\n\nEnter this code",
		"ja/email_confirmation_signup.link.txt": "https://example.org/verify-email/",
		"ja/email_confirmation.code.html":       `<html lang="ja"`,
		"en/new_device.html":                    "203.0.113.7",
		"en/sms.verification.txt":               "@example.org #K7QX-M3PD\n",
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(strings.ReplaceAll(string(b), "</span><span>", ""), want) {
			t.Errorf("%s: %v, got %s, want %s", file, err, b, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	// 21 kinds, two of them in two variants, as two files, and 3 text messages.
	if want := 2 * ((21+2)*2 + 3); err != nil || len(files) != want {
		t.Errorf("got %d files, want %d", len(files), want)
	}

	if err := mail.WritePreviews(dir, r, []string{"../en"}); err == nil {
		t.Error("writes elsewhere")
	}
	all := t.TempDir()
	if err := mail.WritePreviews(all, r, nil); err != nil {
		t.Fatal(err)
	}
	if folders, err := os.ReadDir(all); err != nil || len(folders) != 10 {
		t.Errorf("got %v, %v", folders, err)
	}
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := mail.WritePreviews(occupied, r, nil); err == nil {
		t.Error("writes below a file")
	}
}
