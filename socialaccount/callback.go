package socialaccount

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Callbacks is the handler for where providers send browsers back to.
// spec: socialaccount.md §4.
func (s *Social) Callbacks(env *api.Env) http.Handler {
	mux := http.NewServeMux()
	for _, e := range s.providers {
		if e.prompt != nil {
			s.cross(mux, env, e.prompt, func(_ context.Context, r *http.Request) (url.Values, error) {
				return e.prompt.redirect.(prompted).ReceivePrompt(r)
			})
		}
		if e.logout != nil {
			s.logoutRoutes(mux, env, e)
		}
		if e.redirect == nil {
			continue
		}
		path := s.Config.CallbackPath + "/" + e.Path
		query := func(_ context.Context, rq *api.Request) (url.Values, *http.Cookie) { return rq.HTTP.URL.Query(), nil }
		if p, ok := e.redirect.(Publisher); ok {
			mux.Handle("GET "+s.Config.CallbackPath+"/"+p.DocumentPath()+"{$}", s.publish(env, e, p))
		}
		interviewer, interviews := e.redirect.(Interviewer)
		switch {
		case interviews:
			s.route(mux, env, path, map[string]api.Endpoint{
				http.MethodGet:  {NoBody: true, Do: s.ask(e, interviewer)},
				http.MethodPost: {NoBody: true, Do: s.answer(e, interviewer)},
			})
		case e.FormPost:
			s.cross(mux, env, e, func(ctx context.Context, r *http.Request) (url.Values, error) {
				return s.received(ctx, env, e, r.PostForm)
			})
		default:
			s.route(mux, env, path, map[string]api.Endpoint{http.MethodGet: {NoBody: true, Do: s.callback(e, query)}})
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			api.WriteStatus(w, r, http.StatusNotFound)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// route serves a path that a browser comes back to.
func (s *Social) route(mux *http.ServeMux, env *api.Env, path string, methods map[string]api.Endpoint) {
	rt := s.back(path, methods)
	rt.Astray = s.astray(processLogin)
	mux.Handle(path+"{$}", env.Handler(api.Browser, rt))
}

func (s *Social) back(path string, methods map[string]api.Endpoint) api.Route {
	return api.Route{Path: path, Patience: s.Config.Timeout, Access: api.Anyone, Methods: methods}
}

// cross serves a way back that is a cross-site POST.
func (s *Social) cross(mux *http.ServeMux, env *api.Env, e *entry, receive receive) {
	path := s.Config.CallbackPath + "/" + e.Path
	mux.Handle(path+"{$}", s.stash(env, e, path, receive))
	s.route(mux, env, path+finish, map[string]api.Endpoint{http.MethodGet: {NoBody: true, Do: s.callback(e, s.stashed(path))}})
}

// callback takes a browser that comes back. from reads what it brings, and may
// have a cookie to forget.
func (s *Social) callback(e *entry, from func(context.Context, *api.Request) (url.Values, *http.Cookie)) func(context.Context, *api.Request) (*api.Reply, error) {
	return func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
		if rq.HTTP.Method == http.MethodHead {
			return nil, &api.Error{Status: http.StatusMethodNotAllowed} // it must not use anything up
		}
		rq.KeepCSRF = true
		values, cookie := from(ctx, rq)
		values.Del(reloaded) // which is ours: a provider may have signed the rest
		state := e.redirect.StateOf(values)
		if _, found := findHandshake(rq, e.Path, state); !found && s.again(rq) {
			return api.HTML(reload(rq.HTTP.URL)), nil
		}
		reply, err := s.arrive(ctx, rq, e, state, values)
		if err == nil && cookie != nil {
			reply = reply.WithCookie(cookie)
		}
		return reply, err
	}
}

// arrive ends a handshake: it is taken first of all, so that nothing is asked
// of a provider for a browser that nobody sent there.
func (s *Social) arrive(ctx context.Context, rq *api.Request, e *entry, state string, values url.Values) (*api.Reply, error) {
	h, err := takeHandshake(ctx, rq, e.Path, state)
	if errors.Is(err, store.ErrConflict) {
		h, err = nil, nil // another request was quicker
	}
	if err != nil {
		return nil, err
	}
	if h == nil {
		return s.lost(), nil
	}
	id, err := s.identify(ctx, rq, e, func(ctx context.Context, tools Tools) (*Identity, error) {
		return e.redirect.Finish(ctx, &AuthRequest{
			Tools: tools, State: h.State, RedirectURI: h.RedirectURI, Verifier: h.Verifier, Nonce: h.Nonce, Kept: h.Kept,
		}, values)
	})
	if err == nil {
		err = s.complete(ctx, rq, e, h.Process, h.UserID, id)
	}
	if err == nil && !s.got(rq) {
		err = errNowhere()
	}
	if err == nil {
		return api.Redirect(h.Next), nil
	}
	return fail(h.Next, s.codeOf(ctx, rq, e, err), h.Process), nil
}

// identify asks a provider who somebody is, in the time that it has.
func (s *Social) identify(ctx context.Context, rq *api.Request, e *entry, ask func(context.Context, Tools) (*Identity, error)) (*Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Config.Timeout)
	defer cancel()
	id, err := ask(ctx, s.tools(e, rq.Env, rq.Now))
	if err == nil && (id == nil || id.UID == "" || len(id.UID) > maxUID || strings.ContainsRune(id.UID, 0)) {
		err = errors.New("the provider has identified nobody")
	}
	return id, err
}

// maxUID is how long a provider's name for somebody may be.
const maxUID = 191

// got reports whether a login has led somewhere.
func (s *Social) got(rq *api.Request) bool {
	_, pending := pendingSignup.get(rq)
	return rq.User != nil || pending || s.Account.Pipeline.Waits(rq)
}

// codeOf is what a front end is told of a failure. The rest is for the
// operator.
func (s *Social) codeOf(ctx context.Context, rq *api.Request, e *entry, err error) api.Code {
	var own *refusal
	var answer *api.Error
	switch {
	case errors.Is(err, ErrCancelled):
		return codeCancelled
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &answer) && answer.Status < 500 && len(answer.Items) > 0:
		return answer.Items[0].Code
	}
	s.report(ctx, rq.Env, e, err)
	return codeUnknown
}

// ask shows an [Interviewer]'s page.
func (s *Social) ask(e *entry, i Interviewer) func(context.Context, *api.Request) (*api.Reply, error) {
	return func(_ context.Context, rq *api.Request) (*api.Reply, error) {
		if _, found := findHandshake(rq, e.Path, i.StateOf(rq.HTTP.URL.Query())); !found {
			rq.KeepCSRF = true
			if s.again(rq) {
				return api.HTML(reload(rq.HTTP.URL)), nil
			}
			return s.lost(), nil
		}
		return api.HTML(func(csrf string) api.Page { return api.Page(i.Page(csrf, false)) }), nil
	}
}

// answer takes what was posted to an [Interviewer]'s page. It is our own page,
// and has our CSRF token.
func (s *Social) answer(e *entry, i Interviewer) func(context.Context, *api.Request) (*api.Reply, error) {
	return func(ctx context.Context, rq *api.Request) (*api.Reply, error) {
		form := postedForm(rq)
		values := rq.HTTP.URL.Query()
		state := i.StateOf(values)
		if _, found := findHandshake(rq, e.Path, state); found && !i.Complete(form) {
			return api.HTML(func(csrf string) api.Page { return api.Page(i.Page(csrf, true)) }), nil
		}
		rq.KeepCSRF = true
		maps.Copy(values, form)
		return s.arrive(ctx, rq, e, state, values)
	}
}

// A cross-site POST comes without the session's cookie. What it brings is put
// into a cookie of its own, encrypted and for the finish URL only, and the
// browser is led there: that request has both. It works once, because the
// state that it carries does. spec: socialaccount.md §4.4.
const (
	finish        = "finish/"
	stashCookie   = "provider-answer"
	stashLifetime = 5 * time.Minute
	maxStash      = 2800 // what a cookie holds, encrypted
	purposeStash  = "socialaccount.answer"
)

type stash struct {
	Values    map[string]string `json:"v"`
	ExpiresAt int64             `json:"x"`
}

// dispensable are what is left out of a stash that would be too large.
var dispensable = []string{"id_token", "user", "attributes"}

// receive judges a cross-site POST, its form parsed, and returns what to keep.
type receive func(ctx context.Context, r *http.Request) (url.Values, error)

func (s *Social) stash(env *api.Env, e *entry, path string, receive receive) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			api.WriteStatus(w, r, http.StatusMethodNotAllowed)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			api.WriteStatus(w, r, http.StatusBadRequest)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		values, err := receive(r.Context(), r)
		if errors.Is(err, ErrForeignPost) {
			api.WriteStatus(w, r, http.StatusForbidden, "csrf_failed")
			return
		}
		if errors.Is(err, errBadLogout) {
			api.WriteStatus(w, r, http.StatusBadRequest)
			return
		}
		if err != nil {
			s.report(r.Context(), env, e, err)
			h.Set("Location", s.astray(processLogin))
			w.WriteHeader(http.StatusSeeOther)
			return
		}
		st := stash{map[string]string{}, env.Now().Add(stashLifetime).UnixMicro()}
		for name := range values {
			st.Values[name] = values.Get(name)
		}
		plain, err := json.Marshal(st)
		for _, name := range dispensable {
			if len(plain) > maxStash {
				delete(st.Values, name)
				plain, err = json.Marshal(st)
			}
		}
		if err != nil || len(plain) > maxStash {
			api.WriteStatus(w, r, http.StatusBadRequest)
			return
		}
		c := s.stashCookie(path, base64.RawURLEncoding.EncodeToString(env.Keys.Seal(plain, purposeStash, path)))
		c.MaxAge = int(stashLifetime.Seconds())
		http.SetCookie(w, c)
		h.Set("Location", path+finish)
		w.WriteHeader(http.StatusSeeOther)
	})
}

// received is what of a posted form is kept.
func (s *Social) received(ctx context.Context, env *api.Env, e *entry, form url.Values) (url.Values, error) {
	receiver, ok := e.redirect.(Receiver)
	if !ok {
		return form, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.Config.Timeout)
	defer cancel()
	return receiver.Receive(ctx, s.tools(e, env, env.Now()), s.redirectURI(e), form)
}

// publish serves a [Publisher]'s document.
func (s *Social) publish(env *api.Env, e *entry, p Publisher) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, body, err := p.Document(s.tools(e, env, env.Now()), s.redirectURI(e))
		if err != nil {
			env.Log.ErrorContext(r.Context(), "a provider's document can't be made", "provider", e.ID, "error", err)
			api.WriteStatus(w, r, http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(body)
	})
}

func (s *Social) stashCookie(path, value string) *http.Cookie {
	return &http.Cookie{Name: stashCookie, Value: value, Path: path + finish, HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteLaxMode}
}

// stashed reads what a cross-site POST has brought.
func (s *Social) stashed(path string) func(context.Context, *api.Request) (url.Values, *http.Cookie) {
	return func(_ context.Context, rq *api.Request) (url.Values, *http.Cookie) {
		values := url.Values{}
		c, err := rq.HTTP.Cookie(stashCookie)
		if err != nil {
			return values, nil
		}
		forget := s.stashCookie(path, "")
		forget.MaxAge = -1
		box, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err != nil {
			return values, forget
		}
		plain, err := rq.Env.Keys.Open(box, purposeStash, path)
		var st stash
		if err != nil || json.Unmarshal(plain, &st) != nil || rq.Now.UnixMicro() >= st.ExpiresAt {
			return values, forget
		}
		for name, v := range st.Values {
			values.Set(name, v)
		}
		return values, forget
	}
}

const reloaded = "_redir"

// again reports whether a browser may have kept its session's cookie to itself,
// because another site has sent it here, and has not been asked again yet.
func (s *Social) again(rq *api.Request) bool {
	return s.Strict && !rq.Credential.Present && !rq.HTTP.URL.Query().Has(reloaded)
}

// reload is a page that leads to its own URL. That request comes from our own
// site, so that a strict session cookie goes along. The script keeps what the
// URL has behind "#", which some providers put their answer into.
func reload(u *url.URL) func(string) api.Page {
	target := u.EscapedPath() + "?" + u.RawQuery + "&" + reloaded + "=" // as it was: it may be signed
	target = strings.NewReplacer(`&`, "&amp;", `"`, "&#34;", "<", "&lt;", ">", "&gt;").Replace(target)
	html := `<!doctype html><html lang="en"><meta charset="utf-8"><title>One moment</title><noscript><meta http-equiv="refresh" content="0;url=` + target +
		`"></noscript><a href="` + target + `">Go on</a><script>` + reloadScript + `</script></html>`
	sum := sha256.Sum256([]byte(reloadScript))
	policy := "default-src 'none'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; frame-ancestors 'none'"
	return func(string) api.Page { return api.Page{HTML: []byte(html), Policy: policy} }
}

const reloadScript = `location.replace(document.links[0].href + location.hash);`
