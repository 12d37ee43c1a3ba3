package account

import (
	"cmp"
	"context"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/password"
)

// What front ends can do without, but are better with: extensions of the
// contract, which has no place for them in its own answers.

// pendingCode is a code that a client waits for, as it is told.
type pendingCode struct {
	// Flow is the id of the flow that the code belongs to.
	Flow string `json:"flow"`
	// SentTo is where it went: its owner recognises it.
	SentTo       string  `json:"sent_to"`
	ExpiresAt    float64 `json:"expires_at"`
	AttemptsLeft int     `json:"attempts_left"`
	ResendsLeft  int     `json:"resends_left"`
	ChangesLeft  int     `json:"changes_left"`
}

// pendingCodes lists the codes that the caller can submit: where they went, how
// long they are good, and how often what can still be done. One that is pretended
// is told like any other.
func (a *Account) pendingCodes(_ context.Context, rq *api.Request) (*api.Reply, error) {
	l := []pendingCode{}
	for _, x := range []struct {
		flow  string
		codes *codes
	}{
		{stageLoginCode, a.loginCodes}, {stageVerifyPhone, a.phoneCodes}, {stageVerifyEmail, a.emailCodes}, {"password_reset_by_code", a.resetCodes},
	} {
		p, running := x.codes.running(rq)
		own := rq.User != nil && p.UserID == rq.User.ID && x.codes != a.loginCodes // an address or number that they change
		if running && (own || x.codes == a.resetCodes || a.Pipeline.At(rq, x.flow)) {
			l = append(l, x.codes.told(x.flow, p))
		}
	}
	return api.Data(l), nil
}

func (c *codes) told(flow string, p process) pendingCode {
	to := maskedEmail(p.Email)
	if p.Phone != "" {
		to = maskedPhone(p.Phone)
	}
	return pendingCode{
		Flow: flow, SentTo: to, ExpiresAt: float64(p.At.Add(c.config.Lifetime).UnixMicro()) / 1e6, AttemptsLeft: c.config.MaxAttempts - p.Failed,
		ResendsLeft: max(0, c.config.MaxResends-p.Resent), ChangesLeft: max(0, c.config.MaxChanges-p.Changed),
	}
}

// formField is a field of a form, as a front end needs it to build one.
type formField struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	// Of texts, in characters.
	MinLength   int      `json:"min_length,omitempty"`
	MaxLength   int      `json:"max_length,omitempty"`
	Choices     []string `json:"choices,omitempty"`
	Description string   `json:"description,omitempty"`
}

// formsReply answers what the forms of this site ask: it never changes.
func (a *Account) formsReply() func(context.Context, *api.Request) (*api.Reply, error) {
	types := map[string]string{"email": "email", "email2": "email", "phone": "phone", "password": "password"}
	signup := []formField{}
	for _, f := range a.signupInput() {
		signup = append(signup, formField{f.Name, cmp.Or(f.Type, types[f.Name], "string"), f.Required, f.MinLength, f.MaxLength, f.Choices, f.Description})
	}
	type rules struct {
		MinLength int `json:"min_length"` // in characters
		MaxBytes  int `json:"max_bytes"`
	}
	data := struct {
		SignupFields []formField `json:"signup_fields"`
		Password     rules       `json:"password"`
	}{signup, rules{a.config.Password.MinLength, password.MaxBytes}}
	return func(context.Context, *api.Request) (*api.Reply, error) { return api.Data(data), nil }
}
