package sessions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/store"
)

// merges is how often a session that other requests save as well is merged with
// what they have made of it. Each time one of them came to its end.
const merges = 50

// write stores the request's session. Front ends make several calls at once, on
// one session: where another was saved meanwhile and has changed something
// else, both stay. ErrConflict: it is the same, or the session is not the
// client's any more.
func (m *Manager) write(ctx context.Context, st store.Sessions, rq *api.Request) error {
	s := rq.Session
	if s.Version == 0 {
		return st.CreateSession(ctx, s)
	}
	base, touched := rq.Base()
	err := st.UpdateSession(ctx, s)
	for range merges {
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		m.cache.drop(rq.Started) // it may be what was out of date
		theirs, found := st.Session(ctx, s.ID)
		if errors.Is(found, store.ErrNotFound) {
			return err // what was ended does not come back: SES-4
		}
		if found != nil {
			return found
		}
		if !merge(s, theirs, &base, touched) {
			return err
		}
		base = *theirs
		err = st.UpdateSession(ctx, s)
	}
	return err
}

// merge makes of ours what it would be if the request had begun after theirs
// was saved. It reports false where that can't be told: both have changed the
// same, or the session has another user or token, and whoever presented the
// former one must not write to it.
func merge(ours, theirs, base *store.Session, touched []api.Touch) bool {
	if ours.ID != base.ID || !bytes.Equal(theirs.TokenHash, base.TokenHash) || theirs.UserID != base.UserID || theirs.Epoch != base.Epoch {
		return false
	}
	methods, ok := mergeMethods(ours.Methods, theirs.Methods, base.Methods)
	if !ok {
		return false
	}
	was, now, own := entries(base.State), entries(theirs.State), entries(ours.State)
	for _, t := range touched {
		if !t.Blind && !reflect.DeepEqual(was[t.Slot], now[t.Slot]) {
			return false
		}
	}
	for _, t := range touched {
		if e, kept := own[t.Slot]; kept {
			now[t.Slot] = e
		} else {
			delete(now, t.Slot)
		}
	}
	ours.State = encode(now)
	if ours.UserID != base.UserID {
		ours.State = atLogin(ours.State)
	}
	ours.Methods, ours.Version = methods, theirs.Version
	return true
}

// mergeMethods is merge for the records of proofs, to which requests append.
func mergeMethods(ours, theirs, base store.Methods) (store.Methods, bool) {
	switch {
	case bytes.Equal(theirs, base):
		return ours, true
	case bytes.Equal(ours, base):
		return theirs, true
	}
	own, was := ours.List(), len(base.List())
	if !extends(ours, base) || !extends(theirs, base) {
		return nil, false
	}
	merged := theirs
	for _, x := range own[was:] {
		merged = merged.With(x)
	}
	return merged, true
}

// extends reports whether records are those of base and more.
func extends(m, base store.Methods) bool {
	var long, short []json.RawMessage
	if len(m) > 0 && json.Unmarshal(m, &long) != nil || len(base) > 0 && json.Unmarshal(base, &short) != nil || len(long) < len(short) {
		return false
	}
	for i, x := range short {
		if !bytes.Equal(x, long[i]) {
			return false
		}
	}
	return true
}
