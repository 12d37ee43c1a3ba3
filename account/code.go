package account

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/headless-auth/headless/internal/api"
	"github.com/headless-auth/headless/internal/secret"
	"github.com/headless-auth/headless/sessions"
)

const codeIncorrect api.Code = "incorrect_code"

// CodeConfig says how the codes of one use work. spec: core.md §10, §11.
type CodeConfig struct {
	// Lifetime of a code, counted from the first one sent: another one sent
	// in its place lives no longer.
	Lifetime time.Duration
	// MaxAttempts to repeat it. Default 3.
	MaxAttempts int
	// MaxResends and MaxChanges are how often another code can be asked for,
	// and the address that it goes to be changed. Default 0.
	MaxResends, MaxChanges int
	// Format is what the codes look like. Default: Config.CodeFormat.
	Format CodeFormat
}

// CodeFormat is what codes look like: by default eight of the twenty
// consonants of RFC 8628 §6.1, in two groups.
type CodeFormat struct {
	// Numeric codes consist of digits.
	Numeric bool
	// Length in characters. Default 8, or 9 if Numeric.
	Length int
	// Undashed codes are not grouped.
	Undashed bool
}

const (
	consonants = "BCDFGHJKLMNPQRSTVWXZ"
	digits     = "0123456789"
)

func (f *CodeFormat) fill(d CodeFormat) {
	if *f == (CodeFormat{}) {
		*f = d
	}
	if f.Length == 0 {
		f.Length = 8
		if f.Numeric {
			f.Length = 9
		}
	}
}

func (f CodeFormat) alphabet() string {
	if f.Numeric {
		return digits
	}
	return consonants
}

// new returns a random code.
func (f CodeFormat) new(rand io.Reader) (string, error) {
	s, err := secret.Text(rand, f.alphabet(), f.Length)
	if err != nil || f.Undashed {
		return s, err
	}
	groups := 2
	if f.Length > 8 {
		groups = 3
	}
	size := (f.Length + groups - 1) / groups
	var l []string
	for ; len(s) > size; s = s[size:] {
		l = append(l, s[:size])
	}
	return strings.Join(append(l, s), "-"), nil
}

// minCodes is how many codes there have to be to choose from. Three attempts
// at six digits are the weakest that can be configured.
const minCodes = 1_000_000

func (c *CodeConfig) problems(path string, lifetime time.Duration, format CodeFormat, p map[string]string) {
	def(&c.Lifetime, lifetime)
	def(&c.MaxAttempts, 3)
	c.Format.fill(format)
	if c.Lifetime < 0 {
		p[path+".Lifetime"] = `can't be negative; write a duration such as "3m"`
	}
	if c.MaxAttempts < 1 || c.MaxAttempts > 10 {
		p[path+".MaxAttempts"] = "must be between 1 and 10"
	}
	if c.MaxResends < 0 || c.MaxResends > 10 {
		p[path+".MaxResends"] = "must be between 0 and 10"
	}
	if c.MaxChanges < 0 || c.MaxChanges > 10 {
		p[path+".MaxChanges"] = "must be between 0 and 10"
	}
	if n := math.Pow(float64(len(c.Format.alphabet())), float64(c.Format.Length)); c.Format.Length < 0 || c.Format.Length > 64 || n < minCodes {
		p[path+".Format.Length"] = fmt.Sprintf("%d is too short or too long; use at least 6 digits or 5 letters", c.Format.Length)
	}
}

// cleanCode reduces a code to what counts: case, punctuation and blanks don't.
func cleanCode(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// process is a code that was sent, and has to be repeated by the same client.
type process struct {
	// UserID is empty while pretending: no code is right then, unless it
	// Proves a number on the way to an address that is taken.
	UserID string `json:"u,omitempty"`
	Proves bool   `json:"v,omitempty"`
	// Epoch is the user's, where the code is void once that has changed: the
	// password is another.
	Epoch int64 `json:"g,omitempty"`
	// Email or Phone is where it was sent.
	Email string `json:"e,omitempty"`
	Phone string `json:"p,omitempty"`
	// Hash of the code, keyed; bound to use, user and address.
	Hash []byte `json:"h,omitempty"`
	// Void: it was sent to somebody who is not to know of it, and no code is
	// right.
	Void bool `json:"x,omitempty"`
	// Requested: the user asked for it, and it is the only proof there is.
	Requested bool `json:"r,omitempty"`
	// Failed attempts, codes sent again, and changes of address so far.
	Failed  int       `json:"f,omitempty"`
	Resent  int       `json:"n,omitempty"`
	Changed int       `json:"c,omitempty"`
	At      time.Time `json:"t"`
}

// sends names what is counted when a code goes where this one goes.
func (p process) sends() string {
	if p.Phone != "" {
		return actionSMS
	}
	return actionMail
}

// codes is one use of codes.
type codes struct {
	use    string
	config CodeConfig
	slot   sessions.Slot[process]
	opens  bool // a right code lets somebody in to an account
}

// The codes that a session can wait for. That for an address that is being
// added outlives the login that it may have begun with.
var (
	emailCodes = sessions.NewSlot[process]("account.code.verify_email", 0).Kept()
	loginCodes = sessions.NewSlot[process]("account.code.login", 0)
	resetCodes = sessions.NewSlot[process]("account.code.reset_password", 0)
	phoneCodes = sessions.NewSlot[process]("account.code.verify_phone", 0)
)

func newCodes(use string, c CodeConfig, slot sessions.Slot[process]) *codes {
	return &codes{use: use, config: c, slot: slot.For(c.Lifetime)}
}

// opening returns the codes as ones that let somebody in to an account.
func (c *codes) opening() *codes { c.opens = true; return c }

// begin starts a process, in place of a running one, and returns its code: ""
// where none is right.
func (c *codes) begin(rq *api.Request, p process) (code string, err error) {
	p.At = rq.Now
	if code, err = c.renew(rq, &p); err != nil {
		return "", err
	}
	return code, c.slot.Begin(rq, p)
}

// issue gives a process a new code. What was sent before is void.
func (c *codes) issue(rq *api.Request, p process) (code string, err error) {
	if code, err = c.renew(rq, &p); err != nil {
		return "", err
	}
	return code, c.put(rq, p)
}

func (c *codes) renew(rq *api.Request, p *process) (code string, err error) {
	// Made while pretending too: both have to take the same time.
	if code, err = c.config.Format.new(rq.Env.Rand); err != nil {
		return "", err
	}
	p.Hash = rq.Env.Keys.MAC("code", c.parts(*p, code)...)
	if p.UserID == "" && !p.Proves || p.Void {
		code, p.Hash = "", nil
	}
	return code, nil
}

func (c *codes) parts(p process, code string) []string {
	return []string{c.use, p.UserID, p.Email, p.Phone, cleanCode(code)}
}

func (c *codes) put(rq *api.Request, p process) error { return c.slot.PutSince(rq, p, p.At) }

// running returns the process that can still succeed.
func (c *codes) running(rq *api.Request) (process, bool) {
	p, ok := c.slot.Get(rq)
	return p, ok && p.Failed < c.config.MaxAttempts
}

func (c *codes) drop(rq *api.Request) { c.slot.Drop(rq) }

// try judges the submission in an input field. It is counted, and the count is
// saved, before it is judged: parallel guesses lose the race for the session,
// instead of winning one for the code. After too many wrong ones in a row, of
// however many processes, none is judged; the field says so then.
func (c *codes) try(ctx context.Context, rq *api.Request, p *process, field string) (ok bool, err error) {
	p.Failed++
	if err := c.put(rq, *p); err != nil {
		return false, err
	}
	if err := rq.SaveNow(ctx); err != nil {
		return false, err
	}
	key := c.failedKey(p)
	_, wait, err := rq.Take(ctx, "code_failed", key)
	if err != nil {
		return false, err
	}
	if wait > 0 {
		rq.Input.Fail(field, codeTooManyAttempts)
		return false, nil
	}
	code := rq.Input.Text(field)
	if p.Hash == nil || cleanCode(code) == "" || !rq.Env.Keys.Verify(p.Hash, "code", c.parts(*p, code)...) {
		return false, nil
	}
	return true, rq.Clear(ctx, "code_failed", key)
}

// failedKey is what wrong codes are counted under: the account that they would
// open, or the address or number that they would prove. While pretending it is
// what was typed. Requirement LIM-5.
func (c *codes) failedKey(p *process) string {
	if c.opens && p.UserID != "" {
		return c.use + ":user:" + p.UserID
	}
	return c.use + ":" + p.Email + p.Phone
}

// forgive takes back the count of a submission that was right, but did not end
// the process.
func (c *codes) forgive(ctx context.Context, rq *api.Request, p process) error {
	p.Failed--
	if err := c.put(rq, p); err != nil {
		return err
	}
	return rq.SaveNow(ctx)
}

// tries is how often a session that others change as well is written once more.
// They can't go on for ever: every submission is counted.
const tries = 20

// complete runs what a right code leads to. Submissions that were counted
// meanwhile have changed the session; the code is right all the same, so it
// goes on from there, as long as the process still waits: of any number of
// right ones at once, one comes to its end.
func (c *codes) complete(ctx context.Context, rq *api.Request, p *process, fn func(ctx context.Context) error) (err error) {
	for range tries {
		if err = rq.InTx(ctx, fn); !isConflict(err) {
			return err
		}
		ours, failed := rq.Reload(ctx)
		if failed != nil {
			return failed
		}
		if q, ok := c.slot.Get(rq); !ours || !ok || !bytes.Equal(q.Hash, p.Hash) {
			return err
		}
	}
	return err
}

// failed ends a process that has used up its attempts, with what over ends
// besides. It reports whether it did.
func (c *codes) failed(ctx context.Context, rq *api.Request, p *process, over func()) (last bool, err error) {
	if p.Failed < c.config.MaxAttempts {
		return false, nil
	}
	for range tries {
		c.drop(rq)
		if over != nil {
			over()
		}
		if err = rq.SaveNow(ctx); !isConflict(err) {
			break
		}
		ours, failed := rq.Reload(ctx)
		if failed != nil || !ours {
			return true, failed
		}
	}
	return true, err
}
