package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A command is what the first words of the command line name.
type command struct {
	name, about string
	// args are what it takes besides options, such as "USER".
	args string
	// help tells more, in full sentences.
	help string
	// setup declares the options, and returns what is to be done once they are
	// read.
	setup func(o *options) action
	// sub are the commands below it, in place of setup.
	sub []command
}

// An action does the work of a command.
type action func(ctx context.Context) error

// stdio is what a command reads and writes: results to out, everything else to
// err.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// What the process ends with.
const (
	exitFailed = 1 // it went wrong
	exitUsage  = 2 // the command line is wrong
	exitAbsent = 3 // what was asked for is not there
)

// exitError ends the process with a status of its own.
type exitError struct {
	status int
	err    error
}

// Error implements error.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// misuse is an error about the command line.
func misuse(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// run does what a command line says, and returns the process's status.
func run(ctx context.Context, args []string, io stdio) int {
	err := dispatch(ctx, args, io)
	if err == nil {
		return 0
	}
	fmt.Fprintln(io.err, "standalone:", err)
	var e *exitError
	if errors.As(err, &e) {
		return e.status
	}
	return exitFailed
}

func dispatch(ctx context.Context, args []string, io stdio) error {
	root := command{name: "standalone", sub: commands()}
	if len(args) > 0 && (args[0] == "help" || isHelp(args[0])) {
		c, path, err := root.find(args[1:])
		if err == nil {
			c.usage(io.out, path, newOptions(path, io))
		}
		return err
	}
	c, path := &root, root.name
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		args = append([]string{root.sub[0].name}, args...)
	}
	for len(c.sub) > 0 {
		if len(args) == 0 {
			return misuse("%s needs a command: %s; %s -h tells more", path, strings.Join(c.names(), ", "), path)
		}
		if isHelp(args[0]) {
			c.usage(io.out, path, newOptions(path, io))
			return nil
		}
		next, err := c.child(path, args[0])
		if err != nil {
			return err
		}
		c, path, args = next, path+" "+next.name, args[1:]
	}
	o := newOptions(path, io)
	do := c.setup(o)
	switch err := o.parse(args); {
	case errors.Is(err, flag.ErrHelp):
		c.usage(io.out, path, newOptions(path, io))
		return nil
	case err != nil:
		return misuse("%w; %s -h lists the options", err, path)
	}
	if want := strings.Fields(c.args); len(o.args) > len(want) {
		return misuse("%q is too much; %s -h tells what is taken", o.args[len(want)], path)
	} else if len(o.args) < len(want) && !strings.HasPrefix(want[len(o.args)], "[") {
		return misuse("%s is missing; %s -h tells what is taken", want[len(o.args)], path)
	}
	return do(ctx)
}

func isHelp(arg string) bool { return slices.Contains([]string{"-h", "-help", "--help"}, arg) }

func (c *command) names() (l []string) {
	for _, x := range c.sub {
		l = append(l, x.name)
	}
	return l
}

func (c *command) child(path, name string) (*command, error) {
	for i := range c.sub {
		if c.sub[i].name == name {
			return &c.sub[i], nil
		}
	}
	return nil, misuse("%q is no command of %s; write one of %s", name, path, strings.Join(c.names(), ", "))
}

// find walks down to a command.
func (c *command) find(names []string) (*command, string, error) {
	path := c.name
	for _, name := range names {
		next, err := c.child(path, name)
		if err != nil {
			return nil, "", err
		}
		c, path = next, path+" "+name
	}
	return c, path, nil
}

// usage tells how a command is called.
func (c *command) usage(w io.Writer, path string, o *options) {
	if len(c.sub) > 0 {
		fmt.Fprintf(w, "usage: %s COMMAND …\n\n", path)
		for _, x := range c.sub {
			fmt.Fprintf(w, "  %-13s %s\n", x.name, x.about)
		}
		fmt.Fprintf(w, "\n%s COMMAND -h tells more about one.\n", path)
		return
	}
	c.setup(o)
	fmt.Fprint(w, "usage: ", path)
	if c.args != "" {
		fmt.Fprint(w, " ", c.args)
	}
	fmt.Fprintf(w, " [options]\n\n%s.\n", strings.ToUpper(c.about[:1])+c.about[1:])
	if c.help != "" {
		fmt.Fprintf(w, "\n%s\n", c.help)
	}
	if flags := o.names(); len(flags) > 0 {
		fmt.Fprint(w, "\nOptions:\n")
		o.SetOutput(w)
		o.PrintDefaults()
	}
}

// options are a command's flags and arguments.
type options struct {
	*flag.FlagSet
	stdio
	args []string
	file string
	over []func(*settings)
}

func newOptions(path string, io stdio) *options {
	o := &options{FlagSet: flag.NewFlagSet(path, flag.ContinueOnError), stdio: io}
	o.SetOutput(discard{}) // errors are told once, by run
	return o
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// names lists the flags.
func (o *options) names() (l []string) {
	o.VisitAll(func(f *flag.Flag) { l = append(l, f.Name) })
	return l
}

// config declares what names and overrides the settings.
func (o *options) config() {
	o.StringVar(&o.file, "config", "", "JSON `file` with the settings")
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
}

// parse reads a command's arguments. Options may stand anywhere among them.
func (o *options) parse(args []string) error {
	for {
		if err := o.Parse(args); err != nil {
			return err
		}
		rest := o.FlagSet.Args()
		if read := len(args) - len(rest); len(rest) == 0 || read > 0 && args[read-1] == "--" {
			o.args = append(o.args, rest...)
			return nil
		}
		o.args, args = append(o.args, rest[0]), rest[1:]
	}
}

// settings reads the file and judges it all.
func (o *options) settings() (*settings, error) {
	if o.file == "" {
		return nil, misuse("-config is missing; name a JSON file with the settings")
	}
	s := &settings{}
	if err := s.read(o.file); err != nil {
		return nil, err
	}
	for _, set := range o.over {
		set(s)
	}
	return s, s.judge(o.file)
}

// say tells something that is no result.
func (o *options) say(format string, args ...any) {
	fmt.Fprintf(o.err, "standalone: "+format+"\n", args...)
}

func checkCommand(o *options) action {
	o.config()
	return func(context.Context) error {
		_, err := o.settings()
		if err == nil {
			o.say("the configuration is good")
		}
		return err
	}
}
