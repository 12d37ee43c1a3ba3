package mfa

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const keyNameMaxLength = 100

var (
	newKeyInput = []api.Field{
		{Name: "name", MaxLength: keyNameMaxLength, Description: "What the user calls the key"},
		{Name: "credential", Kind: api.Any, Description: "What the browser answered to the creation options, as JSON"},
	}
	renameInput = []api.Field{
		{Name: "id", Kind: api.Any, Description: "The id of the key"},
		{Name: "name", Required: true, MaxLength: keyNameMaxLength, Description: "What the user calls the key"},
	}
	removeInput = []api.Field{{Name: "authenticators", Kind: api.Any, Description: "The ids of the keys to remove"}}
)

// keyOptions begins to add a key, for logging in alone if the query says
// passwordless, whatever it says of it. spec: mfa.md §7.6.
func (m *MFA) keyOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	kind := ceremonyAdd
	if rq.HTTP.URL.Query().Has("passwordless") {
		kind = ceremonyAddPasswordless
	}
	return m.creationOptions(ctx, rq, kind, rq.User)
}

// addKey adds a key. spec: mfa.md §7.6.
func (m *MFA) addKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return m.addKeyOf(ctx, rq, ceremonyAdd, ceremonyAddPasswordless)
}

// conditionalKeyOptions begins to add a passkey without asking the user, who
// has just logged in with a password that the browser knows. WebAuthn Level 3,
// §5.1.3.
func (m *MFA) conditionalKeyOptions(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	return m.creationOptions(ctx, rq, ceremonyAddConditional, rq.User)
}

// addConditionalKey adds such a passkey.
func (m *MFA) addConditionalKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	return m.addKeyOf(ctx, rq, ceremonyAddConditional)
}

func (m *MFA) addKeyOf(ctx context.Context, rq *api.Request, kinds ...ceremonyKind) (*api.Reply, error) {
	credential, err := credentialOf(rq.Input)
	if err != nil {
		return nil, err
	}
	// Before the challenge is used up: the client sends the same again once
	// its user has proven who they are.
	if err := m.requireRecent(ctx, rq); err != nil {
		return nil, err
	}
	k, err := m.judgeNewKey(ctx, rq, rq.User, credential, kinds...)
	if err != nil {
		return nil, err
	}
	spare, err := m.spareCodes(ctx, rq, rq.User)
	if err != nil {
		return nil, err
	}
	var added addedKey
	err = rq.InTx(ctx, func(ctx context.Context) (err error) {
		added, err = m.addKeyTo(ctx, rq, rq.User, k, spare)
		return err
	})
	if err != nil {
		return nil, err
	}
	e, err := m.entry(ctx, rq, added.Authenticator)
	return api.Data(e).WithMeta("recovery_codes_generated", added.codes), err
}

// addedKey is a new key; codes: its user got recovery codes with it.
type addedKey struct {
	*store.Authenticator
	codes bool
}

// addKeyTo stores a user's new key, within a transaction, with all that comes
// of it.
func (m *MFA) addKeyTo(ctx context.Context, rq *api.Request, u *store.User, k *key, spare []byte) (added addedKey, err error) {
	if added.Authenticator, err = m.storeKey(ctx, rq, u, k); err != nil {
		return added, err
	}
	if err = m.account.Notify(ctx, rq, u, "webauthn_added", nil); err != nil {
		return added, err
	}
	added.codes, err = m.keepSpare(ctx, rq, u, spare)
	return added, err
}

// judgeNewKey judges a user's new key. What is wrong with it is an error of the
// input as a whole. spec: mfa.md §7.5.
func (m *MFA) judgeNewKey(ctx context.Context, rq *api.Request, u *store.User, credential []byte, kinds ...ceremonyKind) (*key, error) {
	c, err := take(ctx, rq, u.ID, kinds...)
	if err != nil {
		return nil, err
	}
	var k *key
	err = errWrong{"no challenge waits for it"}
	if c != nil {
		k, err = m.config.created(c, credential)
	}
	var refused errWrong
	if errors.As(err, &refused) {
		logRefusal(ctx, rq, err)
		rq.Input.FailForm(codeIncorrect)
		err = rq.Input.Err()
	}
	return k, err
}

// storeKey stores a user's new key, within a transaction. A key that anybody
// has already is refused.
func (m *MFA) storeKey(ctx context.Context, rq *api.Request, u *store.User, k *key) (*store.Authenticator, error) {
	if err := rq.Hold(ctx, u.ID); err != nil {
		return nil, err
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	_, keys := readKeys(ctx, rq, all)
	for _, other := range keys {
		// The rows of the reference may lack the key that is unique.
		if bytes.Equal(other.Record.ID, k.Record.ID) {
			return nil, api.Invalid("", codeIncorrect)
		}
	}
	n := len(keys) + 1
	if n > maxKeys {
		return nil, api.Invalid("", codeTooManyFactors)
	}
	named := *k
	if named.Name = rq.Input.Text("name"); named.Name == "" {
		named.Name = m.keyName(ctx, n, modelOf(k.Record.AAGUID))
	}
	a := &store.Authenticator{Type: store.WebAuthn, Key: k.Record.ID}
	if err := create(ctx, rq, u, a, named); err != nil {
		if isConflict(err) {
			err = api.Invalid("", codeIncorrect)
		}
		return nil, err
	}
	return a, nil
}

// keyName names a user's n-th key.
func (m *MFA) keyName(ctx context.Context, n int, model string) string {
	switch {
	case m.config.KeyName != nil:
		return m.config.KeyName(ctx, n, model)
	case n == 1:
		return "Master key"
	case n == 2:
		return "Backup key"
	}
	return fmt.Sprintf("Key nr. %d", n)
}

// keys lists the caller's keys.
func keys(ctx context.Context, rq *api.Request) ([]*store.Authenticator, []string, error) {
	all, err := rq.Store().AuthenticatorsOf(ctx, rq.User.ID)
	if err != nil {
		return nil, nil, err
	}
	all = slices.DeleteFunc(all, func(a *store.Authenticator) bool { return a.Type != store.WebAuthn })
	ids := make([]string, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	return all, ids, nil
}

// renameKey gives a key another name. spec: mfa.md §7.6.
func (m *MFA) renameKey(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	in := rq.Input
	all, ids, err := keys(ctx, rq)
	if err != nil {
		return nil, err
	}
	id, ok := idOf(in.Raw("id"))
	i := slices.Index(ids, id)
	switch {
	case absent(in.Raw("id")):
		in.Fail("id", api.CodeRequired)
	case !ok || i < 0:
		in.Fail("id", codeInvalidChoice)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if err := m.account.RequireRecent(ctx, rq); err != nil {
		return nil, err
	}
	k, err := readKey(all[i])
	if err != nil {
		return nil, err
	}
	k.Name = in.Text("name")
	a, err := withData(all[i], k)
	if err != nil {
		return nil, err
	}
	if err := rq.Store().UpdateAuthenticator(ctx, a); err != nil {
		return nil, err // a conflict: it was used or removed just now
	}
	e, err := m.entry(ctx, rq, a)
	return api.Data(e), err
}

// removeKeys removes keys, all that are named or none. spec: mfa.md §7.6.
func (m *MFA) removeKeys(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	all, ids, err := keys(ctx, rq)
	if err != nil {
		return nil, err
	}
	chosen, err := choices(rq, "authenticators", ids)
	if err != nil {
		return nil, err
	}
	l := slices.DeleteFunc(all, func(a *store.Authenticator) bool { return !slices.Contains(chosen, a.ID) })
	if err := m.mayRemove(ctx, rq, l); err != nil {
		return nil, err
	}
	return api.Empty(http.StatusOK), rq.InTx(ctx, func(ctx context.Context) error {
		return m.remove(ctx, rq, rq.User, l)
	})
}
