package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// terminal is a pseudo-terminal: what is written to keys is typed at tty.
type terminal struct {
	*testing.T
	keys, tty *os.File

	mu     sync.Mutex
	screen bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals: %v", err)
	}
	var number, locked int32
	ioctl(t, keys, syscall.TIOCGPTN, unsafe.Pointer(&number))
	ioctl(t, keys, syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{T: t, keys: keys, tty: tty}
	t.Cleanup(func() { _ = tty.Close(); _ = keys.Close() })
	go func() {
		b := make([]byte, 1024)
		for {
			n, err := keys.Read(b)
			_, _ = x.Write(b[:n])
			if err != nil {
				return
			}
		}
	}()
	return x
}

func ioctl(t *testing.T, f *os.File, request uintptr, p unsafe.Pointer) {
	t.Helper()
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(p)); err != 0 {
		t.Fatal(err)
	}
}

// Write keeps what is shown, the terminal's echo included.
func (x *terminal) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.Write(p)
}

func (x *terminal) shown() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.String()
}

func (x *terminal) echoes() bool {
	x.Helper()
	var s syscall.Termios
	ioctl(x.T, x.tty, syscall.TCGETS, unsafe.Pointer(&s))
	return s.Lflag&syscall.ECHO != 0
}

// asked waits until it was asked, and nothing that is typed is shown.
func (x *terminal) asked(prompt string) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.Context(), 30*time.Second)
	defer cancel()
	for !strings.HasSuffix(x.shown(), prompt) || x.echoes() {
		if ctx.Err() != nil {
			x.Fatalf("%q does not come; there is %q", prompt, x.shown())
		}
		time.Sleep(time.Millisecond)
	}
}

func (x *terminal) typed(text string) {
	x.Helper()
	if _, err := x.keys.WriteString(text); err != nil {
		x.Fatal(err)
	}
}

// begin starts a command at the terminal.
func (x *terminal) begin(p *binary, args ...string) *exec.Cmd {
	x.Helper()
	cmd := exec.CommandContext(x.Context(), os.Args[0], append(args, p.config...)...)
	cmd.Env = append(append(os.Environ(), "STANDALONE_RUN=1"), p.env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = x.tty, x, x
	if err := cmd.Start(); err != nil {
		x.Fatal(err)
	}
	return cmd
}

// Who looks over a shoulder sees no password, and who gives up can see again
// what they type.
func TestPasswordAtTerminal(t *testing.T) {
	t.Parallel()
	p := &binary{t, secretEnv, serverArgs(t, "")}
	p.run("", 0, "migrate", "up")
	out, _ := p.run("", 0, "users", "create", "-email", "ada@example.org", "-json")
	id := p.person(out).ID
	const secret = "correct horse battery"
	for _, tt := range []struct {
		name          string
		args          []string
		first, second string
		status        int
		says          string
	}{
		{"two that differ", []string{"users", "set-password", "id:" + id}, secret, "correct horse batteri", 1, "the two are not the same"},
		{"none", []string{"users", "set-password", "id:" + id}, "", "", 2, "the password is missing"},
		{"of a user", []string{"users", "set-password", "id:" + id}, secret, secret, 0, "ada@example.org"},
		{"of a new user", []string{"users", "create", "-email", "eve@example.org", "-password-stdin"}, secret, secret, 0, "eve@example.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := openTerminal(t)
			cmd := x.begin(p, tt.args...)
			x.asked("Password: ")
			x.typed(tt.first + "\n")
			x.asked("Once more: ")
			x.typed(tt.second + "\n")
			_ = cmd.Wait() // its status tells
			if got := cmd.ProcessState.ExitCode(); got != tt.status || !strings.Contains(x.shown(), tt.says) {
				t.Errorf("got status %d and %q, want %d and %q", got, x.shown(), tt.status, tt.says)
			}
			if strings.Contains(x.shown(), "horse") || !x.echoes() {
				t.Errorf("the screen shows %q, echo is %v", x.shown(), x.echoes())
			}
			out, _ := p.run("", 0, "users", "find", "id:"+id, "-json")
			if want := strings.Contains(tt.name, "user"); p.person(out).HasUsablePassword != want {
				t.Errorf("got %s", out)
			}
		})
	}
	t.Run("given up", func(t *testing.T) {
		x := openTerminal(t)
		cmd := x.begin(p, "users", "set-password", "id:"+id)
		x.asked("Password: ")
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != 1 || !x.echoes() {
			t.Errorf("got %v, echo is %v", cmd.ProcessState, x.echoes())
		}
	})
}
