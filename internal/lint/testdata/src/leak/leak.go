package leak

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
)

type Redacted string

type input struct{}

func (input) Text(string) string { return "" }

type user struct {
	Email, Password string
	SessionToken    []byte
	Hash            Redacted
	Tokens          int
}

func show(ctx context.Context, u *user, code string, in input, token Redacted) error {
	slog.Info("logged in", "email", u.Email, "hash", u.Hash, "n", u.Tokens, "token", token)
	slog.Info("logged in", "password", u.Password)                                 // want `Password may be a secret and is shown here`
	slog.Default().WarnContext(ctx, "x", slog.String("t", string(u.SessionToken))) // want `SessionToken may be a secret`
	log.Printf("code %q", code)                                                    // want `code may be a secret`
	fmt.Println(in.Text("new_password"), in.Text("email"))                         // want `new_password may be a secret`
	if code == "" {
		panic("bad " + u.Password) // want `Password may be a secret`
	}
	_ = errors.New("no such token: " + u.Password[:4])          // want `Password may be a secret`
	_ = fmt.Sprint(u.Password)                                  // goes on being text
	_ = fmt.Errorf("the code %s", code)                         // not secret: an error's code
	return fmt.Errorf("the code %s: %w", code, errors.New("x")) // want `code may be a secret`
}
