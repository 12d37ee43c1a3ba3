package importer

import (
	"io"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/pattern"
)

var hexMD5 = pattern.New(`^[0-9a-fA-F]{32}$`)

// WordPress reads the table wp_users as CSV. WordPress does not know whether
// addresses were verified; see [Options].
func WordPress(r io.Reader) Source {
	return table(r, []string{"id", "user_login", "user_pass", "user_email"}, nil, func(w *row) *Record {
		rec := &Record{
			ID: w.text("id"), Username: w.text("user_login"), PasswordHash: w.text("user_pass"),
			Disabled: w.bool("spam") || w.bool("deleted"), CreatedAt: w.time("user_registered"),
		}
		if hexMD5.MatchString(rec.PasswordHash) { // from before version 2.5
			rec.PasswordFormat = "md5"
		}
		rec.address(w.text("user_email"), false)
		full := w.text("display_name")
		if full == rec.Username {
			full = ""
		}
		rec.name(w.text("first_name"), w.text("last_name"), full)
		return rec
	})
}

// lockedForGood is how far away the end of a lock must be to mean that the
// account is disabled.
const lockedForGood = 365 * 24 * time.Hour

// ASPNET reads the table AspNetUsers of ASP.NET Identity as CSV. A column
// AuthenticatorKey, joined from AspNetUserTokens, has TOTP secrets.
func ASPNET(r io.Reader) Source {
	return table(r, []string{"id", "passwordhash"}, nil, func(w *row) *Record {
		rec := &Record{
			ID: w.text("id"), Username: w.text("username"), PasswordHash: w.text("passwordhash"), PasswordFormat: "aspnet",
			Phone: w.text("phonenumber"), PhoneVerified: w.bool("phonenumberconfirmed"),
		}
		if end := w.time("lockoutend", "lockoutenddateutc"); w.bool("lockoutenabled") && time.Until(end) > lockedForGood {
			rec.Disabled = true
		}
		rec.address(w.text("email"), w.bool("emailconfirmed"))
		if strings.EqualFold(rec.Username, w.text("email")) {
			rec.Username = "" // the templates put the address there
		}
		if key := w.text("authenticatorkey"); key != "" && w.bool("twofactorenabled") {
			rec.TOTP = &TOTP{Secret: key}
		}
		return rec
	})
}

// Devise reads a table of users of Devise, for Ruby on Rails, as CSV. peppered
// says that config.pepper was set; its value then has to be
// account.PasswordConfig.BcryptPepper.
func Devise(r io.Reader, peppered bool) Source {
	return table(r, []string{"id", "email", "encrypted_password"}, nil, func(w *row) *Record {
		rec := &Record{
			ID: w.text("id"), Username: w.text("username", "login"), PasswordHash: w.text("encrypted_password"),
			Disabled: !w.time("deleted_at", "discarded_at").IsZero(), CreatedAt: w.time("created_at"),
			LastLoginAt: w.time("current_sign_in_at", "last_sign_in_at"),
		}
		if peppered && rec.PasswordHash != "" {
			rec.PasswordFormat = "devise"
		}
		rec.address(w.text("email"), !w.time("confirmed_at").IsZero())
		rec.name(w.text("first_name"), w.text("last_name"), w.text("name"))
		rec.link(w.text("provider"), w.text("uid"))
		return rec
	})
}
