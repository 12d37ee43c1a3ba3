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

//go:generate go run ../../internal/configdoc -o ../../docs/configuration.md -keys settings.json

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
		{name: "doctor", about: "find what is wrong around a configuration: cookies, proxies, mail, clocks", help: doctorHelp, setup: doctorCommand},
		{name: "check-data", about: "find what must not be in the database", help: checkDataHelp, setup: checkDataCommand},
		{name: "config", about: "show settings: those of a file, or all that there are", sub: configCommands()},
		{name: "migrate", about: "bring the database's tables up to date", sub: migrateCommands()},
		{name: "keys", about: "make secrets and keys, and change them", sub: keysCommands()},
		{name: "users", about: "find, make, disable and delete users", sub: usersCommands()},
		{name: "mails", about: "write a preview of every mail into a folder", setup: mailsCommand},
		{name: "import", about: "move users in from another system", args: "FILE", help: importHelp, setup: importCommand},
		{name: "export", about: "write all users to a file", help: exportHelp, setup: exportCommand},
		{name: "completion", about: "complete command lines, in bash, zsh and fish", sub: completionCommands()},
	}
}
