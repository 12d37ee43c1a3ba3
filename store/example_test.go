package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/memory"
)

// What is written in a transaction is kept together, or not at all.
func ExampleStore() {
	ctx := context.Background()
	var st store.Store = memory.New()

	err := st.InTx(ctx, func(tx store.Store) error {
		ada := &store.User{Username: "Ada", CreatedAt: time.Now()}
		if err := tx.CreateUser(ctx, ada); err != nil {
			return err
		}
		return tx.CreateEmail(ctx, &store.EmailAddress{UserID: ada.ID, Email: "ada@example.org", Primary: true, CreatedAt: time.Now()})
	})
	fmt.Println(err)

	ada, err := st.UserByUsername(ctx, "ADA") // in any case
	fmt.Println(ada.ID, ada.Email, err)

	err = st.CreateUser(ctx, &store.User{Username: "ada"})
	fmt.Println(errors.Is(err, store.ErrConflict))
	// Output:
	// <nil>
	// 1 ada@example.org <nil>
	// true
}

// A record that somebody else has changed since it was read is not overwritten.
func ExampleUsers() {
	ctx := context.Background()
	st := memory.New()
	u := &store.User{Username: "ada", CreatedAt: time.Now()}
	if err := st.CreateUser(ctx, u); err != nil {
		return
	}
	mine, _ := st.User(ctx, u.ID)
	theirs, _ := st.User(ctx, u.ID)

	theirs.FirstName = "Augusta"
	fmt.Println(st.UpdateUser(ctx, theirs))
	mine.FirstName = "Ada"
	fmt.Println(errors.Is(st.UpdateUser(ctx, mine), store.ErrConflict))
	// Output:
	// <nil>
	// true
}

// Nothing that holds a password hash shows it.
func ExamplePasswordHash() {
	u := store.User{Username: "ada", Password: "$argon2id$v=19$…"}
	fmt.Println(u.Password, u.Password.Usable(), store.PasswordHash("!").Usable())
	// Output: [redacted] true false
}
