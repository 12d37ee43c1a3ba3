package mail

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// WritePreviews writes every mail in every one of locales into dir, made of
// sample data: <locale>/<kind>.html and .txt, and text messages as
// <locale>/sms.<kind>.txt. No locales means all.
func WritePreviews(dir string, r *Renderer, locales []string) error {
	if len(locales) == 0 {
		locales = r.Locales()
	}
	for _, locale := range locales {
		if !slices.Contains(r.Locales(), locale) {
			return fmt.Errorf("mail: %q is no language of the mails", locale)
		}
		folder := filepath.Join(dir, locale)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		write := func(name, text string) error {
			return os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644)
		}
		for _, k := range r.Kinds() {
			for _, s := range k.Samples() {
				subject, text, html, err := r.Render(k.Name, locale, s.Data)
				if err != nil {
					return err
				}
				if err := write(s.Name+".txt", "Subject: "+subject+"\n\n"+text); err != nil {
					return err
				}
				if err := write(s.Name+".html", html); err != nil {
					return err
				}
			}
		}
		for _, k := range r.TextKinds() {
			for _, s := range k.Samples() {
				text, err := r.SMS(k.Name, locale, s.Data)
				if err != nil {
					return err
				}
				if err := write("sms."+s.Name+".txt", text+"\n"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
