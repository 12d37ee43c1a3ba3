package account

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// Pipeline takes logins through the stages. Everything that proves identity
// ends in [Pipeline.Start]; nothing else logs anybody in.
type Pipeline struct {
	stages   []Stage
	sessions *sessions.Manager
	hooks    *Hooks
	pending  sessions.Slot[waiting]
	// completed runs with every login that succeeds; first: it is the user's
	// first.
	completed func(ctx context.Context, rq *api.Request, u *store.User, first bool) error
}

// waiting is a login as it is kept in the session: never a copy of the user.
type waiting struct {
	UserID string `json:"u,omitempty"`
	// Epoch is the user's when they proved who they are: what ends all sessions
	// of a user ends their waiting logins.
	Epoch        int64                      `json:"g,omitempty"`
	Email        string                     `json:"e,omitempty"`
	Phone        string                     `json:"p,omitempty"`
	Signup       bool                       `json:"s,omitempty"`
	Verification EmailVerification          `json:"v,omitempty"`
	StartedAt    time.Time                  `json:"t"`
	Done         []string                   `json:"d,omitempty"`
	Stage        string                     `json:"c"`
	Kept         map[string]json.RawMessage `json:"k,omitempty"`
}

var (
	// pendingLogin is the login that waits at a stage.
	pendingLogin = sessions.NewSlot[waiting]("account.login", 0)
	// provenUser is whose the authentication records are, before login.
	provenUser = sessions.NewSlot[string]("account.proven", 0)
)

// SetStages fixes the order of the stages, once, before the first request.
func (p *Pipeline) SetStages(stages []Stage) { p.stages = stages }

// Start begins a login, with the proof that led to it, if any (signing up is
// none). It returns when the user is logged in, or a stage waits, or the login
// was refused: the authentication reply tells the client which. It must run
// inside [api.Request.InTx].
func (p *Pipeline) Start(ctx context.Context, rq *api.Request, l *Login, proof *store.Method) error {
	l = l.clone() // the transaction may be run again
	l.StartedAt, l.Request = rq.Now, rq.HTTP
	// What somebody else proved on this session is not this user's proof.
	if owner, _ := provenUser.Get(rq); rq.User == nil && (l.User == nil || owner != l.User.ID) && len(rq.Session.Methods) > 0 {
		rq.Session.Methods = nil
		rq.Changed()
	}
	if proof != nil {
		if err := Record(rq, l.User, *proof); err != nil {
			return err
		}
	}
	if u := l.User; u != nil {
		if l.shut() {
			p.pending.Drop(rq)
			return nil
		}
		if p.hooks.BeforeLogin != nil {
			if err := p.hooks.BeforeLogin(ctx, u); err != nil {
				return err
			}
		}
	}
	rq.Claim()
	return p.resume(ctx, rq, l)
}

// Record notes a proof of identity in the session.
func Record(rq *api.Request, u *store.User, proof store.Method) error {
	proof.At = float64(rq.Now.UnixMicro()) / 1e6
	rq.Session.Methods = rq.Session.Methods.With(proof)
	rq.Changed()
	if rq.User == nil {
		if err := provenUser.Put(rq, u.ID); err != nil {
			return err
		}
	}
	rq.Emit(AuthenticationStepCompleted{Of{u}, proof})
	return nil
}

func (p *Pipeline) resume(ctx context.Context, rq *api.Request, l *Login) error {
	for _, s := range p.stages {
		if slices.Contains(l.done, s.Key()) {
			continue
		}
		v, err := s.Enter(ctx, l)
		if err != nil {
			return err
		}
		switch v {
		case Pass:
			l.done = append(l.done, s.Key())
			continue
		case Wait:
			return p.keep(rq, l, s.Key())
		case Refuse:
		}
		p.pending.Drop(rq)
		return nil
	}
	return p.complete(ctx, rq, l)
}

func (p *Pipeline) keep(rq *api.Request, l *Login, stage string) error {
	w := waiting{
		Email: l.Email, Phone: l.Phone, Signup: l.Signup, Verification: l.Verification,
		StartedAt: l.StartedAt, Done: l.done, Stage: stage, Kept: l.kept,
	}
	if l.User != nil {
		w.UserID, w.Epoch = l.User.ID, l.User.Epoch
	}
	// The time runs from the start of the login, however far it has come.
	return p.pending.PutSince(rq, w, l.StartedAt)
}

func (p *Pipeline) complete(ctx context.Context, rq *api.Request, l *Login) error {
	if l.User == nil {
		return errors.New("account: a pretended login has passed all stages")
	}
	p.pending.Drop(rq)
	if err := l.reopen(ctx, rq); err != nil {
		return err
	}
	if err := rq.Store().RecordLogin(ctx, l.User.ID, rq.Now); err != nil {
		return err
	}
	if err := p.completed(ctx, rq, l.User, l.User.LastLoginAt.IsZero()); err != nil {
		return err
	}
	l.User.LastLoginAt = rq.Now
	p.sessions.Login(rq, l.User)
	rq.Emit(LoggedIn{Of{l.User}, rq.Session.ID})
	return nil
}

// Current returns the waiting login and the key of its stage. A login whose
// user has vanished goes on as a pretended one; one that began before all
// sessions of its user were ended is none.
func (p *Pipeline) Current(ctx context.Context, rq *api.Request) (l *Login, stage string, err error) {
	if rq.User != nil {
		return nil, "", nil
	}
	w, ok := p.pending.Get(rq)
	if !ok {
		return nil, "", nil
	}
	l = &Login{
		Email: w.Email, Phone: w.Phone, Signup: w.Signup, Verification: w.Verification,
		StartedAt: w.StartedAt, Request: rq.HTTP, done: w.Done, kept: w.Kept,
	}
	if w.UserID != "" {
		l.User, err = rq.Store().User(ctx, w.UserID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, "", err
		}
		if l.User != nil && l.User.Epoch != w.Epoch {
			return nil, "", nil
		}
	}
	return l, w.Stage, nil
}

// stageOf tells where the waiting login stands without asking the store.
func (p *Pipeline) stageOf(rq *api.Request) (w waiting, ok bool) {
	if rq.User != nil {
		return w, false
	}
	return p.pending.Get(rq)
}

// At reports whether the request's login waits at a stage.
func (p *Pipeline) At(rq *api.Request, stage string) bool {
	w, ok := p.stageOf(rq)
	return ok && w.Stage == stage
}

// Waits reports whether the request's login waits at any stage.
func (p *Pipeline) Waits(rq *api.Request) bool {
	_, ok := p.stageOf(rq)
	return ok
}

// Done reports that the client has done what the stage waited for, and goes
// on. 409, if the login is elsewhere. It must run inside [api.Request.InTx].
func (p *Pipeline) Done(ctx context.Context, rq *api.Request, key string) error {
	l, stage, err := p.Current(ctx, rq)
	if err != nil {
		return err
	}
	if l == nil || stage != key {
		return api.Conflict()
	}
	if w, _ := p.pending.Get(rq); l.User == nil && (w.UserID != "" || key != stageVerifyPhone) {
		return api.Conflict() // the user is gone, or there never was one
	}
	if l.shut() {
		p.pending.Drop(rq)
		return nil
	}
	l.done = append(l.done, key)
	return p.resume(ctx, rq, l)
}

// Wait keeps a login that begins at a stage: its endpoint has the first proof.
func (p *Pipeline) Wait(rq *api.Request, l *Login, stage string) error {
	l.StartedAt = rq.Now
	rq.Claim()
	return p.keep(rq, l, stage)
}

// changeEmail gives the waiting login another address.
func (p *Pipeline) changeEmail(rq *api.Request, email string) error {
	w, ok := p.pending.Get(rq)
	if !ok || w.Email == "" {
		return nil
	}
	w.Email = email
	return p.pending.PutSince(rq, w, w.StartedAt)
}

// changePhone gives the waiting login another number.
func (p *Pipeline) changePhone(rq *api.Request, number string) error {
	w, ok := p.pending.Get(rq)
	if !ok {
		return nil
	}
	w.Phone = number
	return p.pending.PutSince(rq, w, w.StartedAt)
}

// Abandon forgets the waiting login.
func (p *Pipeline) Abandon(rq *api.Request) { p.pending.Drop(rq) }

// Flows adds the stage that waits.
func (p *Pipeline) Flows(ctx context.Context, rq *api.Request, l *api.Flows) error {
	login, key, err := p.Current(ctx, rq)
	if err != nil || login == nil {
		return err
	}
	f := api.Flow{ID: key, Pending: api.True()}
	for _, s := range p.stages {
		if d, ok := s.(Describer); ok && s.Key() == key {
			f.Extra = d.Describe(ctx, login)
		}
	}
	l.Put(f)
	return nil
}
