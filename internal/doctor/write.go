package doctor

import (
	"fmt"
	"io"
	"strings"
)

// Write tells a report to people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s: %s\n", strings.ToUpper(string(f.Severity)), f.Check, f.What)
		if f.Why != "" {
			fmt.Fprintf(&b, "    why:  %s\n", f.Why)
		}
		if f.Mend != "" {
			fmt.Fprintf(&b, "    mend: %s\n", f.Mend)
		}
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "not checked: %s: %s\n", s.Check, s.Why)
	}
	fmt.Fprintf(&b, "%s, %s, %s; checked: %s\n", count(r.Count(Problem), "problem"), count(r.Count(Warning), "warning"), count(r.Count(Note), "note"),
		strings.Join(r.Checked, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
