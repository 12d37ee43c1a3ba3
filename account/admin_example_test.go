package account_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store/memory"
)

// nowhere is a mailer for examples.
type nowhere struct{}

func (nowhere) Send(context.Context, account.Message) error { return nil }

// An operator makes an account, and disables it. The name is for the audit log.
func ExampleAdmin() {
	auth, err := headless.New(headless.Config{
		URL: "https://app.example.org", Secret: []byte("0123456789abcdef0123456789abcdef"),
		Store: memory.New(), Mailer: nowhere{},
		Frontend: headless.Frontend{VerifyEmail: "/verify/{key}", ResetPassword: "/reset/{key}"},
		OnEvent: func(ctx context.Context, e account.Event) {
			fmt.Println(e.Name(), "by", account.Actor(ctx))
		},
	})
	if err != nil {
		return
	}
	ctx, users := account.WithActor(context.Background(), "carol"), auth.Users()
	ada, err := users.Create(ctx, account.NewUser{Email: "ada@example.org", EmailVerified: true})
	fmt.Println(ada.Emails[0].Email, ada.HasUsablePassword, err)

	_, err = users.Create(ctx, account.NewUser{Email: "ada@example.org"})
	var wrong *account.InputError
	fmt.Println(errors.As(err, &wrong), err)

	fmt.Println(users.Disable(ctx, ada.ID))
	// Output:
	// user_signed_up by carol
	// ada@example.org false <nil>
	// true email: An account with this email address exists already. (email_taken)
	// account_disabled by carol
	// <nil>
}
