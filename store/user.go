package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// User is somebody who has an account.
type User struct {
	// ID is given out by the store and never changes or is reused.
	ID string
	// Username is unique without regard to case; empty means none.
	Username string
	// Email is the address of the user's primary [EmailAddress], or empty. The
	// store keeps it in step with the addresses; it is not written through
	// [Users.CreateUser] or [Users.UpdateUser].
	Email string
	// Password is the encoded hash.
	Password PasswordHash
	// FirstName and LastName are optional.
	FirstName, LastName string
	// Disabled users can't log in, and their sessions are dead.
	Disabled bool
	// DeactivatedAt is set for users who have disabled their account
	// themselves, and may enable it again.
	DeactivatedAt time.Time
	// Epoch counts how often all of the user's sessions were ended. A session
	// that carries another epoch is dead.
	Epoch int64
	// Fields is a JSON object with the values of the host's own signup fields;
	// nil means none.
	Fields json.RawMessage
	// CreatedAt says when the account was made.
	CreatedAt time.Time
	// LastLoginAt is zero for a user who never logged in. It is written by
	// [Users.RecordLogin] only.
	LastLoginAt time.Time
	// Version counts the updates; see [Users.UpdateUser].
	Version int64
}

// Name is the user's full name, or empty.
func (u *User) Name() string { return strings.TrimSpace(u.FirstName + " " + u.LastName) }

// PasswordHash is an encoded password hash, ours or another system's. It shows
// itself as "[redacted]" wherever it is formatted or marshalled.
type PasswordHash string

// Usable reports whether there is a password that could match: the hash is
// neither empty nor marked unusable with a leading "!".
func (h PasswordHash) Usable() bool { return h != "" && h[0] != '!' }

// PasswordNotTold is the hash of a user who has a usable password and was
// remembered rather than read, as sessions.Config.CacheFor has it: hashes are
// not kept. No store saves it.
const PasswordNotTold PasswordHash = "(not told)"

// ErrPasswordNotTold refuses to save such a user: read them first.
var ErrPasswordNotTold = errors.New("the user was remembered, not read, and the password is not known")

const redacted = "[redacted]"

// Format implements [fmt.Formatter].
func (PasswordHash) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue implements [slog.LogValuer].
func (PasswordHash) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (PasswordHash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Users keeps users.
type Users interface {
	// CreateUser stores u and fills u.ID, and u.Version with 1. ErrConflict: the
	// username is taken.
	CreateUser(ctx context.Context, u *User) error
	// User returns the user with that id. ErrNotFound.
	User(ctx context.Context, id string) (*User, error)
	// UserByUsername finds a user by name without regard to case (simple
	// Unicode folding). An empty name finds nobody. ErrNotFound.
	UserByUsername(ctx context.Context, username string) (*User, error)
	// UpdateUser saves u if u.Version is still the stored one, and increments
	// it in both. Email, CreatedAt and LastLoginAt are not written.
	// ErrConflict: somebody else has updated or deleted the user, or the
	// username is taken. ErrPasswordNotTold: u.Password is [PasswordNotTold].
	UpdateUser(ctx context.Context, u *User) error
	// UpgradePassword replaces the hash old by its equivalent new, if old is
	// still the stored one; otherwise it does nothing. No version or epoch
	// changes: the password is the same.
	UpgradePassword(ctx context.Context, userID string, old, new PasswordHash) error
	// RecordLogin sets LastLoginAt and changes no version. An absent user is
	// fine.
	RecordLogin(ctx context.Context, userID string, at time.Time) error
	// DeleteUser removes the user and everything that belongs to them. An
	// absent user is fine.
	DeleteUser(ctx context.Context, id string) error
}

// UserFinder is an optional ability of a [Store]: finding who claims an address
// in one question, as every login by address does.
type UserFinder interface {
	// UsersByEmail lists the users who claim an address: the one who has it
	// verified, alone; else those whose primary one it is before the others, each
	// by the age of the claim; at most limit.
	UsersByEmail(ctx context.Context, email string, limit int) ([]*User, error)
}

// UserLister is an optional ability of a [Store]: going through all users.
type UserLister interface {
	// ListUsers lists users in the order in which they were stored, at most
	// limit of them. If after is not empty, only those stored after the user
	// with that id, who need not exist any more. An id that was never given out
	// has nobody after it.
	ListUsers(ctx context.Context, after string, limit int) ([]*User, error)
}
