package socialaccount

import (
	"context"
	"net/url"

	"github.com/headless-auth/headless/internal/api"
)

// prompted makes the way of a [Prompter]'s script look like any other way to a
// provider and back: its state is the nonce, which the token brings back.
type prompted struct{ Prompter }

// Begin implements [Redirector]. The page has no need to be sent anywhere.
func (prompted) Begin(_ context.Context, a *AuthRequest) (string, error) {
	a.State = a.Nonce
	return "", nil
}

// StateOf implements [Redirector].
func (prompted) StateOf(posted url.Values) string { return posted.Get("nonce") }

// Finish implements [Redirector].
func (p prompted) Finish(ctx context.Context, a *AuthRequest, posted url.Values) (*Identity, error) {
	return p.FinishPrompt(ctx, a, posted)
}

var promptInput = []api.Field{
	{Name: "provider", Required: true, Description: "Provider ID"},
	{Name: "process", Required: true, Description: `"login" or "connect"`},
	{Name: "callback_url", Required: true, Description: "Where the browser is sent in the end"},
}

// prompt begins a login with a provider's script: it answers what the page has
// to tell the script, and expects the browser with the nonce. Nothing is taken
// from the script that was not begun so. It is what the redirect endpoint is for
// other logins.
func (s *Social) prompt(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	e := s.byID(in.Text("provider"))
	next, good := s.targets.Clean(in.Text("callback_url"))
	process := in.Text("process")
	if in.OK("provider") && (e == nil || e.prompt == nil) {
		in.Fail("provider", codeInvalidChoice)
	}
	if in.OK("process") && process != processLogin && process != processConnect {
		in.Fail("process", codeInvalidChoice)
	}
	if in.OK("callback_url") && !good {
		in.Fail("callback_url", api.CodeInvalid)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if process == processConnect {
		if err := s.canConnect(ctx, rq); err != nil {
			return nil, err
		}
	}
	_, a, err := s.depart(ctx, rq, e.prompt, process, next)
	if err != nil {
		return nil, err
	}
	return api.Data(struct {
		ClientID string `json:"client_id"`
		LoginURI string `json:"login_uri"`
		Nonce    string `json:"nonce"`
	}{e.app(), a.RedirectURI, a.Nonce}), nil
}
