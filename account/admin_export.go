package account

import (
	"context"
	"encoding/json"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// Export is all that is kept of a user, to be handed out to them. It holds no
// secrets: no hashes, tokens, keys or seeds. Left out are also mails on their
// way, and counters of rate limits, which don't tell whose they are.
type Export struct {
	Person
	ExportedAt      time.Time         `json:"exported_at"`
	Authenticators  []ExportedFactor  `json:"authenticators"`
	SocialAccounts  []ExportedSocial  `json:"social_accounts"`
	Sessions        []ExportedSession `json:"sessions"`
	TrustedBrowsers []ExportedBrowser `json:"trusted_browsers"`
	Events          []ExportedEvent   `json:"events"`
}

// ExportedFactor is an authenticator in an [Export].
type ExportedFactor struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Name       string    `json:"name,omitempty"`
	Model      string    `json:"model,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// ExportedSocial is an account at an identity provider in an [Export], with the
// profile that the provider has told.
type ExportedSocial struct {
	Provider    string          `json:"provider"`
	UID         string          `json:"uid"`
	Profile     json.RawMessage `json:"profile,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	LastLoginAt time.Time       `json:"last_login_at,omitzero"`
}

// ExportedSession is a session in an [Export].
type ExportedSession struct {
	ID        string         `json:"id"`
	IP        string         `json:"ip"`
	UserAgent string         `json:"user_agent"`
	Methods   []store.Method `json:"methods"`
	CreatedAt time.Time      `json:"created_at"`
	SeenAt    time.Time      `json:"seen_at,omitzero"`
	ExpiresAt time.Time      `json:"expires_at"`
}

// ExportedBrowser is a trusted browser in an [Export].
type ExportedBrowser struct {
	IP        string    `json:"ip"`
	UserAgent string    `json:"user_agent"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// ExportedEvent is an entry of the audit log in an [Export], the newest first.
type ExportedEvent struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data,omitempty"`
	// ByOperator: it was not the user. Who it was is in the log; their name is
	// not the user's data.
	ByOperator bool `json:"by_operator,omitempty"`

	IP        string    `json:"ip,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	At        time.Time `json:"at"`
}

// auditPage is how much of the audit log is read at once.
const auditPage = 500

// Export returns all that is kept of a user, as it is at one moment.
func (a *Admin) Export(ctx context.Context, id string) (*Export, error) {
	var x *Export
	err := a.act(ctx, id, func(ctx context.Context, rq *api.Request, u *store.User) error {
		p, err := a.person(ctx, rq.Store(), u)
		if err != nil {
			return err
		}
		x = &Export{Person: *p, ExportedAt: rq.Now}
		for _, read := range []func(context.Context, *api.Request, *Export) error{
			a.exportFactors, exportSocial, exportSessions, exportBrowsers,
		} {
			if err := read(ctx, rq, x); err != nil {
				return err
			}
		}
		rq.Emit(DataExported{Of{u}})
		return nil
	})
	if err == nil {
		err = a.exportEvents(ctx, x)
	}
	if err != nil {
		return nil, err
	}
	return x, nil
}

func (a *Admin) exportFactors(ctx context.Context, rq *api.Request, x *Export) error {
	l, err := rq.Store().AuthenticatorsOf(ctx, x.ID)
	x.Authenticators = make([]ExportedFactor, len(l))
	for i, f := range l {
		x.Authenticators[i] = ExportedFactor{ID: f.ID, Type: f.Type, CreatedAt: f.CreatedAt, LastUsedAt: f.LastUsedAt}
		if a.parts.DescribeFactor != nil {
			x.Authenticators[i].Name, x.Authenticators[i].Model = a.parts.DescribeFactor(ctx, rq, f)
		}
	}
	return err
}

func exportSocial(ctx context.Context, rq *api.Request, x *Export) error {
	l, err := rq.Store().SocialAccountsOf(ctx, x.ID)
	x.SocialAccounts = make([]ExportedSocial, len(l))
	for i, s := range l {
		x.SocialAccounts[i] = ExportedSocial{s.Provider, s.UID, s.Data, s.CreatedAt, s.LastLoginAt}
	}
	return err
}

func exportSessions(ctx context.Context, rq *api.Request, x *Export) error {
	l, err := rq.Sessions().SessionsOf(ctx, x.ID)
	x.Sessions = make([]ExportedSession, len(l))
	for i, s := range l {
		methods := s.Methods.List()
		if methods == nil {
			methods = []store.Method{}
		}
		x.Sessions[i] = ExportedSession{s.ID, s.IP, s.UserAgent, methods, s.CreatedAt, s.SeenAt, s.ExpiresAt}
	}
	return err
}

func exportBrowsers(ctx context.Context, rq *api.Request, x *Export) error {
	l, err := rq.Store().TrustedBrowsersOf(ctx, x.ID)
	x.TrustedBrowsers = make([]ExportedBrowser, len(l))
	for i, b := range l {
		x.TrustedBrowsers[i] = ExportedBrowser{b.IP, b.UserAgent, b.CreatedAt, b.ExpiresAt}
	}
	return err
}

// exportEvents reads the audit log, this export's own entry included.
func (a *Admin) exportEvents(ctx context.Context, x *Export) error {
	x.Events = []ExportedEvent{}
	if a.parts.AuditLog == nil {
		return nil
	}
	for before := ""; ; {
		l, err := a.parts.AuditLog.AuditOf(ctx, x.ID, before, auditPage)
		if err != nil {
			return err
		}
		for _, e := range l {
			data, by, err := withoutMember(e.Data, memberActor)
			if err != nil {
				return err
			}
			x.Events = append(x.Events, ExportedEvent{e.Kind, data, by, e.IP, e.UserAgent, e.At})
		}
		if len(l) < auditPage {
			return nil
		}
		before = l[len(l)-1].ID
	}
}
