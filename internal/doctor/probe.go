package doctor

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/internal/secret"
)

// Header carries a ticket. Whoever has one knows the site's secret.
const Header = "X-Headless-Probe"

const (
	purpose  = "probe"
	lifetime = 10 * time.Minute // clocks may differ, which is to be told rather than refused
)

// Probe answers requests that carry a ticket with what arrives here, in place
// of whatever else would answer. To everybody else it is not there.
type Probe struct {
	Keys     *secret.Keys
	ClientIP clientip.Resolver
	Now      func() time.Time
	instance string
}

// NewProbe returns a probe of one instance.
func NewProbe(keys *secret.Keys, ip clientip.Resolver, now func() time.Time) *Probe {
	return &Probe{Keys: keys, ClientIP: ip, Now: now, instance: rand.Text()}
}

// answer is what a running site sees of a request.
type answer struct {
	// Instance differs between the processes of a site.
	Instance string `json:"instance"`
	// Address is the client's, as it was derived; "" if it can't be.
	Address string `json:"address"`
	// Peer is who has called; Forwarded is what X-Forwarded-For says.
	Peer      string    `json:"peer"`
	Forwarded []string  `json:"forwarded"`
	Now       time.Time `json:"now"`
	Path      string    `json:"path"`
}

// Ticket makes a value of [Header].
func (p *Probe) Ticket() string {
	at := strconv.AppendInt(nil, p.Now().Unix(), 10)
	return base64.RawURLEncoding.EncodeToString(p.Keys.Seal(at, purpose, ""))
}

func (p *Probe) good(ticket string) bool {
	sealed, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil {
		return false
	}
	plain, err := p.Keys.Open(sealed, purpose, "")
	if err != nil {
		return false
	}
	at, err := strconv.ParseInt(string(plain), 10, 64)
	return err == nil && p.Now().Sub(time.Unix(at, 0)).Abs() < lifetime
}

// Wrap puts the probe before a handler.
func (p *Probe) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.answers(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Mux is Wrap for the API's routes, where they are.
func (p *Probe) Mux(m api.Mux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ours := m[r.URL.Path]; !ours || !p.answers(w, r) {
			m.ServeHTTP(w, r)
		}
	})
}

func (p *Probe) answers(w http.ResponseWriter, r *http.Request) bool {
	ticket := r.Header.Get(Header)
	if ticket == "" || !p.good(ticket) {
		return false
	}
	a := answer{Instance: p.instance, Peer: r.RemoteAddr, Forwarded: clientip.Hops(r), Now: p.Now(), Path: r.URL.Path}
	if ip, err := p.ClientIP.Resolve(r); err == nil {
		a.Address = ip.String()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(a)
	return true
}
