package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// password reads one from standard input. At a terminal it asks for it, twice,
// as what is typed is not shown.
func (o *options) password(ctx context.Context) (string, error) {
	f, ok := o.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return o.line("the password")
	}
	first, err := o.hidden(ctx, f, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := o.hidden(ctx, f, "Once more: ")
	switch {
	case err != nil:
		return "", err
	case first != again:
		return "", errors.New("the two are not the same; nothing was changed")
	case first == "":
		return "", misuse("the password is missing")
	}
	return first, nil
}

// hidden reads a line that is not shown. Whoever gives up gets their terminal
// back as it was.
func (o *options) hidden(ctx context.Context, f *os.File, prompt string) (string, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(o.err, prompt)
	defer fmt.Fprintln(o.err) // the one that was typed is not shown either
	var text []byte
	done := make(chan error, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		text = line
		done <- err
	}()
	select {
	case err := <-done:
		return string(text), err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
}
