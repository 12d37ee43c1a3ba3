package socialaccount

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/redirect"
)

// The processes that a login at a provider is for.
const (
	processLogin   = "login"
	processConnect = "connect"
)

// Codes that a front end may find in its callback URL. spec: socialaccount.md
// §4.2.
const (
	codeUnknown          api.Code = "unknown"
	codeCancelled        api.Code = "cancelled"
	codeSignupClosed     api.Code = "signup_closed"
	codePermissionDenied api.Code = "permission_denied"
	codeReauthenticate   api.Code = "reauthentication_required"
	codeConnectedOther   api.Code = "connected_other"
	codeTooMany          api.Code = "max_provider_accounts"
)

// fail sends a browser to a front end's page with what went wrong.
func fail(page string, code api.Code, process string) *api.Reply {
	return api.Redirect(redirect.With(page, "error", string(code), "error_process", process))
}

// astray is the error page, for browsers of which there is no telling where they
// should go.
func (s *Social) astray(process string) string {
	return redirect.With(s.ErrorPage, "error", string(codeUnknown), "error_process", process)
}

// lost sends a browser there.
func (s *Social) lost() *api.Reply { return api.Redirect(s.astray(processLogin)) }

// begin sends a browser to a provider. It is a form that is posted, not a call:
// whatever is wrong with it ends on the error page. spec: socialaccount.md §3.
func (s *Social) begin(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	form := postedForm(rq)
	e := s.byID(form.Get("provider"))
	next, good := s.targets.Clean(form.Get("callback_url"))
	process := form.Get("process")
	if e == nil || e.redirect == nil || !good || process != processLogin && process != processConnect {
		return s.lost(), nil
	}
	location, _, err := s.depart(ctx, rq, e, process, next)
	var cause *beginError
	if errors.As(err, &cause) {
		s.report(ctx, rq.Env, e, cause.error)
		return fail(next, codeUnknown, process), nil
	}
	if err != nil {
		return nil, err
	}
	return api.Redirect(location), nil
}

// beginError is a provider that can't be begun with.
type beginError struct{ error }

// depart begins a browser's way to a provider and back, and keeps it.
func (s *Social) depart(ctx context.Context, rq *api.Request, e *entry, process, next string) (location string, a *AuthRequest, err error) {
	a = &AuthRequest{Tools: s.tools(e, rq.Env, rq.Now), RedirectURI: s.redirectURI(e), Query: rq.HTTP.URL.Query()}
	for _, x := range []struct {
		text *string
		n    int
	}{{&a.State, 32}, {&a.Nonce, 32}, {&a.Verifier, 64}} {
		if *x.text, err = random(rq, x.n); err != nil {
			return "", nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.Config.Timeout)
	defer cancel()
	if location, err = e.redirect.Begin(ctx, a); err != nil {
		return "", nil, &beginError{err}
	}
	h := &handshake{
		Path: e.Path, Process: process, Next: next, State: a.State, RedirectURI: a.RedirectURI,
		Verifier: a.Verifier, Nonce: a.Nonce, Kept: a.Kept,
	}
	if rq.User != nil {
		h.UserID = rq.User.ID
	}
	return location, a, h.keep(rq)
}

// Redirect is where a provider sends browsers back to.
type Redirect struct{ Provider, URI string }

// Redirects are the URIs to register with providers.
func (s *Social) Redirects() (l []Redirect) {
	for _, e := range s.providers {
		if e.redirect != nil {
			l = append(l, Redirect{e.ID, s.redirectURI(e)})
		}
		if e.prompt != nil {
			l = append(l, Redirect{e.ID, s.redirectURI(e.prompt)})
		}
	}
	return l
}

// redirectURI is where a provider is told to send browsers: by configuration
// only, whatever the request says of hosts.
func (s *Social) redirectURI(e *entry) string { return s.Site + s.Config.CallbackPath + "/" + e.Path }

// maxForm bounds what is posted by forms.
const maxForm = 64 << 10

// postedForm reads a form, nothing if it is none.
func postedForm(rq *api.Request) url.Values {
	r := rq.HTTP
	if r.PostForm == nil {
		r.Body = http.MaxBytesReader(nil, r.Body, maxForm)
		if r.ParseForm() != nil {
			return url.Values{}
		}
	}
	return r.PostForm
}

// report tells the operator why a login at a provider failed.
func (s *Social) report(ctx context.Context, env *api.Env, e *entry, err error) {
	env.Log.WarnContext(ctx, "a login at a provider failed", "provider", e.ID, "error", err)
	if s.Config.Hooks.OnError != nil {
		s.Config.Hooks.OnError(ctx, e.Info, err)
	}
}
