package store

import (
	"context"
	"time"
)

// Migrator is an optional ability of a [Store]: its tables are made, and
// changed from release to release, by numbered steps.
type Migrator interface {
	// Migrate takes the steps that are missing. It may be called at every start,
	// and by several instances at once.
	Migrate(ctx context.Context) error
	// Pending names the steps that Migrate would take, in order, and takes none.
	// An error, if the tables are those of another program, or of a newer
	// release.
	Pending(ctx context.Context) ([]string, error)
}

// Clock is an optional ability of whatever keeps something elsewhere: telling
// what time it is there.
type Clock interface {
	// Time returns the backend's time, in UTC.
	Time(ctx context.Context) (time.Time, error)
}

// Backlog is an optional ability of an [Outbox]: telling how long messages have
// been waiting.
type Backlog interface {
	// OldestMessage returns when the oldest message that waits was created. The
	// zero time: none waits.
	OldestMessage(ctx context.Context) (time.Time, error)
}

// Scope is an optional ability of whatever keeps something for fewer than
// everybody: telling for whom.
type Scope interface {
	// Scope returns [ProcessScope] or [MachineScope].
	Scope() string
}

// Who sees what is kept.
const (
	// ProcessScope: this process alone, until it ends.
	ProcessScope = "process"
	// MachineScope: the processes of one machine.
	MachineScope = "machine"
)
