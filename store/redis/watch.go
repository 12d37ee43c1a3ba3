package redis

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// AnnounceSessions implements [store.SessionWatcher]: by PUBLISH, in the very
// script that changes a session.
func (s *Store) AnnounceSessions() { s.announces.Store(true) }

// channel is where changes are told; empty, as long as they are not.
func (s *Store) channel() string {
	if !s.announces.Load() {
		return ""
	}
	return s.prefix + "changed"
}

const (
	// echo is no user's id.
	echo = "?"
	// silence is how long nothing may be heard before the connection is tried,
	// and how long the server has to answer that.
	silence = 10 * time.Second
)

// WatchSessions implements [store.SessionWatcher]: by SUBSCRIBE. Whoever
// watches announces as well, if only that it watches.
func (s *Store) WatchSessions(ctx context.Context, changed func(userID string)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.listen(ctx, changed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return did(ctx, "watch sessions", err)
}

func (s *Store) listen(ctx context.Context, changed func(string)) error {
	channel := s.prefix + "changed"
	sub := s.client.Subscribe(ctx, channel)
	defer sub.Close()
	// Waiting for a message does not end with the context.
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	asked := true // the server owes an answer
	for {
		m, err := sub.ReceiveTimeout(ctx, silence)
		if waited := net.Error(nil); errors.As(err, &waited) && waited.Timeout() && !asked {
			asked = true
			err = sub.Ping(ctx)
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *redis.Subscription: // maybe again, if the client has found another server
			// Whose user may listen but not speak would never be heard.
			if err := s.client.Publish(ctx, channel, echo).Err(); err != nil {
				return err
			}
			changed("")
			asked = false
		case *redis.Pong:
			asked = false
		case *redis.Message:
			asked = false
			if m.Payload != echo {
				changed(m.Payload)
			}
		}
	}
}
