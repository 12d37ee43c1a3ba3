package account

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// send renders a mail and promises it within the request's transaction.
func (a *Account) send(ctx context.Context, rq *api.Request, to, kind string, data map[string]string) error {
	if data == nil {
		data = map[string]string{}
	}
	data["email"] = to
	subject, text, html, err := a.mail.Render(kind, rq.Locale, data)
	if err != nil {
		return err
	}
	return a.outbox.put(ctx, rq, parcel{Mail: &Message{
		To: to, Subject: subject, Text: text, HTML: html, Kind: kind, Locale: rq.Locale, Data: data,
	}})
}

// sendVerification mails a link that verifies e. When too many went there
// already, none is sent, and nobody is told: what was sent still works.
func (a *Account) sendVerification(ctx context.Context, rq *api.Request, u *store.User, e *store.EmailAddress, signup bool) error {
	if wait, err := a.countVerification(ctx, rq, e.Email); err != nil || wait > 0 {
		return err
	}
	key := a.verificationKey(rq, e)
	kind := "email_confirmation"
	if signup {
		kind = "email_confirmation_signup"
	}
	rq.Emit(EmailConfirmationSent{User: u, Email: e.Email, Signup: signup})
	return a.send(ctx, rq, e.Email, kind, map[string]string{"key": key, "activate_url": pageURL(a.frontend.VerifyEmail, key)})
}

// sendAlreadyExists tells the owner of an address that somebody tried to sign
// up with it, where a stranger would have got a verification mail.
func (a *Account) sendAlreadyExists(ctx context.Context, rq *api.Request, email string) error {
	if wait, err := a.countVerification(ctx, rq, email); err != nil || wait > 0 || email == "" {
		return err
	}
	return a.send(ctx, rq, email, "account_already_exists", map[string]string{
		"signup_url": a.frontend.Signup, "password_reset_url": a.frontend.RequestPasswordReset,
	})
}

func (a *Account) countVerification(ctx context.Context, rq *api.Request, email string) (time.Duration, error) {
	_, wait, err := rq.Take(ctx, "confirm_email", email)
	return wait, err
}

// notify tells a user by mail of a change to their account, if that is on.
func (a *Account) notify(ctx context.Context, rq *api.Request, u *store.User, kind string, data map[string]string) error {
	if !a.config.EmailNotifications || u.Email == "" {
		return nil
	}
	if data == nil {
		data = map[string]string{}
	}
	data["timestamp"] = rq.Now.UTC().Format("2006-01-02 15:04:05 MST")
	data["ip"] = rq.IP.String()
	if data["user_agent"] = sessions.UserAgent(rq.HTTP); data["user_agent"] == "" {
		data["user_agent"] = "unknown"
	}
	return a.send(ctx, rq, u.Email, kind, data)
}

// pageURL puts a key into a page's URL, encoded for the place where it stands.
func pageURL(page, key string) string {
	path, query, ok := strings.Cut(page, "?")
	path = strings.ReplaceAll(path, "{key}", url.PathEscape(key))
	if !ok {
		return path
	}
	return path + "?" + strings.ReplaceAll(query, "{key}", url.QueryEscape(key))
}
