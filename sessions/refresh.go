package sessions

import (
	"context"
	"errors"
	"net/http"

	"github.com/headless-auth/headless/internal/api"
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

// refresh trades a refresh token for a new access token.
// spec: sessions-tokens.md §7.7.
func (m *Manager) refresh(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := rq.Input.Err(); err != nil {
		return nil, err
	}
	g, err := m.strategy.Refresh(ctx, rq.Input.Text("refresh_token"))
	if errors.Is(err, tokens.ErrRefused) {
		return nil, &api.Error{Status: http.StatusBadRequest}
	}
	if err != nil {
		return nil, err
	}
	return api.Data(struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token,omitempty"`
	}{g.AccessToken, g.RefreshToken}), nil
}
