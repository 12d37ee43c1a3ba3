package account

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// keptNewcomer is where a pretended signup keeps who would have got an account.
const keptNewcomer = "signup.newcomer"

// newcomer is a [Newcomer] as it is kept. Whoever finds another address or
// number to sign up with, in place of the one that is taken, gets the account
// then: a signup that leads nowhere must not be told apart by that.
type newcomer struct {
	Username  string          `json:"u,omitempty"`
	FirstName string          `json:"f,omitempty"`
	LastName  string          `json:"l,omitempty"`
	Password  string          `json:"h,omitempty"` // its hash
	Fields    json.RawMessage `json:"x,omitempty"`
}

// keepNewcomer keeps what a pretended signup was about, if it can be changed
// while it waits.
func (a *Account) keepNewcomer(l *Login, u *store.User, n *Newcomer) error {
	if a.config.EmailVerificationCode.MaxChanges+a.config.PhoneCode.MaxChanges == 0 || n.Created != nil {
		return nil // what comes from an identity provider can't be kept
	}
	return l.Keep(keptNewcomer, newcomer{u.Username, u.FirstName, u.LastName, string(u.Password), u.Fields})
}

// admitLate makes the account of a pretended signup after all, with another
// address or number than was typed first. "": nothing is known of it, or it has
// to go on pretending; provable says that a number can be proven all the same.
func (a *Account) admitLate(ctx context.Context, rq *api.Request, email, phone string) (userID string, provable bool, err error) {
	w, _ := a.Pipeline.pending.Get(rq)
	l := &Login{Email: email, Phone: phone, kept: w.Kept}
	var k newcomer
	if !l.Kept(keptNewcomer, &k) {
		return "", false, nil
	}
	n := &Newcomer{Email: email, Phone: phone, Fields: a.keptFields(k.Fields)}
	n.PhoneVerified = phone != "" && slices.Contains(w.Done, stageVerifyPhone) && !a.config.SkipPhoneVerification
	if pretend, err := a.mustPretend(ctx, rq, l, n); err != nil || pretend {
		return "", !l.phoneTaken, err
	}
	u := &store.User{
		Username: k.Username, FirstName: k.FirstName, LastName: k.LastName, Password: store.PasswordHash(k.Password),
		Fields: k.Fields, Email: email, CreatedAt: rq.Now,
	}
	if err := a.create(ctx, rq, u, n); err != nil {
		return "", false, err
	}
	rq.Emit(SignedUp{Of{u}})
	delete(w.Kept, keptNewcomer)
	w.UserID, w.Epoch, w.Email, w.Phone = u.ID, u.Epoch, email, phone
	return u.ID, false, a.Pipeline.pending.PutSince(rq, w, w.StartedAt)
}

// keptFields are the host's fields with the types that they had.
func (a *Account) keptFields(kept json.RawMessage) map[string]any {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(kept, &raw) // nothing, where there were none
	values := map[string]any{}
	for _, f := range a.config.Fields {
		if b, ok := raw[f.Name]; ok {
			if v := f.kept(b); v != nil {
				values[f.Name] = v
			}
		}
	}
	return values
}
