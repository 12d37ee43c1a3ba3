package api

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/clientip"
	"github.com/headless-auth/headless/store"
)

// Rate allows Amount of something within any stretch of Per, for each value of
// By.
type Rate struct {
	Amount int
	Per    time.Duration
	By     string // "ip", "user" or "key"
}

var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

// ParseRates reads rates as "5/m/ip,10/300s/key": amount, a duration of an
// optional number and one of s, m, h, d, and what is counted for itself (ip if
// left out). Empty text means no rates. spec: core.md §9.
func ParseRates(s string) ([]Rate, error) {
	var l []Rate
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" && strings.TrimSpace(s) == "" {
			return nil, nil
		}
		r, ok := parseRate(strings.Split(part, "/"))
		if !ok {
			return nil, fmt.Errorf(`%q is no rate; write "5/m/ip", with a unit of s, m, h or d and then ip, user or key`, part)
		}
		l = append(l, r)
	}
	return l, nil
}

func parseRate(f []string) (r Rate, ok bool) {
	if len(f) < 2 || len(f) > 3 || f[1] == "" {
		return r, false
	}
	var err error
	if r.Amount, err = strconv.Atoi(f[0]); err != nil || r.Amount < 1 || r.Amount > 1_000_000 {
		return r, false
	}
	unit, number := units[f[1][len(f[1])-1]], f[1][:len(f[1])-1]
	n := 1.0
	if number != "" {
		if n, err = strconv.ParseFloat(number, 64); err != nil || !(n > 0) || math.IsInf(n, 0) {
			return r, false
		}
	}
	if n*float64(unit) > float64(10000*24*time.Hour) {
		return r, false
	}
	r.Per = time.Duration(n * float64(unit)).Truncate(time.Microsecond)
	r.By = "ip"
	if len(f) == 3 {
		r.By = f[2]
	}
	return r, r.Per > 0 && (r.By == "ip" || r.By == "user" || r.By == "key")
}

// buckets names the buckets that an action of this request draws from. Rates
// for a user or key that there is none of don't apply.
func (rq *Request) buckets(action, key string) []store.Bucket {
	var l []store.Bucket
	for _, r := range rq.Env.Rates[action] {
		value := ""
		switch r.By {
		case "ip":
			value = clientip.Group(rq.IP)
		case "user":
			if rq.User != nil {
				value = rq.User.ID
			}
		case "key":
			value = key
		}
		if value != "" {
			l = append(l, rq.bucket(action, r, value))
		}
	}
	return l
}

func (rq *Request) bucketsOf(key string, actions []string) (l []store.Bucket) {
	for _, action := range actions {
		l = append(l, rq.buckets(action, key)...)
	}
	return l
}

// bucket names one bucket. Hashed: keys are of one length, and the table tells
// nobody's address.
func (rq *Request) bucket(action string, r Rate, value string) store.Bucket {
	sum := rq.Env.Keys.MAC("limit", action, r.By, strconv.Itoa(r.Amount), r.Per.String(), value)
	return store.Bucket{Key: action + ":" + hex.EncodeToString(sum[:16]), Amount: r.Amount, Per: r.Per}
}

func (rq *Request) limits() store.Limits {
	if rq.tx != nil && rq.Env.SharedLimits {
		return rq.tx
	}
	return rq.Env.Limits
}

// Taken undoes what Take took.
type Taken struct {
	keys []string
	at   time.Time
}

// Take counts an action against its limits, for the request's address and user
// and for key, which may be empty. A positive duration means that it is
// refused, for so long.
func (rq *Request) Take(ctx context.Context, action, key string) (Taken, time.Duration, error) {
	return rq.TakeEach(ctx, key, action)
}

// TakeEach is Take for several actions in one step, up to the first that is
// refused.
func (rq *Request) TakeEach(ctx context.Context, key string, actions ...string) (Taken, time.Duration, error) {
	b := rq.bucketsOf(key, actions)
	if len(b) == 0 {
		return Taken{}, 0, nil
	}
	wait, err := rq.limits().Take(ctx, rq.Now, b...)
	rq.decided(ctx, wait, err, actions...)
	t := Taken{at: rq.Now}
	for _, x := range b {
		t.keys = append(t.keys, x.Key)
	}
	return t, wait, err
}

// Peek is TakeEach without taking.
func (rq *Request) Peek(ctx context.Context, key string, actions ...string) (time.Duration, error) {
	b := rq.bucketsOf(key, actions)
	if len(b) == 0 {
		return 0, nil
	}
	wait, err := rq.limits().Peek(ctx, rq.Now, b...)
	if wait > 0 { // otherwise it will be taken, or nothing was decided
		rq.decided(ctx, wait, err, actions...)
	}
	return wait, err
}

// GiveBack undoes a Take.
func (rq *Request) GiveBack(ctx context.Context, t Taken) error {
	if len(t.keys) == 0 {
		return nil
	}
	return rq.limits().GiveBack(ctx, t.at, t.keys...)
}

// Clear forgets what was counted of an action for the request's address and
// user and for key.
func (rq *Request) Clear(ctx context.Context, action, key string) error {
	var keys []string
	for _, b := range rq.buckets(action, key) {
		keys = append(keys, b.Key)
	}
	if len(keys) == 0 {
		return nil
	}
	return rq.limits().ClearLimits(ctx, keys...)
}

// Limit is TakeEach that answers 429.
func (rq *Request) Limit(ctx context.Context, key string, actions ...string) error {
	_, wait, err := rq.TakeEach(ctx, key, actions...)
	if err == nil && wait > 0 {
		err = TooMany(wait)
	}
	return err
}

// LimitUser is Limit for a user who is not logged in yet, but acts: only the
// rates for each user count, as the others have been counted.
func (rq *Request) LimitUser(ctx context.Context, action, userID string) error {
	var l []store.Bucket
	for _, r := range rq.Env.Rates[action] {
		if r.By == "user" {
			l = append(l, rq.bucket(action, r, userID))
		}
	}
	if len(l) == 0 {
		return nil
	}
	wait, err := rq.limits().Take(ctx, rq.Now, l...)
	rq.decided(ctx, wait, err, action)
	if err == nil && wait > 0 {
		return TooMany(wait)
	}
	t := Taken{at: rq.Now}
	for _, x := range l {
		t.keys = append(t.keys, x.Key)
	}
	rq.counted = append(rq.counted, t)
	return err
}
