package mfa

import (
	"context"
	"encoding/base64"
	"slices"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// The options below are what browsers' parseCreationOptionsFromJSON and
// parseRequestOptionsFromJSON take. spec: mfa.md §7.2.

type creationOptions struct {
	// Mediation is an addition for passkeys that are made without asking.
	Mediation string         `json:"mediation,omitempty"`
	PublicKey creationPublic `json:"publicKey"`
}

type creationPublic struct {
	RP                     relyingParty   `json:"rp"`
	User                   userEntity     `json:"user"`
	Challenge              string         `json:"challenge"`
	PubKeyCredParams       []keyParameter `json:"pubKeyCredParams"`
	ExcludeCredentials     []descriptor   `json:"excludeCredentials"`
	AuthenticatorSelection selection      `json:"authenticatorSelection"`
	Extensions             map[string]any `json:"extensions"`
}

type relyingParty struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

type userEntity struct {
	Name        string `json:"name"`
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
}

type keyParameter struct {
	Type string `json:"type"`
	Alg  int    `json:"alg"`
}

type descriptor struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type selection struct {
	ResidentKey        string `json:"residentKey"`
	UserVerification   string `json:"userVerification"`
	RequireResidentKey bool   `json:"requireResidentKey"`
}

type requestOptions struct {
	PublicKey requestPublic `json:"publicKey"`
}

type requestPublic struct {
	Challenge        string       `json:"challenge"`
	RPID             string       `json:"rpId"`
	AllowCredentials []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

const (
	publicKey = "public-key"

	required    = "required"
	preferred   = "preferred"
	discouraged = "discouraged"
)

// algorithms are the COSE algorithms that keys may have, the best known first:
// ES256, EdDSA, ES384, ES512, PS256, RS256, ES256K.
var algorithms = []int{-7, -8, -35, -36, -37, -257, -47}

// selections say what kind of key each ceremony asks for.
var selections = map[ceremonyKind]selection{
	ceremonyAdd:             {discouraged, discouraged, false},
	ceremonyAddPasswordless: {required, required, true},
	ceremonyAddConditional:  {required, preferred, true},
	ceremonySignup:          {required, required, true},
	ceremonyEnroll:          {discouraged, discouraged, false},
}

// creationOptions begins a ceremony that makes a key for a user.
func (m *MFA) creationOptions(ctx context.Context, rq *api.Request, kind ceremonyKind, u *store.User) (*api.Reply, error) {
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	challenge, err := begin(rq, kind, u.ID)
	if err != nil {
		return nil, err
	}
	o := creationOptions{PublicKey: creationPublic{
		RP:        relyingParty{m.config.RPName, m.config.RPID},
		User:      userEntity{label(u), base64.RawURLEncoding.EncodeToString(userHandle(rq, u.ID)), rq.Env.Display(ctx, u)},
		Challenge: challenge, ExcludeCredentials: descriptors(ctx, rq, all),
		AuthenticatorSelection: selections[kind], Extensions: map[string]any{"credProps": true},
	}}
	for _, alg := range algorithms {
		o.PublicKey.PubKeyCredParams = append(o.PublicKey.PubKeyCredParams, keyParameter{publicKey, alg})
	}
	if kind == ceremonyAddConditional {
		o.Mediation = "conditional"
	}
	return api.Data(struct {
		Options creationOptions `json:"creation_options"`
	}{o}), nil
}

// requestOptions begins a ceremony that uses a key, of u or, if that is nil, of
// whoever has one that names its user.
func (m *MFA) requestOptions(ctx context.Context, rq *api.Request, kind ceremonyKind, u *store.User) (*api.Reply, error) {
	allowed, verification, userID := []descriptor{}, required, ""
	if u != nil {
		all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
		if err != nil {
			return nil, err
		}
		allowed = descriptors(ctx, rq, all)
		verification, userID = preferred, u.ID
	}
	challenge, err := begin(rq, kind, userID)
	if err != nil {
		return nil, err
	}
	return api.Data(struct {
		Options requestOptions `json:"request_options"`
	}{requestOptions{requestPublic{challenge, m.config.RPID, allowed, verification}}}), nil
}

// descriptors name the keys among authenticators, each once.
func descriptors(ctx context.Context, rq *api.Request, all []*store.Authenticator) []descriptor {
	l := []descriptor{}
	_, keys := readKeys(ctx, rq, all)
	for _, k := range keys {
		if d := (descriptor{publicKey, base64.RawURLEncoding.EncodeToString(k.Record.ID)}); !slices.Contains(l, d) {
			l = append(l, d)
		}
	}
	return l
}
