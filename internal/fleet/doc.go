// Package fleet has one test: several standalone servers on one PostgreSQL
// with a standby and one Redis, behind nginx, while parts of it die.
//
//	go test ./internal/fleet -v
package fleet
