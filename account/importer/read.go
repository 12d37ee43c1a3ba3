package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Source yields the users of another system. An error that is a [*Problem]
// concerns one record, which is left out; any other ends it.
type Source = iter.Seq2[*Record, error]

// Problem is something wrong with a record. It never shows a secret.
type Problem struct {
	// Line is where the record begins; in a JSON list, which of the list it is.
	// Field is what is wrong in it.
	Line  int
	Field string
	Text  string
	// Imported: the record was taken all the same, without what the problem
	// is about.
	Imported bool
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Field == "" {
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return fmt.Sprintf("line %d: %s %s", p.Line, p.Field, p.Text)
}

// maxLine bounds a line. No user comes near it.
const maxLine = 1 << 20

// lines yields the lines that are not blank, with their numbers. One that is
// too long comes as nil.
func lines(r io.Reader) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		br := bufio.NewReaderSize(r, maxLine)
		for n := 1; ; n++ {
			line, err := br.ReadSlice('\n')
			long := false
			for errors.Is(err, bufio.ErrBufferFull) {
				long = true
				_, err = br.ReadSlice('\n')
			}
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\uFEFF"))
			}
			if line = bytes.TrimSpace(line); long {
				line = nil
			}
			if (long || len(line) > 0) && !yield(n, line) {
				return
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(-n, []byte(err.Error()))
				}
				return
			}
		}
	}
}

// jsonLines decodes each line into a new T, and lets fn make records of it.
// strict refuses members that T does not have.
func jsonLines[T any](r io.Reader, strict bool, fn func(line int, v *T) (*Record, error)) Source {
	return func(yield func(*Record, error) bool) {
		for n, line := range lines(r) {
			if n < 0 {
				yield(nil, errors.New(string(line)))
				return
			}
			if line == nil {
				if !yield(nil, &Problem{Line: n, Text: "is longer than 1 MiB"}) {
					return
				}
				continue
			}
			v := new(T)
			err := decodeJSON(n, line, v, strict)
			var rec *Record
			if err == nil {
				rec, err = fn(n, v)
			}
			if rec != nil {
				rec.Line = n
			}
			if (rec != nil || err != nil) && !yield(rec, err) {
				return
			}
		}
	}
}

// decodeJSON tells what is wrong without showing any of it.
func decodeJSON(line int, data []byte, v any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if strict {
		d.DisallowUnknownFields()
	}
	err := d.Decode(v)
	if err == nil && d.More() {
		return &Problem{Line: line, Text: "has more than one JSON value"}
	}
	var wrongType *json.UnmarshalTypeError
	var wrongTime *time.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType):
		return &Problem{Line: line, Field: wrongType.Field, Text: "is " + wrongType.Value + ", which does not fit"}
	case errors.As(err, &wrongTime):
		return &Problem{Line: line, Text: `has a time that is none such as "2026-01-31T12:00:00Z"`}
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return &Problem{Line: line, Field: strings.TrimPrefix(err.Error(), "json: unknown field "), Text: "is not known"}
	}
	return &Problem{Line: line, Text: "is no JSON object of this format"}
}

// JSONLines reads our own format: a [Record] as a JSON object on each line.
func JSONLines(r io.Reader) Source {
	return jsonLines(r, true, func(_ int, rec *Record) (*Record, error) { return rec, nil })
}

// row is a line of a table, by column.
type row struct {
	line    int
	columns map[string]int
	values  []string
	err     *Problem
}

// text is the first of the columns that has a value. NULL, as databases write
// it, is none.
func (w *row) text(columns ...string) string {
	for _, c := range columns {
		if i, ok := w.columns[c]; ok {
			switch v := w.values[i]; v {
			case "", "NULL", `\N`:
			default:
				return v
			}
		}
	}
	return ""
}

func (w *row) fail(field, text string) {
	if w.err == nil {
		w.err = &Problem{Line: w.line, Field: field, Text: text}
	}
}

func (w *row) bool(columns ...string) bool {
	v := w.text(columns...)
	switch strings.ToLower(v) {
	case "", "false", "f", "no", "n", "0":
		return false
	case "true", "t", "yes", "y", "1":
		return true
	}
	w.fail(columns[0], `must be "true" or "false"`)
	return false
}

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999 -07:00", "2006-01-02 15:04:05.999999999 UTC", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", time.DateOnly}

// parseTime reads the forms in which databases write times. Without a zone it
// is UTC; MySQL's zero date is no time.
func parseTime(s string) (time.Time, bool) {
	if s == "" || strings.HasPrefix(s, "0000-00-00") {
		return time.Time{}, true
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func (w *row) time(columns ...string) time.Time {
	t, ok := parseTime(w.text(columns...))
	if !ok {
		w.fail(columns[0], `is no time such as "2026-01-31T12:00:00Z"`)
	}
	return t
}

// table reads CSV with a line of column names. known, if any, are all that may
// stand there; needed must.
func table(r io.Reader, needed, known []string, fn func(w *row) *Record) Source {
	return func(yield func(*Record, error) bool) {
		br := bufio.NewReader(r)
		if mark, err := br.Peek(3); err == nil && string(mark) == "\uFEFF" {
			_, _ = br.Discard(3)
		}
		c := csv.NewReader(br)
		c.ReuseRecord = true
		header, err := c.Read()
		if err != nil {
			yield(nil, errors.New("has no line with the names of the columns"))
			return
		}
		columns, err := columnsOf(header, needed, known)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			values, err := c.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var wrong *csv.ParseError
			switch {
			case errors.As(err, &wrong) && errors.Is(err, csv.ErrFieldCount):
				err = &Problem{Line: wrong.StartLine, Text: fmt.Sprintf("has %d columns, not %d", len(values), len(header))}
				values = nil
			case errors.As(err, &wrong):
				err = fmt.Errorf("line %d: is no CSV: a quote is not where it belongs", wrong.StartLine)
			}
			if err != nil {
				var p *Problem
				if !yield(nil, err) || !errors.As(err, &p) {
					return
				}
				continue
			}
			line, _ := c.FieldPos(0)
			w := &row{line: line, columns: columns, values: values}
			rec := fn(w)
			rec.Line = line
			if w.err != nil {
				rec, err = nil, w.err
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func columnsOf(header, needed, known []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := columns[name]; twice {
			return nil, fmt.Errorf("column %q is there twice", name)
		}
		if known != nil && !slices.Contains(known, name) {
			return nil, fmt.Errorf("column %q is not known; there are %s", name, strings.Join(known, ", "))
		}
		columns[name] = i
	}
	for _, name := range needed {
		if _, has := columns[name]; !has {
			return nil, fmt.Errorf("column %q is missing", name)
		}
	}
	return columns, nil
}

// csvColumns are those of our own format.
var csvColumns = []string{
	"id", "username", "first_name", "last_name", "email", "email_verified", "phone", "phone_verified",
	"password_hash", "password_format", "password_salt", "password_salt_after",
	"disabled", "created_at", "last_login_at", "totp_secret", "recovery_codes", "social",
}

// CSV reads our own format as a table: a line with the names of columns, which
// are members of [Record], and a line for each user. There is one address,
// email; recovery_codes are separated by blanks, and so are linked accounts in
// social, each as provider:uid.
func CSV(r io.Reader) Source {
	return table(r, nil, csvColumns, func(w *row) *Record {
		rec := &Record{
			ID: w.text("id"), Username: w.text("username"), FirstName: w.text("first_name"), LastName: w.text("last_name"),
			Phone: w.text("phone"), PhoneVerified: w.bool("phone_verified"),
			PasswordHash: w.text("password_hash"), PasswordFormat: w.text("password_format"),
			PasswordSalt: w.text("password_salt"), PasswordSaltAfter: w.text("password_salt_after"),
			Disabled: w.bool("disabled"), CreatedAt: w.time("created_at"), LastLoginAt: w.time("last_login_at"),
		}
		rec.address(w.text("email"), w.bool("email_verified"))
		if s := w.text("totp_secret"); s != "" {
			rec.TOTP = &TOTP{Secret: s}
		}
		if codes := strings.Fields(w.text("recovery_codes")); len(codes) > 0 {
			rec.RecoveryCodes = &RecoveryCodes{Codes: codes}
		}
		for _, s := range strings.Fields(w.text("social")) {
			provider, uid, _ := strings.Cut(s, ":")
			rec.Social = append(rec.Social, Social{Provider: provider, UID: uid})
		}
		return rec
	})
}

// address adds the primary address, if there is one.
func (r *Record) address(email string, verified bool) {
	if email != "" {
		r.Emails = append(r.Emails, Email{Email: email, Verified: verified, Primary: true})
	}
}

// name fills in what is known of somebody's name.
func (r *Record) name(first, last, full string) {
	if r.FirstName, r.LastName = first, last; first == "" && last == "" {
		r.FirstName, r.LastName, _ = strings.Cut(strings.TrimSpace(full), " ")
	}
}

// milliseconds reads a Unix time as Firebase writes it.
func milliseconds(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<48 {
		return time.Time{}, false
	}
	return time.UnixMilli(n).UTC(), true
}
