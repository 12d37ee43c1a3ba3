package sessions

import "github.com/headless-auth/headless/store"

// Client is where a session is used from.
type Client struct {
	IP        string `json:"ip"`
	UserAgent string `json:"user_agent"`
}

// ClientChanged is the event that a session is used from another address, or by
// another user agent, than when its use was last written down. It is told where
// [Config.TrackActivity] is on.
type ClientChanged struct {
	User    *store.User `json:"-"`
	Session string      `json:"session"`
	From    Client      `json:"from_session"`
	To      Client      `json:"to_session"`
}

// Name is the event's name in the reference.
func (ClientChanged) Name() string { return "session_client_changed" }

// Subject is the session's user.
func (e ClientChanged) Subject() *store.User { return e.User }

// Ended is the event that a user has ended one of their sessions by the list of
// them.
type Ended struct {
	User    *store.User `json:"-"`
	Session string      `json:"session"`
}

// Name is the event's name.
func (Ended) Name() string { return "session_ended" }

// Subject is the session's user.
func (e Ended) Subject() *store.User { return e.User }

// Crowded is the event that a user's oldest session was ended because they have
// logged in more often than [Config.MaxPerUser] allows.
type Crowded struct {
	User    *store.User `json:"-"`
	Session string      `json:"session"`
}

// Name is the event's name.
func (Crowded) Name() string { return "session_crowded_out" }

// Subject is the session's user.
func (e Crowded) Subject() *store.User { return e.User }

// RefreshTokenReused is the event that a refresh token was used again, long
// after it was traded in: somebody has a copy. Its session was ended.
type RefreshTokenReused struct {
	User    *store.User `json:"-"`
	Session string      `json:"session"`
}

// Name is the event's name.
func (RefreshTokenReused) Name() string { return "refresh_token_reused" }

// Subject is the session's user.
func (e RefreshTokenReused) Subject() *store.User { return e.User }

// EventNames are the names of this package's events.
func EventNames() (names []string) {
	for _, e := range []interface{ Name() string }{
		ClientChanged{}, Ended{}, Crowded{}, RefreshTokenReused{},
	} {
		names = append(names, e.Name())
	}
	return names
}
