package main

import (
	"bytes"
	"os"
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
