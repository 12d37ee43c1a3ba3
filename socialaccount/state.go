package socialaccount

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/sessions"
)

const (
	handshakeLifetime = 10 * time.Minute
	maxHandshakes     = 10
	signupLifetime    = 15 * time.Minute
	maxState          = 512
	purposeSession    = "socialaccount.session"
	alphabet          = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// What a session holds of this package is encrypted: among it are secrets that
// providers gave us.
type sealed struct {
	At    int64  `json:"t"` // microseconds since the epoch
	Value []byte `json:"v"`
}

func seal(rq *api.Request, v any, bound string) (sealed, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return sealed{}, err
	}
	return sealed{rq.Now.UnixMicro(), rq.Env.Keys.Seal(b, purposeSession, bound)}, nil
}

func (x sealed) open(rq *api.Request, v any, bound string) bool {
	b, err := rq.Env.Keys.Open(x.Value, purposeSession, bound)
	return err == nil && json.Unmarshal(b, v) == nil
}

// handshake is a browser's way to a provider and back.
type handshake struct {
	// Path is where it ends: one provider's, and one of its ways back.
	Path    string `json:"p"`
	Process string `json:"r"`
	Next    string `json:"n"`
	// UserID is who was logged in.
	UserID      string            `json:"u,omitempty"`
	State       string            `json:"s"`
	RedirectURI string            `json:"d"`
	Verifier    string            `json:"v"`
	Nonce       string            `json:"o"`
	Kept        map[string]string `json:"k,omitempty"`
}

// handshakes are those under way, by a hash of path and state.
var handshakes = sessions.NewSlot[map[string]sealed]("socialaccount.handshakes", handshakeLifetime)

func handshakeKey(path, state string) string {
	sum := sha256.Sum256([]byte(path + "\x00" + state))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// keep keeps a handshake; the oldest one makes room.
func (h *handshake) keep(rq *api.Request) error {
	m, _ := handshakes.Get(rq)
	if m == nil {
		m = map[string]sealed{}
	}
	for len(m) >= maxHandshakes {
		oldest := ""
		for key, x := range m {
			if oldest == "" || x.At < m[oldest].At {
				oldest = key
			}
		}
		delete(m, oldest)
	}
	key := handshakeKey(h.Path, h.State)
	x, err := seal(rq, h, key)
	if err != nil {
		return err
	}
	m[key] = x
	return handshakes.Put(rq, m)
}

// findHandshake finds a handshake of this session.
func findHandshake(rq *api.Request, path, state string) (*handshake, bool) {
	if state == "" || len(state) > maxState {
		return nil, false
	}
	m, _ := handshakes.Get(rq)
	key := handshakeKey(path, state)
	x, ok := m[key]
	if !ok || rq.Now.Sub(time.UnixMicro(x.At)) >= handshakeLifetime {
		return nil, false
	}
	h := &handshake{}
	return h, x.open(rq, h, key)
}

// takeHandshake is findHandshake, once: it is gone, and that is stored, before
// anything else happens. Of two requests at a time one gets it; the other
// fails to save the session.
func takeHandshake(ctx context.Context, rq *api.Request, path, state string) (*handshake, error) {
	h, ok := findHandshake(rq, path, state)
	if !ok {
		return nil, nil
	}
	m, _ := handshakes.Get(rq)
	if delete(m, handshakeKey(path, state)); len(m) == 0 {
		handshakes.Drop(rq)
	} else if err := handshakes.Put(rq, m); err != nil {
		return nil, err
	}
	return h, rq.SaveNow(ctx)
}

// signup is a stranger who is still to say something. spec: socialaccount.md
// §6.2.
type signup struct {
	Provider string
	Identity *Identity
	// TokenSecret is that of an OAuth 1.0a token.
	TokenSecret string `json:",omitempty"`
}

// signupSlot is a slot whose value is encrypted.
type signupSlot struct{ slot sessions.Slot[sealed] }

var pendingSignup = signupSlot{sessions.NewSlot[sealed]("socialaccount.signup", signupLifetime)}

func (p signupSlot) put(rq *api.Request, v *signup) error {
	v.TokenSecret = tokenSecret(v.Identity.Token)
	x, err := seal(rq, v, "signup")
	if err != nil {
		return err
	}
	rq.Claim()
	return p.slot.Put(rq, x)
}

func (p signupSlot) get(rq *api.Request) (v *signup, ok bool) {
	x, ok := p.slot.Get(rq)
	if !ok {
		return nil, false
	}
	v = &signup{}
	if !x.open(rq, v, "signup") || v.Identity == nil {
		return nil, false
	}
	if v.Identity.Token != nil {
		v.Identity.Token = v.Identity.Token.WithExtra(map[string]any{TokenSecret: v.TokenSecret})
	}
	return v, true
}

func (p signupSlot) drop(rq *api.Request) { p.slot.Drop(rq) }

// random is text that nobody can guess.
func random(rq *api.Request, n int) (string, error) { return secret.Text(rq.Env.Rand, alphabet, n) }

// jsonOrNil is a profile to store.
func jsonOrNil(b json.RawMessage) []byte {
	if b = bytes.TrimSpace(b); len(b) == 0 || string(b) == "null" {
		return nil
	}
	return b
}
