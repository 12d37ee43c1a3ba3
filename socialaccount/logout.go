package socialaccount

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// processLogout is the process of a logout that a provider is told of.
const processLogout = "logout"

// providerSessions are what providers call the logins that a session comes
// from, by provider. Whether somebody is logged in by one of them, the
// session's methods tell.
var providerSessions = sessions.NewSlot[map[string]ProviderSession]("socialaccount.sessions", 0).Kept()

// keepSession notes what the provider calls this login. It counts once the
// login is complete.
func keepSession(rq *api.Request, e *entry, id *Identity) error {
	if id.Session == nil {
		return nil
	}
	m, _ := providerSessions.Get(rq)
	if m == nil {
		m = map[string]ProviderSession{}
	}
	m[e.ID] = *id.Session
	return providerSessions.Put(rq, m)
}

// sessionAt is what a provider calls the login that a session comes from.
func sessionAt(rq *api.Request, x *store.Session, e *entry) (p ProviderSession, ok bool) {
	by := func(m store.Method) bool { return m.Method == "socialaccount" && m.Provider == e.ID }
	if !slices.ContainsFunc(x.Methods.List(), by) {
		return p, false
	}
	m, _ := providerSessions.Get(&api.Request{Session: x, Now: rq.Now})
	p, ok = m[e.ID]
	return p, ok
}

// logOut logs a browser out here, and then at the provider that it has logged
// in by. It is a form that is posted, as going to a provider is.
func (s *Social) logOut(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	next, good := s.targets.Clean(postedForm(rq).Get("callback_url"))
	if !good {
		return api.Redirect(s.astray(processLogout)), nil
	}
	if rq.User == nil {
		return api.Redirect(next), nil
	}
	partner, session := s.partnerOf(rq)
	s.leave(rq)
	if partner == nil {
		return api.Redirect(next), nil
	}
	state, err := random(rq, 32)
	if err != nil {
		return nil, err
	}
	a := &AuthRequest{Tools: s.tools(partner, rq.Env, rq.Now), State: state, RedirectURI: s.logoutURI(partner)}
	ctx, cancel := context.WithTimeout(ctx, s.Config.Timeout)
	defer cancel()
	reply, err := answered(partner.logout.BeginLogout(ctx, a, session))
	if err != nil {
		s.report(ctx, rq.Env, partner, err)
		return fail(next, codeUnknown, processLogout), nil
	}
	if reply == nil { // it takes no notice
		return api.Redirect(next), nil
	}
	h := &handshake{Path: partner.logout.LogoutPath(), Process: processLogout, Next: next, State: a.State, RedirectURI: a.RedirectURI}
	return reply, h.keep(rq)
}

// partnerOf is the provider that a session is to be ended at as well.
func (s *Social) partnerOf(rq *api.Request) (*entry, ProviderSession) {
	for _, e := range s.providers {
		if e.logout == nil {
			continue
		}
		if p, ok := sessionAt(rq, rq.Session, e); ok {
			return e, p
		}
	}
	return nil, ProviderSession{}
}

func (s *Social) logoutURI(e *entry) string {
	return s.Site + s.Config.CallbackPath + "/" + e.logout.LogoutPath()
}

// answered is what a provider wants a browser shown, nil if nothing.
func answered(location string, page *Page, err error) (*api.Reply, error) {
	switch {
	case err != nil:
		return nil, err
	case page != nil:
		return api.HTML(func(string) api.Page { return api.Page(*page) }), nil
	case location != "":
		return api.Redirect(location), nil
	}
	return nil, nil
}

// errBadLogout is a message about a logout that is no good.
var errBadLogout = errors.New("the logout message is refused")

// logoutRoutes serves where a provider's messages about logouts arrive: by GET,
// or by a cross-site POST, which leads to one.
func (s *Social) logoutRoutes(mux *http.ServeMux, env *api.Env, e *entry) {
	path := s.Config.CallbackPath + "/" + e.logout.LogoutPath()
	receive := func(ctx context.Context, r *http.Request) (*LogoutMessage, error) {
		m, err := e.logout.ReceiveLogout(ctx, s.tools(e, env, env.Now()), s.logoutURI(e), r)
		if err != nil {
			s.report(ctx, env, e, err)
			err = errBadLogout
		}
		return m, err
	}
	stash := s.stash(env, e, path, func(ctx context.Context, r *http.Request) (url.Values, error) {
		m, err := receive(ctx, r)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(m)
		return url.Values{"message": {string(b)}}, err
	})
	get := env.Handler(api.Browser, s.back(path, map[string]api.Endpoint{http.MethodGet: {NoBody: true, Do: s.loggedOut(e,
		func(ctx context.Context, rq *api.Request) (*LogoutMessage, *http.Cookie, error) {
			m, err := receive(ctx, rq.HTTP)
			return m, nil, err
		})}}))
	mux.HandleFunc(path+"{$}", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			stash.ServeHTTP(w, r)
			return
		}
		get.ServeHTTP(w, r)
	})
	stashed := s.stashed(path)
	mux.Handle(path+finish+"{$}", env.Handler(api.Browser, s.back(path+finish, map[string]api.Endpoint{http.MethodGet: {NoBody: true, Do: s.loggedOut(e,
		func(ctx context.Context, rq *api.Request) (*LogoutMessage, *http.Cookie, error) {
			values, cookie := stashed(ctx, rq)
			m := &LogoutMessage{}
			if json.Unmarshal([]byte(values.Get("message")), m) != nil {
				return nil, nil, errBadLogout
			}
			return m, cookie, nil
		})}})))
}

// loggedOut does what a provider's message about a logout says. from may have
// a cookie to forget.
func (s *Social) loggedOut(e *entry, from func(context.Context, *api.Request) (*LogoutMessage, *http.Cookie, error)) func(context.Context, *api.Request) (*api.Reply, error) {
	return func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
		if rq.HTTP.Method == http.MethodHead {
			return nil, &api.Error{Status: http.StatusMethodNotAllowed} // it must not use anything up
		}
		rq.KeepCSRF = true
		if s.again(rq) {
			return api.HTML(reload(rq.HTTP.URL)), nil
		}
		ctx, cancel := context.WithTimeout(ctx, s.Config.Timeout)
		defer cancel()
		m, cookie, err := from(ctx, rq)
		if err != nil {
			return nil, &api.Error{Status: http.StatusBadRequest, Cause: err}
		}
		var reply *api.Reply
		if m.State != "" {
			reply, err = s.logoutDone(ctx, rq, e, m)
		} else {
			reply, err = s.logoutAsked(ctx, rq, e, m)
		}
		if err == nil && cookie != nil {
			reply = reply.WithCookie(cookie)
		}
		return reply, err
	}
}

// logoutDone takes a provider's answer to a logout that was begun here.
func (s *Social) logoutDone(ctx context.Context, rq *api.Request, e *entry, m *LogoutMessage) (*api.Reply, error) {
	h, err := takeHandshake(ctx, rq, e.logout.LogoutPath(), m.State)
	switch {
	case err != nil:
		return nil, err
	case h == nil:
		return api.Redirect(s.astray(processLogout)), nil
	case m.Problem != "":
		s.report(ctx, rq.Env, e, errors.New(m.Problem))
		return fail(h.Next, codeUnknown, processLogout), nil
	}
	return api.Redirect(h.Next), nil
}

// logoutAsked ends the sessions that a provider asks to end, and tells it so. A
// request works once.
func (s *Social) logoutAsked(ctx context.Context, rq *api.Request, e *entry, m *LogoutMessage) (*api.Reply, error) {
	err := rq.InTx(ctx, func(ctx context.Context) error {
		sum := sha256.Sum256([]byte(e.ID + "\x00" + m.ID))
		err := rq.Store().UseOnce(ctx, "logout:"+hex.EncodeToString(sum[:]), rq.Now, m.Until)
		if errors.Is(err, store.ErrConflict) {
			return &api.Error{Status: http.StatusBadRequest, Cause: err}
		}
		if err != nil {
			return err
		}
		return s.endSessions(ctx, rq, e, m)
	})
	if err != nil {
		return nil, err
	}
	reply, err := answered(e.logout.AnswerLogout(ctx, s.tools(e, rq.Env, rq.Now), s.logoutURI(e), m))
	if err != nil {
		s.report(ctx, rq.Env, e, err)
	}
	if reply == nil { // there is no telling it
		reply = api.Redirect(s.Site + "/")
	}
	return reply, nil
}

// endSessions ends those sessions of a user that come from a login which a
// provider names. The user is the one whose account has that name or else, as
// accounts may have another name than logins have, who is logged in in this
// browser.
func (s *Social) endSessions(ctx context.Context, rq *api.Request, e *entry, m *LogoutMessage) error {
	named := func(x *store.Session) bool {
		p, ok := sessionAt(rq, x, e)
		return ok && p.Name == m.Name && (len(m.Indexes) == 0 || p.Index == "" || slices.Contains(m.Indexes, p.Index))
	}
	owner := rq.User
	a, err := rq.Store().SocialAccount(ctx, e.ID, m.Name)
	if err == nil {
		owner, err = rq.Store().User(ctx, a.UserID)
	} else if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return err
	}
	own := named(rq.Session) // a login that waits for something among them
	if owner != nil {
		l, err := rq.Sessions().SessionsOf(ctx, owner.ID)
		if err != nil {
			return err
		}
		var others []string
		for _, x := range l {
			if x.ID != rq.Session.ID && named(x) {
				others = append(others, x.ID)
			}
		}
		if err := s.Sessions.End(ctx, rq, owner, others); err != nil {
			return err
		}
	}
	if own && rq.User != nil {
		rq.Emit(account.LoggedOut{Of: account.Of{User: rq.User}})
	}
	if own {
		s.Sessions.Logout(rq)
	}
	return nil
}
