package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/headless-auth/headless"
)

const checkDataHelp = `It reads everything, changes nothing, and may run beside the server. Each line
names a row, what is wrong with it, and the rule: rows that belong to nobody,
two owners of one address, users with nothing to log in with, secrets that can't
be read with the present keys, and so on. docs/schema.md has the rules.

Ends with status 0 if all rules are kept, else with 1.`

// checkDataCommand looks for what must not be in the database.
func checkDataCommand(o *options) action {
	o.config()
	c := &clerk{options: o}
	o.BoolVar(&c.json, "json", false, "write a JSON object for each line")
	return func(ctx context.Context) error {
		return c.open(ctx, func(ctx context.Context, auth *headless.Auth) error {
			n := 0
			var failed error
			seen, err := auth.CheckData(ctx, func(v headless.Violation) {
				n++
				if !c.json {
					fmt.Fprintln(o.out, v)
				} else if b, err := json.Marshal(v); err != nil {
					failed = errors.Join(failed, err)
				} else {
					fmt.Fprintf(o.out, "%s\n", b)
				}
			})
			if err := errors.Join(err, failed); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("broken rules: %d", n)
			}
			o.say("%d users: all rules are kept", seen)
			return nil
		})
	}
}
