package doctest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	anchor  = regexp.MustCompile(`<a id="([^"]+)">`)
	code    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are what a page can be entered at, as GitHub makes them of headings.
func anchors(text string) map[string]bool {
	l := map[string]bool{}
	for _, m := range anchor.FindAllStringSubmatch(text, -1) {
		l[m[1]] = true
	}
	outside := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
	for _, m := range heading.FindAllStringSubmatch(outside, -1) {
		l[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return l
}

// TestLinks: links between documents lead somewhere, also within a page, and
// the index has all of them.
func TestLinks(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			file, at, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, ":") {
				continue // elsewhere in the world
			}
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("../..", to)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
				continue
			}
			if at != "" && !anchors(read(t, to))[at] {
				t.Errorf("%s links to %s, where nothing is called so", page, m[1])
			}
			if page == "docs/README.md" {
				listed[to] = true
			}
		}
	}
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/") && page != "docs/README.md" && !listed[page] {
			t.Errorf("%s is not listed in docs/README.md", page)
		}
	}
}
