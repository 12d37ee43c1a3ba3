package sessions

import (
	"encoding/json"
	"time"

	"github.com/headless-auth/headless/internal/api"
)

// Slot is a typed, expiring place in a session for something half done. Each
// feature declares its own, so that searching for NewSlot lists everything a
// session can hold.
type Slot[T any] struct {
	name     string
	lifetime time.Duration
	kept     bool
}

// NewSlot declares a slot. What is put into it reads as absent after lifetime;
// zero means as long as the session. It vanishes at login.
func NewSlot[T any](name string, lifetime time.Duration) Slot[T] {
	return Slot[T]{name: name, lifetime: lifetime}
}

// Kept returns the slot as one that survives login.
func (p Slot[T]) Kept() Slot[T] { p.kept = true; return p }

// For returns the slot with another lifetime, for those that are configured.
func (p Slot[T]) For(lifetime time.Duration) Slot[T] { p.lifetime = lifetime; return p }

type entry struct {
	Value     json.RawMessage `json:"v"`
	ExpiresAt int64           `json:"x,omitempty"` // microseconds since the epoch
	Kept      bool            `json:"k,omitempty"`
}

func entries(state []byte) map[string]entry {
	m := map[string]entry{}
	if len(state) > 0 && json.Unmarshal(state, &m) != nil {
		return map[string]entry{} // unreadable state is no state
	}
	return m
}

func encode(m map[string]entry) []byte {
	if len(m) == 0 {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // entries hold JSON already
	}
	return b
}

// Put keeps v until the slot's lifetime is over, counted from now. When another
// request has changed the slot meanwhile, the session can't be saved: v may stand
// on what was there before.
func (p Slot[T]) Put(rq *api.Request, v T) error {
	return p.put(rq, v, rq.Now, false)
}

// PutSince is Put with the lifetime counted from start.
func (p Slot[T]) PutSince(rq *api.Request, v T, start time.Time) error {
	return p.put(rq, v, start, false)
}

// Begin is Put for what takes the place of whatever was there: of two requests
// at once the later one counts.
func (p Slot[T]) Begin(rq *api.Request, v T) error {
	return p.put(rq, v, rq.Now, true)
}

func (p Slot[T]) put(rq *api.Request, v T, start time.Time, blind bool) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	e := entry{Value: b, Kept: p.kept}
	if p.lifetime > 0 {
		e.ExpiresAt = start.Add(p.lifetime).UnixMicro()
	}
	m := entries(rq.Session.State)
	m[p.name] = e
	rq.Session.State = encode(m)
	rq.Touch(api.Touch{Slot: p.name, Blind: blind})
	return nil
}

// Get returns what is kept. What has expired, or can't be read, is absent.
func (p Slot[T]) Get(rq *api.Request) (v T, ok bool) {
	if len(rq.Session.State) == 0 {
		return v, false
	}
	e, ok := entries(rq.Session.State)[p.name]
	if !ok || e.ExpiresAt != 0 && rq.Now.UnixMicro() >= e.ExpiresAt || json.Unmarshal(e.Value, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

// Drop forgets what is kept.
func (p Slot[T]) Drop(rq *api.Request) {
	m := entries(rq.Session.State)
	if _, ok := m[p.name]; !ok {
		return
	}
	delete(m, p.name)
	rq.Session.State = encode(m)
	rq.Touch(api.Touch{Slot: p.name})
}

// atLogin carries over what a session may keep when somebody logs in.
func atLogin(state []byte) []byte {
	m := entries(state)
	for name, e := range m {
		if !e.Kept {
			delete(m, name)
		}
	}
	return encode(m)
}
