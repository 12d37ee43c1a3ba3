package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/sqlite"
)

// The host's own table changes in the same transaction as ours.
func ExampleTx() {
	ctx := context.Background()
	st, err := sqlite.Open(ctx, ":memory:") // or a file
	if err != nil {
		return
	}
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		return
	}
	signUp := func(company any) error {
		return st.InTx(ctx, func(tx store.Store) error {
			db, ok := sqlite.Tx(tx)
			if !ok {
				return errors.New("not a transaction of SQLite")
			}
			u := &store.User{Username: "ada", CreatedAt: time.Now()}
			if err := tx.CreateUser(ctx, u); err != nil {
				return err
			}
			if _, err := db.ExecContext(ctx, "create table if not exists profiles (user_id integer references auth_users, company text not null)"); err != nil {
				return err
			}
			_, err := db.ExecContext(ctx, "insert into profiles (user_id, company) values ($1, $2)", u.ID, company)
			return err
		})
	}
	fmt.Println("without a company:", signUp(nil) != nil)
	_, err = st.UserByUsername(ctx, "ada")
	fmt.Println("no user either:", errors.Is(err, store.ErrNotFound))
	fmt.Println("with one:", signUp("Analytical Engines"))
	// Output:
	// without a company: true
	// no user either: true
	// with one: <nil>
}
