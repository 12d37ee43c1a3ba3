package browsertest

import "github.com/chromedp/cdproto/webauthn"

// Key is an authenticator that a page has at hand.
type Key struct {
	p  *Page
	id webauthn.AuthenticatorID
}

// Passkeys gives the page a device that keeps passkeys and knows its user.
func (p *Page) Passkeys() *Key {
	p.t.Helper()
	return p.key(&webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	})
}

// SecurityKey gives the page a key that is touched, and knows nobody.
func (p *Page) SecurityKey() *Key {
	p.t.Helper()
	return p.key(&webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportUsb,
		AutomaticPresenceSimulation: true,
	})
}

func (p *Page) key(o *webauthn.VirtualAuthenticatorOptions) *Key {
	p.t.Helper()
	call(p, webauthn.Enable, webauthn.EnableParams{})
	added := call(p, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: o})
	return &Key{p, added.AuthenticatorID}
}

// Touch says whether the person at hand touches the key when it is asked for.
func (k *Key) Touch(does bool) {
	k.p.t.Helper()
	call(k.p, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: k.id, Enabled: does})
}

// Recognises says whether the key recognises its user.
func (k *Key) Recognises(does bool) {
	k.p.t.Helper()
	call(k.p, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: k.id, IsUserVerified: does})
}

// Count is how many credentials the key keeps.
func (k *Key) Count() int {
	k.p.t.Helper()
	return len(call(k.p, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: k.id}).Credentials)
}

// Remove takes the key away.
func (k *Key) Remove() {
	k.p.t.Helper()
	call(k.p, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: k.id})
}
