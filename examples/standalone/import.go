package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/headless-auth/headless/account/importer"
)

// importFlags are the options of import.
type importFlags struct {
	format, hashes       string
	signerKey, separator string
	rounds, memCost      int
	migrate              bool
	options              importer.Options
}

// formats are what import reads, by the name of -format.
var formats = map[string]func(f *importFlags, s *settings, r io.Reader) (importer.Source, error){
	"jsonl":     plainSource(importer.JSONLines),
	"csv":       plainSource(importer.CSV),
	"wordpress": plainSource(importer.WordPress),
	"aspnet":    plainSource(importer.ASPNET),
	"django":    plainSource(importer.Django),
	"auth0":     auth0Source,
	"firebase":  firebaseSource,
	"devise": func(_ *importFlags, s *settings, r io.Reader) (importer.Source, error) {
		return importer.Devise(r, len(s.Account.Password.BcryptPepper) > 0), nil
	},
}

// plainSource is one that needs nothing but the file.
func plainSource(read func(io.Reader) importer.Source) func(*importFlags, *settings, io.Reader) (importer.Source, error) {
	return func(_ *importFlags, _ *settings, r io.Reader) (importer.Source, error) { return read(r), nil }
}

func formatNames() string {
	var l []string
	for name := range formats {
		l = append(l, name)
	}
	sort.Strings(l)
	return strings.Join(l, ", ")
}

func auth0Source(f *importFlags, _ *settings, r io.Reader) (importer.Source, error) {
	if f.hashes == "" {
		return importer.Auth0(r, nil), nil
	}
	hashes, err := os.Open(f.hashes)
	if err != nil {
		return nil, err
	}
	source := importer.Auth0(r, hashes)
	return func(yield func(*importer.Record, error) bool) {
		defer hashes.Close()
		source(yield)
	}, nil
}

func firebaseSource(f *importFlags, _ *settings, r io.Reader) (importer.Source, error) {
	key, err := fromBase64("firebase-signer-key", f.signerKey)
	if err != nil {
		return nil, err
	}
	separator, err := fromBase64("firebase-salt-separator", f.separator)
	if err != nil {
		return nil, err
	}
	return importer.Firebase(r, importer.FirebaseHash{SignerKey: key, SaltSeparator: separator, Rounds: f.rounds, MemCost: f.memCost}), nil
}

// fromBase64 reads an option that may name a variable: other processes can read
// command lines.
func fromBase64(name, text string) ([]byte, error) {
	if variable, ok := strings.CutPrefix(text, "env:"); ok {
		if text, ok = os.LookupEnv(variable); !ok {
			return nil, misuse("-%s: the environment variable %s is not set", name, variable)
		}
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, misuse("-%s is no base64", name)
	}
	return b, nil
}

const importHelp = `Reads the users of another system from FILE ("-": standard input) and stores
them, with their passwords, addresses, further factors and linked accounts.
Run it with -dry-run first, which stores nobody and lists what is wrong. After
an interruption, run it again: who is imported is not imported twice. See
docs/importing.md.`

func importCommand(o *options) action {
	o.config()
	f := &importFlags{}
	o.StringVar(&f.format, "format", "jsonl", "`format` of the file: "+formatNames())
	o.StringVar(&f.options.Source, "source", "", "`name` of the system that the users come from (default: the format)")
	o.Func("duplicates", "what becomes of users who are here already: `skip`, update or fail (default skip)", func(s string) error {
		f.options.Duplicates = importer.Duplicates(s)
		if !slices.Contains([]importer.Duplicates{importer.Skip, importer.Update, importer.Fail}, f.options.Duplicates) {
			return errors.New("write skip, update or fail")
		}
		return nil
	})
	o.BoolVar(&f.options.DryRun, "dry-run", false, "judge everything, and store nobody")
	o.BoolVar(&f.migrate, "migrate", true, "bring the database's tables up to date first")
	o.IntVar(&f.options.BatchSize, "batch", 100, "`users` in a transaction")
	o.BoolVar(&f.options.EmailsVerified, "emails-verified", false, "take every address for verified")
	o.BoolVar(&f.options.ForgetPasswords, "forget-passwords", false, "import users whose hash can't be read without a password")
	o.BoolVar(&f.options.PlainPHPass, "plain-phpass", false, "store hashes of phpass as they are: quicker, and weaker")
	o.Func("provider", "`theirs=ours`: the id of an identity provider here; may be repeated", func(s string) error {
		theirs, ours, ok := strings.Cut(s, "=")
		if !ok {
			return errors.New(`write "theirs=ours"`)
		}
		if f.options.Providers == nil {
			f.options.Providers = map[string]string{}
		}
		f.options.Providers[theirs] = ours
		return nil
	})
	o.StringVar(&f.hashes, "auth0-hashes", "", "`file` with the password hashes of Auth0")
	o.StringVar(&f.signerKey, "firebase-signer-key", "", "`base64` of the project's key, or env:NAME")
	o.StringVar(&f.separator, "firebase-salt-separator", "Bw==", "`base64` of the project's separator")
	o.IntVar(&f.rounds, "firebase-rounds", 8, "`rounds` of the project's hashes")
	o.IntVar(&f.memCost, "firebase-mem-cost", 14, "memory `cost` of the project's hashes")
	return func(ctx context.Context) error { return f.run(ctx, o) }
}

func (f *importFlags) run(ctx context.Context, o *options) error {
	if formats[f.format] == nil {
		return misuse("%q is no format; write one of %s", f.format, formatNames())
	}
	if f.options.Source == "" {
		f.options.Source = f.format
	}
	s, m, db, err := openImporter(ctx, o, f.migrate)
	if err != nil {
		return err
	}
	err = f.load(ctx, o, s, m)
	return errors.Join(err, db.close())
}

// openImporter opens what a command moves users into or out of.
func openImporter(ctx context.Context, o *options, migrate bool) (*settings, *importer.Importer, *database, error) {
	s, err := o.settings()
	if err != nil {
		return nil, nil, nil, err
	}
	if databaseKind(s.Database) == "memory" {
		return nil, nil, nil, errors.New("the database is in memory: there is nothing to move into or out of it")
	}
	s.Logger = newLogger(o.err, s.LogFormat)
	s.Redis = "" // holds no users
	db, err := s.openDatabase(ctx, s.Logger)
	if err != nil {
		return nil, nil, nil, err
	}
	if migrate {
		err = db.bringUpToDate(ctx)
	}
	var m *importer.Importer
	if err == nil {
		s.Store = db.Store
		m, err = importer.New(s.Config)
	}
	if err != nil {
		return nil, nil, nil, errors.Join(err, db.close())
	}
	return s, m, db, nil
}

func (f *importFlags) load(ctx context.Context, o *options, s *settings, m *importer.Importer) error {
	file, err := f.open(o)
	if err != nil {
		return err
	}
	defer file.Close()
	total := 0
	if again, is := file.(*os.File); is {
		if total, err = f.count(ctx, s, again); err != nil {
			return err
		}
	}
	source, err := formats[f.format](f, s, bufio.NewReader(file))
	if err != nil {
		return err
	}
	b := newBar(o.err, total)
	f.options.OnProgress = func(r importer.Report) { b.show(r.Read) }
	f.options.OnProblem = func(p importer.Problem) {
		b.clear()
		fmt.Fprintln(o.err, p.Error())
	}
	report, err := m.Import(ctx, source, f.options)
	b.end()
	f.sum(o.out, report)
	if err == nil && report.Refused > 0 {
		err = fmt.Errorf("%d of %d users were refused; put them right and run it again", report.Refused, report.Read)
	}
	return err
}

func (f *importFlags) open(o *options) (io.ReadCloser, error) {
	if o.args[0] == "-" {
		return io.NopCloser(o.in), nil
	}
	return os.Open(o.args[0])
}

// count reads the file once, so that one can see how far an import has come.
func (f *importFlags) count(ctx context.Context, s *settings, file *os.File) (n int, err error) {
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return 0, err
	}
	source, err := formats[f.format](f, s, bufio.NewReader(file))
	if err != nil {
		return 0, err
	}
	for _, err := range source {
		var p *importer.Problem
		if err != nil && !errors.As(err, &p) {
			return 0, err
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		n++
	}
	_, err = file.Seek(0, io.SeekStart)
	return n, err
}

func (f *importFlags) sum(w io.Writer, r importer.Report) {
	if f.options.DryRun {
		fmt.Fprintln(w, "dry run: nobody was stored")
	}
	for _, line := range []struct {
		n    int
		what string
	}{
		{r.Read, "read"}, {r.Created, "created"}, {r.Updated, "updated"}, {r.Before, "imported by an earlier run"},
		{r.Duplicates, "here already, left alone"}, {r.Refused, "refused"}, {r.Wrapped, "weak password hashes wrapped"},
	} {
		fmt.Fprintf(w, "%9d %s\n", line.n, line.what)
	}
}

const exportHelp = `Writes all users, as a JSON object on each line, to standard output or -o. Without
-secrets, password hashes, TOTP secrets and recovery codes are left out. What
it has written, import reads with -format jsonl.`

func exportCommand(o *options) action {
	o.config()
	file := o.String("o", "", "`file` to write, which must not exist yet; only its owner may read it")
	secrets := o.Bool("secrets", false, "write password hashes, TOTP secrets and recovery codes, too")
	return func(ctx context.Context) error {
		_, m, db, err := openImporter(ctx, o, false)
		if err != nil {
			return err
		}
		b := newBar(o.err, 0)
		n, err := exportTo(ctx, m, o.out, *file, importer.ExportOptions{Secrets: *secrets, OnProgress: b.show})
		b.end()
		if err = errors.Join(err, db.close()); err == nil {
			o.say("%d users were exported", n)
		}
		return err
	}
}

// exportTo writes to a new file, if one is named, else to w.
func exportTo(ctx context.Context, m *importer.Importer, w io.Writer, file string, eo importer.ExportOptions) (int, error) {
	if file == "" {
		return m.Export(ctx, w, eo)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := m.Export(ctx, f, eo)
	return n, errors.Join(err, f.Close())
}

// bar shows how far something has come: on a terminal in one line that moves,
// else in a line now and then.
type bar struct {
	w            io.Writer
	total        int // 0: not known
	terminal     bool
	start, shown time.Time
	last         int // what was shown
	drawn        bool
}

func newBar(w io.Writer, total int) *bar {
	b := &bar{w: w, total: total, start: time.Now()}
	b.shown = b.start
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		b.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

func (b *bar) show(n int) {
	every := 5 * time.Second
	if b.terminal {
		every = 100 * time.Millisecond
	}
	if n == b.last || time.Since(b.shown) < every && n != b.total {
		return
	}
	b.shown, b.last = time.Now(), n
	line := b.line(n, time.Since(b.start))
	if !b.terminal {
		fmt.Fprintln(b.w, line)
		return
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s", line)
	b.drawn = true
}

// line is the bar's text after some time.
func (b *bar) line(n int, passed time.Duration) string {
	rate := float64(n) / max(passed.Seconds(), 0.001)
	if b.total == 0 {
		return fmt.Sprintf("%d users, %.0f/s", n, rate)
	}
	const width = 30
	full := min(n*width/b.total, width)
	text := fmt.Sprintf("[%s%s] %d/%d %d%%, %.0f/s", strings.Repeat("#", full), strings.Repeat(".", width-full), n, b.total, n*100/b.total, rate)
	if n < b.total && rate > 0 {
		text += ", " + time.Duration(float64(b.total-n)/rate*float64(time.Second)).Round(time.Second).String() + " left"
	}
	return text
}

// clear makes room for another line.
func (b *bar) clear() {
	if b.drawn {
		fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}

func (b *bar) end() {
	if b.drawn {
		fmt.Fprintln(b.w)
	}
}
