package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/internal/pattern"
	"github.com/headless-auth/headless/store"
)

const whoHelp = `USER is an id, an email address, a phone number such as +31612345678, or a
username. Where it could be more than one of them, say which:
id:12, email:…, phone:… or username:…`

// usersCommands are what operators do to users.
func usersCommands() []command {
	return []command{
		{name: "find", about: "show a user", args: "USER", help: whoHelp, setup: findCommand},
		{name: "list", about: "list all users, in the order in which their accounts were made", setup: listCommand},
		{name: "create", about: "make an account", help: createHelp, setup: createCommand},
		{name: "disable", about: "keep a user out, and end all their sessions", args: "USER", help: whoHelp,
			setup: deedCommand((*account.Admin).Disable)},
		{name: "enable", about: "let a user in again", args: "USER", help: whoHelp, setup: deedCommand((*account.Admin).Enable)},
		{name: "verify", about: "count an address of a user as proven", args: "USER", help: whoHelp, setup: verifyCommand},
		{name: "set-password", about: "give a user another password, and end all their sessions", args: "USER",
			help: "The password is read from standard input; at a terminal it is asked for, and not shown.\n\n" + whoHelp, setup: passwordCommand},
		{name: "reset-mfa", about: "remove a user's further factors and trusted browsers", args: "USER", help: whoHelp,
			setup: deedCommand((*account.Admin).ResetMFA)},
		{name: "end-sessions", about: "log a user out everywhere", args: "USER", help: whoHelp,
			setup: deedCommand((*account.Admin).EndSessions)},
		{name: "export", about: "write all that is kept of a user, as JSON", args: "USER", help: whoHelp, setup: exportUserCommand},
		{name: "delete", about: "delete a user, with everything that belongs to them", args: "USER", help: whoHelp, setup: deleteCommand},
	}
}

// clerk is what works on users with a configuration's database.
type clerk struct {
	*options
	json  bool
	actor string
}

func newClerk(o *options) *clerk {
	o.config()
	c := &clerk{options: o}
	o.BoolVar(&c.json, "json", false, "write JSON")
	o.StringVar(&c.actor, "as", "", "`name` for the audit log (default cli, and that of the user who runs it)")
	return c
}

// flushTimeout bounds the wait for mails. What is left is sent by the server.
const flushTimeout = 10 * time.Second

// work opens the database and runs do on its users.
func (c *clerk) work(ctx context.Context, do func(ctx context.Context, users *account.Admin) error) error {
	return c.open(ctx, func(ctx context.Context, auth *headless.Auth) error { return do(ctx, auth.Users()) })
}

// open opens the database and runs do on all that there is.
func (c *clerk) open(ctx context.Context, do func(ctx context.Context, auth *headless.Auth) error) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	if databaseKind(s.Database) == "memory" {
		return misuse("the database is in memory: nobody has an account there")
	}
	if err := s.databaseExists(); err != nil {
		return err
	}
	s.Logger = slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	db, err := s.openDatabase(ctx, s.Logger)
	if err != nil {
		return err
	}
	err = c.with(ctx, s, db, do)
	return errors.Join(err, db.close())
}

func (c *clerk) with(ctx context.Context, s *settings, db *database, do func(ctx context.Context, auth *headless.Auth) error) error {
	if pending, err := db.pending(ctx); err != nil {
		return err
	} else if len(pending) > 0 {
		return errors.New("the database's tables are not up to date; run standalone migrate up")
	}
	auth, err := s.auth(db)
	if err != nil {
		return err
	}
	if err := do(account.WithActor(ctx, cmp.Or(c.actor, whoRuns())), auth); err != nil {
		return told(err)
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if auth.Flush(ctx) != nil {
		c.say("there are mails on their way; the server sends them")
	}
	return nil
}

// whoRuns names who has called the program.
func whoRuns() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli"
}

// told puts errors of the library into words of the command line.
func told(err error) error {
	var in *account.InputError
	switch {
	case errors.As(err, &in):
		l := make([]string, len(in.Problems))
		for i, p := range in.Problems {
			l[i] = strings.TrimPrefix(p.Param+": "+p.Message+" ("+p.Code+")", ": ")
		}
		return errors.New(strings.Join(l, "\n  "))
	case errors.Is(err, store.ErrNotFound):
		return &exitError{exitAbsent, errors.New("there is no such user")}
	case errors.Is(err, store.ErrConflict):
		return errors.New("somebody else has changed the user at the same moment; try again")
	}
	return err
}

var phoneNumber = pattern.New(`^\+[0-9]+$`)

// who finds the one user that a command is about.
func who(ctx context.Context, users *account.Admin, text string) (*account.Person, error) {
	kind, value, ok := strings.Cut(text, ":")
	switch {
	case ok && kind == "id":
		return users.Get(ctx, value)
	case ok && kind == "email":
		return only(users.Find(ctx, account.By{Email: value}))
	case ok && kind == "phone":
		return only(users.Find(ctx, account.By{Phone: value}))
	case ok && kind == "username":
		return only(users.Find(ctx, account.By{Username: value}))
	case strings.Contains(text, "@"):
		return only(users.Find(ctx, account.By{Email: text}))
	case phoneNumber.MatchString(text):
		return only(users.Find(ctx, account.By{Phone: text}))
	}
	p, err := users.Get(ctx, text)
	if errors.Is(err, store.ErrNotFound) && text != "" {
		return only(users.Find(ctx, account.By{Username: text}))
	}
	return p, err
}

// only is the one who was found. Several may claim an address that nobody has
// proven.
func only(l []*account.Person, err error) (*account.Person, error) {
	switch {
	case err != nil:
		return nil, err
	case len(l) == 0:
		return nil, store.ErrNotFound
	case len(l) > 1:
		ids := make([]string, len(l))
		for i, p := range l {
			ids[i] = "id:" + p.ID
		}
		return nil, fmt.Errorf("%d users claim that; write one of %s", len(l), strings.Join(ids, ", "))
	}
	return l[0], nil
}

// show writes a user.
func (c *clerk) show(p *account.Person) error {
	if c.json {
		return writeJSON(c.out, p, "  ")
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	row := func(name string, value any) {
		if text := printable(fmt.Sprint(value)); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	row("id", p.ID)
	row("username", p.Username)
	row("name", strings.TrimSpace(p.FirstName+" "+p.LastName))
	for _, e := range p.Emails {
		row("email", e.Email+marks(e.Primary, e.Verified))
	}
	if p.Phone != nil {
		row("phone", p.Phone.Number+marks(false, p.Phone.Verified))
	}
	row("password", yes(p.HasUsablePassword))
	row("disabled", yes(p.Disabled))
	row("closed", when(p.DeactivatedAt))
	row("fields", string(p.Fields))
	row("created", when(p.CreatedAt))
	row("last login", when(p.LastLoginAt))
	return w.Flush()
}

// printable is a text with escapes for what a terminal would not show, but do.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func marks(primary, verified bool) string {
	l := []string{"not verified"}
	if verified {
		l[0] = "verified"
	}
	if primary {
		l = append([]string{"primary"}, l...)
	}
	return " (" + strings.Join(l, ", ") + ")"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func writeJSON(w io.Writer, v any, indent string) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// of runs do on the user that the command line names, and shows them.
func (c *clerk) of(ctx context.Context, do func(ctx context.Context, users *account.Admin, id string) error) error {
	return c.work(ctx, func(ctx context.Context, users *account.Admin) error {
		p, err := who(ctx, users, c.args[0])
		if err == nil && do != nil {
			if err = do(ctx, users, p.ID); err == nil {
				p, err = users.Get(ctx, p.ID)
			}
		}
		if err != nil {
			return err
		}
		return c.show(p)
	})
}

func findCommand(o *options) action {
	c := newClerk(o)
	return func(ctx context.Context) error { return c.of(ctx, nil) }
}

func deedCommand(do func(*account.Admin, context.Context, string) error) func(*options) action {
	return func(o *options) action {
		c := newClerk(o)
		return func(ctx context.Context) error {
			return c.of(ctx, func(ctx context.Context, users *account.Admin, id string) error { return do(users, ctx, id) })
		}
	}
}

func verifyCommand(o *options) action {
	c := newClerk(o)
	email := o.String("email", "", "which `address` of theirs (default the primary one)")
	return func(ctx context.Context) error {
		return c.of(ctx, func(ctx context.Context, users *account.Admin, id string) error {
			return users.VerifyEmail(ctx, id, *email)
		})
	}
}

// line reads one line from standard input.
func (o *options) line(what string) (string, error) {
	text, err := bufio.NewReader(io.LimitReader(o.in, 64<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if text = strings.TrimRight(text, "\r\n"); text == "" {
		return "", misuse("%s is missing on standard input", what)
	}
	return text, nil
}

func passwordCommand(o *options) action {
	c := newClerk(o)
	return func(ctx context.Context) error {
		password, err := o.password(ctx)
		if err != nil {
			return err
		}
		return c.of(ctx, func(ctx context.Context, users *account.Admin, id string) error {
			return users.SetPassword(ctx, id, password)
		})
	}
}

const listPage = 200

func listCommand(o *options) action {
	c := newClerk(o)
	return func(ctx context.Context) error {
		return c.work(ctx, func(ctx context.Context, users *account.Admin) error {
			b := o.progress()
			defer b.end()
			return each(ctx, users, b, func(p *account.Person) error {
				if c.json {
					return writeJSON(o.out, p, "")
				}
				_, err := fmt.Fprintf(o.out, "%s\t%s\t%s\t%s\n", p.ID, printable(p.Username), p.Email, state(p))
				return err
			})
		})
	}
}

// each goes through all users.
func each(ctx context.Context, users *account.Admin, b *bar, do func(*account.Person) error) error {
	n := 0
	for cursor := ""; ; {
		l, next, err := users.List(ctx, cursor, listPage)
		if err != nil {
			return err
		}
		for _, p := range l {
			if err := do(p); err != nil {
				return err
			}
		}
		n += len(l)
		b.show(n)
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// progress shows how far something has come, on a terminal that has nothing
// else to show.
func (o *options) progress() *bar {
	if b := newBar(o.err, 0); b.terminal && !newBar(o.out, 0).terminal {
		return b
	}
	return newBar(io.Discard, 0)
}

func state(p *account.Person) string {
	switch {
	case !p.DeactivatedAt.IsZero():
		return "closed"
	case p.Disabled:
		return "disabled"
	}
	return ""
}

const createHelp = `At least one of -email, -username and -phone is needed. Without a password there
is none, until the user resets it. Nothing is mailed.`

func createCommand(o *options) action {
	c := newClerk(o)
	var n account.NewUser
	o.StringVar(&n.Email, "email", "", "email `address`")
	o.BoolVar(&n.EmailVerified, "email-verified", false, "the address is known to be theirs")
	o.StringVar(&n.Username, "username", "", "`name`; one is made up if it is missing")
	o.StringVar(&n.Phone, "phone", "", "`number` with country code, such as +31612345678")
	o.BoolVar(&n.PhoneVerified, "phone-verified", false, "the number is known to be theirs")
	o.StringVar(&n.FirstName, "first-name", "", "first `name`")
	o.StringVar(&n.LastName, "last-name", "", "last `name`")
	o.Func("fields", "`JSON` object with values of the site's own signup fields", func(text string) error {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		return d.Decode(&n.Fields)
	})
	stdin := o.Bool("password-stdin", false, "read a password from standard input")
	return func(ctx context.Context) error {
		if *stdin {
			var err error
			if n.Password, err = o.password(ctx); err != nil {
				return err
			}
		}
		return c.work(ctx, func(ctx context.Context, users *account.Admin) error {
			p, err := users.Create(ctx, n)
			if err != nil {
				return err
			}
			return c.show(p)
		})
	}
}

func exportUserCommand(o *options) action {
	c := newClerk(o)
	return func(ctx context.Context) error {
		return c.work(ctx, func(ctx context.Context, users *account.Admin) error {
			p, err := who(ctx, users, o.args[0])
			if err != nil {
				return err
			}
			x, err := users.Export(ctx, p.ID)
			if err != nil {
				return err
			}
			return writeJSON(o.out, x, "  ")
		})
	}
}

func deleteCommand(o *options) action {
	c := newClerk(o)
	sure := o.Bool("yes", false, "do not ask")
	return func(ctx context.Context) error {
		return c.work(ctx, func(ctx context.Context, users *account.Admin) error {
			p, err := who(ctx, users, o.args[0])
			if err != nil {
				return err
			}
			name := printable(cmp.Or(p.Username, p.Email, "without a name"))
			if !*sure {
				fmt.Fprintf(o.err, "This deletes user %s (%s) for good. Write yes to go on: ", p.ID, name)
				if answer, err := o.line("yes"); err != nil || answer != "yes" {
					return errors.New("nothing was deleted")
				}
			}
			if err := users.Delete(ctx, p.ID); err != nil {
				return err
			}
			if c.json {
				return writeJSON(o.out, map[string]any{"deleted": p.ID}, "  ")
			}
			o.say("deleted user %s (%s)", p.ID, name)
			return nil
		})
	}
}
