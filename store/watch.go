package store

import "context"

// SessionWatcher is an optional ability of a [Store], or of a [Sessions]:
// telling every process whose sessions are not what they were. Who remembers
// sessions needs it to learn of what others do.
//
// What is told of are changes that an answer about a logged-in session could
// show: a session is updated or ended, a user is updated or deleted, or gets
// another primary address. The rest is not: that a session is created,
// touched, refreshed or swept out, that a user logs in, that the hash of a
// password is replaced by its equivalent.
type SessionWatcher interface {
	// AnnounceSessions has this store tell of its changes from now on, with
	// the change and in the same transaction. Before, they cost nothing and
	// nobody hears of them. It is for every process that changes sessions or
	// users which others remember.
	AnnounceSessions()
	// WatchSessions calls changed with the id of each user whose sessions were
	// changed, by whatever process, once others can see the change; it may do
	// so too often. The empty id stands for everybody: whatever was read before
	// may be out of date. It comes first, when nothing will be missed any
	// more. changed is not called twice at a time, must return soon, and must
	// not use the store.
	//
	// It returns an error as soon as something could be missed: the context's
	// when that has ended, ErrUnavailable when the backend can't be reached.
	WatchSessions(ctx context.Context, changed func(userID string)) error
}
