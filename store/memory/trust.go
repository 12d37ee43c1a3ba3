package memory

import (
	"context"
	"errors"
	"time"

	"github.com/headless-auth/headless/store"
)

// errNoHash refuses what could be found without a token.
var errNoHash = errors.New("the token hash is empty")

// CreateTrustedBrowser implements [store.TrustedBrowsers]. ErrConflict: the
// token is known.
func (s *Store) CreateTrustedBrowser(ctx context.Context, b *store.TrustedBrowser) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	switch {
	case len(b.TokenHash) == 0:
		return errNoHash
	case !t.users.has(b.UserID):
		return notFound("create trusted browser: the user")
	case t.browserHashes.has(string(b.TokenHash)):
		return conflict("create trusted browser: the token is known")
	}
	b.ID = s.db.last.browser.next()
	k := cloneBrowser(b)
	k.CreatedAt, k.ExpiresAt = micro(b.CreatedAt), micro(b.ExpiresAt)
	t.browsers.set(k.ID, k)
	t.browsersOf.add(k.UserID, k.ID)
	t.browserHashes.set(string(k.TokenHash), k.ID)
	return nil
}

// TrustedBrowserByHash implements [store.TrustedBrowsers].
func (s *Store) TrustedBrowserByHash(ctx context.Context, tokenHash []byte) (*store.TrustedBrowser, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	id, _ := t.browserHashes.get(string(tokenHash))
	b, ok := t.browsers.get(id)
	if !ok {
		return nil, notFound("trusted browser")
	}
	return cloneBrowser(b), nil
}

// TrustedBrowsersOf implements [store.TrustedBrowsers].
func (s *Store) TrustedBrowsersOf(ctx context.Context, userID string) ([]*store.TrustedBrowser, error) {
	t, err := s.read(ctx)
	if err != nil {
		return nil, err
	}
	defer s.doneReading()
	l := oldestFirst(&t.browsers, t.browsersOf.of(userID), func(b *store.TrustedBrowser) (time.Time, string) { return b.CreatedAt, b.ID })
	return copies(l, cloneBrowser), nil
}

// DeleteTrustedBrowser implements [store.TrustedBrowsers].
func (s *Store) DeleteTrustedBrowser(ctx context.Context, id string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteBrowsers(id)
	return nil
}

// DeleteTrustedBrowsersOf implements [store.TrustedBrowsers].
func (s *Store) DeleteTrustedBrowsersOf(ctx context.Context, userID string) error {
	t, err := s.write(ctx)
	if err != nil {
		return err
	}
	defer s.doneWriting()
	t.deleteBrowsers(t.browsersOf.of(userID)...)
	return nil
}

// DeleteExpiredTrustedBrowsers implements [store.TrustedBrowsers].
func (s *Store) DeleteExpiredTrustedBrowsers(ctx context.Context, now time.Time) (int, error) {
	t, err := s.write(ctx)
	if err != nil {
		return 0, err
	}
	defer s.doneWriting()
	defer t.shrink()
	var ids []string
	for id, b := range t.browsers.all() {
		if over(b.ExpiresAt, now) {
			ids = append(ids, id)
		}
	}
	t.deleteBrowsers(ids...)
	return len(ids), nil
}

func (t *tables) deleteBrowsers(ids ...string) {
	users := map[string]bool{}
	for _, id := range ids {
		if b, ok := t.browsers.get(id); ok {
			t.browsers.delete(id)
			t.browserHashes.delete(string(b.TokenHash))
			users[b.UserID] = true
		}
	}
	for id := range users {
		t.browsersOf.keep(id, t.browsers.has)
	}
}

// over reports whether a time has come; the zero time never does.
func over(end, now time.Time) bool { return !end.IsZero() && !end.After(now) }

func cloneBrowser(b *store.TrustedBrowser) *store.TrustedBrowser {
	c := *b
	own(&c.TokenHash, &c.Fingerprint)
	return &c
}
