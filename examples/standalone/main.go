// Command standalone is the library as a ready server, for back ends that are
// not written in Go:
//
//	standalone -config auth.json -addr 127.0.0.1:8080 -database sqlite:auth.db -smtp smtp://mail.example.org:587
//
// Every setting can be in one JSON file; what is on the command line wins over
// it. "standalone help" lists what else it does. See docs/standalone.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

//go:generate go run ../../internal/configdoc -o ../../docs/configuration.md

func main() {
	// The first signal ends the context, the second the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// commands is everything that the program does. The first is the default.
func commands() []command {
	return []command{
		{name: "serve", about: "answer requests; the default", setup: serveCommand},
		{name: "check", about: "judge a configuration, and start nothing", setup: checkCommand},
		{name: "mails", about: "write a preview of every mail into a folder", setup: mailsCommand},
		{name: "import", about: "move users in from another system", args: "FILE", help: importHelp, setup: importCommand},
		{name: "export", about: "write all users to a file", help: exportHelp, setup: exportCommand},
	}
}
