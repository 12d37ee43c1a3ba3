//go:build !linux

package wiretest

import "time"

// work is how long something takes, as there is no better measure.
func work(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}
