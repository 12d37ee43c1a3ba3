package wiretest

import (
	"runtime"
	"syscall"
	"time"
)

// work is how long a processor is busy with something, however many others
// wait for it.
func work(do func()) time.Duration {
	const ofThread = 1 // RUSAGE_THREAD
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after syscall.Rusage
	if syscall.Getrusage(ofThread, &before) != nil {
		return 0
	}
	do()
	if syscall.Getrusage(ofThread, &after) != nil {
		return 0
	}
	return time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
}
