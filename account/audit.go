package account

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Audit writes an event down. What has happened has happened: a log that fails
// stops nobody, and the operator is told.
func Audit(ctx context.Context, log store.AuditLog, logger *slog.Logger, event Event) {
	data, err := json.Marshal(event)
	if actor := Actor(ctx); err == nil && actor != "" {
		data, err = withMember(data, memberActor, actor)
	}
	if err == nil {
		rq := api.FromContext(ctx)
		e := &store.AuditEntry{Kind: event.Name(), Data: data, UserAgent: sessions.UserAgent(rq.HTTP), At: rq.Now}
		if rq.IP.IsValid() { // else the host itself acts
			e.IP = rq.IP.String()
		}
		if u := event.Subject(); u != nil {
			e.UserID = u.ID
		}
		err = log.AppendAudit(ctx, e)
	}
	if err != nil {
		logger.ErrorContext(ctx, "an event is missing from the audit log", "event", event.Name(), "error", err)
	}
}

// memberActor is where an event's data has who acted, if not the user.
const memberActor = "actor"

// withoutMember removes a member of a JSON object, and reports whether it was
// there.
func withoutMember(object []byte, name string) (rest json.RawMessage, found bool, err error) {
	members := map[string]json.RawMessage{}
	if len(object) == 0 {
		return object, false, nil
	}
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, false, err
	}
	if _, found = members[name]; !found {
		return object, false, nil
	}
	delete(members, name)
	rest, err = json.Marshal(members)
	return rest, true, err
}

// withMember adds a member to a JSON object.
func withMember(object []byte, name string, value any) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	members[name] = b
	return json.Marshal(members)
}
