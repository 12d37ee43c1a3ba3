package sqlstore

import (
	"strconv"
	"time"

	"github.com/headless-auth/headless/store"
)

// never is the zero time, which what expires must not be taken to be.
var never time.Time

// number reads an id. Text that is no id becomes 0, which no row has.
func number(id string) int64 {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || text(n) != id {
		return 0
	}
	return n
}

// text writes an id. 0, the absent one, is empty.
func text(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// optional is number for a reference that may be absent: NULL.
func optional(id string) any {
	if id == "" {
		return nil
	}
	return number(id)
}

// filled returns nil for empty bytes: absent, however it was spelled.
func filled(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// blank returns empty bytes for nil, for where they are seldom there: a row
// without any NULL is smaller by more than they are.
func blank(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// folded is [store.FoldUsername], and NULL for no name.
func folded(name string) any {
	if name == "" {
		return nil
	}
	return store.FoldUsername(name)
}
