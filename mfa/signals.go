package mfa

import (
	"context"
	"encoding/base64"

	"github.com/headless-auth/headless/internal/api"
)

// signals are what a front end hands to PublicKeyCredential's
// signalAllAcceptedCredentials and signalCurrentUserDetails, so that password
// managers forget removed passkeys and show the user's present name. WebAuthn
// Level 3, §5.1.10.
func (m *MFA) signals(ctx context.Context, rq *api.Request) (*api.Reply, error) {
	u := rq.User
	all, err := rq.Store().AuthenticatorsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	type accepted struct {
		RPID   string   `json:"rpId"`
		UserID string   `json:"userId"`
		IDs    []string `json:"allAcceptedCredentialIds"`
	}
	type details struct {
		RPID        string `json:"rpId"`
		UserID      string `json:"userId"`
		Name        string `json:"name"`
		DisplayName string `json:"displayName"`
	}
	handle, ids := base64.RawURLEncoding.EncodeToString(userHandle(rq, u.ID)), []string{}
	for _, d := range descriptors(ctx, rq, all) {
		ids = append(ids, d.ID)
	}
	return api.Data(struct {
		Accepted accepted `json:"all_accepted_credentials"`
		Details  details  `json:"current_user_details"`
	}{
		accepted{m.config.RPID, handle, ids},
		details{m.config.RPID, handle, label(u), rq.Env.Display(ctx, u)},
	}), nil
}
