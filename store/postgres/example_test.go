package postgres_test

import (
	"context"
	"errors"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/headless-auth/headless/account"
	"github.com/headless-auth/headless/store"
	"github.com/headless-auth/headless/store/postgres"
)

// A store on the host's own pool.
func ExampleNew() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return
	}
	defer pool.Close()
	st := postgres.New(pool)
	if err := st.Migrate(ctx); err != nil { // at every start, on every instance
		return
	}
}

// Whoever signs up gets a row in a table of the host's, or no account.
func ExampleTx() {
	_ = account.Hooks{
		InSignup: func(ctx context.Context, tx store.Store, u *store.User, fields map[string]any) error {
			db, ok := postgres.Tx(tx)
			if !ok {
				return errors.New("not a transaction of PostgreSQL")
			}
			_, err := db.Exec(ctx, "insert into profiles (user_id, company) values ($1, $2)", u.ID, fields["company"])
			return err
		},
	}
}
