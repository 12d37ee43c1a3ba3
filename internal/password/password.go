// Package password hashes, verifies and judges passwords.
//
// A [Hasher] makes Argon2id hashes in the PHC string format. It verifies those,
// and what Django stored before people moved here; [Hasher.Verify] lists the
// formats. [Validators] say what is wrong with a new password.
// spec: account.md §0, config-openapi.md §5.
//
// # Equal work
//
// [Hasher.Dummy] costs what verifying one of our own hashes costs, and so does
// [Hasher.Verify] of an encoding that can't be read. A hash that was stored
// elsewhere costs what its own parameters say: until its owner has logged in
// once, and has a hash of ours, a wrong password for that account takes
// another time than one for an account that does not exist.
package password

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/headless-auth/headless/account/observe"
)

// MaxBytes is the length of the longest password that is hashed.
const MaxBytes = 4096

// What a [Hasher] may answer besides the errors of a context.
var (
	// ErrBusy: too many passwords were waiting to be hashed.
	ErrBusy = errors.New("no turn to hash a password in time")
	// ErrTooLong: the password has more than [MaxBytes].
	ErrTooLong = fmt.Errorf("password longer than %d bytes", MaxBytes)
)

const (
	saltBytes = 16
	tagBytes  = 32
)

// Params is what a [Hasher] works with. Zero values take the defaults.
type Params struct {
	// Memory in KiB (default 19456), Time in passes (default 2) and Threads
	// (default 1) are the cost of Argon2id.
	Memory, Time, Threads int
	// MaxConcurrent hashes at once. Default: GOMAXPROCS.
	MaxConcurrent int
	// MaxWait for a turn. Default 4 s.
	MaxWait time.Duration
	// Rand is where salts come from. Default: the system's source.
	Rand io.Reader
	// Pepper is what Devise has put behind a password before it was hashed. It
	// is of use only for hashes that were imported as such.
	Pepper string
	// Engine, if set, hashes in place of our own code, which is left to verify
	// what was stored before. [New] tries it.
	Engine Engine
	// Observe, if set, hears of every hash.
	Observe observe.Func
}

// Hasher hashes and verifies passwords, a bounded number of them at once. It
// is safe for use by several goroutines.
type Hasher struct {
	cost    argon2Cost
	rand    io.Reader
	pepper  string
	maxWait time.Duration
	observe observe.Func // or nil
	engine  Engine       // or nil
	decoy   string       // a hash of the engine's that nobody has

	turns                  chan struct{}
	done, waiting, refused atomic.Int64
}

// New returns a hasher. Its error names what is wrong as the fields of
// account.PasswordConfig.
func New(p Params) (*Hasher, error) {
	def(&p.Memory, 19456)
	def(&p.Time, 2)
	def(&p.Threads, 1)
	def(&p.MaxConcurrent, runtime.GOMAXPROCS(0))
	def(&p.MaxWait, 4*time.Second)
	if p.Rand == nil {
		p.Rand = rand.Reader
	}

	var problems []string
	within := func(field string, v, lowest, highest int) {
		if v < lowest || v > highest {
			problems = append(problems, fmt.Sprintf("%s must be between %d and %d, is %d", field, lowest, highest, v))
		}
	}
	within("Argon2Threads", p.Threads, 1, maxThreads)
	within("Argon2Memory", p.Memory, 8*min(max(p.Threads, 1), maxThreads), maxMemory)
	within("Argon2Time", p.Time, 1, maxMemoryPasses/min(max(p.Memory, 1), maxMemory))
	within("MaxConcurrent", p.MaxConcurrent, 1, 1<<16)
	if p.MaxWait < 0 {
		problems = append(problems, fmt.Sprintf("MaxWait can't be negative, is %s", p.MaxWait))
	}
	if problems != nil {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	h := &Hasher{
		cost: argon2Cost{
			variant: argon2id, version: version13,
			memory: p.Memory, time: p.Time, threads: p.Threads,
		},
		rand: p.Rand, pepper: p.Pepper, maxWait: p.MaxWait, observe: p.Observe, engine: p.Engine, turns: make(chan struct{}, p.MaxConcurrent),
	}
	if h.engine != nil {
		if err := h.tryEngine(); err != nil {
			return nil, fmt.Errorf("Hasher %w", err)
		}
	}
	return h, nil
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Hash encodes a password for storage. It fails with [ErrTooLong] or
// [ErrBusy], with the context's error if that ends while waiting, or if the
// random source does.
func (h *Hasher) Hash(ctx context.Context, text string) (string, error) {
	if len(text) > MaxBytes {
		return "", ErrTooLong
	}
	since, err := h.take(ctx)
	if err != nil {
		return "", err
	}
	defer h.give(ctx, since)
	if h.engine != nil {
		encoded, err := h.engine.Hash(ctx, text)
		if err == nil {
			err = storable(encoded)
		}
		if err != nil {
			return "", fmt.Errorf("hash password: %w", err)
		}
		return encoded, nil
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(h.rand, salt); err != nil {
		return "", fmt.Errorf("random source: %w", err)
	}
	a := &argon2Hash{argon2Cost: h.cost, salt: salt}
	a.tag = a.derive([]byte(text), tagBytes)
	return a.encode(), nil
}

// Verify tells whether a stored encoding is of this password, and if so
// whether to store a new hash in its place: it was not made here with today's
// parameters. It fails with [ErrBusy], with the context's error if that ends
// while waiting, or as the engine does, which is asked first if there is one.
//
// It reads:
//
//   - $argon2id$ and $argon2i$ PHC strings, and $2a$, $2b$ or $2y$ of bcrypt;
//   - Django's pbkdf2_sha256, pbkdf2_sha1, argon2, bcrypt_sha256, bcrypt and
//     scrypt;
//   - $pbkdf2$, $pbkdf2-sha1$, $pbkdf2-sha256$ and $pbkdf2-sha512$ as PHC
//     strings and as Passlib writes them, and $scrypt$;
//   - phpass ($P$, $H$) and WordPress's $wp$2y$;
//   - what [Convert] makes of hashes that have no such text, and
//     [Hasher.Wrap] of weak ones.
//
// Salted or plain MD5 and SHA-1 are not read as they are: they protect nobody.
// These, an unusable password ("" or "!…"), an encoding that is malformed or
// asks for unreasonable work, and a password longer than [MaxBytes] cost as
// much as one hash of ours, and never match. In FIPS 140-only mode that includes
// whatever is made with MD5, with SHA-1, or with PBKDF2 and a salt below 16
// bytes.
func (h *Hasher) Verify(ctx context.Context, text, encoded string) (ok, upgrade bool, err error) {
	since, err := h.take(ctx)
	if err != nil {
		return false, false, err
	}
	defer h.give(ctx, since)
	if len(text) > MaxBytes {
		return false, false, h.dummy(ctx)
	}
	if h.engine != nil && storable(encoded) == nil {
		ok, upgrade, err = h.engine.Verify(ctx, text, encoded)
		if err == nil {
			return ok, ok && upgrade, nil
		}
		if !errors.Is(err, ErrUnknownHash) {
			return false, false, fmt.Errorf("verify password: %w", err)
		}
	}
	stored, django := decode(encoded)
	if stored == nil {
		return false, false, h.dummy(ctx)
	}
	if _, peppered := stored.(*pepperedHash); peppered {
		text += h.pepper
	}
	if ok, err = stored.fits([]byte(text)); err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	trimmed := strings.TrimSpace(text)
	if ok || !django || trimmed == text || trimmed == "" {
		return ok, ok && (django || !h.current(stored)), nil
	}
	// allauth trimmed what people typed, we don't. Whether they will go on
	// typing the spaces is anybody's guess, and a hash of either spelling would
	// lock out the other; so the old hash stays. spec: account.md §0.
	if ok, err = stored.fits([]byte(trimmed)); err != nil {
		return false, false, fmt.Errorf("verify password: %w", err)
	}
	return ok, false, nil
}

// current tells whether a hash is as [Hasher.Hash] would make it.
func (h *Hasher) current(stored hash) bool {
	a, ok := stored.(*argon2Hash)
	return ok && h.engine == nil && a.argon2Cost == h.cost && len(a.salt) >= saltBytes && len(a.tag) == tagBytes
}

// Dummy does the work of [Hasher.Verify] for an account that does not exist.
func (h *Hasher) Dummy(ctx context.Context) error {
	since, err := h.take(ctx)
	if err != nil {
		return err
	}
	defer h.give(ctx, since)
	return h.dummy(ctx)
}

func (h *Hasher) dummy(ctx context.Context) error {
	if h.engine != nil {
		if _, _, err := h.engine.Verify(ctx, "nobody's", h.decoy); err != nil {
			return fmt.Errorf("verify password: %w", err)
		}
		return nil
	}
	a := &argon2Hash{argon2Cost: h.cost, salt: make([]byte, saltBytes)}
	a.derive(nil, tagBytes)
	return nil
}

// take waits for a turn, first come first served. A caller who gives up while
// waiting costs nothing more.
func (h *Hasher) take(ctx context.Context) (since time.Time, err error) {
	if h.observe == nil {
		return since, h.turn(ctx)
	}
	since = time.Now()
	if err = h.turn(ctx); err != nil {
		h.tell(ctx, since, err)
	}
	return since, err
}

func (h *Hasher) tell(ctx context.Context, since time.Time, err error) {
	h.observe(ctx, observe.Observation{
		Kind: observe.Hash, Start: since, Duration: time.Since(since), Refused: errors.Is(err, ErrBusy), Err: err,
	})
}

func (h *Hasher) turn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.turns <- struct{}{}: // a free turn: nobody is waiting
		return nil
	default:
	}
	h.waiting.Add(1)
	defer h.waiting.Add(-1)
	patience := time.NewTimer(h.maxWait)
	defer patience.Stop()
	select {
	case h.turns <- struct{}{}:
		if err := ctx.Err(); err != nil { // both happened at once
			<-h.turns
			return err
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		h.refused.Add(1)
		return ErrBusy
	}
}

// give hands the turn on.
func (h *Hasher) give(ctx context.Context, since time.Time) {
	h.done.Add(1)
	<-h.turns
	if h.observe != nil {
		h.tell(ctx, since, nil)
	}
}

// Stats counts what a [Hasher] did.
type Stats struct {
	// Done is how many turns have been worked off.
	Done int64
	// Waiting is how many callers wait for their turn now.
	Waiting int64
	// Refused is how many waited in vain, and got [ErrBusy].
	Refused int64
}

// Stats returns the counters since the hasher was made.
func (h *Hasher) Stats() Stats {
	return Stats{Done: h.done.Load(), Waiting: h.waiting.Load(), Refused: h.refused.Load()}
}
