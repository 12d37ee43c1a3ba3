package providers

import (
	"context"
	"strconv"
	"time"

	"github.com/headless-auth/headless/socialaccount"
)

// Evernote is evernote.com. By default it is the sandbox.
func Evernote(c Client) socialaccount.Provider { return evernote.Provider(c) }

var evernote = Spec{
	ID: "evernote", Name: "Evernote",
	Settings:        []Setting{{Name: "EVERNOTE_HOSTNAME", Kind: Host, Default: "sandbox.evernote.com", Help: `"www.evernote.com" for real accounts`}},
	AuthorizeURL:    "https://{EVERNOTE_HOSTNAME}/OAuth.action",
	RequestTokenURL: "https://{EVERNOTE_HOSTNAME}/oauth",
	TokenURL:        "https://{EVERNOTE_HOSTNAME}/oauth",
	Map:             Mapping{UID: "edam_userId"},
	After:           evernoteExpiry,
}

// evernoteExpiry reads when the token ends, in milliseconds.
func evernoteExpiry(_ context.Context, x *Exchange) error {
	if ms, err := strconv.ParseInt(textOf(x.Token["edam_expires"]), 10, 64); err == nil && ms > 0 {
		x.Grant.Expiry = time.UnixMilli(ms).UTC()
	}
	return nil
}
