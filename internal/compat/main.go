// Command compat writes docs/compatibility.md: what the contract check has
// found, by operation and by variant, and every declared difference.
//
// It is given the check's report, and what differs when nothing is declared:
//
//	check -deviations FILE -out DIR -json REPORT …
//	diff -all -json GOLDEN DIR > DIFFERENCES
//	compat -report REPORT -differences DIFFERENCES -golden GOLDEN -deviations FILE -o PAGE
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("compat: ")
	report := flag.String("report", "", "`file` with the check's report")
	differences := flag.String("differences", "", "`file` with all differences, as if none were declared")
	golden := flag.String("golden", "", "`folder` of the recordings")
	deviations := flag.String("deviations", "", "`file` of the declared differences")
	out := flag.String("o", "", "`file` to write")
	flag.Parse()
	page, err := generate(*report, *differences, *golden, *deviations)
	if err == nil {
		err = os.WriteFile(*out, page, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// steps counts steps. Crashed are those where the reference answered 5xx, and
// anything but that will do; Skipped follow on a difference that leads
// elsewhere.
type steps struct {
	Equal     int `json:"equal"`
	Declared  int `json:"declared"`
	Differing int `json:"differing"`
	Crashed   int `json:"ref_5xx"`
	Skipped   int `json:"skipped"`
	Total     int `json:"total"`
}

// report is what the check writes.
type report struct {
	Variants map[string]*struct {
		Steps steps  `json:"steps"`
		Error string `json:"error"`
	} `json:"variants"`
	Total struct {
		Steps     steps `json:"steps"`
		Scenarios struct {
			Total int `json:"total"`
		} `json:"scenarios"`
	} `json:"total"`
	Rules []struct {
		ID    string `json:"id"`
		Steps int    `json:"steps"`
	} `json:"rules"`
	NoConfig    []string     `json:"no_config"`
	Differences []difference `json:"differences"`
}

type difference struct {
	Variant  string `json:"variant"`
	Scenario string `json:"scenario"` // with the client: app-login
	Step     int    `json:"step"`
	Label    string `json:"label"`
	Request  string `json:"request"`
	Pointer  string `json:"pointer"` // of the first difference in the step
}

// rule is a declared difference.
type rule struct {
	ID        string `json:"id"`
	Variants  places `json:"variants"`
	Scenarios places `json:"scenarios"`
	Steps     places `json:"steps"`
	At        places `json:"at"`
	Then      string `json:"then"`
	Why       string `json:"why"`
}

// places is a pattern, a list of them, or, if it is left out, everything.
type places []string

// UnmarshalJSON implements [json.Unmarshaler].
func (p *places) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*p = places{s}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(p))
}

func (p places) match(names ...string) bool {
	for _, pattern := range p {
		re := regexp.MustCompile("(?s)^" + strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern)) + "$")
		if slices.ContainsFunc(names, re.MatchString) {
			return true
		}
	}
	return len(p) == 0
}

var client = regexp.MustCompile(`^(?:app|browser)-`)

// named are the places that rules have names for.
var named = map[string]string{
	"status": "/response/status", "body": "/response/body", "content_type": "/response/content_type", "allow": "/response/allow",
	"location": "/response/location", "no_store": "/response/no_store", "set-cookie": "/response/set_cookies", "mails": "/mails", "sms": "/sms",
	"headers": "/response/*",
}

// covers reports whether a rule is about the first difference of a step. It may
// be needed for a further one, which only the check knows.
func (r *rule) covers(d *difference) bool {
	return slices.ContainsFunc(r.At, func(at string) bool {
		at = cmp.Or(named[at], at)
		return places{at, at + "/*"}.match(d.Pointer)
	})
}

// concerns reports whether a rule may be about a step.
func (r *rule) concerns(d *difference) bool {
	method, path, _ := strings.Cut(d.Request, " ")
	return r.Variants.match(d.Variant) && r.Scenarios.match(d.Scenario, client.ReplaceAllString(d.Scenario, "")) &&
		r.Steps.match(d.Label, d.Request, method+" "+prefix.ReplaceAllString(path, ""))
}

// recording is a conversation with the reference.
type recording struct {
	Steps []struct {
		Request struct {
			Method string `json:"method"`
			Path   string `json:"path"`
		} `json:"request"`
		Response struct {
			Status int `json:"status"`
		} `json:"response"`
	} `json:"steps"`
}

func read(file string, v any) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func generate(reportFile, differencesFile, golden, deviationsFile string) ([]byte, error) {
	var rep, all report
	var rules []*rule
	if err := errors.Join(read(reportFile, &rep), read(differencesFile, &all), read(deviationsFile, &rules)); err != nil {
		return nil, err
	}
	switch n := rep.Total.Steps.Differing; {
	case n > 0:
		return nil, fmt.Errorf("%d steps differ without being declared; repair or declare them first", n)
	case len(rep.NoConfig) > 0:
		return nil, fmt.Errorf("variants were not played: %s", strings.Join(rep.NoConfig, ", "))
	}
	t, err := count(&rep, &all, golden, rules)
	if err != nil {
		return nil, err
	}
	return t.page(&rep, rules), nil
}

// tally is the outcome by operation, and where the rules may have been needed.
type tally struct {
	operations map[string]*steps
	met        map[string]map[string]bool // the operations that rules were needed for
	maybe      map[string]map[string]bool // and those that they could be needed for
	variants   int
}

// count goes through the recordings, and finds the numbers of the check again.
func count(rep, all *report, golden string, rules []*rule) (*tally, error) {
	t := &tally{operations: map[string]*steps{}, met: map[string]map[string]bool{}, maybe: map[string]map[string]bool{}, variants: len(rep.Variants)}
	offered, err := operations(rep, golden)
	if err != nil {
		return nil, err
	}
	type at struct {
		variant, scenario string
		step              int
	}
	differs := map[at]*difference{}
	for i := range all.Differences {
		d := &all.Differences[i]
		differs[at{d.Variant, d.Scenario, d.Step}] = d
	}
	for _, variant := range slices.Sorted(maps.Keys(rep.Variants)) {
		if e := rep.Variants[variant].Error; e != "" {
			return nil, fmt.Errorf("%s: %s", variant, e)
		}
		var sum steps
		err := each(golden, variant, func(scenario string, rec *recording) {
			skip := false
			for i, s := range rec.Steps {
				name := operation(s.Request.Method, s.Request.Path)
				if !offered[name] {
					_, path, _ := strings.Cut(name, " ")
					name = "other " + path
				}
				op := t.operations[name]
				if op == nil {
					op = &steps{}
					t.operations[name] = op
				}
				d := differs[at{variant, scenario, i}]
				switch {
				case skip:
					op.Skipped++
					sum.Skipped++
				case s.Response.Status >= 500:
					op.Crashed++
					sum.Crashed++
				case d == nil:
					op.Equal++
					sum.Equal++
				default:
					op.Declared++
					sum.Declared++
					skip = t.note(d, name, rules)
				}
				op.Total++
				sum.Total++
			}
		})
		if err != nil {
			return nil, err
		}
		if want := rep.Variants[variant].Steps; sum != want {
			return nil, fmt.Errorf("%s: counted %+v, but the check says %+v", variant, sum, want)
		}
	}
	return t, nil
}

// each reads the recordings of a variant.
func each(golden, variant string, do func(scenario string, rec *recording)) error {
	files, err := filepath.Glob(filepath.Join(golden, variant, "*.json"))
	for _, file := range files {
		var rec recording
		if err := read(file, &rec); err != nil {
			return err
		}
		do(strings.TrimSuffix(filepath.Base(file), ".json"), &rec)
	}
	return err
}

// operations are those that scenarios use; some do nothing but try all methods
// everywhere.
func operations(rep *report, golden string) (map[string]bool, error) {
	used := map[string]bool{}
	for variant := range rep.Variants {
		err := each(golden, variant, func(scenario string, rec *recording) {
			if strings.Contains(scenario, "-methods") {
				return
			}
			for _, s := range rec.Steps {
				used[operation(s.Request.Method, s.Request.Path)] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return used, nil
}

// note notes which rules a difference may have needed, and reports whether the
// rest of its scenario is skipped.
func (t *tally) note(d *difference, operation string, rules []*rule) (skip bool) {
	for _, r := range rules {
		if r.concerns(d) {
			skip = skip || r.Then == "skip-rest"
			add(t.maybe, r.ID, operation)
			if r.covers(d) {
				add(t.met, r.ID, operation)
			}
		}
	}
	return skip
}

func add(m map[string]map[string]bool, rule, operation string) {
	if m[rule] == nil {
		m[rule] = map[string]bool{}
	}
	m[rule][operation] = true
}

var prefix = regexp.MustCompile(`^/_allauth/[a-z]+/v1`)

// operation is a request without what differs from call to call.
func operation(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	return method + " " + strings.TrimPrefix(prefix.ReplaceAllString(path, ""), "/_allauth")
}

const intro = `# Compatibility

<!-- Written by internal/compat from the contract check's report: run make compatibility -->

The wire contract is that of django-allauth's headless API 65.16.1. To show that we keep it, %[1]d conversations with the
reference were recorded, under %[2]d configurations, as browser and as app. The contract check holds the same conversations with
the [standalone server](standalone.md) and compares every answer: status, body, headers, cookies, and the mails and text messages
that follow.

Of %[3]d steps, **%[4]d are equal** and **%[5]d differ on purpose**: each such difference is [declared below](#declared-differences),
with its reason. None differs otherwise. In %[6]d steps the reference crashes (5xx) and we answer; %[7]d follow on a declared
difference that leads elsewhere, and are not compared.

A step differs if anything in it does. Most of those that do differ in one field, cookie or mail, and a difference at one place of
a long conversation is met again in many scenarios.

## By operation

Paths are those below ` + "`/_allauth/browser/v1`" + ` and ` + "`/_allauth/app/v1`" + `. Equal, declared, and those where the reference crashes or
that are not compared, make up the total.

| operation | equal | declared | crash | not compared | total |
| --- | ---: | ---: | ---: | ---: | ---: |
`

func (t *tally) page(rep *report, rules []*rule) []byte {
	var b bytes.Buffer
	s := rep.Total.Steps
	fmt.Fprintf(&b, intro, rep.Total.Scenarios.Total, t.variants, s.Total, s.Equal, s.Declared, s.Crashed, s.Skipped)
	for _, name := range slices.SortedFunc(maps.Keys(t.operations), byPath) {
		row(&b, quoted(name), *t.operations[name])
	}
	b.WriteString("\n## By configuration\n\n| variant | equal | declared | crash | not compared | total |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, variant := range slices.Sorted(maps.Keys(rep.Variants)) {
		row(&b, fmt.Sprintf("[%s](../examples/standalone/testdata/contract/%[1]s.json)", variant), rep.Variants[variant].Steps)
	}
	used := map[string]int{}
	for _, r := range rep.Rules {
		used[r.ID] = r.Steps
	}
	b.WriteString("\n## Declared differences\n\nThe file that the check reads is [contract-deviations.json](contract-deviations.json).\n\n")
	b.WriteString("| difference | why | steps | met at |\n| --- | --- | ---: | --- |\n")
	for _, r := range rules {
		at := t.met[r.ID]
		if len(at) == 0 {
			at = t.maybe[r.ID]
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d | %s |\n", r.ID, strings.ReplaceAll(r.Why, "|", `\|`), used[r.ID], few(at))
	}
	return b.Bytes()
}

func row(b *bytes.Buffer, name string, s steps) {
	fmt.Fprintf(b, "| %s | %d | %d | %s | %s | %d |\n", name, s.Equal, s.Declared, some(s.Crashed), some(s.Skipped), s.Total)
}

// quoted is a name as the tables show it.
func quoted(name string) string {
	if path, ok := strings.CutPrefix(name, "other "); ok {
		return "other methods of `" + path + "`"
	}
	return "`" + name + "`"
}

// some leaves out zeros, which most are.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// few names operations, if there are not too many.
func few(operations map[string]bool) string {
	l := slices.SortedFunc(maps.Keys(operations), byPath)
	if len(l) > 6 {
		return fmt.Sprintf("%d operations", len(l))
	}
	for i := range l {
		l[i] = quoted(l[i])
	}
	return strings.Join(l, ", ")
}

func byPath(a, b string) int {
	_, pathA, _ := strings.Cut(a, " ")
	_, pathB, _ := strings.Cut(b, " ")
	return cmp.Or(strings.Compare(pathA, pathB), strings.Compare(a, b))
}
