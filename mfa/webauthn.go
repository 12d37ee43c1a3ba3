package mfa

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

const (
	// maxKeys of one user.
	maxKeys = 50
	// maxCredential bounds what a browser sends of a key. Attestations, which
	// nobody asks for, are the largest part of it.
	maxCredential = 64 << 10
)

// key is a security key or passkey as it is stored. Name and Credential are the
// reference's; the record is ours, taken from Credential where it is missing.
// spec: mfa.md §10.
type key struct {
	Name string `json:"name"`
	// Credential is what the browser sent when the key was made.
	Credential json.RawMessage `json:"credential"`
	// Record is never nil once a key was read.
	Record *record `json:"record,omitempty"`
	// Passwordless is the mark of old rows of the reference.
	Passwordless bool `json:"passwordless,omitempty"`
}

// record is the credential record of WebAuthn Level 3, §4.
type record struct {
	ID         []byte   `json:"id"`
	PublicKey  []byte   `json:"public_key"`
	SignCount  uint32   `json:"sign_count"`
	AAGUID     []byte   `json:"aaguid,omitempty"`
	Transports []string `json:"transports,omitempty"`
	// RK is what the browser said of the key being discoverable, if it said
	// anything. The API shows it as is_passwordless.
	RK *bool `json:"rk,omitempty"`
	// Passwordless: it was made as one that logs in alone.
	Passwordless bool `json:"passwordless,omitempty"`
	// BackupEligible and BackedUp are the flags as last seen; nil, if they never
	// were. They decide nothing: synced passkeys are as good as others, and
	// whether a key may be synced has been seen to change with its software.
	BackupEligible *bool `json:"backup_eligible,omitempty"`
	BackedUp       bool  `json:"backed_up,omitempty"`
}

// standsAlone reports whether a key may log in by itself: it was registered for
// that, and is discoverable as far as we know. That a second factor happens to
// be discoverable makes no passkey of it. That a key verifies its user is asked
// each time. Requirement WAN-2.
func (k *key) standsAlone() bool {
	return k.Record.Passwordless && (k.Record.RK == nil || *k.Record.RK)
}

// readKey reads a stored key, one of the reference's too.
func readKey(a *store.Authenticator) (*key, error) {
	k := &key{}
	if err := json.Unmarshal(a.Data, k); err != nil {
		return nil, fmt.Errorf("read authenticator %s: %w", a.ID, err)
	}
	if k.Record != nil {
		return k, nil
	}
	p, err := protocol.ParseCredentialCreationResponseBytes(textOf(k.Credential))
	if err != nil {
		return nil, fmt.Errorf("read authenticator %s: %w", a.ID, err)
	}
	k.Record = recordOf(p)
	// The reference goes by what the browser said of a key. spec: mfa.md §7.6.
	k.Record.Passwordless = k.Passwordless || k.Record.RK != nil && *k.Record.RK
	return k, nil
}

// readKeys reads the keys among a user's authenticators. One that can't be
// read must not shut out those that can: the operator is told.
func readKeys(ctx context.Context, rq *api.Request, all []*store.Authenticator) (l []*store.Authenticator, keys []*key) {
	for _, a := range all {
		if a.Type != store.WebAuthn {
			continue
		}
		k, err := readKey(a)
		if err != nil {
			rq.Env.Log.ErrorContext(ctx, "a security key can't be used", "error", err)
			continue
		}
		l, keys = append(l, a), append(keys, k)
	}
	return l, keys
}

func recordOf(p *protocol.ParsedCredentialCreationData) *record {
	data := p.Response.AttestationObject.AuthData
	eligible := data.Flags.HasBackupEligible()
	r := &record{
		ID: data.AttData.CredentialID, PublicKey: data.AttData.CredentialPublicKey, SignCount: data.Counter,
		AAGUID: data.AttData.AAGUID, BackupEligible: &eligible, BackedUp: data.Flags.HasBackupState(),
	}
	for _, t := range p.Response.Transports {
		r.Transports = append(r.Transports, string(t))
	}
	if props := p.ClientExtensionResults.CredProps; props != nil {
		r.RK = props.RK
	}
	return r
}

// credentialInput is what the endpoints that use a key take.
var credentialInput = []api.Field{{Name: "credential", Kind: api.Any, Description: "What the browser answered to the request options, as JSON"}}

// credentialOf reads a credential: an object, or a text that holds one.
// spec: mfa.md §7.5.
func credentialOf(in *api.Input) (json.RawMessage, error) {
	raw := in.Raw("credential")
	text := textOf(raw)
	if !absent(raw) && !json.Valid(text) {
		in.Fail("credential", api.CodeInvalid)
	} else if absent(raw) || absent(text) {
		in.Fail("credential", api.CodeRequired)
	}
	return text, in.Err()
}

// textOf is the JSON in a JSON text, or the value itself.
func textOf(raw json.RawMessage) json.RawMessage {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return json.RawMessage(s)
	}
	return raw
}

// origins are where an answer may come from.
func (c *Config) origins(claimed string) (web, opaque []string) {
	if c.AllowAnyOrigin {
		return []string{claimed}, nil
	}
	for _, o := range c.Origins {
		if protocol.IsOpaqueOrigin(o) {
			opaque = append(opaque, o)
		} else {
			web = append(web, o)
		}
	}
	return append(web, c.RelatedOrigins...), opaque
}

// errWrong is the one answer to whatever is wrong with a credential; reason
// is for the operator's log.
type errWrong struct{ reason string }

func (e errWrong) Error() string { return "credential refused: " + e.reason }

func wrong(err error) error { return errWrong{err.Error()} }

// created judges the answer to creation options. WebAuthn Level 3, §7.1.
func (c *Config) created(ceremony *ceremony, credential []byte) (*key, error) {
	if len(credential) > maxCredential {
		return nil, errWrong{"it is too large"}
	}
	p, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return nil, wrong(err)
	}
	client := p.Response.CollectedClientData
	if !ceremony.answers(client.Challenge) {
		return nil, errWrong{"it answers another challenge"}
	}
	params := make([]protocol.CredentialParameter, len(algorithms))
	for i, alg := range algorithms {
		params[i] = protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.COSEAlgorithmIdentifier(alg)}
	}
	// Nobody has asked for attestation. A browser strips it then (Level 3,
	// §5.4.7); what another client sends all the same is not looked at, as
	// nothing hangs on it. spec: mfa.md §7.4.
	object := &p.Response.AttestationObject
	object.Format, object.AttStatement, object.SubStatements = string(protocol.AttestationFormatNone), nil, nil
	web, opaque := c.origins(client.Origin)
	verify := selections[ceremony.Kind].UserVerification == required
	present := ceremony.Kind != ceremonyAddConditional // nobody is asked then
	if _, err := p.Verify(client.Challenge, c.RPID, web, opaque, nil, protocol.TopOriginExplicitVerificationMode, false,
		verify, present, nil, params, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return nil, wrong(err)
	}
	if f := object.AuthData.Flags; f.HasBackupState() && !f.HasBackupEligible() {
		return nil, errWrong{"it is backed up but can't be"}
	}
	r := recordOf(p)
	r.Passwordless = selections[ceremony.Kind].ResidentKey == required
	// A key that can't be read would let nobody in.
	if _, err := webauthncose.ParsePublicKey(r.PublicKey); err != nil {
		return nil, wrong(err)
	}
	// Level 3, §7.1 step 25.
	if len(r.ID) == 0 || len(r.ID) > 1023 {
		return nil, errWrong{"its id is too long"}
	}
	kept, err := json.Marshal(keptCredential(p, r))
	return &key{Credential: kept, Record: r}, err
}

// keptCredential is what is stored of a browser's answer, in the reference's
// form: what could be read from it, and nothing else that was sent.
func keptCredential(p *protocol.ParsedCredentialCreationData, r *record) any {
	type response struct {
		ClientDataJSON    string   `json:"clientDataJSON"`
		AttestationObject string   `json:"attestationObject"`
		Transports        []string `json:"transports,omitempty"`
	}
	results := map[string]any{}
	if r.RK != nil {
		results["credProps"] = map[string]any{"rk": *r.RK}
	}
	return struct {
		ID         string         `json:"id"`
		RawID      string         `json:"rawId"`
		Type       string         `json:"type"`
		Attachment string         `json:"authenticatorAttachment,omitempty"`
		Response   response       `json:"response"`
		Results    map[string]any `json:"clientExtensionResults"`
	}{
		p.ID, p.ID, p.Type, string(p.AuthenticatorAttachment),
		response{
			base64.RawURLEncoding.EncodeToString(p.Raw.AttestationResponse.ClientDataJSON),
			base64.RawURLEncoding.EncodeToString(p.Raw.AttestationResponse.AttestationObject), r.Transports,
		},
		results,
	}
}

// errRegressed is the refusal of a key whose counter did not advance.
type errRegressed struct{ stored, received uint32 }

func (errRegressed) Error() string { return "credential refused: its counter did not advance" }

// asserted judges the answer to request options by the key that it names, and
// changes the key's record to what was seen. WebAuthn Level 3, §7.2.
func (c *Config) asserted(ceremony *ceremony, p *protocol.ParsedCredentialAssertionData, k *key, handle []byte, verify bool) error {
	client := p.Response.CollectedClientData
	if !ceremony.answers(client.Challenge) {
		return errWrong{"it answers another challenge"}
	}
	if h := p.Response.UserHandle; len(h) > 0 && !bytes.Equal(h, handle) {
		return errWrong{"it is another user's"}
	}
	web, opaque := c.origins(client.Origin)
	if err := p.Verify(client.Challenge, c.RPID, "", web, opaque, nil, protocol.TopOriginExplicitVerificationMode, false,
		verify, true, k.Record.PublicKey, protocol.SignaturePolicy{}); err != nil {
		return wrong(err)
	}
	data := p.Response.AuthenticatorData
	eligible, backedUp := data.Flags.HasBackupEligible(), data.Flags.HasBackupState()
	if backedUp && !eligible {
		return errWrong{"it is backed up but can't be"}
	}
	// Step 22. Counters that are not used stay at zero.
	if stored := k.Record.SignCount; (stored > 0 || data.Counter > 0) && data.Counter <= stored {
		return errRegressed{stored, data.Counter}
	}
	k.Record.SignCount, k.Record.BackupEligible, k.Record.BackedUp = data.Counter, &eligible, backedUp
	return nil
}

// useKey judges a user's security key and, if it is right, runs done in the
// transaction that records it. spec: mfa.md §7.7.
func (m *MFA) useKey(ctx context.Context, rq *api.Request, u *store.User, kind ceremonyKind, credential []byte, p proof, done func(ctx context.Context) error) error {
	end, err := m.attempt(ctx, rq, u, "credential")
	if err != nil {
		return err
	}
	c, err := take(ctx, rq, u.ID, kind)
	if err != nil {
		return err
	}
	for range maxTries {
		used, which, err := m.judgeKey(ctx, rq, u, c, credential, p)
		if err != nil {
			return m.wrongKey(ctx, rq, u, which, p, err)
		}
		if lost, err := m.use(ctx, rq, u, used, p, done); err != nil || !lost {
			return orEnd(ctx, rq, err, end)
		}
	}
	return store.ErrUnavailable
}

// parseAnswer reads what a browser answered to request options.
func parseAnswer(credential []byte) (*protocol.ParsedCredentialAssertionData, error) {
	if len(credential) > maxCredential {
		return nil, errWrong{"it is too large"}
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return nil, wrong(err)
	}
	return answer, nil
}

// judgeKey finds the key that a credential is of, and returns it as it is to be
// stored once it is used. which is the key that was meant, right or wrong.
func (m *MFA) judgeKey(ctx context.Context, rq *api.Request, u *store.User, c *ceremony, credential []byte, p proof) (used, which *store.Authenticator, err error) {
	if c == nil {
		return nil, nil, errWrong{"no challenge waits for it"}
	}
	answer, err := parseAnswer(credential)
	if err != nil {
		return nil, nil, err
	}
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, nil, err
	}
	all, keys := readKeys(ctx, rq, all)
	for i, k := range keys {
		if !bytes.Equal(k.Record.ID, answer.RawID) {
			continue
		}
		if p.passwordless && !k.standsAlone() {
			return nil, all[i], errWrong{"it is a second factor only"}
		}
		if err := m.config.asserted(c, answer, k, userHandle(rq, u.ID), p.passwordless); err != nil {
			return nil, all[i], err
		}
		used, err = withData(all[i], k)
		return used, all[i], err
	}
	return nil, nil, errWrong{"it is not one of the user's"}
}

// wrongKey tells what was wrong: the client that it was, the operator why, and
// subscribers that it happened.
func (m *MFA) wrongKey(ctx context.Context, rq *api.Request, u *store.User, which *store.Authenticator, p proof, err error) error {
	var regressed errRegressed
	var refused errWrong
	switch {
	case errors.As(err, &regressed):
		rq.Emit(SignCountRegressed{account.Of{User: u}, Which{which.ID, which.Type}, regressed.stored, regressed.received})
	case !errors.As(err, &refused):
		return err
	}
	logRefusal(ctx, rq, err)
	if u != nil {
		failed := AuthenticationFailed{Of: account.Of{User: u}, Reauthentication: p.reauthentication}
		if failed.Type = store.WebAuthn; which != nil {
			failed.ID = which.ID
		}
		rq.Emit(failed)
	}
	rq.Input.Fail("credential", codeIncorrect)
	return rq.Input.Err()
}

func logRefusal(ctx context.Context, rq *api.Request, err error) {
	rq.Env.Log.DebugContext(ctx, "a WebAuthn credential was refused", "reason", err.Error())
}
