package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestUpToDate: the page says what the code says.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	want, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/configuration.md")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/configuration.md is not up to date (%v); run go generate ./examples/standalone", err)
	}
}

var target = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// TestLinks: links between documents lead somewhere, and the index has all of
// them.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			to := filepath.Join(filepath.Dir(page), m[1])
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
			if page == "../../docs/README.md" {
				listed[to] = true
			}
		}
	}
	for _, page := range pages {
		if filepath.Base(page) != "README.md" && !listed[page] {
			t.Errorf("%s is not listed in docs/README.md", page)
		}
	}
}
