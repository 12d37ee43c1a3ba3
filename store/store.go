// Package store says what headless keeps and what it expects of whoever keeps
// it: records, and one small contract for each kind of record.
//
// It is the floor everything else stands on. It knows no HTTP and no flow.
// Packages memory, sqlite and postgres implement the whole [Store]; package
// storetest is the suite that proves an implementation.
//
// # Rules for implementations
//
// Identifiers are opaque text given out by the store: a Create method fills
// the ID of the record it was handed. An identifier that could never have been
// given out (say, letters where ids are integers) is simply not found. A store
// whose ids are integers says so with [IntegerIDs], and the API then shows
// them as JSON numbers.
//
// Times are UTC with microsecond precision; the zero time means "never" and
// comes back as the zero time.
//
// Every method honours its context. Errors wrap [ErrNotFound], [ErrConflict]
// or [ErrUnavailable] where the method's comment names them or where the
// backend can't be reached; anything else is a defect or a broken backend.
// Records handed out are the caller's: changing one changes nothing stored.
package store

import (
	"context"
	"errors"
)

var (
	// ErrNotFound reports that no such record exists.
	ErrNotFound = errors.New("not found")
	// ErrConflict reports that a uniqueness rule forbids the write, or that
	// somebody else has written the record since it was read.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable reports that the backend could not be reached in time, or
	// stayed too busy; the request may be tried again. InTx has written nothing
	// then. Of a single write outside of it the answer may be what was lost.
	ErrUnavailable = errors.New("store unavailable")
)

// Store keeps everything.
type Store interface {
	Users
	Emails
	Phones
	Authenticators
	SocialAccounts
	TrustedBrowsers
	Sessions
	Limits
	Nonces
	Outbox

	// InTx runs fn on a store whose writes become visible together when fn
	// returns nil, and not at all when it returns an error or panics. The
	// store given to fn must not be used after fn returned, nor by several
	// goroutines at once; while fn runs, the caller must go through it and not
	// through the outer store. InTx of a store that is in a transaction
	// already joins that one: what an inner fn wrote is kept only if it and the
	// outer one succeed. A method that answers ErrNotFound or ErrConflict leaves
	// the transaction as it was before, and fn may go on. fn may be run again
	// from the start when the backend asks for a retry, so it must have no
	// effect but through the store, or undo what it had.
	InTx(ctx context.Context, fn func(Store) error) error
}

// IntegerIDs is an optional ability of a [Store]: its ids are integers.
type IntegerIDs interface {
	// IntegerIDs reports whether every id the store gives out is a decimal
	// integer between 1 and 2^53-1.
	IntegerIDs() bool
}

// Pinger is an optional ability of a [Store]: telling whether its backend
// answers.
type Pinger interface {
	// Ping returns nil if the backend answers, else an error.
	Ping(ctx context.Context) error
}
