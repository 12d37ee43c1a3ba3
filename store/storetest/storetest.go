// Package storetest proves that a store keeps the contracts of package store.
// Whoever writes one runs it:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
//	}
//
// A store that keeps only a part, such as sessions, runs that part:
//
//	storetest.Sessions(t, func(t *testing.T) store.Sessions { return open(t) })
//
// open is called once for each subtest and returns an empty store; what it has
// to clean up it leaves to t.Cleanup. Subtests run one after another, so they
// may share a database that open empties. With -short the races are run fewer
// times.
//
// # What the suite reads into the contracts
//
// Where the comments in package store leave a choice, every store makes the
// same one:
//
//   - A Create method ignores the ID, the Version and whatever else the store
//     decides on, and leaves the record alone if it fails. So does an Update.
//   - Creating what belongs to a user who does not exist is ErrNotFound; but a
//     session may be anybody's, as users may be kept elsewhere.
//   - A token hash that is known is ErrConflict. The empty one finds nothing.
//   - The empty user id has no sessions: ending "its" sessions ends none.
//   - Times are cut or rounded to a microsecond. Where the zero time says when
//     something is over, it never is.
//   - Oldest first means by the record's own time, then as they were created.
//   - An address or number changes no [store.User].Version.
//   - A bucket without an amount is always full. A take counts at the moment
//     it is said to have been made, also if that lies in the future.
//   - Neither ErrConflict nor ErrNotFound ends a transaction: it goes on, and
//     may commit. But what a failed joined transaction has written is never
//     kept, whatever the outer one makes of the error.
//   - Text that a backend can't keep, such as NUL, is refused with an error
//     or kept as it is, and never matches another. As a key of what works once
//     or is counted it is refused, since no other store would take it.
//   - A call whose context has ended does nothing and says so with the
//     context's error.
//   - ErrUnavailable under a crowd is tried again, as callers are told to.
package storetest

import (
	"testing"

	"github.com/headless-auth/headless/store"
)

// Run runs everything on a whole store, and on those of the optional abilities
// that it has.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	t.Run("Users", func(t *testing.T) { Users(t, open) })
	t.Run("UserLister", func(t *testing.T) { UserLister(t, open) })
	t.Run("Emails", func(t *testing.T) { Emails(t, open) })
	t.Run("Phones", func(t *testing.T) { Phones(t, open) })
	t.Run("Authenticators", func(t *testing.T) { Authenticators(t, open) })
	t.Run("SocialAccounts", func(t *testing.T) { SocialAccounts(t, open) })
	t.Run("TrustedBrowsers", func(t *testing.T) { TrustedBrowsers(t, open) })
	t.Run("Sessions", func(t *testing.T) { Sessions(t, as[store.Sessions](open)) })
	t.Run("Limits", func(t *testing.T) { Limits(t, as[store.Limits](open)) })
	t.Run("Nonces", func(t *testing.T) { Nonces(t, as[store.Nonces](open)) })
	t.Run("Outbox", func(t *testing.T) { Outbox(t, open) })
	t.Run("Backlog", func(t *testing.T) { Backlog(t, open) })
	t.Run("Migrator", func(t *testing.T) { Migrator(t, open) })
	t.Run("Clock", func(t *testing.T) { Clock(t, func(t *testing.T) any { return open(t) }) })
	t.Run("Scope", func(t *testing.T) { Scope(t, func(t *testing.T) any { return open(t) }) })
	t.Run("AuditLog", func(t *testing.T) { AuditLog(t, open) })
	t.Run("Transactions", func(t *testing.T) { Transactions(t, open) })
	t.Run("Concurrency", func(t *testing.T) { Concurrency(t, open) })
	t.Run("SessionWatcher", func(t *testing.T) {
		SessionWatcher(t, func(t *testing.T) (one, other store.Sessions) {
			st := open(t)
			return st, st
		})
	})
	t.Run("a store that can be asked answers", func(t *testing.T) {
		p, is := open(t).(store.Pinger)
		if !is {
			t.Skip("the store can't be asked")
		}
		ok(t, p.Ping(t.Context()))
		honoursContext(t, calls(call{"Ping", p.Ping}))
	})
}

// as opens a store for one of its contracts.
func as[S any](open func(t *testing.T) store.Store) func(t *testing.T) S {
	return func(t *testing.T) S { return open(t).(S) }
}
