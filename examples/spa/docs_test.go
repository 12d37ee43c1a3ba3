package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What docs/frontend.md shows runs, from top to bottom.
func TestFrontendDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/frontend.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```js\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("there are %d blocks", len(blocks))
	}
	w := start(t, nil)
	w.SignUp("Ada", "ada@example.org")
	w.LogOut()
	w.Go("/mailbox")
	w.Eval("window.log = []", nil)
	var all strings.Builder
	for _, b := range blocks {
		all.WriteString(b[1])
	}
	code := regexp.MustCompile(`import (\{.*\}) from "./client.js";`).ReplaceAllString(all.String(), `var $1 = await import("/client.js");`)
	w.Eval("(async () => {"+strings.ReplaceAll(code, "console.log", "log.push")+"\n})()", nil)
	var said []any
	w.Eval("log", &said)
	if len(said) != 2 || said[0] != "Hello, Ada" || said[1] != "/account" {
		t.Errorf("it said %v", said)
	}
}
