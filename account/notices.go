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

// sendAlreadyExists tells who owns what a signup was pretended with that
// somebody tried, where a stranger would have got a code or link.
func (a *Account) sendAlreadyExists(ctx context.Context, rq *api.Request, l *Login) error {
	if l.Email == "" || l.phoneTaken {
		return a.tellAlreadyExists(ctx, rq, l)
	}
	wait, err := a.countVerification(ctx, rq, l.Email)
	if err == nil && wait > 0 && a.config.EmailVerificationByCode {
		err = api.TooMany(wait) // as for a real account
	}
	if err != nil || wait > 0 {
		return err
	}
	return a.mailAlreadyExists(ctx, rq, l.Email)
}

// tellAlreadyExists is sendAlreadyExists of what was counted.
func (a *Account) tellAlreadyExists(ctx context.Context, rq *api.Request, l *Login) error {
	switch {
	case l.phoneTaken:
		return a.sendSMS(ctx, rq, l.Phone, smsAlreadyExists, "")
	case l.Email == "":
		return nil
	}
	return a.mailAlreadyExists(ctx, rq, l.Email)
}

func (a *Account) mailAlreadyExists(ctx context.Context, rq *api.Request, email string) error {
	return a.send(ctx, rq, email, "account_already_exists", map[string]string{
		"signup_url": a.frontend.Signup, "password_reset_url": a.frontend.RequestPasswordReset,
	})
}

// sendUnknownAccount tells somebody that there is no account for the address
// that was typed, unless the host wants it silent.
func (a *Account) sendUnknownAccount(ctx context.Context, rq *api.Request, email string) error {
	if a.config.SilentForUnknownAccounts {
		return nil
	}
	return a.send(ctx, rq, email, "unknown_account", map[string]string{"signup_url": a.frontend.Signup})
}

// The kinds of text messages.
const (
	smsVerification   = "verification"
	smsUnknownAccount = "unknown_account"
	smsAlreadyExists  = "account_already_exists"
)

// sendSMS promises a text message within the request's transaction.
func (a *Account) sendSMS(ctx context.Context, rq *api.Request, to, kind, code string) error {
	if a.hooks.AllowSMS != nil {
		if ok, err := a.hooks.AllowSMS(ctx, to, kind); err != nil || !ok {
			return err
		}
	}
	text, err := a.mail.SMS(kind, rq.Locale, map[string]string{"code": code, "domain": a.domain})
	if err != nil {
		return err
	}
	return a.outbox.put(ctx, rq, parcel{SMS: &SMS{To: to, Text: text, Code: code, Kind: kind, Locale: rq.Locale}})
}

func (a *Account) countVerification(ctx context.Context, rq *api.Request, email string) (time.Duration, error) {
	_, wait, err := rq.TakeEach(ctx, email, "confirm_email", actionMail)
	return wait, err
}

// notify tells a user by mail of a change to their account, if that is on.
func (a *Account) notify(ctx context.Context, rq *api.Request, u *store.User, kind string, data map[string]string) error {
	return a.notifyAt(ctx, rq, u.Email, kind, data)
}

// Notify is notify for the other features.
func (a *Account) Notify(ctx context.Context, rq *api.Request, u *store.User, kind string, data map[string]string) error {
	return a.notify(ctx, rq, u, kind, data)
}

func (a *Account) notifyAt(ctx context.Context, rq *api.Request, email, kind string, data map[string]string) error {
	if !a.config.EmailNotifications {
		return nil
	}
	return a.notice(ctx, rq, email, kind, data)
}

// notice mails what happened, when, and from where. Of one kind there are only
// so many a day: the first ones have told.
func (a *Account) notice(ctx context.Context, rq *api.Request, email, kind string, data map[string]string) error {
	if email == "" {
		return nil
	}
	if _, wait, err := rq.Take(ctx, actionMail, shareNotices+kind+":"+email); err != nil || wait > 0 {
		return err
	}
	if data == nil {
		data = map[string]string{}
	}
	data["timestamp"] = rq.Now.UTC().Format("2006-01-02 15:04:05 MST")
	data["ip"] = "unknown"
	if rq.IP.IsValid() {
		data["ip"] = rq.IP.String()
	}
	if data["user_agent"] = sessions.UserAgent(rq.HTTP); data["user_agent"] == "" {
		data["user_agent"] = "unknown"
	}
	return a.send(ctx, rq, email, kind, data)
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
