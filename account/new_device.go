package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/sessions"
	"github.com/headless-auth/headless/store"
)

// deviceMemory is how long it is remembered what a user has logged in from.
const deviceMemory = 365 * 24 * time.Hour

// noticeDevice tells a user by mail that somebody has logged in to their
// account with a browser or app that they have not used for a year. The first
// login of all is theirs. It runs with the login, so that of two at once one
// tells.
func (a *Account) noticeDevice(ctx context.Context, rq *api.Request, u *store.User, first bool) error {
	if !a.config.NewDeviceNotification || u.Email == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(u.ID + "\x00" + device(sessions.UserAgent(rq.HTTP))))
	err := rq.Store().UseOnce(ctx, "device:"+hex.EncodeToString(sum[:16]), rq.Now, rq.Now.Add(deviceMemory))
	switch {
	case isConflict(err):
		return nil // seen before
	case err != nil || first:
		return err
	}
	return a.notice(ctx, rq, u.Email, "new_device", nil)
}

// device is what stays the same of a user agent when it is updated.
func device(userAgent string) string {
	if d := sessions.Device(userAgent); d != "" {
		return d
	}
	product, _, _ := strings.Cut(userAgent, " ")
	product, _, _ = strings.Cut(product, "/")
	return product
}
