package importer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// djangoRow is a row as Django's dumpdata writes it.
type djangoRow struct {
	Model  string          `json:"model"`
	PK     json.RawMessage `json:"pk"`
	Fields json.RawMessage `json:"fields"`
}

type djangoUser struct {
	Username   string     `json:"username"`
	Password   *string    `json:"password"`
	FirstName  string     `json:"first_name"`
	LastName   string     `json:"last_name"`
	Email      string     `json:"email"`
	IsActive   *bool      `json:"is_active"`
	DateJoined *time.Time `json:"date_joined"`
	LastLogin  *time.Time `json:"last_login"`
}

type djangoEmail struct {
	Email    string `json:"email"`
	Verified bool   `json:"verified"`
	Primary  bool   `json:"primary"`
}

type djangoSocial struct {
	Provider  string          `json:"provider"`
	UID       string          `json:"uid"`
	LastLogin time.Time       `json:"last_login"`
	Joined    time.Time       `json:"date_joined"`
	Data      json.RawMessage `json:"extra_data"`
}

type djangoAuthenticator struct {
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data"`
	CreatedAt  time.Time       `json:"created_at"`
	LastUsedAt *time.Time      `json:"last_used_at"`
}

// Django reads what "manage.py dumpdata --format jsonl" has written of the
// users and of django-allauth's tables: auth.user (or a user model of one's
// own), account.emailaddress, socialaccount.socialaccount and
// mfa.authenticator. A list, as of --format json, does as well. It is held in
// memory, since the rows of a user are anywhere.
func Django(r io.Reader) Source {
	return func(yield func(*Record, error) bool) {
		d := &djangoDump{users: map[string]*Record{}}
		br := bufio.NewReader(r)
		for {
			b, err := br.Peek(1)
			if err != nil || len(bytes.TrimSpace(b)) > 0 {
				break
			}
			_, _ = br.Discard(1)
		}
		source := jsonLines[djangoRow]
		if b, _ := br.Peek(1); string(b) == "[" {
			source = func(r io.Reader, _ bool, fn func(int, *djangoRow) (*Record, error)) Source { return list(r, "", fn) }
		}
		for _, err := range source(br, false, func(line int, w *djangoRow) (*Record, error) { return nil, d.add(line, w) }) {
			if err != nil && !yield(nil, err) {
				return
			}
		}
		for _, add := range d.later {
			if err := add(); err != nil && !yield(nil, err) {
				return
			}
		}
		for _, rec := range d.order {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

type djangoDump struct {
	users map[string]*Record
	order []*Record
	// later are the rows of other tables, which may come before the users.
	later []func() error
}

// id is a primary key as text.
func djangoID(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(raw))
}

func (d *djangoDump) add(line int, w *djangoRow) error {
	switch w.Model {
	case "account.emailaddress":
		return belonging(d, line, w, func(r *Record, e *djangoEmail) error {
			for i := range r.Emails {
				if strings.EqualFold(r.Emails[i].Email, e.Email) { // the user's own
					r.Emails[i].Verified, r.Emails[i].Primary = e.Verified, e.Primary
					return nil
				}
			}
			r.Emails = append(r.Emails, Email{Email: e.Email, Verified: e.Verified, Primary: e.Primary})
			return nil
		})
	case "socialaccount.socialaccount":
		return belonging(d, line, w, func(r *Record, s *djangoSocial) error {
			r.Social = append(r.Social, Social{Provider: s.Provider, UID: s.UID, Data: s.Data, CreatedAt: s.Joined, LastLoginAt: s.LastLogin})
			return nil
		})
	case "mfa.authenticator":
		return belonging(d, line, w, func(r *Record, a *djangoAuthenticator) error { return r.djangoFactor(line, a) })
	}
	var u djangoUser
	if err := decodeJSON(line, w.Fields, &u, false); err != nil {
		if w.Model == "auth.user" {
			return err
		}
		return nil // another table, whatever is in it
	}
	if u.Password == nil {
		return nil
	}
	rec := &Record{
		Line: line, ID: djangoID(w.PK), Username: u.Username, FirstName: u.FirstName, LastName: u.LastName,
		PasswordHash: *u.Password, Disabled: u.IsActive != nil && !*u.IsActive,
	}
	if hexMD5.MatchString(rec.PasswordHash) {
		rec.PasswordFormat = "md5"
	}
	if u.DateJoined != nil {
		rec.CreatedAt = u.DateJoined.UTC()
	}
	if u.LastLogin != nil {
		rec.LastLoginAt = u.LastLogin.UTC()
	}
	if u.Email != "" {
		rec.Emails = []Email{{Email: u.Email}}
	}
	d.users[rec.ID] = rec
	d.order = append(d.order, rec)
	return nil
}

// belonging keeps a row until all users are known.
func belonging[T any](d *djangoDump, line int, w *djangoRow, fn func(r *Record, v *T) error) error {
	var of struct {
		User json.RawMessage `json:"user"`
	}
	v := new(T)
	if err := decodeJSON(line, w.Fields, &of, false); err != nil {
		return err
	}
	if err := decodeJSON(line, w.Fields, v, false); err != nil {
		return err
	}
	id := djangoID(of.User)
	d.later = append(d.later, func() error {
		r := d.users[id]
		if r == nil {
			return &Problem{Line: line, Field: w.Model, Text: fmt.Sprintf("is of user %q, who is not in the file", id)}
		}
		return fn(r, v)
	})
	return nil
}

func (r *Record) djangoFactor(line int, a *djangoAuthenticator) error {
	var used time.Time
	if a.LastUsedAt != nil {
		used = *a.LastUsedAt
	}
	var data struct {
		Secret     string `json:"secret"`
		Credential struct {
			ID string `json:"id"`
		} `json:"credential"`
	}
	if err := decodeJSON(line, a.Data, &data, false); err != nil {
		return err
	}
	switch a.Type {
	case "totp":
		r.TOTP = &TOTP{Secret: data.Secret, CreatedAt: a.CreatedAt, LastUsedAt: used}
	case "recovery_codes":
		r.recovery = a.Data
		r.RecoveryCodes = &RecoveryCodes{CreatedAt: a.CreatedAt, LastUsedAt: used}
	case "webauthn":
		key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(data.Credential.ID, "="))
		if err != nil || len(key) == 0 {
			return &Problem{Line: line, Field: "mfa.authenticator", Text: "has no credential id"}
		}
		r.SecurityKeys = append(r.SecurityKeys, SecurityKey{Key: key, Data: a.Data, CreatedAt: a.CreatedAt, LastUsedAt: used})
	}
	return nil
}
