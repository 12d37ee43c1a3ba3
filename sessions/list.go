package sessions

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Codes of a list of sessions to end. spec: sessions-tokens.md §3.1.
const (
	codeInvalidList   api.Code = "invalid_list"
	codeInvalidID     api.Code = "invalid_pk_value"
	codeInvalidChoice api.Code = "invalid_choice"
)

var endInput = []api.Field{{Name: "sessions", Kind: api.Any, Description: "The ids of own sessions to end"}}

func (m *Manager) listRoute() api.Route {
	return api.Route{Path: "/auth/sessions", Access: api.LoggedIn, Methods: map[string]api.Endpoint{
		http.MethodGet:    {Do: m.list},
		http.MethodDelete: {Input: endInput, Do: m.end},
	}}
}

// ConfigData is this package's part of the config endpoint; nil where the list
// is off. spec: config-openapi.md §1.
func (m *Manager) ConfigData() any {
	if !m.config.List {
		return nil
	}
	return struct {
		TrackActivity bool `json:"track_activity"`
	}{m.config.TrackActivity}
}

// listed is a session as its user sees it.
type listed struct {
	UserAgent  string   `json:"user_agent"`
	Device     string   `json:"device,omitempty"` // ours: the user agent in words
	IP         string   `json:"ip"`
	CreatedAt  float64  `json:"created_at"`
	IsCurrent  bool     `json:"is_current"`
	ID         any      `json:"id"`
	LastSeenAt *float64 `json:"last_seen_at,omitempty"`
}

// list tells where a user is logged in, oldest session first.
func (m *Manager) list(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	own, err := m.own(ctx, rq)
	if err != nil {
		return nil, err
	}
	l := make([]listed, 0, len(own))
	for _, s := range own {
		x := listed{
			UserAgent: s.UserAgent, Device: Device(s.UserAgent), IP: s.IP, CreatedAt: float64(s.CreatedAt.UnixMicro()) / 1e6,
			IsCurrent: s.ID == rq.Session.ID, ID: rq.Env.IDValue(s.ID),
		}
		if m.config.TrackActivity {
			at := float64(s.SeenAt.UnixMicro()) / 1e6
			x.LastSeenAt = &at
		}
		l = append(l, x)
	}
	return api.Data(l), nil
}

// own are the live sessions of the caller.
func (m *Manager) own(ctx context.Context, rq *api.Request) ([]*store.Session, error) {
	l, err := rq.Sessions().SessionsOf(ctx, rq.User.ID)
	return slices.DeleteFunc(l, func(s *store.Session) bool { return !m.alive(rq, s, rq.User) }), err
}

// end ends sessions of the caller: all that are named, or none if one of them
// is not theirs. The current one may be among them. Who ends all others also
// trusts no browser any more. Requirement MFA-5.
func (m *Manager) end(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	ids, code := sessionIDs(rq.Input.Raw("sessions"), rq.Env.IntegerIDs)
	var others []string
	if code == "" {
		own, err := m.own(ctx, rq)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(ids, func(id string) bool {
			return !slices.ContainsFunc(own, func(s *store.Session) bool { return s.ID == id })
		}) {
			code = codeInvalidChoice
		}
		for _, s := range own {
			if s.ID != rq.Session.ID {
				others = append(others, s.ID)
			}
		}
	}
	if code != "" {
		return nil, api.Invalid("sessions", code)
	}
	u, current := rq.User, rq.Session.ID
	own := slices.Contains(ids, current)
	all := len(others) > 0 && !slices.ContainsFunc(others, func(id string) bool { return !slices.Contains(ids, id) })
	err := rq.InTx(ctx, func(ctx context.Context) error {
		if all {
			if err := rq.Store().DeleteTrustedBrowsersOf(ctx, u.ID); err != nil {
				return err
			}
		}
		if own {
			rq.Emit(Ended{User: u, Session: rq.Session.ID})
			m.Logout(rq)
		}
		return m.End(ctx, rq, u, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == current }))
	})
	switch {
	case err != nil:
		return nil, err
	case own:
		return api.Authentication(), nil
	}
	return m.list(ctx, rq)
}

// sessionIDs reads a list of ids, each once. An integer may be written as text.
func sessionIDs(raw json.RawMessage, integers bool) (ids []string, code api.Code) {
	switch string(raw) {
	case "", "null", `""`, "{}", "false", "0":
		return nil, api.CodeRequired
	}
	members, ok := api.Elements(raw)
	if !ok {
		return nil, codeInvalidList
	}
	seen := map[string]bool{}
	for x := range members {
		id := string(x)
		if x[0] == '"' {
			if json.Unmarshal(x, &id) != nil {
				return nil, codeInvalidID
			}
		} else if _, err := strconv.ParseInt(id, 10, 64); err != nil {
			return nil, codeInvalidID
		}
		if integers {
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				return nil, codeInvalidID
			}
			id = strconv.FormatInt(n, 10)
		}
		if !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil, api.CodeRequired
	}
	return ids, ""
}

// End ends sessions of a user, other than the current one.
func (m *Manager) End(ctx context.Context, rq *api.Request, u *store.User, ids []string) error {
	m.Forget(rq, u.ID)
	for _, id := range ids {
		if err := rq.Sessions().DeleteSession(ctx, id); err != nil {
			return err
		}
		rq.Emit(Ended{User: u, Session: id})
	}
	return nil
}
