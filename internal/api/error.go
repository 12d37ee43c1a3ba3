package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/headless-auth/headless/internal/i18n"
	"github.com/headless-auth/headless/store"
)

// Code is the stable name of an error, as clients know it.
type Code string

// Codes that any input may earn. spec: core.md §3.4.
const (
	CodeRequired       Code = "required"
	CodeInvalid        Code = "invalid"
	CodeMaxLength      Code = "max_length"
	CodeMinLength      Code = "min_length"
	CodeNullCharacters Code = "null_characters_not_allowed"
	CodeInvalidJSON    Code = "invalid_json"
	CodeTooLarge       Code = "too_large"
)

// Item is one thing that is wrong with a request.
type Item struct {
	Message string `json:"message"`
	Code    Code   `json:"code"`
	Param   string `json:"param,omitempty"` // empty: the input as a whole
}

// Error is an answer other than the wished one. The caller sees status and
// items; the cause is for the log.
type Error struct {
	Status     int
	Items      []Item
	RetryAfter time.Duration
	Cause      error
	flows      bool // answer with the authentication body
	anonymous  bool // as for nobody, whoever is logged in
}

// Error implements error.
func (e *Error) Error() string {
	s := http.StatusText(e.Status)
	for _, i := range e.Items {
		s += "; " + i.Param + ": " + string(i.Code)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Invalid is a 400 with one item.
func Invalid(param string, code Code) *Error {
	return &Error{Status: http.StatusBadRequest, Items: []Item{{Param: param, Code: code}}}
}

// Conflict is a 409: not the moment for this call.
func Conflict() *Error { return &Error{Status: http.StatusConflict} }

// Forbidden is a 403.
func Forbidden() *Error { return &Error{Status: http.StatusForbidden} }

// TooMany is a 429.
func TooMany(retryAfter time.Duration) *Error {
	return &Error{Status: http.StatusTooManyRequests, RetryAfter: retryAfter}
}

// Gone is a 410: the app's token is dead.
func Gone() *Error { return &Error{Status: http.StatusGone, flows: true} }

// Unauthenticated is the 401 of whoever has to log in first.
func Unauthenticated() *Error { return &Error{Status: http.StatusUnauthorized, flows: true} }

// Reauthenticate is the 401 of whoever has to prove again who they are.
func Reauthenticate() *Error { return &Error{Status: http.StatusUnauthorized, flows: true} }

// WrongCredential is the 401 of whoever is recognised by another kind of
// credential than is accepted; the code names one that is.
func WrongCredential(wanted CredentialKind) *Error {
	return (&Error{Status: http.StatusUnauthorized}).Named(Code(wanted) + "_required")
}

// Named returns the error with an item of that code.
func (e *Error) Named(code Code) *Error {
	e.Items = append(e.Items, Item{Code: code})
	return e
}

// NotPending is the 401 of an endpoint of a login's stage whose caller has no
// login waiting there, logged in or not: it tells the ways to log in.
// spec: mfa.md §2.4.
func NotPending() *Error {
	return &Error{Status: http.StatusUnauthorized, flows: true, anonymous: true}
}

// asError turns any error of a flow into an answer.
func asError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
		// Another request has changed, or removed, what this one stands on;
		// trying again shows where things are now.
		return &Error{Status: http.StatusConflict, Cause: err}
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusServiceUnavailable, RetryAfter: time.Second, Cause: err}
	}
	return &Error{Status: http.StatusInternalServerError, Cause: err}
}

// forPeople reports whether a page can tell of a refusal as well. The others are
// for programs, and for whoever looks into them: a missing CSRF token, wrong
// methods, limits, our own faults.
func (e *Error) forPeople() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict:
		return !slices.ContainsFunc(e.Items, func(i Item) bool { return i.Code == "csrf_failed" })
	}
	return false
}

func fillMessages(locale string, items []Item) []Item {
	for i := range items {
		if items[i].Message == "" {
			items[i].Message = i18n.Message(locale, string(items[i].Code))
		}
	}
	return items
}
