package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store"
)

// Accounts with usernames, a field of the host's own, and codes in place of
// links.
func ExampleConfig() {
	config := account.Config{
		LoginMethods:            []string{"email", "username"},
		SignupFields:            []string{"email*", "username*", "password1*"},
		EmailVerificationByCode: true,
		PasswordResetByCode:     true,
		Fields: []account.Field{{
			Name: "company", Required: true, MaxLength: 100, Description: "Where you work",
		}},
		Password: account.PasswordConfig{MinLength: 12},
	}
	fmt.Println(len(config.Problems()), "problems")
	// Output: 0 problems
}

// Hooks may refuse, change and add; those that are nil do as usual.
func ExampleHooks() {
	_ = account.Hooks{
		CleanEmail: func(_ context.Context, email string) (string, error) {
			if strings.HasSuffix(email, "@mailinator.com") {
				return "", account.Reject("email", "disposable", "Use an address that you will keep.")
			}
			return email, nil
		},
		InSignup: func(ctx context.Context, tx store.Store, u *store.User, fields map[string]any) error {
			// In the transaction that makes the account: sqlite.Tx(tx) or
			// postgres.Tx(tx) is the driver's own, for tables of the host's.
			return nil
		},
		UserData: func(_ context.Context, u *store.User) map[string]any {
			return map[string]any{"member_since": u.CreatedAt.Year()}
		},
	}
}

// A field's own check, besides type, length and choices.
func ExampleField() {
	birthday := account.Field{
		Name: "birthday", Type: "date", Required: true,
		Check: func(_ context.Context, value any) error {
			if value.(string) > "2010" {
				return account.Reject("birthday", "too_young", "You have to be older.")
			}
			return nil
		},
	}
	fmt.Println(birthday.Check(context.Background(), "2019-04-01"))
	// Output: Bad Request; birthday: too_young
}

// What has happened is a typed value; its JSON form is what is known besides the
// user.
func ExampleEvent() {
	hear := func(_ context.Context, e account.Event) {
		switch e := e.(type) {
		case account.EmailChanged:
			fmt.Println(e.Name(), "of user", e.User.ID, "to", e.To)
		default:
			data, _ := json.Marshal(e)
			fmt.Println(e.Name(), string(data))
		}
	}
	hear(context.Background(), account.EmailChanged{Of: account.Of{User: &store.User{ID: "7"}}, To: "ada@example.org"})
	hear(context.Background(), account.LoginFailed{Identifier: "bob"})
	// Output:
	// email_changed of user 7 to ada@example.org
	// login_failed {"identifier":"bob"}
}

// Addresses are compared in one form.
func ExampleCleanEmail() {
	fmt.Println(account.CleanEmail(" Ada@Example.ORG "))
	fmt.Println(account.CleanEmail("ada at example.org"))
	// Output:
	// ada@example.org true
	//  false
}
