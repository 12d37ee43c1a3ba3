package sessions

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/tokens"
)

var refreshInput = []api.Field{{Name: "refresh_token", Required: true, Description: "The refresh token"}}

// Routes is the table of this package's URLs.
func (m *Manager) Routes() []api.Route {
	l := []api.Route{{Path: "/tokens/refresh", Client: api.App, Access: api.Anyone, Methods: map[string]api.Endpoint{
		http.MethodPost: {Input: refreshInput, Do: m.refresh},
	}}}
	if m.config.List {
		l = append(l, m.listRoute())
	}
	return l
}

// refresh trades a refresh token for a new access token and, unless refresh
// tokens are kept, for the refresh token that takes its place.
// spec: sessions-tokens.md §7.6, §7.7.
func (m *Manager) refresh(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if raw := rq.Input.Raw("refresh_token"); len(raw) > 0 && bytes.IndexByte([]byte("{[tf"), raw[0]) >= 0 {
		return nil, refused(nil) // no text at all: as any wrong token
	}
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	t, err := m.strategy.Refresh(rq.Input.Text("refresh_token"), rq.Now)
	if errors.Is(err, tokens.ErrRefused) {
		return nil, refused(err)
	}
	if err != nil {
		return nil, err
	}
	s, u, err := m.use(ctx, rq, t)
	if err != nil {
		return nil, err
	}
	w := tokens.When{Now: rq.Now}
	if !t.Keep && s.Generation != t.Generation {
		w.Refreshed = s.RefreshedAt
	}
	g, err := m.strategy.Grant(ctx, s, u, w)
	if err != nil {
		return nil, err
	}
	data := map[string]any{"access_token": g.AccessToken}
	switch {
	case g.RefreshToken != "":
		data["refresh_token"] = g.RefreshToken
	case !t.Keep: // used again at once, it stays; clients expect one all the same
		data["refresh_token"] = rq.Input.Text("refresh_token")
	}
	maps.Copy(data, g.Extra)
	return api.Data(data), nil
}

func refused(cause error) *api.Error {
	return &api.Error{Status: http.StatusBadRequest, Cause: cause}
}

// use finds the session that a refresh token is for, and moves it on to the
// next generation where the token is traded.
func (m *Manager) use(ctx context.Context, rq *api.Request, t tokens.Refresh) (*store.Session, *store.User, error) {
	var s *store.Session
	var u *store.User
	var err error
	refresher, ok := rq.Sessions().(store.SessionRefresher)
	switch {
	case t.Keep:
		s, u, err = find(ctx, rq, tokens.Ref{SessionID: t.SessionID})
	case !ok:
		return nil, nil, errors.New("sessions: the session store can't refresh; New should have refused it")
	default:
		s, u, err = refresher.RefreshSession(ctx, &store.Refresh{
			SessionID: t.SessionID, UserID: t.UserID, Epoch: t.Epoch, Generation: t.Generation,
			Now: rq.Now, Grace: t.Grace, ExpiresAt: rq.Now.Add(m.config.Lifetime), IP: rq.IP.String(), UserAgent: UserAgent(rq.HTTP),
		})
		if err == nil && u == nil {
			u, err = rq.Store().User(ctx, s.UserID)
		}
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil, refused(err)
	case errors.Is(err, store.ErrConflict):
		return nil, nil, m.reused(ctx, rq, t)
	case err != nil:
		return nil, nil, err
	case s.UserID != t.UserID || s.Epoch != t.Epoch || u == nil || u.Disabled || !m.alive(rq, s, u):
		return nil, nil, refused(nil)
	}
	return s, u, nil
}

// reused ends the session of a refresh token that was traded in before: its
// owner and somebody else have both had it, and nobody can tell who is who.
func (m *Manager) reused(ctx context.Context, rq *api.Request, t tokens.Refresh) error {
	s, u, err := find(ctx, rq, tokens.Ref{SessionID: t.SessionID})
	if errors.Is(err, store.ErrNotFound) {
		return refused(nil)
	}
	if err != nil {
		return err
	}
	if s.UserID == t.UserID && s.Epoch == t.Epoch && t.Generation < s.Generation {
		if err := rq.Sessions().DeleteSession(ctx, s.ID); err != nil {
			return err
		}
		m.cache.drop(s.UserID)
		rq.Emit(RefreshTokenReused{User: u, Session: s.ID})
	}
	return refused(nil)
}
