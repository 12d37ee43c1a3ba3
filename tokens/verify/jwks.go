package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/headless-auth/headless/internal/jwt"
)

// How long keys are kept, and how often they are asked for.
const (
	freshFor  = 5 * time.Minute  // where the issuer says nothing
	freshMin  = 30 * time.Second // whatever it says
	freshMax  = 24 * time.Hour
	staleFor  = 24 * time.Hour   // keys outlive an issuer that doesn't answer
	askEvery  = 10 * time.Second // for keys that are not known, and after failures
	setBytes  = 1 << 20
	askWithin = 5 * time.Second
)

// keySet is the issuer's published keys. They are fetched when first needed,
// again when they are no longer fresh, and, now and then, when a token names a
// key that isn't among them, as the issuer may have got a new one. Strangers
// who make up names cause no more than one request in askEvery.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu       sync.Mutex
	keys     []*jwt.Key
	freshTil time.Time
	fetched  time.Time // the last success
	asked    time.Time // the last attempt
	pending  *attempt  // nil: none under way
}

// attempt is one request for the keys, which any number of callers wait for.
type attempt struct {
	done chan struct{}
	err  error
}

func newKeySet(text string, allowHTTP bool, client *http.Client, now func() time.Time) (*keySet, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return nil, fmt.Errorf("%q is no address; write https://app.example.org/_allauth/.well-known/jwks.json", text)
	}
	if u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("%q is not encrypted: whoever sits between could hand out keys; use https, or set AllowHTTP", text)
	}
	if client == nil {
		client = &http.Client{Timeout: askWithin, CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the key set is elsewhere")
		}}
	}
	return &keySet{url: text, client: client, now: now}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// find returns the keys that a token with this header may be signed by.
func (s *keySet) find(ctx context.Context, id, algorithm string) ([]*jwt.Key, error) {
	s.mu.Lock()
	now := s.now()
	found := jwt.Find(s.keys, id, algorithm)
	usable := len(found) > 0 && now.Sub(s.fetched) < staleFor
	fresh := now.Before(s.freshTil)
	if usable && fresh {
		s.mu.Unlock()
		return found, nil
	}
	a := s.ask(now)
	s.mu.Unlock()
	if usable {
		return found, nil // what is asked for comes in time for the next
	}
	if a == nil {
		if fresh {
			return nil, nil // asked just now, and there is no such key
		}
		return nil, ErrUnavailable
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if a.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, a.err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return jwt.Find(s.keys, id, algorithm), nil
}

// ask returns the attempt under way, or makes one if the last is long enough
// ago. s.mu is held.
func (s *keySet) ask(now time.Time) *attempt {
	if s.pending != nil {
		return s.pending
	}
	if !s.asked.IsZero() && now.Sub(s.asked) < askEvery {
		return nil
	}
	a := &attempt{done: make(chan struct{})}
	s.pending, s.asked = a, now
	go func() {
		// It serves everybody who waits, so no single caller may end it.
		ctx, cancel := context.WithTimeout(context.Background(), askWithin)
		defer cancel()
		keys, fresh, err := s.fetch(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.keys, s.fetched = keys, s.now()
			s.freshTil = s.fetched.Add(fresh)
		}
		a.err, s.pending = err, nil
		close(a.done)
	}()
	return a
}

func (s *keySet) fetch(ctx context.Context) (keys []*jwt.Key, fresh time.Duration, err error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	rq.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(rq)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the key set was answered with %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, setBytes+1))
	if err != nil {
		return nil, 0, err
	}
	if len(body) > setBytes {
		return nil, 0, errors.New("the key set is too large")
	}
	keys, err = jwt.ParseJWKS(body)
	if err == nil && len(keys) == 0 {
		err = errors.New("the key set has no key of use")
	}
	return keys, maxAge(resp.Header.Get("Cache-Control")), err
}

// maxAge is how long an answer is fresh, within bounds.
func maxAge(cacheControl string) time.Duration {
	for part := range strings.SplitSeq(cacheControl, ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			if n, err := strconv.Atoi(text); err == nil && n >= 0 {
				return min(max(time.Duration(n)*time.Second, freshMin), freshMax)
			}
		}
	}
	return freshFor
}
