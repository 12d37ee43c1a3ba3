package main

import (
	"bytes"
	"os"
	"testing"
)

// TestUpToDate: the page, and the list of keys, say what the code says.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	page, keys, err := generate("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"docs/configuration.md": page, "examples/standalone/settings.json": keys} {
		got, err := os.ReadFile("../../" + name)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not up to date (%v); run go generate ./examples/standalone", name, err)
		}
	}
}
