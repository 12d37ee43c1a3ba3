package redis_test

import (
	"os"
	"os/exec"
	"testing"
)

// The package can be linked into a program in FIPS 140-only mode.
func TestFIPS(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^$") // #nosec G204 -- this program itself
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
