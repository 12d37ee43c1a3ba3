package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/headless-auth/headless"
	"github.com/headless-auth/headless/internal/doctor"
)

const doctorHelp = `It looks at the configuration, the database, the mail server, the sender's domain
and, through its url, at the running server, and changes nothing. Each finding
says what is the case, why it matters and how to mend it.

Ends with status 0 if there is no problem, whatever the warnings, else with 1.`

// doctorCommand examines a site: docs/doctor.md.
func doctorCommand(o *options) action {
	o.config()
	asJSON := o.Bool("json", false, "write JSON")
	replicas := o.Int("replicas", 0, "how many servers run (default as many as answer)")
	offline := o.Bool("offline", false, "call nothing but the database")
	return func(ctx context.Context) error {
		s, err := o.settings()
		if err != nil {
			return err
		}
		if *replicas < 0 {
			return misuse("-replicas is %d; write how many servers run", *replicas)
		}
		s.Logger = slog.New(slog.DiscardHandler)
		db, err := s.openDatabase(ctx, s.Logger)
		if err != nil {
			return err
		}
		auth, err := s.auth(db)
		if err != nil {
			return errors.Join(err, db.close())
		}
		r := headless.Doctor(ctx, auth, headless.DoctorOptions{Replicas: *replicas, Offline: *offline})
		if *asJSON {
			e := json.NewEncoder(o.out)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			err = e.Encode(r)
		} else {
			err = r.Write(o.out)
		}
		if n := r.Count(doctor.Problem); n > 0 && err == nil {
			err = fmt.Errorf("problems found: %d", n)
		}
		return errors.Join(err, db.close())
	}
}
