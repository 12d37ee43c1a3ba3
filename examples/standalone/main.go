// Command standalone is the library as a ready server, for back ends that are
// not written in Go:
//
//	standalone -config auth.json -addr 127.0.0.1:8080 -database sqlite:auth.db -smtp smtp://mail.example.org:587
//
// Every setting can be in one JSON file; what is on the command line wins over
// it. See docs/standalone.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

//go:generate go run ../../internal/configdoc -o ../../docs/configuration.md

// A command is what the first argument names.
type command struct {
	name, about string
	run         func(ctx context.Context, args []string, stderr io.Writer) error
}

var commands = []command{
	{"serve", "answer requests; the default", serveCommand},
	{"check", "judge a configuration, and start nothing", checkCommand},
	{"mails", "write a preview of every mail into a folder", mailsCommand},
}

func main() {
	// The first signal ends the context, the second the process.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "standalone:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	for _, c := range commands {
		if c.name == name {
			return c.run(ctx, args, stderr)
		}
	}
	fmt.Fprint(stderr, "usage: standalone [command] -config FILE …\n\n")
	for _, c := range commands {
		fmt.Fprintf(stderr, "  %-7s %s\n", c.name, c.about)
	}
	fmt.Fprint(stderr, "\nstandalone COMMAND -h lists the options of a command.\n")
	if name == "help" {
		return nil
	}
	return fmt.Errorf("%q is no command", name)
}

// options are a command's flags. Those that are settings win over the file.
type options struct {
	*flag.FlagSet
	file *string
	over []func(*settings)
}

func newOptions(name string, stderr io.Writer) *options {
	o := &options{FlagSet: flag.NewFlagSet("standalone "+name, flag.ContinueOnError)}
	o.SetOutput(stderr)
	o.file = o.String("config", "", "JSON `file` with the settings")
	setting := func(name, usage string, field func(*settings) *string) {
		o.Func(name, usage, func(v string) error {
			o.over = append(o.over, func(s *settings) { *field(s) = v })
			return nil
		})
	}
	setting("addr", "`host:port` to listen at (default 127.0.0.1:8080)", func(s *settings) *string { return &s.Addr })
	setting("database", "`URL`: memory:, sqlite:PATH or postgres://…", func(s *settings) *string { return &s.Database })
	setting("smtp", "`URL` of the mail server: smtp://user:password@host:587", func(s *settings) *string { return &s.SMTP })
	setting("sms-webhook", "`URL` that text messages are posted to", func(s *settings) *string { return &s.SMSWebhook })
	return o
}

// parse reads a command's arguments.
func (o *options) parse(args []string) error {
	if err := o.Parse(args); err != nil {
		return err
	}
	if o.NArg() > 0 {
		return fmt.Errorf("%q is no option; %s -h lists them", o.Arg(0), o.Name())
	}
	return nil
}

// settings reads the file and judges it all.
func (o *options) settings() (*settings, error) {
	s := &settings{}
	if *o.file == "" {
		return nil, errors.New("-config is missing; name a JSON file with the settings")
	}
	if err := s.read(*o.file); err != nil {
		return nil, err
	}
	for _, set := range o.over {
		set(s)
	}
	return s, s.judge(*o.file)
}

func checkCommand(_ context.Context, args []string, stderr io.Writer) error {
	o := newOptions("check", stderr)
	if err := o.parse(args); err != nil {
		return err
	}
	if _, err := o.settings(); err != nil {
		return err
	}
	fmt.Fprintln(stderr, "standalone: the configuration is good")
	return nil
}
