package redis

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/headless-auth/headless/store"
)

func (s *Store) sessionKey(id string) string  { return s.prefix + "s:{" + id + "}" }
func (s *Store) tokenKey(hash []byte) string  { return s.prefix + "t:{" + string(hash) + "}" }
func (s *Store) userKey(userID string) string { return s.prefix + "u:{" + userID + "}" }

// The fields of a session, one letter each: they are stored a million times.
var sessionFields = []string{"h", "u", "e", "m", "d", "i", "a", "c", "s", "x", "v", "g", "r"}

// writeSession begins with the token, which the script create compares.
func writeSession(x *store.Session) []any {
	return []any{
		"h", x.TokenHash, "u", x.UserID, "e", x.Epoch, "m", []byte(x.Methods), "d", x.State, "i", x.IP, "a", x.UserAgent,
		"c", micro(x.CreatedAt), "s", micro(x.SeenAt), "x", micro(x.ExpiresAt),
	}
}

// readSession returns nil if there is none.
func readSession(id string, values []any) (*store.Session, error) {
	f := make([]string, len(sessionFields))
	for i, v := range values {
		f[i], _ = v.(string)
	}
	if len(values) != len(f) || f[0] == "" {
		return nil, nil
	}
	x := &store.Session{
		ID: id, TokenHash: []byte(f[0]), UserID: f[1], Methods: bytes(f[3]), State: bytes(f[4]), IP: f[5], UserAgent: f[6],
	}
	var errs [7]error
	x.Epoch, errs[0] = number(f[2])
	x.CreatedAt, errs[1] = readMicro(f[7])
	x.SeenAt, errs[2] = readMicro(f[8])
	x.ExpiresAt, errs[3] = readMicro(f[9])
	x.Version, errs[4] = number(f[10])
	x.Generation, errs[5] = number(f[11])
	x.RefreshedAt, errs[6] = readMicro(f[12])
	if err := errors.Join(errs[:]...); err != nil {
		return nil, defect("a session can't be read: " + err.Error())
	}
	return x, nil
}

func bytes(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

func number(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	return strconv.ParseInt(s, 10, 64)
}

var (
	// point makes a token point to an id, and returns the other id that it
	// points to already.
	point = newScript(`
local now = redis.call('GET', KEYS[1])
if now and now ~= ARGV[1] and now ~= ARGV[3] then return now end
redis.call('SET', KEYS[1], ARGV[1])
if ARGV[2] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return ''`)
	// index adds an id to a user's, and keeps them at least so long.
	index = newScript(`
local left = redis.call('PTTL', KEYS[1])
redis.call('SADD', KEYS[1], ARGV[1])
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1])
elseif left == -2 or left >= 0 and left < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`)
	// create makes a session unless the id is taken, but for the session itself:
	// the call may come twice when its answer is lost.
	create = newScript(`
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] then return 1 end
  return 0
end
redis.call('HSET', KEYS[1], 'v', 1, 'g', 0, 'r', '', unpack(ARGV, 2))
if ARGV[1] ~= '0' then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1`)
	// update saves a session of that version, tells whose it was and is on a
	// channel if there is one, and returns its former token and user. w names
	// the call, as it may come twice when its answer is lost.
	update = newScript(`
local now = redis.call('HMGET', KEYS[1], 'v', 'w', 'h', 'u')
if not now[1] then return false end
if now[2] == ARGV[2] then return {now[3], now[4], now[1]} end
if now[1] ~= ARGV[1] then return false end
redis.call('HSET', KEYS[1], 'w', ARGV[2], unpack(ARGV, 5))
local v = redis.call('HINCRBY', KEYS[1], 'v', 1)
if ARGV[3] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local user = redis.call('HGET', KEYS[1], 'u')
if ARGV[4] ~= '' and user ~= '' then redis.pcall('PUBLISH', ARGV[4], user) end
if ARGV[4] ~= '' and now[4] ~= '' and now[4] ~= user then redis.pcall('PUBLISH', ARGV[4], now[4]) end
return {now[3], now[4], tostring(v)}`)
	// touch notes use, unless that was done since.
	touch = newScript(`
local seen = redis.call('HGET', KEYS[1], 's')
if not seen or seen ~= '' and (ARGV[1] == '' or tonumber(seen) > tonumber(ARGV[1])) then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
if ARGV[2] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1`)
	// refresh uses a refresh token. ARGV: user, epoch, generation, now, grace,
	// ttl, and the fields of a touch.
	refresh = newScript(`
local f = redis.call('HMGET', KEYS[1], 'u', 'e', 'g', 'r', 'x')
local now = tonumber(ARGV[4])
if f[1] ~= ARGV[1] or f[2] ~= ARGV[2] or f[5] ~= '' and tonumber(f[5]) <= now then return 'absent' end
local within = f[4] ~= '' and now - tonumber(f[4]) < tonumber(ARGV[5])
local ahead = tonumber(f[3]) - tonumber(ARGV[3])
if ahead == 0 and not within then
  redis.call('HINCRBY', KEYS[1], 'g', 1)
  redis.call('HSET', KEYS[1], 'r', ARGV[4])
elseif not (ahead == 0 or ahead == 1 and within) then return 'conflict' end
redis.call('HSET', KEYS[1], unpack(ARGV, 7))
if ARGV[6] == '0' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[6]) end
return redis.call('HMGET', KEYS[1], 'h', 'u', 'e', 'm', 'd', 'i', 'a', 'c', 's', 'x', 'v', 'g', 'r')`)
	// remove ends a session, if it is that user's or any user's will do, and if
	// it has expired or may be alive. It tells whose it was on a channel, if
	// there is one, and returns its token and user.
	remove = newScript(`
local f = redis.call('HMGET', KEYS[1], 'h', 'u', 'x')
if not f[1] or ARGV[1] == 'of' and f[2] ~= ARGV[2] then return false end
if ARGV[1] == 'expired' and (f[3] == '' or tonumber(f[3]) > tonumber(ARGV[2])) then return false end
redis.call('DEL', KEYS[1])
if ARGV[3] ~= '' and f[2] ~= '' then redis.pcall('PUBLISH', ARGV[3], f[2]) end
return {f[1], f[2]}`)
	// unpoint removes a token that points to that id.
	unpoint = newScript(`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)
)

const errNoHash = defect("the session has no token")

// announce makes a token and a user's set point to a session before it is
// theirs.
func (s *Store) announce(ctx context.Context, x *store.Session, life int64) error {
	if x.UserID == "" {
		return nil
	}
	return index.Run(ctx, s.client, []string{s.userKey(x.UserID)}, x.ID, life).Err()
}

// claim makes the session's token point to it. ErrConflict: it is another's.
func (s *Store) claim(ctx context.Context, x *store.Session, life int64) error {
	stale := ""
	for range 3 {
		other, err := point.Run(ctx, s.client, []string{s.tokenKey(x.TokenHash)}, x.ID, life, stale).Text()
		if err != nil || other == "" {
			return err
		}
		h, err := s.client.HGet(ctx, s.sessionKey(other), "h").Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		if h == string(x.TokenHash) {
			break
		}
		stale = other // its session has got another token since, or is gone
	}
	return fmt.Errorf("the token is known: %w", store.ErrConflict)
}

// CreateSession implements [store.Sessions].
func (s *Store) CreateSession(ctx context.Context, x *store.Session) error {
	return did(ctx, "create session", s.create(ctx, x))
}

func (s *Store) create(ctx context.Context, x *store.Session) error {
	if len(x.TokenHash) == 0 {
		return errNoHash
	}
	made, life := *x, ttl(x.SeenAt, x.ExpiresAt)
	for range 10 {
		made.ID = s.ids.next()
		if err := s.announce(ctx, &made, life); err != nil {
			return err
		}
		n, err := create.Run(ctx, s.client, []string{s.sessionKey(made.ID)}, append([]any{life}, writeSession(x)...)...).Int()
		if err != nil {
			return err
		}
		if n == 0 {
			continue // another instance has taken the id in the same microsecond
		}
		if err := s.claim(ctx, &made, life); err != nil {
			_ = s.end(context.WithoutCancel(ctx), made.ID)
			return err
		}
		x.ID, x.Version, x.Generation, x.RefreshedAt = made.ID, 1, 0, time.Time{}
		return nil
	}
	return fmt.Errorf("%w: no id was free", store.ErrUnavailable)
}

// SessionByHash implements [store.Sessions].
func (s *Store) SessionByHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	x, err := s.byHash(ctx, tokenHash)
	return x, did(ctx, "find session by token", err)
}

func (s *Store) byHash(ctx context.Context, tokenHash []byte) (*store.Session, error) {
	if len(tokenHash) == 0 {
		return nil, store.ErrNotFound
	}
	id, known := s.tokens.get(string(tokenHash))
	for {
		if !known {
			var err error
			if id, err = s.client.Get(ctx, s.tokenKey(tokenHash)).Result(); err != nil {
				return nil, absent(err)
			}
		}
		x, err := s.load(ctx, id)
		switch {
		case err == nil && string(x.TokenHash) == string(tokenHash):
			if !known {
				s.tokens.put(string(tokenHash), id)
			}
			return x, nil
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return nil, err
		case !known:
			return nil, store.ErrNotFound
		}
		known = false // what we remembered may be out of date
	}
}

func absent(err error) error {
	if errors.Is(err, redis.Nil) {
		return store.ErrNotFound
	}
	return err
}

func (s *Store) load(ctx context.Context, id string) (*store.Session, error) {
	values, err := s.client.HMGet(ctx, s.sessionKey(id), sessionFields...).Result()
	if err != nil {
		return nil, err
	}
	x, err := readSession(id, values)
	if err == nil && x == nil {
		err = store.ErrNotFound
	}
	return x, err
}

// Session implements [store.Sessions].
func (s *Store) Session(ctx context.Context, id string) (*store.Session, error) {
	x, err := s.load(ctx, id)
	return x, did(ctx, "find session", err)
}

// UpdateSession implements [store.Sessions].
func (s *Store) UpdateSession(ctx context.Context, x *store.Session) error {
	return did(ctx, "update session", s.update(ctx, x))
}

func (s *Store) update(ctx context.Context, x *store.Session) error {
	if len(x.TokenHash) == 0 {
		return errNoHash
	}
	life := ttl(x.SeenAt, x.ExpiresAt)
	if err := s.announce(ctx, x, life); err != nil {
		return err
	}
	if err := s.claim(ctx, x, life); err != nil {
		return err
	}
	args := append([]any{x.Version, rand.Text()[:8], life, s.channel()}, writeSession(x)...)
	former, err := update.Run(ctx, s.client, []string{s.sessionKey(x.ID)}, args...).StringSlice()
	if errors.Is(err, redis.Nil) {
		s.disown(ctx, x)
		return fmt.Errorf("it was saved or ended: %w", store.ErrConflict)
	}
	if err != nil {
		return err
	}
	x.Version++
	if former[0] != string(x.TokenHash) {
		s.forget(ctx, former[0], x.ID)
	}
	if former[1] != x.UserID && former[1] != "" {
		_ = s.client.SRem(context.WithoutCancel(ctx), s.userKey(former[1]), x.ID).Err()
	}
	return nil
}

// disown takes back the token of a save that was refused, unless the session
// has it all the same.
func (s *Store) disown(ctx context.Context, x *store.Session) {
	ctx = context.WithoutCancel(ctx)
	now, err := s.load(ctx, x.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && string(now.TokenHash) != string(x.TokenHash) {
		s.forget(ctx, string(x.TokenHash), x.ID)
	}
}

// forget removes a token. What fails is left over, and harmless.
func (s *Store) forget(ctx context.Context, tokenHash, id string) {
	_ = unpoint.Run(context.WithoutCancel(ctx), s.client, []string{s.tokenKey([]byte(tokenHash))}, id).Err()
}

func touched(seen, end time.Time, ip, agent string) []any {
	return []any{"s", micro(seen), "x", micro(end), "i", ip, "a", agent}
}

// TouchSession implements [store.Sessions].
func (s *Store) TouchSession(ctx context.Context, x *store.Session, since time.Time) error {
	life := ttl(x.SeenAt, x.ExpiresAt)
	args := append([]any{micro(since), life}, touched(x.SeenAt, x.ExpiresAt, x.IP, x.UserAgent)...)
	n, err := touch.Run(ctx, s.client, []string{s.sessionKey(x.ID)}, args...).Int()
	if err == nil && n == 1 {
		err = s.prolong(ctx, x.ID, life)
	}
	return did(ctx, "touch session", err)
}

// prolong keeps a session's token and its user's set as long as the session.
func (s *Store) prolong(ctx context.Context, id string, life int64) error {
	f, err := s.client.HMGet(ctx, s.sessionKey(id), "h", "u").Result()
	if err != nil {
		return err
	}
	h, _ := f[0].(string)
	if h == "" {
		return nil // it has ended meanwhile
	}
	x := &store.Session{ID: id, TokenHash: []byte(h)}
	x.UserID, _ = f[1].(string)
	return errors.Join(s.announce(ctx, x, life), s.claim(ctx, x, life))
}

// RefreshSession implements [store.SessionRefresher]. The user is nil: users
// are elsewhere.
func (s *Store) RefreshSession(ctx context.Context, r *store.Refresh) (*store.Session, *store.User, error) {
	x, err := s.refresh(ctx, r)
	return x, nil, did(ctx, "refresh session", err)
}

func (s *Store) refresh(ctx context.Context, r *store.Refresh) (*store.Session, error) {
	life := ttl(r.Now, r.ExpiresAt)
	args := append([]any{r.UserID, r.Epoch, r.Generation, micro(r.Now), r.Grace.Microseconds(), life}, touched(r.Now, r.ExpiresAt, r.IP, r.UserAgent)...)
	if r.UserID == "" {
		return nil, store.ErrNotFound
	}
	answer, err := refresh.Run(ctx, s.client, []string{s.sessionKey(r.SessionID)}, args...).Result()
	if err != nil {
		return nil, err
	}
	values, ok := answer.([]any)
	if !ok {
		if answer == "conflict" {
			return nil, fmt.Errorf("the generation is another: %w", store.ErrConflict)
		}
		return nil, store.ErrNotFound
	}
	x, err := readSession(r.SessionID, values)
	if err != nil || x == nil {
		return nil, cmp.Or(err, store.ErrNotFound)
	}
	return x, errors.Join(s.announce(ctx, x, life), s.claim(ctx, x, life))
}

// DeleteSession implements [store.Sessions].
func (s *Store) DeleteSession(ctx context.Context, id string) error {
	return did(ctx, "delete session", s.end(ctx, id))
}

func (s *Store) end(ctx context.Context, id string) error {
	_, err := s.remove(ctx, id, "any", "")
	return err
}

// remove ends a session and then removes what points to it.
func (s *Store) remove(ctx context.Context, id, which, than string) (bool, error) {
	f, err := remove.Run(ctx, s.client, []string{s.sessionKey(id)}, which, than, s.channel()).StringSlice()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.forget(ctx, f[0], id)
	if f[1] != "" {
		_ = s.client.SRem(context.WithoutCancel(ctx), s.userKey(f[1]), id).Err()
	}
	return true, nil
}

// beingMade is how long a session may take from being announced to being
// there.
const beingMade = 5 * time.Minute

// SessionsOf implements [store.Sessions].
func (s *Store) SessionsOf(ctx context.Context, userID string) ([]*store.Session, error) {
	l, err := s.of(ctx, userID)
	return l, did(ctx, "list sessions", err)
}

func (s *Store) of(ctx context.Context, userID string) (l []*store.Session, err error) {
	if userID == "" {
		return nil, ctx.Err()
	}
	ids, err := s.client.SMembers(ctx, s.userKey(userID)).Result()
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	pipe := s.client.Pipeline()
	replies := make([]*redis.SliceCmd, len(ids))
	for i, id := range ids {
		replies[i] = pipe.HMGet(ctx, s.sessionKey(id), sessionFields...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	for i, reply := range replies {
		x, err := readSession(ids[i], reply.Val())
		switch {
		case err != nil:
			return nil, err
		case x == nil && age(ids[i]) > beingMade:
			_ = s.client.SRem(ctx, s.userKey(userID), ids[i]).Err()
		case x != nil && x.UserID == userID:
			l = append(l, x)
		}
	}
	slices.SortFunc(l, func(a, b *store.Session) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(len(a.ID), len(b.ID)), strings.Compare(a.ID, b.ID))
	})
	return l, nil
}

// DeleteSessionsOf implements [store.Sessions].
func (s *Store) DeleteSessionsOf(ctx context.Context, userID, exceptID string) error {
	return did(ctx, "delete sessions", s.deleteOf(ctx, userID, exceptID))
}

func (s *Store) deleteOf(ctx context.Context, userID, exceptID string) error {
	if userID == "" {
		return ctx.Err()
	}
	ids, err := s.client.SMembers(ctx, s.userKey(userID)).Result()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == exceptID {
			continue
		}
		if _, err := s.remove(ctx, id, "of", userID); err != nil {
			return err
		}
	}
	return nil
}

// DeleteExpiredSessions implements [store.Sessions].
func (s *Store) DeleteExpiredSessions(ctx context.Context, now time.Time) (int, error) {
	n, err := s.sweep(ctx, "s:", now, func(ctx context.Context, key string) (bool, error) {
		id := strings.TrimSuffix(strings.TrimPrefix(key, s.prefix+"s:{"), "}")
		return s.remove(ctx, id, "expired", micro(now))
	})
	return n, did(ctx, "delete expired sessions", err)
}

// tokenCache remembers which session a token is of, which never changes: the
// session itself is always asked for, and says whether the token still counts.
type tokenCache struct {
	mu         sync.RWMutex
	young, old map[string]string
}

// tokenCacheSize is half of what is remembered: some 10 MB at most.
const tokenCacheSize = 32 << 10

func (c *tokenCache) get(hash string) (string, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	id, ok := c.young[hash]
	if !ok {
		id, ok = c.old[hash]
	}
	return id, ok
}

func (c *tokenCache) put(hash, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= tokenCacheSize {
		c.old, c.young = c.young, map[string]string{}
	}
	c.young[hash] = id
}
