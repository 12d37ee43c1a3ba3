// Package faults has tests alone: people sign up, log in and change what is
// theirs while the database, the mail server, the disk, a provider, the clock or
// the process itself fails at every step, and afterwards all of it is either as
// it was or as it should be. Requirements REL-1 to REL-4, REL-6.
//
//	go run ./internal/testenv go test ./internal/faults
//	go run ./internal/testenv go test ./internal/faults -faults.full
package faults
